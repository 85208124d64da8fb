"""Stacks for tests: the real command, real PostgreSQL, S3, server and JupyterLab, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ports import free_ports
from trackside.stack import control
from trackside.stack.settings import Places

PARTS = ("postgres", "s3", "s3-console", "server", "jupyter")
OTHERS = ("AWS_", "MLFLOW_", "TRACKSIDE_", "JUPYTER_")
TRACKSIDE = [sys.executable, "-m", "trackside"]


class Lab:
    """One stack, driven by its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("server", "s3", "s3-console", "jupyter")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(OTHERS)},
            # No cloud here; where there is none, nobody answers at its address, and asking takes a second.
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
        }

    def command(self, *arguments: str) -> list[str]:
        return [*TRACKSIDE, *arguments, "--data-dir", str(self.folder)]

    def call(self, *arguments: str, code: int = 0, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command to its end, with its exit code checked."""
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, input=given,
            timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def up_arguments(self, *options: str) -> list[str]:
        ports = [part for name, port in self.ports.items() for part in (f"--{name}-port", str(port))]
        return ["up", *ports, *options]

    def up(self, *options: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.call(*self.up_arguments(*options), code=code)

    def down(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.call("down", *options)

    def parts(self) -> dict[str, dict[str, Any]]:
        """What `status --json` tells; asked here, since a process for each look would take what they wait for."""
        rows: list[dict[str, Any]] = control.status(Places(self.folder))
        return {str(row["name"]): row for row in rows}

    def pids(self) -> dict[str, int]:
        return {name: row["pid"] for name, row in self.parts().items()}

    def secrets(self) -> dict[str, str]:
        return json.loads(self.call("status", "--json", "--secrets").stdout)["secrets"]

    def supervisor(self) -> int:
        return json.loads((self.folder / "stack/state.json").read_text())["supervisor"]["pid"]

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.ports[part]}"

    def until(self, true: Callable[[dict[str, dict[str, Any]]], bool], seconds: float = 60) -> dict[str, Any]:
        """The parts as soon as they are as wanted."""
        end = time.monotonic() + seconds
        while not true(found := self.parts()):
            assert time.monotonic() < end, f"not within {seconds} s: {found}"
            time.sleep(0.1)
        return found

    def all_ready(self) -> dict[str, Any]:
        return self.until(lambda parts: all(row["state"] == "ready" for row in parts.values()))


def gone(pid: int) -> bool:
    """Has a process ended? One that waits for its parent to take its exit code has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_gone(*pids: int) -> None:
    until = time.monotonic() + 30
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < until, [pid for pid in pids if not gone(pid)]
        time.sleep(0.05)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_gone(pid)


def get(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.read()


def post(lab: Lab, path: str, fields: dict[str, object]) -> dict[str, str]:
    request = urllib.request.Request(
        f"{lab.url('server')}/api/2.0/mlflow/{path}",
        json.dumps(fields).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())
