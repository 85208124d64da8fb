"""The schema on PostgreSQL: set up where there is nothing, migrated on request, other programs' left alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import asyncpg
import pytest
from jobs import add, as_admin, names

from trackside.errors import InvalidState, StoreUnusable
from trackside.store import schema
from trackside.store.postgres import PostgresDatabase


def test_an_empty_database_is_set_up_once_by_servers_that_start_together(postgres, run):
    url = postgres.new_database()

    async def all_at_once():
        return await asyncio.gather(*(asyncio.to_thread(PostgresDatabase, url) for _ in range(4)))

    databases = run(all_at_once())
    run(databases[0].write(add("a")))
    assert run(databases[1].read(names)) == ["a"]
    for database in databases:
        run(database.close())


def test_an_older_schema_is_migrated_on_request_only(postgres, run, monkeypatch):
    url = postgres.new_database()
    known = schema.migrations("postgres")
    first = {number: known[number] for number in (1, 2)}
    with monkeypatch.context() as older:
        older.setattr("trackside.store.postgres.schema.migrations", lambda _: first)
        PostgresDatabase(url)
    with pytest.raises(InvalidState, match=r"has schema 2, .*trackside db migrate") as error:
        PostgresDatabase(url)
    assert "p%40ss" not in str(error.value)
    command = [sys.executable, "-m", "trackside", "db", "migrate"]
    for said in ("migrations applied: 3, 4", "schema."):
        done = subprocess.run(
            command, env={**os.environ, "TRACKSIDE_STORE": url}, capture_output=True, text=True, check=True, timeout=60
        )  # fmt: skip
        assert said in done.stdout
    database = PostgresDatabase(url)
    assert run(database.write(add("a"))) == 1
    run(database.close())
    with monkeypatch.context() as older:
        older.setattr("trackside.store.postgres.schema.migrations", lambda _: first)
        with pytest.raises(InvalidState, match="newer Trackside"):
            PostgresDatabase(url)


def test_a_migration_that_fails_leaves_nothing(postgres, run, monkeypatch):
    url = postgres.new_database()
    broken = {1: "CREATE TABLE a (x BIGINT)", 2: "CREATE TABLE a (x BIGINT)"}
    monkeypatch.setattr("trackside.store.postgres.schema.migrations", lambda _: broken)
    with pytest.raises(asyncpg.DuplicateTableError):
        PostgresDatabase(url)
    assert run(as_admin(postgres, url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")) == []


def test_a_database_of_another_program_is_left_alone(postgres, run):
    url = postgres.new_database()
    run(as_admin(postgres, url, "CREATE TABLE alembic_version (x BIGINT)"))
    with pytest.raises(StoreUnusable, match="alembic_version"):
        PostgresDatabase(url)


def test_a_database_of_another_encoding_is_refused(postgres, run):
    postgres.sql("CREATE DATABASE latin OWNER trackside TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(StoreUnusable, match="needs UTF8"):
        PostgresDatabase(postgres.url("latin"))
    postgres.sql("DROP DATABASE latin")
