"""Runs client_story/ in the virtual environment of a client release and keeps what it saw."""

import json
import subprocess
from pathlib import Path
from typing import Any

import servers


def client_versions() -> list[str]:
    """The client releases of clients.txt, which scripts/clients installs."""
    lines = (Path(__file__).parent / "clients.txt").read_text().splitlines()
    return [line.split()[0] for line in lines if line and not line.startswith("#")]


class Story:
    """What one client release saw, chapter by chapter."""

    def __init__(self, version: str, records: dict[str, dict[str, Any]]) -> None:
        self.version = version
        self.is_3 = int(version.partition(".")[0]) >= 3
        self._records = records

    def chapter(self, name: str) -> dict[str, Any]:
        record = self._records.get(name)
        assert record is not None, f"the client {self.version} never came to chapter {name}"
        assert "error" not in record, f"client {self.version}, chapter {name}:\n{record['error']}"
        facts: dict[str, Any] = record["facts"]
        return facts


def tell(version: str, url: str, folder: Path) -> Story:
    """Run the story with that client in a process of its own."""
    out = folder / "story.jsonl"
    command = [
        str(servers.client_python(version)),
        "-W",
        "ignore",
        str(Path(__file__).parent / "client_story"),
        str(out),
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
    return Story(version, {record["chapter"]: record for record in records})
