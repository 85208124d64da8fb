"""A small store in memory, filled directly, on which composed statements run."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from trackside.filters import Composed
from trackside.store.regexp import Regexp


class Store:
    def __init__(self, path: str = ":memory:") -> None:
        self.db = sqlite3.connect(path)
        self.db.row_factory = sqlite3.Row
        Regexp(self.db)
        migrations = resources.files("trackside.store") / "sql/sqlite/migrations"
        for file in sorted(migrations.iterdir(), key=lambda entry: entry.name):
            self.db.executescript(file.read_text("utf-8"))

    def insert(self, table: str, **values: Any) -> int:
        marks = ", ".join("?" for _ in values)
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
        return self.db.execute(sql, tuple(values.values())).lastrowid or 0

    def rows(self, statement: Composed) -> list[sqlite3.Row]:
        return self.db.execute(statement.sql, statement.values).fetchall()

    def column(self, statement: Composed, name: str) -> list[Any]:
        return [row[name] for row in self.rows(statement)]

    def plan(self, statement: Composed) -> list[str]:
        return [
            row["detail"] for row in self.db.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)
        ]

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
        self.db.execute("INSERT OR IGNORE INTO metric_key (name) VALUES (?)", (key,))
        (key_id,) = self.db.execute("SELECT id FROM metric_key WHERE name = ?", (key,)).fetchone()
        nan = math.isnan(value)
        latest = {"last_step": 0, "last_ms": 0, "last_value": 0.0 if nan else value, "last_nan": nan}
        if math.isfinite(value):
            latest |= {"min_value": value - 1, "max_value": value + 1}
        self.insert("series", run_id=run_id, key_id=key_id, **latest)

    def dataset(self, run_id: int, experiment: int, name: str, digest: str, context: str | None) -> None:
        given = {"experiment_id": experiment, "name": name, "digest": digest}
        found = self.db.execute(
            "SELECT id FROM dataset WHERE name = ? AND digest = ?", (name, digest)
        ).fetchone()
        dataset_id = found[0] if found else self.insert("dataset", **given, source_type="local", source="s")
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
