"""Runs client_story/ in the virtual environment of a client release and keeps what it saw."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import servers


def client_versions() -> list[str]:
    """The client releases of clients.txt, which scripts/clients installs."""
    return [words[0] for words in _clients()]


def _clients() -> list[list[str]]:
    lines = (Path(__file__).parent / "clients.txt").read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


SKINNY = {words[0] for words in _clients() if words[1:2] == ["skinny"]}


# Chapters that start many processes, and the releases that tell them: the oldest, and the one that is the authority.
LONG = {"command_line", "eight_processes"}
TELL_LONG = {"2.9.2", servers.AUTHORITY}


class Story:
    """What one client release saw, chapter by chapter."""

    def __init__(self, version: str, records: dict[str, dict[str, Any]], *, of_trackside: bool) -> None:
        self.version = version
        self.of_trackside = of_trackside
        self.is_3 = int(version.partition(".")[0]) >= 3
        self._records = records

    def chapter(self, name: str) -> dict[str, Any]:
        record = self._records.get(name)
        if record is None and name in LONG and self.version not in TELL_LONG:
            pytest.skip("other releases tell this")
        if self.version in SKINNY and (record is None or "needs" in record):
            pytest.skip("needs what mlflow-skinny does not bring")
        assert record is not None, f"the client {self.version} never came to chapter {name}"
        assert "needs" not in record, record
        assert "error" not in record, f"client {self.version}, chapter {name}:\n{record['error']}"
        facts: dict[str, Any] = record["facts"]
        return facts


def tell(version: str, url: str, folder: Path, *, of_trackside: bool = True) -> Story:
    """Run the story with that client in a process of its own."""
    out = folder / "story.jsonl"
    command = [
        str(servers.client_python(version)),
        "-W",
        "ignore",
        str(Path(__file__).parent / "client_story"),
        str(out),
        *([] if version in TELL_LONG else [f"--without={name}" for name in sorted(LONG)]),
    ]
    with (folder / "client.log").open("wb") as log:
        ended = subprocess.run(
            command,
            env=servers.client_environment(MLFLOW_TRACKING_URI=url),
            stdout=log,
            stderr=log,
            timeout=300,
            check=False,
        )
    assert ended.returncode == 0, (folder / "client.log").read_text()[-3000:]
    records = [json.loads(line) for line in out.read_text().splitlines()]
    by_chapter = {record["chapter"]: record for record in records}
    return Story(version, by_chapter, of_trackside=of_trackside)
