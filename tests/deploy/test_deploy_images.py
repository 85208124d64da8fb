"""The Dockerfiles: the linter's word, what they copy, what they set; the wheel that they build is built here."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from compose_files import DEPLOY, FILES, image
from outside import PROGRAMS

ROOT = DEPLOY.parent
DOCKERFILES = sorted(DEPLOY.glob("*/Dockerfile"))
OF_EACH = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)


def linted(text: str) -> subprocess.CompletedProcess[str]:
    command = [PROGRAMS / "hadolint", "--no-color", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


@OF_EACH
def test_the_linter_has_nothing_to_say(dockerfile: Path) -> None:
    assert linted(dockerfile.read_text()).stdout == ""


def test_the_linter_is_there() -> None:
    assert "DL3007" in linted("FROM debian:latest\n").stdout


def copied(dockerfile: Path, stage: str = "") -> list[str]:
    """What a Dockerfile, or one stage of it, takes from the checkout."""
    text = dockerfile.read_text()
    if stage:
        (text,) = re.findall(rf"^FROM \S+ AS {stage}\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def sent(path: str) -> bool:
    """Whether .dockerignore lets it through: the last line that fits decides, as Docker says."""
    parents = [path, *map(str, Path(path).parents)]
    decided = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        inside = path.startswith(f"{pattern}/") or any(fnmatch.fnmatch(each, pattern) for each in parents)
        below = line.startswith("!") and pattern.startswith(f"{path}/")
        if line and not line.startswith("#") and (inside or below):
            decided = line.startswith("!")
    return decided


@OF_EACH
def test_what_is_copied_is_there_and_is_sent(dockerfile: Path) -> None:
    sources = copied(dockerfile)
    assert sources
    assert [name for name in sources if not (ROOT / name).exists() or not sent(name)] == []


@pytest.mark.parametrize(
    "path", ["deploy/.env", ".git", ".venv", "trackside-data", "ui/node_modules", "tests"]
)
def test_secrets_and_what_is_large_are_not_sent(path: str) -> None:
    assert not sent(path)


def test_the_image_runs_as_nobody_in_particular() -> None:
    for dockerfile in DOCKERFILES:
        users = re.findall(r"^USER (\S+)$", dockerfile.read_text(), re.MULTILINE)
        assert users[-1] == "10001:10001"
    own = image(DEPLOY / "server/Dockerfile")
    assert (own.entrypoint, own.command) == (["trackside"], ["server"])
    assert own.environment["TRACKSIDE_DATA_DIR"] == "/data"


def test_the_bases_of_the_docs_are_those_of_the_compose_files() -> None:
    told = re.findall(r"--build-arg (?:BASE|PACKAGES)=(\S+)", (DEPLOY / "jupyter/Dockerfile").read_text())
    text = "".join(file.read_text() for file in FILES)
    assert len(told) == 3
    assert [each for each in told if each not in text] == []


def test_the_link_for_the_first_admin_leads_where_the_readme_publishes_the_server() -> None:
    """Else it names the container."""
    text = (DEPLOY / "README.md").read_text().replace("\\\n", "")
    (command,) = re.findall(r"^docker run --detach .* trackside-server$", text, re.MULTILINE)
    (published,) = re.findall(r"--publish (\S+):8000 ", command)
    assert f"--env TRACKSIDE_PUBLIC_URL=http://{published} " in command


@OF_EACH
def test_a_wheel_is_built_from_what_is_copied(dockerfile: Path, tmp_path: Path) -> None:
    """Of what its stage has, and no more; without the web app, which needs npm and comes from another stage."""
    for name in copied(dockerfile, "wheel"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tmp_path / name)
    shutil.rmtree(tmp_path / "src/trackside/server/static", ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
    ]
    subprocess.run(
        [*command, tmp_path / "wheels", tmp_path],
        env={**os.environ, "TRACKSIDE_BUILD_WITHOUT_UI": "1"},
        check=True,
    )
    (wheel,) = (tmp_path / "wheels").glob("trackside-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"trackside/cli/app.py", "trackside/store/sql/postgres/migrations/0001_initial.sql"} <= set(names)


def test_start_adds_examples_and_keeps_what_was_edited(tmp_path: Path) -> None:
    examples, home = tmp_path / "examples", tmp_path / "home"
    (examples / "food11").mkdir(parents=True)
    (home / "examples/food11").mkdir(parents=True)
    for name in ("one.py", "two.py"):
        (examples / "food11" / name).write_text("new")
    (home / "examples/food11/one.py").write_text("edited")
    given = {"PATH": os.environ["PATH"], "HOME": str(home), "TRACKSIDE_EXAMPLES": str(examples)}
    command = [DEPLOY / "jupyter/start", "echo", "goes on"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    assert done.stdout == "goes on\n"
    found = {path.name: path.read_text() for path in (home / "examples/food11").iterdir()}
    assert found == {"one.py": "edited", "two.py": "new"}
    open_to_all = subprocess.run(
        command, env={**given, "JUPYTER_TOKEN": ""}, capture_output=True, text=True, check=False
    )
    assert (open_to_all.returncode, open_to_all.stdout) == (1, "")


def test_health_says_what_is_wrong() -> None:
    command = [sys.executable, DEPLOY / "server/health.py"]
    done = subprocess.run(command, env={"TRACKSIDE_PORT": "1"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[:19]) == (1, "no answer on port 1")
