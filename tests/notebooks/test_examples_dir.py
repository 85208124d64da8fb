"""The examples are found in a checkout and in an installed wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from trackside.stack.examples import examples_dir

ROOT = Path(__file__).resolve().parents[2]


def test_a_checkout_has_them() -> None:
    assert examples_dir() == ROOT / "examples"


def test_an_installed_wheel_has_them(tmp_path: Path) -> None:
    environment = {**os.environ, "TRACKSIDE_BUILD_WITHOUT_UI": "1"}
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "from trackside.stack.examples import examples_dir; print(examples_dir())"
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
