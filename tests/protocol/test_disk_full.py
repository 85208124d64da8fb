"""A disk that fills up: the client gets an error, at once; what was acknowledged stays; space helps, without a restart.

Two ways to have no space: a small file system of its own, where we may mount one, and a limit on the size of the
server's files, which anyone may set.
"""

import contextlib
import os
import resource
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import servers
from servers import Server
from wire import API, FILES, history, new_experiment, new_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MAY_MOUNT = int(Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16) >> 21 & 1
KINDS = ["file size limit"] + (["small disk"] if MAY_MOUNT else [])


class Disk:
    """A server whose disk can be filled and freed."""

    def __init__(self, server: Server, fill: Callable[[], None], free: Callable[[], None]) -> None:
        self.server, self.fill, self.free = server, fill, free
        self.http = httpx.Client(base_url=server.url, timeout=20)
        self.run = new_run(self.http, new_experiment(self.http, f"full {uuid.uuid4().hex}"))
        info = self.http.get(f"{API}/runs/get", params={"run_id": self.run}).json()["run"]["info"]
        self.root = f"{FILES}/{info['artifact_uri'].split(':/', 1)[1].lstrip('/')}"

    def log(self, number: int) -> httpx.Response:
        """A batch of 500 points of one metric, for steps that no other number has."""
        points = [
            {
                "key": "m",
                "value": number + index / 7919,
                "timestamp": 1000 + index,
                "step": 500 * number + index,
            }
            for index in range(500)
        ]
        return self.http.post(f"{API}/runs/log-batch", json={"run_id": self.run, "metrics": points})

    def steps(self) -> list[int]:
        return [step for _, step, _ in history(self.http, self.run, "m")]


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    try:
        with servers.trackside(folder) as server:
            yield Disk(server, lambda: fill_up(folder / "filler"), (folder / "filler").unlink)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_up(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65_536)


@contextlib.contextmanager
def limited_files(folder: Path) -> Iterator[Disk]:
    with servers.trackside(folder) as server:
        assert server.process is not None
        pid = server.process.pid
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        largest = [0]

        def fill() -> None:
            sizes = [path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file()]
            largest[0] = max(sizes, default=65_536)  # without SQLite's file there may be none
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest[0], most))

        yield Disk(server, fill, lambda: print(resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))))  # noqa: T201


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    made = small_disk if request.param == "small disk" else limited_files
    with made(tmp_path / "disk") as disk, contextlib.closing(disk.http):
        yield disk


def an_error_at_once(answer: httpx.Response) -> None:
    assert answer.status_code >= 400
    assert answer.json()["error_code"] in {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "RESOURCE_EXHAUSTED"}
    assert answer.elapsed.total_seconds() < 5
    assert any(word in answer.json()["message"].lower() for word in ("disk", "space")), answer.json()[
        "message"
    ]


def log_until_refused(disk: Disk, first: int) -> tuple[list[int], httpx.Response]:
    """Numbers of the batches that were acknowledged, and the first refusal."""
    acknowledged: list[int] = []
    for number in range(first, first + 4000):
        answer = disk.log(number)
        if answer.status_code != 200:
            return acknowledged, answer
        acknowledged.append(number)
    raise AssertionError("the disk never filled")


def steps_of(numbers: list[int]) -> list[int]:
    return [500 * number + index for number in numbers for index in range(500)]


@pytest.mark.skipif(
    os.environ.get("TRACKSIDE_TEST_STORE", "sqlite") != "sqlite", reason="PostgreSQL has a disk of its own"
)
def test_full_while_logging(disk: Disk) -> None:
    assert disk.log(0).status_code == 200
    disk.fill()
    acknowledged, refusal = log_until_refused(disk, 1)
    an_error_at_once(refusal)
    assert disk.http.get("/health").text == "OK"
    assert sorted(disk.steps()) == steps_of([0, *acknowledged]), (
        "reading goes on, and shows what was acknowledged"
    )
    disk.free()
    late = len(acknowledged) + 1
    assert disk.log(late).status_code == 200, "space came back: so does logging, without a restart"
    assert sorted(disk.steps()) == steps_of([0, *acknowledged, late])
    disk.server.kill()
    disk.server.start()
    assert sorted(disk.steps()) == steps_of([0, *acknowledged, late])


def test_full_while_uploading(disk: Disk) -> None:
    content = os.urandom(4 << 20)
    assert disk.http.put(f"{disk.root}/before.bin", content=content[:100_000]).status_code == 200
    assert disk.http.put(f"{disk.root}/replaced.bin", content=content[:50_000]).status_code == 200
    disk.fill()
    for name in ("new.bin", "replaced.bin"):
        an_error_at_once(disk.http.put(f"{disk.root}/{name}", content=content))
    listed = disk.http.get(f"{API}/artifacts/list", params={"run_id": disk.run}).json()["files"]
    assert [item["path"] for item in listed] == ["before.bin", "replaced.bin"]
    assert disk.http.get(f"{disk.root}/replaced.bin").content == content[:50_000]
    assert disk.http.get(f"{disk.root}/before.bin").content == content[:100_000]
    disk.free()
    assert disk.http.put(f"{disk.root}/new.bin", content=content).status_code == 200
    assert disk.http.get(f"{disk.root}/new.bin").content == content


def test_full_while_a_client_uploads_in_pieces(disk: Disk) -> None:
    """The error comes although the client is still sending, and the next request is answered."""
    disk.fill()

    def pieces() -> Iterator[bytes]:
        for _ in range(200):
            yield os.urandom(65_536)
            time.sleep(0.001)

    with httpx.Client(base_url=disk.server.url, timeout=20) as http:
        with contextlib.suppress(httpx.WriteError, httpx.RemoteProtocolError):
            an_error_at_once(http.put(f"{disk.root}/stream.bin", content=pieces()))
        assert http.get(f"{disk.root}/stream.bin").status_code == 404
        assert http.get("/health").text == "OK"
