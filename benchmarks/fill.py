"""Large stores in seconds: an experiment of many finished runs, written straight into the database.

    python -m benchmarks.fill DATA_DIR --runs 1000000

Each run has 10 metrics (latest values), 10 params and 5 tags, as the runs that `workloads.filled` makes through the
API, but no points of a history. The server must not be running.
"""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path
from typing import NamedTuple

METRICS, PARAMS, TAGS = 10, 10, 5
START_MS = 1_700_000_000_000
CHUNK = 50_000  # runs a transaction

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


class Dialect(NamedTuple):
    """What the two engines write differently: rows of numbers, and 32 hex digits of one."""

    numbers: str
    uuid: str


SQLITE = Dialect(
    "(WITH RECURSIVE c({name}) AS (SELECT {first} UNION ALL SELECT {name} + 1 FROM c WHERE {name} < {last})"
    " SELECT {name} FROM c)",
    "printf('%016x%016x', {first} + i, i * 2654435761 % 4294967296)",
)
POSTGRES = Dialect(
    "(SELECT {name}::bigint FROM generate_series({first}::bigint, {last}::bigint) AS g({name}))",
    "lpad(to_hex({first}::bigint + i), 16, '0') || lpad(to_hex(i * 2654435761 % 4294967296), 16, '0')",
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


def fill_sqlite(path: Path, runs: int, name: str = "large") -> int:
    """Add an experiment of that many runs to a store that no server has open; the experiment's number."""
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA cache_size = -262144")
        experiment = db.execute(
            "INSERT INTO experiment (name, artifact_location, created_ms, updated_ms)"
            " VALUES (?, 'mlflow-artifacts:/x', ?, ?) RETURNING id",
            (name, START_MS, START_MS),
        ).fetchone()[0]
        (last,) = db.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()
        for sql in statements(SQLITE, experiment, last + 1, runs):
            db.execute(sql)
            db.commit()
    finally:
        db.close()
    return int(experiment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    print(fill_sqlite(options.data_dir / "trackside.db", options.runs, f"large {options.runs}"))


if __name__ == "__main__":
    main()
