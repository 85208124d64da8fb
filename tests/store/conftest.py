from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from postgres_server import VERSIONS, PostgresServer, binaries, server
from trackside.store.database import Database
from trackside.store.postgres import PostgresDatabase
from trackside.store.sqlite import SqliteDatabase

Servers = Callable[[str], PostgresServer]


@pytest.fixture
def run() -> Iterator[Callable[[Awaitable[Any]], Any]]:
    """Run coroutines in one event loop."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL of a version, started when it is asked for first; its template database has the schema."""
    started: dict[str, PostgresServer] = {}
    with ExitStack() as stack:

        def of_version(version: str) -> PostgresServer:
            if binaries(version) is None:
                pytest.skip(f"PostgreSQL {version} is not installed: scripts/setup postgres")
            if version not in started:
                made = started[version] = stack.enter_context(server(version))
                made.template = made.new_database()
                PostgresDatabase(made.template)
            return started[version]

        yield of_version


@pytest.fixture(params=VERSIONS)
def postgres(request: pytest.FixtureRequest, servers: Servers) -> PostgresServer:
    return servers(request.param)


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """The address of a database that has the schema, and nothing else."""
    with postgres.database() as made:
        yield made


@pytest.fixture(params=["sqlite", *(f"postgres{version}" for version in VERSIONS)])
def db(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path, run: Callable[..., Any]
) -> Iterator[Database]:
    """An empty store on each engine."""
    if request.param == "sqlite":
        made = SqliteDatabase(tmp_path / "trackside.db")
        yield made
        run(made.close())
        return
    with servers(request.param.removeprefix("postgres")).database() as url:
        other = PostgresDatabase(url)
        yield other
        run(other.close())
