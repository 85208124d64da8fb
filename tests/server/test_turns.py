"""Slow searches of one sender do not hold up another's."""

from __future__ import annotations

import asyncio
import threading
import time

import httpx
import pytest
from access_server import API, guarded
from live_server import running, sqlite_only

from trackside.config import ServerSettings
from trackside.store.sqlite import SqliteDatabase


@pytest.fixture
def slow(monkeypatch):
    """Each search takes half a second."""
    search = SqliteDatabase.search

    async def slowly(self, job):
        await asyncio.sleep(0.5)
        return await search(self, job)

    monkeypatch.setattr(SqliteDatabase, "search", slowly)


def order_of_ends(greedy, other):
    """Who gets answers when: six searches of one, then one of another."""
    ends = []

    def search(name, client):
        assert client.post(f"{API}/runs/search", json={"experiment_ids": ["0"]}).status_code == 200
        ends.append(name)

    threads = [threading.Thread(target=search, args=("greedy", greedy)) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    search("other", other)
    for thread in threads:
        thread.join()
    return ends


@sqlite_only
def test_of_users(tmp_path, slow):
    with guarded(tmp_path / "data") as server:
        greedy, other = server.user("greedy"), server.user("other")
        assert order_of_ends(greedy, other).index("other") <= 2


@sqlite_only
def test_of_addresses_where_nobody_signs_in(tmp_path, slow):
    with (
        running(ServerSettings(data_dir=tmp_path / "data", port=0)) as (url, _),
        httpx.Client(base_url=url) as greedy,
        httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as other,
    ):
        assert order_of_ends(greedy, other).index("other") <= 2
