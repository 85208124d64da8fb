"""Starting and stopping the real process: readiness, refusals, signals."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from live_server import served

from trackside.config import Keys, ServerSettings, StorageSettings
from trackside.server import start


def refused(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "trackside", "server", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


STORE = "postgresql://ann:top%2Fsecret@db.lab:5433/runs?sslmode=require&password=top"


@pytest.mark.parametrize(
    ("store", "bucket", "said"),
    [
        ("", None, "data: /srv"),
        (STORE, None, "database: postgresql://ann@db.lab:5433/runs, artifacts: /srv/artifacts"),
        ("", "s3://lab/x", "database: /srv/trackside.db, artifacts: s3://lab/x"),
        (STORE, "s3://lab/x", "database: postgresql://ann@db.lab:5433/runs, artifacts: s3://lab/x"),
    ],
)
def test_the_first_line_says_where_everything_is_but_no_secret(capsys, store, bucket, said):
    storage = StorageSettings(bucket, keys=Keys("key", "top")) if bucket else None
    settings = ServerSettings(data_dir=Path("/srv"), port=0, store=store, storage=storage)
    with start.listen(settings) as listening:
        start._say_address(settings, listening, "")
        port = listening.getsockname()[1]
    assert capsys.readouterr().out == f"Trackside is at http://127.0.0.1:{port} ({said})\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero_within_five_seconds_even_with_listeners(tmp_path, number):
    with served("--data-dir", tmp_path) as (process, url):
        assert httpx.get(f"{url}/health").text == "OK"
        with httpx.stream("GET", f"{url}/api/trackside/v1/events?topic=models") as stream:
            next(stream.iter_lines())
            process.send_signal(number)
            began = time.monotonic()
            assert process.wait(10) == 0
        assert time.monotonic() - began < 5


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refused("--port", port, "--data-dir", tmp_path)
    assert code == 1
    assert f"Port {port}" in said
    assert "--port" in said


def test_a_data_folder_that_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code, said = refused("--port", 0, "--data-dir", blocked / "data")
    assert code == 1
    assert "cannot be written" in said
    assert "--data-dir" in said


def test_a_read_only_data_folder():
    """/proc refuses new folders to everybody, root too."""
    code, said = refused("--port", 0, "--data-dir", "/proc/trackside")
    assert code == 1
    assert "cannot be written" in said


def test_a_data_folder_in_use_is_named_with_its_owner(tmp_path):
    with served("--data-dir", tmp_path) as (process, _):
        code, said = refused("--port", 0, "--data-dir", tmp_path)
    assert code == 1
    assert str(process.pid) in said


def test_every_loopback_address_needs_no_sign_in(tmp_path):
    with served("--host", "127.0.0.2", "--data-dir", tmp_path) as (_, url):
        assert httpx.get(f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 200


def test_a_host_that_is_not_here_is_named(tmp_path):
    code, said = refused("--host", "no-such-host.invalid", "--port", 0, "--data-dir", tmp_path)
    assert code == 1
    assert "Cannot listen on no-such-host.invalid" in said
    assert "--host" in said


def test_listening_beyond_loopback_asks_to_sign_in_unless_told_not_to(tmp_path):
    for words, expected in (((), 401), (("--no-auth",), 200)):
        with served("--host", "0.0.0.0", *words, "--data-dir", tmp_path / str(expected)) as (_, url):
            here = f"http://127.0.0.1:{url.rsplit(':', 1)[1]}"
            assert httpx.get(f"{here}/health").text == "OK"
            found = httpx.get(f"{here}/api/2.0/mlflow/experiments/get?experiment_id=0")
            assert found.status_code == expected


def test_loopback_asks_nobody_unless_told_to(tmp_path):
    with served("--data-dir", tmp_path) as (_, url):
        assert httpx.get(f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 200
    with served("--auth", "--data-dir", tmp_path) as (_, url):
        assert httpx.get(f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0").status_code == 401


def test_the_link_of_the_first_start_has_the_public_address(tmp_path):
    with served("--auth", "--data-dir", tmp_path, "--public-url", "https://lab.example/mlflow/") as (
        process,
        _,
    ):
        assert " https://lab.example/mlflow/setup?code=" in process.stdout.readline()


@pytest.mark.parametrize(
    "wrong", ["lab.example", "ftp://lab.example", "https://lab.example?x", "https://u@lab.example"]
)
def test_a_public_address_that_is_none(tmp_path, wrong):
    code, said = refused("--data-dir", tmp_path, "--public-url", wrong)
    assert code == 2
    assert "--public-url" in said


def test_the_first_start_prints_a_link_that_makes_the_admin_once(tmp_path):
    form = {"username": "admin", "password": "purple-otter-29-lamp", "again": "purple-otter-29-lamp"}
    with served("--auth", "--data-dir", tmp_path) as (process, url):
        link = re.search(r"http://\S+", process.stdout.readline())[0]
        assert link.startswith(f"{url}/setup?code=")
        form["code"] = link.rpartition("=")[2]
        assert 'name="code"' in httpx.get(link).text
        assert httpx.post(f"{url}/setup", data=form).status_code == 303
        assert httpx.get(link).status_code == 403
        assert httpx.post(f"{url}/setup", data={**form, "username": "other"}).status_code == 403
        process.terminate()
        assert process.stdout.read() == ""
    with served("--auth", "--data-dir", tmp_path) as (process, url):
        signed = httpx.get(f"{url}/version", auth=("admin", form["password"]))
        assert signed.status_code == 200
        process.terminate()
        assert "setup" not in process.stdout.read()


def test_a_password_file_makes_the_admin_of_a_start_that_nobody_watches(tmp_path):
    file = tmp_path / "password"
    file.write_text("purple-otter-29-lamp\n")
    options = ("--auth", "--data-dir", tmp_path / "data")
    with served(*options, TRACKSIDE_ADMIN_PASSWORD_FILE=str(file)) as (process, url):
        assert httpx.get(f"{url}/version", auth=("admin", "purple-otter-29-lamp")).status_code == 200
        process.terminate()
        assert process.stdout.read() == ""


@pytest.mark.parametrize("password", ["", "short", "password1234", "admin-admin-admin"])
def test_a_weak_password_in_the_file_is_refused(tmp_path, password):
    file = tmp_path / "password"
    file.write_text(password)
    code, said = refused("--auth", "--data-dir", tmp_path, "--admin-password-file", file)
    assert code == 1
    assert str(file) in said
    assert "Password" in said


def test_options_that_contradict_each_other(tmp_path):
    assert refused("--auth", "--no-auth", "--data-dir", tmp_path)[0] == 2
    assert refused("--auth", "--default-permission", "SOME", "--data-dir", tmp_path)[0] == 2


def test_a_store_of_a_killed_server_opens_with_all_that_was_acknowledged(tmp_path):
    with served("--data-dir", tmp_path) as (process, url), httpx.Client(base_url=url) as client:
        created = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
        run_id = created.json()["run"]["info"]["run_id"]
        for step in range(20):
            metric = {"run_id": run_id, "key": "loss", "value": step, "step": step, "timestamp": 1}
            assert client.post("/api/2.0/mlflow/runs/log-metric", json=metric).status_code == 200
        upload = client.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/a.txt", content=b"abc")
        assert upload.status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        process.wait(5)
    # What an upload that was cut off by the kill leaves behind
    (tmp_path / "artifacts" / ".incoming" / "half").write_bytes(b"half")
    with served("--data-dir", tmp_path) as (_, url), httpx.Client(base_url=url) as client:
        history = client.get(
            "/api/2.0/mlflow/metrics/get-history", params={"run_id": run_id, "metric_key": "loss"}
        ).json()["metrics"]
        assert [metric["value"] for metric in history] == list(range(20))
        assert client.get("/get-artifact", params={"run_id": run_id, "path": "a.txt"}).content == b"abc"
    assert list((tmp_path / "artifacts" / ".incoming").iterdir()) == []


def test_settings_come_from_the_environment_too(tmp_path):
    with served(TRACKSIDE_DATA_DIR=str(tmp_path / "d")) as (_, url):
        assert httpx.get(f"{url}/health").text == "OK"
    assert (tmp_path / "d" / "trackside.db").is_file()


def test_the_package_is_light():
    """`import trackside` and the command's help load no server, no torch, no numpy."""
    script = "import sys, trackside.cli.app; print(sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "uvicorn", "starlette", "mlflow", "PIL"} & set(eval(done.stdout))
