"""How the engines walk a filled store for the searches that people wait for: by index, never through a whole table."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from benchmarks.fill import fill

from trackside.blobs.folder import FolderStore
from trackside.config import ServerSettings
from trackside.core import columns, rankings, search
from trackside.core.app import App
from trackside.model import Page
from trackside.store.postgres import PostgresDatabase
from trackside.store.postgres.statements import queries
from trackside.store.sqlite import SqliteDatabase

RUNS = 8000
ALIASES = ("t", "sort_0", "sort_1", "place", "changed", "c")  # of these, in composed statements
TABLES = ("run", "param", "tag", "series", "ranked", "changed_run", "tail")
SEARCHES = {
    "newest": {},
    "newest, deep": {"page": Page(100, 4000)},
    "by metric": {"order_by": ["metrics.m0 DESC"]},
    "by metric, deep": {"order_by": ["metrics.m0 DESC"], "page": Page(100, 4000)},
    "by the least of a metric": {"order_by": ["min(metrics.m1)"]},
    "by param": {"order_by": ["params.p1"]},
    "by param as a number": {"order_by": ["num(params.p0) DESC"]},
    "by tag": {"order_by": ["tags.t1 DESC"]},
    "by duration": {"order_by": ["duration DESC"]},
    "by status, then metric": {"order_by": ["status", "metrics.m2"]},
    "few by tag": {"filter": "tags.t0 = '77'"},
    "few by metric, in an order": {"filter": "metrics.m0 < 20", "order_by": ["params.p1"]},
    "several comparisons": {
        "filter": "metrics.m0 > 5000 AND params.p1 = '7' AND status = 'FINISHED'",
        "order_by": ["metrics.m0 DESC"],
    },
    "many match": {"filter": "tags.t1 != '5' AND metrics.m0 > 1", "order_by": ["metrics.m0 DESC"]},
    "by id": {"filter": "run_id IN ('a', 'b')", "order_by": ["metrics.m0"]},
}


class Watched:
    """A transaction that keeps what it was asked."""

    def __init__(self, tx, asked: list) -> None:
        self._tx, self._asked = tx, asked

    def __getattr__(self, name):
        return getattr(self._tx, name)

    async def select(self, statement):
        self._asked.append((statement.sql, statement.values))
        return await self._tx.select(statement)

    async def all(self, query, **values):
        self._asked.append((query, values))
        return await self._tx.all(query, **values)

    async def one(self, query, **values):
        self._asked.append((query, values))
        return await self._tx.one(query, **values)


class Store:
    """A filled store whose searches tell their plans."""

    def __init__(self, db, runner: asyncio.Runner, folder) -> None:
        self.db, self.run = db, runner.run
        self.app = App(ServerSettings(data_dir=folder), db, FolderStore(folder / "artifacts"))
        self.experiment = str(self.run(fill(db, RUNS)))
        for question in SEARCHES.values():
            for _ in range(2):  # once for the rankings, once with them
                self.asked(question)
                self.run(self.app.rankings.settled())
        self.run(db.write(self._others))

    async def _others(self, tx) -> None:
        """Another experiment has changed much; and the engine knows how large the tables have become."""
        made = await tx.insert("add_experiment", name="other", artifact_location="x", now_ms=1)
        changed = f"INSERT INTO changed_run SELECT {made['id']}, id FROM run"
        for sql in (changed, "ANALYZE"):
            await tx.select(SimpleNamespace(sql=sql, values=()))

    def watch(self, job):
        """The job's statements, run as a search."""
        asked: list = []
        searching = self.db.search
        self.db.search = lambda inner: searching(lambda tx: inner(Watched(tx, asked)))
        try:
            self.run(job())
        finally:
            self.db.search = searching
        return asked

    def asked(self, question):
        given = {name: value for name, value in question.items() if name != "page"}
        wanted = search.Search([self.experiment], **given)

        async def job():
            await search.find(self.app, wanted, question.get("page", Page(100)))
            await search.count(self.app, wanted, at_most=500)

        return self.watch(job)

    def scanned(self, asked) -> list[str]:
        """What of our tables is read from end to end."""

        async def explain(tx):
            found = []
            for sql, values in asked:
                found += await (self._sqlite if self.db.engine == "sqlite" else self._postgres)(
                    tx, sql, values
                )
            return found

        return self.run(self.db.read(explain))

    async def _sqlite(self, tx, sql, values):
        rows = tx._connection.execute(f"EXPLAIN QUERY PLAN {tx._queries.get(sql, sql)}", values).fetchall()
        scans = [row["detail"].removeprefix("SCAN ") for row in rows if row["detail"].startswith("SCAN ")]
        return [scan for scan in scans if re.match(rf"({'|'.join((*TABLES, *ALIASES))})\b", scan)]

    async def _postgres(self, tx, sql, values):
        if sql in queries():
            named = queries()[sql]
            sql, values = named.sql, named.arguments(values)
        (row,) = await tx.select(SimpleNamespace(sql=f"EXPLAIN (FORMAT JSON) {sql}", values=values))
        found: list[str] = []

        def visit(node) -> None:
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in TABLES:
                found.append(f"{node['Relation Name']} for {sql}")
            for part in node.get("Plans", ()):
                visit(part)

        visit(json.loads(row[0])[0]["Plan"])
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgres15", "postgres18"])
def store(request, servers, tmp_path_factory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("plans")
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setattr(rankings, "LARGE", 100)
        if request.param == "sqlite":
            db = SqliteDatabase(folder / "trackside.db")
            yield Store(db, runner, folder)
            runner.run(db.close())
            return
        with servers(request.param.removeprefix("postgres")).database() as url:
            other = PostgresDatabase(url)
            yield Store(other, runner, folder)
            runner.run(other.close())


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_walks_indexes(store, name):
    asked = store.asked(SEARCHES[name])
    assert len(asked) > 2
    assert store.scanned(asked) == []


def test_the_columns_are_read_from_their_table(store):
    store.watch(lambda: columns.names(store.app, store.experiment))
    store.run(store.app.rankings.settled())
    asked = store.watch(lambda: columns.names(store.app, store.experiment))
    assert "keys_of_experiment" in [sql for sql, _ in asked]
    assert "param_names_of_experiment" not in [sql for sql, _ in asked]
    assert store.scanned(asked) == []


def test_the_plans_tell_a_scan(store):
    """The check itself: a statement that must read all is found out."""
    assert store.scanned([("SELECT count(*) FROM param WHERE value LIKE '%x%'", ())])
