"""The examples are found in a checkout and in an installed wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from trackside import examples_folder

ROOT = Path(__file__).resolve().parents[2]


def test_a_checkout_has_them() -> None:
    assert examples_folder.examples_dir() == ROOT / "examples"


def test_an_installed_wheel_has_them(tmp_path: Path) -> None:
    environment = {**os.environ, "TRACKSIDE_BUILD_WITHOUT_UI": "1"}
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "from trackside import examples_folder; print(examples_folder.examples_dir())"
    command = [sys.executable, "-c", code]
    environment["PYTHONPATH"] = str(tmp_path / "site")
    found = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert found == str(tmp_path / "site/trackside/examples")
    names = {path.relative_to(found).as_posix() for path in Path(found).rglob("*") if path.is_file()}
    listed = subprocess.run(
        ["git", "ls-files", "examples"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert names >= {name.removeprefix("examples/") for name in listed.stdout.split()}


def test_where_they_are_missing_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples_folder, "__file__", str(tmp_path / "a/trackside/examples_folder.py"))
    with pytest.raises(FileNotFoundError, match="examples are missing"):
        examples_folder.examples_dir()
