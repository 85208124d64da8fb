"""A small store, filled directly, on which composed statements run: SQLite in memory, or PostgreSQL.

TRACKSIDE_TEST_STORE says which, as in the other suites.
"""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, Self

import asyncpg

from postgres_server import store_for
from trackside.filters import Composed, RunSearch
from trackside.model import Page
from trackside.store.postgres import PostgresDatabase
from trackside.store.regexp import Regexp

ENGINE = "sqlite" if os.environ.get("TRACKSIDE_TEST_STORE", "sqlite") == "sqlite" else "postgresql"
_WITHOUT_ID = {"experiment_tag", "param", "tag", "series", "run_dataset_tag", "registered_model_tag"} | {
    "model_version", "model_version_tag", "logged_model_param", "logged_model_tag", "logged_model_metric",
}  # fmt: skip


def search_runs(engine: str, *, limit: int, offset: int = 0, **wanted: Any) -> Composed:
    """A page of runs as the product finds them where no ranking helps."""
    (statement,) = RunSearch(engine, **wanted).page(Page(limit, offset), None, None)
    return statement


def count_runs(engine: str, *, at_most: int, **wanted: Any) -> Composed:
    """How many runs match, by the same way."""
    return RunSearch(engine, **wanted).count(at_most, None)


class _Engine(Protocol):
    def fetch(self, sql: str, values: Sequence[Any]) -> list[Any]: ...


