"""Stores that can be killed: a server on SQLite and a folder, or on PostgreSQL and S3, and both of those too."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "protocol"), str(TESTS / "blobs"), str(TESTS)]

import servers  # noqa: E402
from stored import on_s3  # noqa: E402
from weed import Weed  # noqa: E402

import postgres_server  # noqa: E402
from trackside.blobs.objects import ObjectBlobs  # noqa: E402


@dataclass
class Lab:
    """A server, and what it stands on."""

    server: servers.Server
    store: str = ""  # the URL of the database; empty for SQLite
    postgres: postgres_server.PostgresServer | None = None
    s3: Weed | None = None
    killed: dict[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> list[str]:
        return ["server", *(["postgres"] if self.postgres else []), *(["s3"] if self.s3 else [])]

    def kill(self, part: str) -> None:
        """SIGKILL one of them, and start it again."""
        self.killed[part] = self.killed.get(part, 0) + 1
        if part == "server":
            self.server.kill()
            self.server.start()
        elif part == "postgres" and self.postgres:
            self.postgres.stop(signal.SIGKILL)
            self.postgres.start()
        elif self.s3:
            self.s3.kill()
            self.s3.start()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Lab]:
    with servers.trackside(tmp_path, port=servers.free_port()) as server:
        yield Lab(server)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        database = stack.enter_context(postgres_server.server("15"))
        storage = stack.enter_context(Weed(tmp_path / "weed"))
        requests = ObjectBlobs(on_s3(storage, "s3://crash")).requests
        assert requests is not None
        requests.create_bucket()
        url = database.new_database()
        server = servers.trackside(tmp_path, "--artifacts", "s3://crash", port=servers.free_port())
        server.environment |= {**storage.environment, "TRACKSIDE_STORE": url}
        stack.enter_context(server)
        yield Lab(server, url, database, storage)


@pytest.fixture(params=["sqlite", "team"])
def lab(request: pytest.FixtureRequest) -> Lab:
    made: Lab = request.getfixturevalue(request.param)
    return made
