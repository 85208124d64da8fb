"""The commands of docs/migration.md that need nothing but files are run, in their order."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from releases import ROOT, command, fill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PAGE = (ROOT / "docs" / "migration.md").read_text()
FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """The words of every command that imports or exports, without `trackside`: first those of the table."""
    lines = [
        *re.findall(r"\| `(trackside import [^`]+)` \|", PAGE),
        *"".join(FENCED.findall(PAGE)).splitlines(),
    ]
    found = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("trackside ")]
    return [words for words in found if words[0] in ("import", "export")]


def test_those_of_local_files_do_what_they_say(mlruns: Path, tmp_path: Path) -> None:
    fill("2.20.2", f"sqlite:///{tmp_path}/mlflow.db", f"proxied:{tmp_path}/mlartifacts", 8)
    assert mlruns == tmp_path / "mlruns"
    local = [
        words for words in commands() if not any("://" in word and "sqlite" not in word for word in words)
    ]
    assert len(local) == 5
    for words in local:
        given = ["vision / 数据" if word == "vision" else word for word in words]
        # Two ways of the table: not into one store.
        more = ["--data-dir", "second"] if "mlruns" in words else []
        done = subprocess.run(
            command(*given, *more), cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    assert json.loads((tmp_path / "everything" / "export.json").read_text())["counts"]["runs"] == 8
    assert (tmp_path / "elsewhere" / "trackside.db").exists()
