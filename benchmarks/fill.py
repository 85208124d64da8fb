"""Large stores in seconds: an experiment of many finished runs, written straight into the database.

    python -m benchmarks.fill DATA_DIR --runs 1000000

Each run has 10 metrics (latest values), 10 params and 5 tags, as the runs that `workloads.filled` makes through the
API, but no points of a history. The server must not be running.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import NamedTuple

from trackside.store.database import Database, Transaction
from trackside.store.postgres import PostgresDatabase
from trackside.store.sqlite import SqliteDatabase

METRICS, PARAMS, TAGS = 10, 10, 5
START_MS = 1_700_000_000_000
CHUNK = 50_000  # runs a statement

# `n.i` counts the runs; `k.k` counts the keys of one. Whole-number arithmetic alone: both engines agree on it.
_RUN = """
INSERT INTO run (id, uuid, experiment_id, name, user_id, status, start_ms, end_ms, artifact_uri)
SELECT {first} + i, {uuid}, {experiment}, 'run ' || i, 'user ' || (i % 7),
  CASE i % 20 WHEN 0 THEN 'FAILED' ELSE 'FINISHED' END,
  {start} + i * 1000, {start} + i * 1000 + 60000 + i * 7919 % 100003, 'mlflow-artifacts:/x'
FROM {runs}
"""
_METRICS = """
INSERT INTO series (run_id, key_id, last_step, last_ms, last_value, last_nan, min_value, max_value)
SELECT {first} + i, metric_key.id, 1, {start} + i * 1000, (i * 7919 + k) % 100003 / 10.0, 0,
  (i * 7919 + k) % 100003 / 20.0, (i * 7919 + k) % 100003 / 5.0
FROM {runs} CROSS JOIN {metrics} JOIN metric_key ON metric_key.name = 'm' || k
ORDER BY 1, 2
"""
_PARAMS = """
INSERT INTO param (run_id, key, value)
SELECT {first} + i, 'p' || k, CASE k WHEN 0 THEN i ELSE (i + k) % 97 END || '' FROM {runs} CROSS JOIN {params}
ORDER BY 1, 2
"""
_TAGS = """
INSERT INTO tag (run_id, key, value)
SELECT {first} + i, 't' || k, CASE k WHEN 0 THEN i % 1000 ELSE i % 13 END || '' FROM {runs} CROSS JOIN {tags}
ORDER BY 1, 2
"""


class Sql(NamedTuple):
    """A statement without values."""

    sql: str
    values: tuple[object, ...] = ()


class Dialect(NamedTuple):
    """What the two engines write differently: rows of numbers, 32 hex digits of one, and what is done at the end."""

    numbers: str
    uuid: str
    end: tuple[str, ...] = ()


SQLITE = Dialect(
    "(WITH RECURSIVE c({name}) AS (SELECT {first} UNION ALL SELECT {name} + 1 FROM c WHERE {name} < {last})"
    " SELECT {name} FROM c)",
    "printf('%016x%016x', {first} + i, i * 2654435761 % 4294967296)",
)
POSTGRES = Dialect(
    "(SELECT {name}::bigint FROM generate_series({first}::bigint, {last}::bigint) AS g({name}))",
    "lpad(to_hex({first}::bigint + i), 16, '0') || lpad(to_hex(i * 2654435761 % 4294967296), 16, '0')",
    ("SELECT setval(pg_get_serial_sequence('run', 'id'), max(id)) FROM run", "ANALYZE"),
)


def statements(dialect: Dialect, experiment: int, first: int, count: int) -> list[str]:
    """SQL that adds that many runs, numbered from `first`, to an experiment that is there."""

    def numbers(name: str, start: int, end: int) -> str:
        return dialect.numbers.format(name=name, first=start, last=end) + f" AS {name}_"

    keys = ", ".join(f"('m{k}')" for k in range(METRICS))
    found = [f"INSERT INTO metric_key (name) VALUES {keys} ON CONFLICT (name) DO NOTHING"]
    for start in range(0, count, CHUNK):
        places = {
            "first": first,
            "start": START_MS,
            "experiment": experiment,
            "uuid": dialect.uuid.format(first=first),
            "runs": numbers("i", start, min(start + CHUNK, count) - 1),
            "metrics": numbers("k", 0, METRICS - 1),
            "params": numbers("k", 0, PARAMS - 1),
            "tags": numbers("k", 0, TAGS - 1),
        }
        found += [sql.format(**places) for sql in (_RUN, _METRICS, _PARAMS, _TAGS)]
    return found


async def fill(db: Database, runs: int, name: str = "large") -> int:
    """Add an experiment of that many runs; its number."""
    dialect = SQLITE if db.engine == "sqlite" else POSTGRES

    async def job(tx: Transaction) -> int:
        made = await tx.insert(
            "add_experiment", name=name, artifact_location="mlflow-artifacts:/x", now_ms=START_MS
        )
        first = ((await tx.all("greatest_run"))[0]["id"] or 0) + 1
        for sql in [*statements(dialect, made["id"], first, runs), *dialect.end]:
            await tx.select(Sql(sql))
        return int(made["id"])

    return await db.write(job)


def fill_store(data_dir: Path, url: str, runs: int) -> int:
    """The same for a store by its address, made if it is not there."""
    data_dir.mkdir(parents=True, exist_ok=True)

    async def run() -> int:
        db: Database = PostgresDatabase(url) if url else SqliteDatabase(data_dir / "trackside.db")
        try:
            return await fill(db, runs, f"large {runs}")
        finally:
            await db.close()

    return asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--store", default="", help="postgresql://…; without it SQLite below DATA_DIR")
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    print(fill_store(options.data_dir, options.store, options.runs))


if __name__ == "__main__":
    main()
