"""What the machine is, what a process weighs, and how fast the load generator is against a server that does nothing."""

import asyncio
import itertools
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import load


def describe() -> dict[str, Any]:
    info = Path("/proc/cpuinfo").read_text()
    model = next(
        (line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), "unknown"
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # ended meanwhile
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found


def _read(member: int, name: str) -> str:
    """A file of a process; empty when that ended meanwhile."""
    try:
        return Path(f"/proc/{member}/{name}").read_text()
    except OSError:
        return ""


def memory_mb(pid: int) -> float:
    """Proportional set size of the process and its children: shared pages are counted once."""
    total = 0
    for member in family(pid):
        for line in _read(member, "smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def cpu_seconds(pid: int) -> float:
    """Seconds of a processor that the family has used, with those of its members that have ended."""
    ticks = 0
    for member in family(pid):
        if stat := _read(member, "stat"):
            ticks += sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_until_quiet(pid: int, at_most_s: float) -> None:
    """Until the family has used less than 5 % of a core over two seconds: servers go on loading after their first 200."""
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(2)
        if cpu_seconds(pid) - before < 0.1:
            return


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


class _Nothing(asyncio.Protocol):
    """Answers 200 and {} to whatever comes."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whatever it is
        self.transport.write(self.ANSWER)


def serve_nothing() -> None:
    """A server that does nothing, on a port that it prints."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Nothing, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    import uvloop  # noqa: PLC0415 - only this process needs it

    uvloop.run(serve())


def limit(seconds: float) -> float:
    """Requests a second over 8 connections of this generator against a server that does nothing."""
    code = "from benchmarks.machine import serve_nothing; serve_nothing()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        body = load.post(
            "/api/2.0/mlflow/runs/log-metric", {"run_id": "0" * 32, "key": "m", "value": 1, "timestamp": 1}
        )
        rate = load.apply(port, [itertools.repeat(body) for _ in range(8)], seconds).rate
        server.kill()
    return rate
