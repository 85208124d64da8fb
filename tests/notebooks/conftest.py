"""A tracking server of our own, in its own process, that can go away and come back."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pytest


@dataclass
class Server:
    """`trackside server` on a port that it keeps."""

    folder: Path
    options: list[str] = field(default_factory=list)
    port: int = 0
    url: str = ""

    def start(self) -> None:
        """Start it and wait until it is ready."""
        command = [sys.executable, "-m", "trackside", "server", "--port", str(self.port), *self.options]
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line + self._process.stdout.read()
        self.url, self.port = found[0], int(found[1])

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._process.terminate()
        self._process.communicate(timeout=10)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[mlflow.MlflowClient]:
    """MLflow's client; the address is where a user gives it."""
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.delenv("TRACKSIDE_PUBLIC_URL", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    mlflow.set_tracking_uri(server.url)
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(None)
