"""The commands of docs/migration.md: all are understood, and those that need nothing but files are run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, command, fill
from typer.testing import CliRunner

from trackside.cli.app import app

PAGE = (ROOT / "docs" / "migration.md").read_text()
FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """The words of every `trackside …` that imports or exports, without `trackside`."""
    lines = "".join(FENCED.findall(PAGE)).splitlines() + re.findall(r"`(trackside [^`]+)`", PAGE)
    found = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("trackside ")]
    return [
        words
        for words in found
        if (words[0] in ("import", "export") and len(words) > 2) or (words[0] == "export" and len(words) > 1)
    ]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_is_understood(words: list[str]) -> None:
    # Options are looked at before help is given.
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, [*words, "--no-such-option", "--help"]).exit_code == 2


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_local_ones_do_what_they_say(tmp_path: Path) -> None:
    fill("2.20.2", f"sqlite:///{tmp_path}/mlflow.db", f"proxied:{tmp_path}/mlartifacts", 8)
    fill("2.20.2", tmp_path / "mlruns", "-", 8)
    run = [words for words in commands() if not any("://" in word and "sqlite" not in word for word in words)]
    assert len(run) == 5
    run.sort(key=lambda words: ["mlflow", "export", "folder"].index(next(w for w in words if w != "import")))
    for number, words in enumerate(run):
        given = ["vision / 数据" if word == "vision" else word for word in words]
        # The two imports are of two people's stores; the exports are of the first one's.
        more = ["--data-dir", "second"] if "mlruns" in words else []
        done = subprocess.run(
            command(*given, *more), cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (number, words, done.stdout, done.stderr)
    assert json.loads((tmp_path / "everything" / "export.json").read_text())["counts"]["runs"] == 8
    assert (tmp_path / "elsewhere" / "trackside.db").exists()
