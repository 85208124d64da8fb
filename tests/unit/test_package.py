"""What users install: the wheel alone, in a new virtual environment, without any extra."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import trackside

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, outside the checkout; what it printed is in the result."""
    env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", **environment}
    return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, check=False, timeout=100)


def done(*command: str | Path, **environment: str) -> str:
    result = run(*command, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done(UV, "build", "--wheel", "--out-dir", folder, ROOT, TRACKSIDE_BUILD_WITHOUT_UI="1")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of an environment that has the wheel and its own requirements, no extra."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    done(UV, "venv", "--python", sys.executable, venv)
    done(
        UV, "pip", "install", "--python", venv / "bin/python", "--constraint", ROOT / "constraints.txt", wheel
    )
    return venv / "bin"


def test_the_version_is_the_same_everywhere() -> None:
    assert trackside.__version__ == PROJECT["version"]
    said = done(sys.executable, "-m", "trackside", "--version")
    assert said.split() == ["trackside", PROJECT["version"]]


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    listed = done("git", "-C", ROOT, "ls-files", "src/trackside").splitlines()
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {name.removeprefix("src/") for name in listed} <= packed


@pytest.mark.slow
def test_the_sdist_holds_what_a_build_and_a_reader_need(tmp_path: Path) -> None:
    done(UV, "build", "--sdist", "--out-dir", tmp_path, ROOT, TRACKSIDE_BUILD_WITHOUT_UI="1")
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        top = {Path(name).parts[1] for name in archive.getnames() if "/" in name}
    needed = {
        "src",
        "ui",
        "docs",
        "examples",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "hatch_build.py",
    }
    assert top == needed | {"pyproject.toml", "PKG-INFO", ".gitignore"}


@pytest.mark.slow
def test_the_bare_install_shows_its_help(bare: Path) -> None:
    shown = done(bare / "trackside", "--help")
    assert all(command in shown for command in ("server", "data", "train"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "extra"),
    [(("server",), "trackside[server]"), (("train", "food11"), "trackside[train]")],
)
def test_the_bare_install_says_which_extra_is_missing(
    bare: Path, command: tuple[str, ...], extra: str
) -> None:
    result = run(bare / "trackside", *command)
    assert result.returncode != 0
    assert extra in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_the_bare_install_is_small(bare: Path) -> None:
    packages = done(UV, "pip", "list", "--python", bare / "python", "--format", "freeze").split()
    assert not {p.partition("==")[0] for p in packages} & {"numpy", "torch", "mlflow", "starlette"}