class _Sqlite:
    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path)
        self.db.row_factory = sqlite3.Row
        Regexp(self.db)
        migrations = resources.files("trackside.store") / "sql/sqlite/migrations"
        for file in sorted(migrations.iterdir(), key=lambda entry: entry.name):
            self.db.executescript(file.read_text("utf-8"))

    def fetch(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self.db.execute(sql, values).fetchall()


class _Postgres:
    """Each store is a database of its own; its event loop runs while something is asked."""

    def __init__(self) -> None:
        url = store_for(Path(f"/filters/{id(self)}"))
        PostgresDatabase(url)
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(asyncpg.connect(url))

    def fetch(self, sql: str, values: Sequence[Any]) -> list[Any]:
        given = [int(value) if isinstance(value, bool) else value for value in values]
        return self._runner.run(self._connection.fetch(sql, *given))

    def __del__(self) -> None:
        self._connection.terminate()
        self._runner.close()


class Store:
    def __init__(self, path: str = ":memory:") -> None:
        self._engine: _Engine = _Sqlite(path) if ENGINE == "sqlite" else _Postgres()

    @contextmanager
    def scratch(self) -> Iterator[Self]:
        """What is inserted within is taken back: making a store anew for each example would take long."""
        self._engine.fetch("BEGIN", ())
        try:
            yield self
        finally:
            self._engine.fetch("ROLLBACK", ())

    def insert(self, table: str, **values: Any) -> int:
        marks = ", ".join("?" if ENGINE == "sqlite" else f"${n}" for n, _ in enumerate(values, start=1))
        wanted = "" if table in _WITHOUT_ID else " RETURNING id"
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks}){wanted}"
        rows = self._engine.fetch(sql, tuple(values.values()))
        return rows[0]["id"] if rows else 0

    def rows(self, statement: Composed) -> list[Any]:
        return self._engine.fetch(statement.sql, statement.values)

    def column(self, statement: Composed, name: str) -> list[Any]:
        return [row[name] for row in self.rows(statement)]

    def plan(self, statement: Composed) -> list[str]:
        rows = self._engine.fetch(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)
        return [row["detail"] for row in rows]

    def _id(self, table: str, **wanted: Any) -> int:
        """The number of the row with these values; 0 when there is none."""
        mark = "?" if ENGINE == "sqlite" else "${}"
        where = " AND ".join(f"{name} = {mark.format(n)}" for n, name in enumerate(wanted, start=1))
        rows = self._engine.fetch(f"SELECT id FROM {table} WHERE {where}", tuple(wanted.values()))
        return rows[0]["id"] if rows else 0

    def experiment(self, number: int, name: str = "", **values: Any) -> int:
        given = {"created_ms": 0, "updated_ms": 0, "artifact_location": "a"} | values
        tags = given.pop("tags", {})
        self.insert("experiment", id=number, name=name or f"e{number}", **given)
        self.pairs("experiment_tag", {"experiment_id": number}, tags)
        return number

    def run(self, uuid: str, *, experiment: int = 1, **values: Any) -> int:
        """A run; `metrics`, `params`, `tags` and `datasets` [(name, digest, context)] with it."""
        given = {
            "name": uuid,
            "user_id": "ann",
            "status": "FINISHED",
            "start_ms": 0,
            "artifact_uri": f"a/{uuid}",
        }
        given |= values
        metrics, datasets = given.pop("metrics", {}), given.pop("datasets", [])
        params, tags = given.pop("params", {}), given.pop("tags", {})
        run_id = self.insert("run", uuid=uuid, experiment_id=experiment, **given)
        self.pairs("param", {"run_id": run_id}, params)
        self.pairs("tag", {"run_id": run_id}, tags)
        for key, value in metrics.items():
            self.metric(run_id, key, value)
        for name, digest, context in datasets:
            self.dataset(run_id, experiment, name, digest, context)
        return run_id

    def pairs(self, table: str, owner: Mapping[str, int], pairs: Mapping[str, str]) -> None:
        for key, value in pairs.items():
            self.insert(table, **owner, key=key, value=value)

    def metric(self, run_id: int, key: str, value: float) -> None:
        key_id = self._id("metric_key", name=key) or self.insert("metric_key", name=key)
        nan = math.isnan(value)
        latest = {"last_step": 0, "last_ms": 0, "last_value": 0.0 if nan else value, "last_nan": nan}
        if math.isfinite(value):
            latest |= {"min_value": value - 1, "max_value": value + 1}
        self.insert("series", run_id=run_id, key_id=key_id, **latest)

    def dataset(self, run_id: int, experiment: int, name: str, digest: str, context: str | None) -> None:
        given = {"experiment_id": experiment, "name": name, "digest": digest}
        dataset_id = self._id("dataset", name=name, digest=digest) or self.insert(
            "dataset", **given, source_type="local", source="s"
        )
        use = self.insert("run_dataset", run_id=run_id, dataset_id=dataset_id)
        if context is not None:
            self.insert("run_dataset_tag", run_dataset_id=use, key="mlflow.data.context", value=context)

    def model(self, name: str, *, tags: Mapping[str, str] | None = None, **values: Any) -> int:
        model_id = self.insert("registered_model", name=name, **({"created_ms": 0, "updated_ms": 0} | values))
        self.pairs("registered_model_tag", {"model_id": model_id}, tags or {})
        return model_id

    def version(
        self, model_id: int, version: int, *, tags: Mapping[str, str] | None = None, **values: Any
    ) -> None:
        given = {"source": "s", "storage_location": "s", "created_ms": 0, "updated_ms": 0} | values
        self.insert("model_version", model_id=model_id, version=version, **given)
        self.pairs("model_version_tag", {"model_id": model_id, "version": version}, tags or {})

    def logged_model(self, uuid: str, *, experiment: int = 1, **values: Any) -> int:
        """A logged model; `metrics` are rows (key, value, timestamp_ms, dataset name, dataset digest)."""
        given = {"name": uuid, "artifact_location": "a", "status": "READY", "created_ms": 0, "updated_ms": 0}
        given |= values
        metrics: Sequence[tuple[Any, ...]] = given.pop("metrics", ())
        params, tags = given.pop("params", {}), given.pop("tags", {})
        model_id = self.insert("logged_model", uuid=uuid, experiment_id=experiment, **given)
        self.pairs("logged_model_param", {"model_id": model_id}, params)
        self.pairs("logged_model_tag", {"model_id": model_id}, tags)
        for key, value, timestamp_ms, name, digest in metrics:
            nan = math.isnan(value)
            at = {"timestamp_ms": timestamp_ms, "step": 0, "run_uuid": f"r{name}{digest}"}
            on = {
                "dataset_name": name,
                "dataset_digest": digest,
                "value": 0.0 if nan else value,
                "is_nan": nan,
            }
            self.insert("logged_model_metric", model_id=model_id, key=key, **at, **on)
        return model_id
