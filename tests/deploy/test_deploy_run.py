"""The command lines of compose.yaml, run without containers: a lab in which an unmodified mlflow client logs a run."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import obstore
import pytest
from compose_files import DEPLOY
from obstore.store import S3Store
from outside import JUPYTER, Outside

sys.path.append(str(Path(__file__).resolve().parents[1] / "data"))
from data_samples import flat, write_zip

STORY = textwrap.dedent("""
    import mlflow

    mlflow.set_experiment("food11")
    with mlflow.start_run() as run:
        mlflow.log_metric("val_loss", 0.5, step=3)
        mlflow.log_text("from a notebook", "notes/note.txt")
    print(run.info.run_id)
""")


@pytest.fixture(scope="module")
def run_id(started: Outside) -> str:
    """A run that was logged with JupyterLab's variables."""
    told = subprocess.run(
        [sys.executable, "-c", STORY],
        env=started.environment("jupyter"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.split()[-1]  # mlflow prints lines of its own


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def recorded(url: str) -> list[str]:
    """The ids of the runs in a database."""

    async def found() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch("SELECT uuid FROM run")
        finally:
            await connection.close()

    return [row["uuid"] for row in asyncio.run(found())]


@pytest.fixture(scope="module")
def database(postgres, secrets) -> str:
    return f"postgresql://trackside:{secrets['POSTGRES_PASSWORD']}@127.0.0.1:{postgres.port}/trackside"


def test_a_run_from_a_notebook_is_in_the_database(run_id: str, database: str) -> None:
    assert recorded(database) == [run_id]


def test_the_readmes_restore_puts_its_backup_back(run_id: str, database: str, postgres, secrets) -> None:
    """With its words for pg_dump and pg_restore, into another database on the same server."""
    text = (DEPLOY / "README.md").read_text()
    given = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGPASSWORD": secrets["POSTGRES_PASSWORD"]}

    def run(words: list[str], source: bytes = b"") -> bytes:
        command = [postgres.programs / words[0], *words[1:]]
        return subprocess.run(command, env=given, input=source, stdout=subprocess.PIPE, check=True).stdout

    dump, restore = (
        re.search(rf"exec -T postgres ({program} [^<>\n]+)", text)[1].split()
        for program in ("pg_dump", "pg_restore")
    )
    postgres.sql("CREATE DATABASE again OWNER trackside")
    restore[restore.index("--dbname") + 1] = "again"
    run(restore, run(dump))
    assert recorded(f"{database.removesuffix('trackside')}again") == [run_id]


def test_its_artifact_is_in_the_bucket(run_id: str, started: Outside, secrets) -> None:
    bucket = S3Store(
        "trackside-artifacts", endpoint=f"http://127.0.0.1:{started.ports['s3']}", region="us-east-1",
        access_key_id="trackside", secret_access_key=secrets["S3_SECRET_KEY"], client_options={"allow_http": True},
    )  # fmt: skip
    (path,) = [each["path"] for page in obstore.list(bucket) for each in page if run_id in each["path"]]
    assert path.endswith(f"{run_id}/artifacts/notes/note.txt")
    assert bytes(obstore.get(bucket, path).bytes()) == b"from a notebook"


def test_nobody_gets_in_without_a_password(started: Outside, run_id: str) -> None:
    at = {name: f"http://127.0.0.1:{port}" for name, port in started.ports.items()}
    assert status(f"{at['server']}/api/2.0/mlflow/runs/get?run_id={run_id}") == 401
    assert status(f"{at['s3']}/trackside-artifacts") == 403


@pytest.mark.skipif(not JUPYTER, reason="needs jupyterlab")
def test_notebooks_show_the_examples_to_who_has_the_token(started: Outside, secrets) -> None:
    url = f"http://127.0.0.1:{started.ports['jupyter']}/api/contents"
    assert status(url) == 403
    request = urllib.request.Request(url, headers={"Authorization": f"token {secrets['JUPYTER_TOKEN']}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert [entry["name"] for entry in json.load(answer)["content"]] == ["examples"]


def test_the_page_of_the_storage_asks_for_its_password(started: Outside, secrets) -> None:
    with httpx.Client(
        base_url=f"http://127.0.0.1:{started.ports['s3-admin']}", follow_redirects=True
    ) as page:
        assert page.get("/").url.path == "/login"
        assert sign_in(page, "wrong") == "/login"
        assert "trackside-artifacts" not in page.get("/object-store/buckets").text
        assert sign_in(page, secrets["S3_ADMIN_PASSWORD"]) == "/admin"
        assert "trackside-artifacts" in page.get("/object-store/buckets").text


def sign_in(page: httpx.Client, password: str) -> str:
    """Fill in the form as a browser does; the path of the page that is answered."""
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.get("/login").text))
    return page.post("/login", data={"username": "admin", "password": password, **hidden}).url.path


def test_notebooks_start_when_the_admin_has_another_password_than_the_file(started: Outside, secrets) -> None:
    """`notebook-user` runs at each `up`, and JupyterLab waits for it."""
    old = secrets["TRACKSIDE_ADMIN_PASSWORD"]
    given = started.environment("notebook-user")
    assert old in given.values()
    given = {name: value.replace(old, "what the file has") for name, value in given.items()}
    command = started.command("notebook-user")
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "The user notebook can sign in.\n")


def test_the_job_fills_the_volume_that_notebooks_read(started: Outside, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "Food-11.zip", flat())
    job = started.run("food11", "--from", str(archive), "--allow-partial")
    assert job.returncode == 0, job.stderr
    folder = Path(started.environment("jupyter")["FOOD11_DATA_DIR"])
    assert (folder / "manifest.json").is_file()
    assert len(list(folder.glob("training/class_*/*.jpg"))) == 11


def test_a_name_that_is_not_allowed_is_refused(started: Outside) -> None:
    url = f"http://127.0.0.1:{started.ports['server']}/api/3.0/mlflow/server-info"
    answers = {name: status(url, Host=name) for name in ("server:8000", "lab.example")}
    assert answers["lab.example"] == 403
    assert answers["server:8000"] != 403


def test_the_job_of_a_migration_finds_the_servers_database(started: Outside) -> None:
    job = started.run("migrate")
    assert (job.returncode, job.stderr) == (0, "")
    assert "has this release's schema" in job.stdout


def test_the_server_ends_when_it_is_told_to(started: Outside) -> None:
    assert started.stop("server") == 0
    assert not started.healthy("server")
    started.start("server")
