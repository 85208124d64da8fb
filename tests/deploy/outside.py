"""The services of compose.yaml run without containers: their command lines, variables and health checks as they stand
there, with hosts, ports and folders replaced by those of this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import compose_files

import trackside

PROGRAMS = Path(sys.executable).parent
JUPYTER = importlib.util.find_spec("jupyterlab") is not None
OURS = Path(trackside.__file__).parents[1]


@dataclass
class Outside:
    """A lab below a folder. `places` says what stands here for a text there, `more` what variables are added."""

    folder: Path
    services: dict[str, Any]
    places: dict[str, str]
    more: dict[str, dict[str, str]] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def local(self, text: str, service: str) -> str:
        """A word of the file as it is here. What was replaced is not looked at again; the longest counts."""
        here = {target: str(self.folder / volume) for volume, target in self._volumes(service)} | self.places
        longest = sorted(here, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest)), lambda found: here[found[0]], text)

    def _volumes(self, service: str) -> list[tuple[str, str]]:
        mounts = (mount.split(":") for mount in self.services[service].get("volumes", []))
        return [(f"volume-{mount[0]}", mount[1]) for mount in mounts]

    def environment(self, service: str) -> dict[str, str]:
        """The container's variables, and nothing of this process' but what finds Python."""
        for volume, _ in self._volumes(service):
            (self.folder / volume).mkdir(exist_ok=True)
        given = compose_files.environment(self.services[service])
        found = {name: self.local(value, service) for name, value in given.items()}
        return {
            "HOME": str(self.folder),
            **found,
            **self.more.get(service, {}),
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "PYTHONPATH": str(OURS),
            "LANG": "C.UTF-8",
        }

    def place(self, service: str) -> Path:
        """The folder that the image starts it in, where a volume is mounted."""
        return Path(self.local(compose_files.image_of(self.services[service]).folder, service) or self.folder)

    def command(self, service: str) -> list[str]:
        return [self.local(word, service) for word in compose_files.arguments(self.services[service])]

    def run(self, service: str, *more: str) -> subprocess.CompletedProcess[str]:
        """A service that ends."""
        return subprocess.run(
            [*self.command(service), *more], env=self.environment(service), cwd=self.folder, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip

    def start(self, service: str, program: str = "", more: Sequence[str] = ()) -> None:
        """A service that stays, of an image with that program for its entrypoint. Returns when it is healthy."""
        log = self.stack.enter_context((self.folder / f"{service}.log").open("ab"))
        words = [*([program] if program else []), *self.command(service), *more]
        variables = self.environment(service)
        self.running[service] = subprocess.Popen(
            words, env=variables, cwd=self.place(service), stdout=log, stderr=log, start_new_session=True
        )
        until = time.monotonic() + 60
        while not self.healthy(service):
            assert self.running[service].poll() is None, self.log(service)
            assert time.monotonic() < until, self.log(service)
            time.sleep(0.1)

    def healthy(self, service: str) -> bool:
        """What the container's health check would say."""
        test = [self.local(word, service) for word in compose_files.health(self.services[service])]
        if test[0] == "wget":  # the image's; any program that asks does
            return self._answers(test[-1])
        return (
            subprocess.run(test, env=self.environment(service), capture_output=True, check=False).returncode
            == 0
        )

    def _answers(self, url: str) -> bool:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.URLError:
            return False
        return True

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text(errors="replace")[-3000:]

    def stop(self, service: str, number: signal.Signals = signal.SIGTERM) -> int:
        process = self.running.pop(service)
        process.send_signal(number)
        return process.wait(30)

    def close(self) -> None:
        """End what is left. SeaweedFS takes 16 s over a SIGTERM, and nothing of it is wanted any more."""
        for service in list(self.running):
            os.killpg(self.running[service].pid, signal.SIGKILL)
            self.running.pop(service).wait()
        self.stack.close()
