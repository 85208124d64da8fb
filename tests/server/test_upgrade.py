"""A store of an earlier release, schema 3, is migrated at the start: saved first, and then whole and served as any other."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import time
import zlib

import httpx
import pytest
from live_server import running, sqlite_only

from trackside.config import ServerSettings
from trackside.store import schema

pytestmark = sqlite_only
API = "/api/2.0/mlflow"
OLD = 3
RUNS = [f"{number:032x}" for number in range(1, 4)]
POINTS = 300


def packed(key_id, points):
    """A tail's row as that release wrote it: version 1, columns one after the other, CRC-32."""
    steps, times, values = zip(*points, strict=True)
    n = len(points)
    body = struct.pack(f"<I{n}i{n}q{n}q{n}d", n, *[key_id] * n, *steps, *times, *values)
    return (whole := b"\x01" + body) + struct.pack("<I", zlib.crc32(whole))


def loss(number):
    return [(step, 1000 + step, (step % 7 + number) / 3) for step in range(POINTS)]


def fill(connection):
    connection.execute("INSERT INTO experiment VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 1, 1)")
    connection.execute("INSERT INTO metric_key VALUES (1, 'loss')")
    for number, uuid in enumerate(RUNS, 1):
        connection.execute(
            "INSERT INTO run VALUES (?, ?, 0, ?, 'ann', 'FINISHED', 'active', ?, 9000, NULL, ?)",
            (number, uuid, f"run {number}", number, f"mlflow-artifacts:/0/{uuid}/artifacts"),
        )
        connection.execute("INSERT INTO param VALUES (?, 'lr', ?)", (number, f"0.{number}"))
        connection.execute("INSERT INTO tag VALUES (?, 'mlflow.runName', ?)", (number, f"run {number}"))
        points = loss(number)
        for start in range(0, POINTS, 100):
            part = points[start : start + 100]
            row = (number, len(part), part[0][1], part[-1][1], packed(1, part))
            connection.execute(
                "INSERT INTO tail (run_id, points, first_ms, last_ms, payload) VALUES (?, ?, ?, ?, ?)", row
            )
        values = [value for _, _, value in points]
        connection.execute(
            "INSERT INTO series VALUES (?, 1, ?, ?, ?, 0, ?, ?)",
            (number, *points[-1], min(values), max(values)),
        )


@pytest.fixture
def old(data_dir):
    """Settings of a store with schema 3."""
    settings = ServerSettings(data_dir=data_dir, port=0)
    data_dir.mkdir()
    with contextlib.closing(sqlite3.connect(settings.database_path)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        known = schema.migrations()
        for number in range(1, OLD + 1):
            connection.executescript(known[number])
        connection.execute(f"PRAGMA user_version = {OLD}")
        fill(connection)
        connection.commit()
    return settings


def one(path, question):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchone()[0]


def test_it_is_saved_first_and_then_has_the_newest_schema(old):
    with running(old):
        pass
    assert one(old.database_path, "PRAGMA user_version") == max(schema.migrations())
    backup = old.database_path.with_name("trackside.db.v3.backup")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert one(backup, "PRAGMA user_version") == OLD
    assert one(backup, "SELECT sum(points) FROM tail") == POINTS * len(RUNS)


def test_searches_histories_charts_and_gc_work_on_it(old):
    with running(old) as (url, _), httpx.Client(base_url=url, timeout=20) as http:
        search = {
            "experiment_ids": ["0"],
            "filter": "params.lr != '0.2' and metrics.loss < 100",
            "order_by": ["metrics.loss DESC"],
        }
        found = http.post(f"{API}/runs/search", json=search).json()["runs"]
        assert [run["info"]["run_name"] for run in found] == ["run 3", "run 1"]
        assert found[0]["data"]["params"] == [{"key": "lr", "value": "0.3"}]
        packing_ends(old)
        for number, uuid in enumerate(RUNS, 1):
            asked = {"run_id": uuid, "metric_key": "loss"}
            history = http.get(f"{API}/metrics/get-history", params=asked).json()["metrics"]
            assert [(m["step"], m["timestamp"], m["value"]) for m in history] == loss(number)
        query = {"run_ids": RUNS, "metrics": ["loss"], "buckets": 1000}
        lines = http.post("/api/trackside/v1/series/query", json=query).json()["series"]
        assert [(line["run_id"], line["points"], line["exact"]) for line in lines] == [
            (uuid, POINTS, True) for uuid in RUNS
        ]
        http.post(f"{API}/runs/delete", json={"run_id": RUNS[0]}).raise_for_status()
        purged = http.post("/api/trackside/v1/gc", json={"older_than_days": 0}).json()
        assert purged["runs"] == 1
    assert one(old.database_path, "SELECT count(*) FROM run") == 2
    assert one(old.database_path, "SELECT count(*) FROM chunk") == 2


def packing_ends(settings):
    deadline = time.monotonic() + 30
    while one(settings.database_path, "SELECT count(*) FROM tail"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert one(settings.database_path, "SELECT count(*) FROM chunk") == len(RUNS)
