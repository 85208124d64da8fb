"""A running server packs what is logged, by itself; its clients see no difference."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import time

import httpx
import pytest
from live_server import running, sqlite_only

from trackside.config import ServerSettings
from trackside.core import compaction

API = "/api/2.0/mlflow"


def stored(settings):
    """Points in the tail, and in chunks."""
    with contextlib.closing(sqlite3.connect(settings.database_path)) as connection:
        return tuple(
            connection.execute(f"SELECT coalesce(sum(points), 0) FROM {table}").fetchone()[0]
            for table in ("tail", "chunk")
        )


def becomes(settings, expected):
    deadline = time.monotonic() + 30
    while (found := stored(settings)) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def log(http, run, start, count):
    metrics = [
        {"key": "m", "value": step / 3, "timestamp": step, "step": step}
        for step in range(start, start + count)
    ]
    http.post(f"{API}/runs/log-batch", json={"run_id": run, "metrics": metrics}).raise_for_status()


def history(http, run, **more):
    query = {"run_id": run, "metric_key": "m", **more}
    return http.get(f"{API}/metrics/get-history", params=query).raise_for_status().json()


@pytest.fixture
def settings(tmp_path):
    return ServerSettings(data_dir=tmp_path / "data", port=0)


def test_what_is_logged_is_packed_when_it_is_much_and_when_the_run_ends(settings):
    with running(settings) as (url, _), httpx.Client(base_url=url, timeout=30) as http:
        run = http.post(f"{API}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        for start in range(0, 66_000, 1_000):
            log(http, run, start, 1_000)
        becomes(settings, (0, 66_000))
        log(http, run, 66_000, 500)
        whole = history(http, run)["metrics"]
        assert [point["step"] for point in whole] == list(range(66_500))
        assert stored(settings) == (500, 66_000), "that little is not worth it yet"
        http.post(f"{API}/runs/update", json={"run_id": run, "status": "FINISHED"}).raise_for_status()
        becomes(settings, (0, 66_500))
        assert history(http, run)["metrics"] == whole


def test_what_an_earlier_server_left_is_packed_by_the_next(settings):
    with running(settings) as (url, _), httpx.Client(base_url=url) as http:
        run = http.post(f"{API}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        log(http, run, 0, 100)
        assert stored(settings) == (100, 0)
    with running(settings):
        becomes(settings, (0, 100))


def test_pages_stay_where_they_are_while_earlier_points_come(settings):
    with running(settings) as (url, _), httpx.Client(base_url=url) as http:
        run = http.post(f"{API}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        log(http, run, 100, 10)
        first = history(http, run, max_results=4)
        log(http, run, 50, 10)
        second = history(http, run, max_results=4, page_token=first["next_page_token"])
        third = history(http, run, max_results=4, page_token=second["next_page_token"])
        steps = [point["step"] for page in (first, second, third) for point in page["metrics"]]
        assert steps == list(range(100, 110))
        assert "next_page_token" not in third


@sqlite_only
def test_nothing_is_packed_while_the_disk_is_nearly_full(data_dir, monkeypatch, caplog):
    """It is said once, and goes on by itself; the floor itself is enough."""
    settings = ServerSettings(data_dir=data_dir, port=0)
    usage, asked = shutil.disk_usage("/"), []
    free = compaction.FLOOR_BYTES - 1

    def disk_usage(path):
        asked.append(path)
        return usage._replace(free=free)

    monkeypatch.setattr(compaction.shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(compaction, "PAUSE_SECONDS", 0.02)
    caplog.set_level(logging.WARNING, "trackside.compaction")
    with running(settings) as (url, _), httpx.Client(base_url=url) as http:
        made = http.post(f"{API}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        log(http, made, 0, 500)
        http.post(f"{API}/runs/update", json={"run_id": made, "status": "FINISHED"}).raise_for_status()
        looks = len(asked)
        while len(asked) < looks + 10:
            time.sleep(0.02)
        assert stored(settings) == (500, 0)
        assert set(asked) == {data_dir}
        [said] = [record.getMessage() for record in caplog.records]
        assert said.startswith(f"compaction waits: {data_dir} has less than 64 MiB of free space")
        free = compaction.FLOOR_BYTES
        becomes(settings, (0, 500))
    assert [r.getMessage() for r in caplog.records][1:] == ["compaction goes on: there is free space again."]
