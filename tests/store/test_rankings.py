"""Searches by rankings against the plain statement that sorts all that matches: the same runs in the same order,
whatever was written before, and while rankings are made, kept and given up."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackside import filters
from trackside.blobs.folder import FolderStore
from trackside.config import ServerSettings
from trackside.core import columns, experiments, logging, rankings, runs, search
from trackside.core.app import App
from trackside.model import Page, Point

LONG = "x" * 300  # longer than a position takes
KEYS = ["a", "b c"]
WORDS = ["", "x", "X", "xy", "y\u00e9", "\U0001f600", "1", " 1e0 ", "0.5", "nan", LONG]
NUMBERS = [-1.0, -0.0, 0.0, 0.5, 1e308, math.inf, -math.inf, math.nan]

ORDERS = [
    [],
    ["start_time DESC"],
    ["start_time"],
    ["end_time DESC"],
    ["duration"],
    ["status", "run_name DESC"],
    ["metrics.a"],
    ["metrics.a DESC"],
    ["min(metrics.a) DESC", "metrics.`b c`"],
    ["max(metrics.`b c`)"],
    ["params.a"],
    ["params.a DESC"],
    ["num(params.a) DESC", "tags.a", "run_id DESC"],
    ["tags.a DESC", "metrics.a", "params.a", "start_time"],
]
FILTERS = [
    "",
    "metrics.a < 0.5",
    "metrics.a >= -1 AND metrics.a <= 0",
    "metrics.a = 0 OR params.a = 'x'",
    "metrics.`b c` BETWEEN -1 AND 1e308",
    "metrics.a != 0 AND tags.a = 'x'",
    "metrics.a > 1e308",
    "max(metrics.a) > 0 AND start_time >= 2.5",
    "params.a = 'x' AND tags.a IN ('x', 'X', '1')",
    "params.a LIKE 'x%'",
    "params.a LIKE 'x_' AND status = 'RUNNING'",
    f"params.a = '{LONG}'",
    "tags.a IS NULL",
    "tags.a IS NOT NULL AND NOT metrics.a > 0",
    "num(params.a) > 0.6",
    "num(params.a) IS NULL AND end_time IS NULL",
    "end_time < 4.5 AND start_time > 0.5",
    "run_name ~ '1'",
]

run_numbers = st.integers(0, 6)
OPERATION = st.one_of(
    st.tuples(st.just("create"), st.integers(0, 3)),
    st.tuples(
        st.just("metric"), run_numbers, st.sampled_from(KEYS), st.sampled_from(NUMBERS), st.integers(0, 3)
    ),
    st.tuples(st.just("param"), run_numbers, st.sampled_from(KEYS), st.sampled_from(WORDS)),
    st.tuples(st.just("tag"), run_numbers, st.sampled_from(KEYS), st.sampled_from(WORDS)),
    st.tuples(st.just("untag"), run_numbers, st.sampled_from(KEYS)),
    st.tuples(st.just("end"), run_numbers, st.sampled_from(["FINISHED", "FAILED"]), st.integers(3, 6)),
    st.tuples(st.just("rename"), run_numbers, st.sampled_from(["n1", "n2"])),
    st.tuples(st.just("delete"), run_numbers),
    st.tuples(st.just("restore"), run_numbers),
    st.tuples(st.just("all"), st.booleans()),
)
QUESTION = st.tuples(
    st.sampled_from(FILTERS), st.sampled_from(ORDERS), st.sampled_from(["active", "active", "deleted", "all"])
)
BEGINNING = st.lists(st.tuples(st.just("create"), st.integers(0, 3)), min_size=2, max_size=5)


@pytest.fixture
def app(db, tmp_path, monkeypatch) -> App:
    monkeypatch.setattr(rankings, "LARGE", 0)
    monkeypatch.setattr(rankings, "CHUNK", 3)
    return App(ServerSettings(data_dir=tmp_path), db, FolderStore(tmp_path / "artifacts"))


class Story:
    """An experiment whose runs are written as a user's would be."""

    def __init__(self, app: App, experiment_id: str) -> None:
        self.app, self.experiment_id = app, experiment_id
        self.made: list[str] = []
        self.deleted: set[str] = set()

    async def apply(self, operation: tuple) -> None:
        what, *rest = operation
        if what == "create":
            new = runs.NewRun(self.experiment_id, f"n{len(self.made)}", start_ms=rest[0])
            self.made.append((await runs.create(self.app, new)).info.uuid)
        elif what == "all":
            await self.all_at_once(rest[0])
        elif rest[0] < len(self.made):
            uuid = self.made[rest[0]]
            if what == "restore" or uuid not in self.deleted:
                await self.write(what, uuid, *rest[1:])

    async def all_at_once(self, again: bool) -> None:
        await experiments.delete(self.app, self.experiment_id)
        self.deleted = set(self.made)
        if again:
            await experiments.restore(self.app, self.experiment_id)
            self.deleted = set()
        else:  # an experiment that is deleted takes no new runs
            await experiments.restore(self.app, self.experiment_id)
            for uuid in self.made:
                await runs.delete(self.app, uuid)

    async def write(self, what: str, uuid: str, *values) -> None:
        app = self.app
        if what == "metric":
            key, value, step = values
            await logging.log_batch(app, uuid, logging.Batch([Point(key, step, 1, value)]))
        elif what == "param" and values[0] not in (await runs.get(app, uuid)).params:
            await logging.log_param(app, uuid, *values)
        elif what == "tag":
            await logging.set_tag(app, uuid, *values)
        elif what == "untag" and values[0] in (await runs.get(app, uuid)).tags:
            await logging.delete_tag(app, uuid, *values)
        elif what == "end":
            await runs.update(app, uuid, status=values[0], end_ms=values[1])
        elif what == "rename":
            await runs.update(app, uuid, name=values[0])
        elif what == "delete":
            self.deleted.add(uuid)
            await runs.delete(app, uuid)
        elif what == "restore":
            self.deleted.discard(uuid)
            await runs.restore(app, uuid)

    async def plain(self, wanted: search.Search) -> list[str]:
        """What the statement finds that sorts all that matches."""
        found = filters.RunSearch(
            self.app.db.engine,
            experiment_ids=[int(self.experiment_id)],
            filter=wanted.filter,
            order_by=wanted.order_by,
            view=wanted.view,
        )
        (statement,) = found.page(Page(1000), None, None)
        return [row["uuid"] for row in await self.app.db.search(lambda tx: tx.select(statement))]

    async def check(self, question: tuple) -> None:
        wanted = search.Search([self.experiment_id], *question)
        expected = await self.plain(wanted)
        assert await self.pages(wanted, 1000, by_offset=False) == expected, question
        assert await self.pages(wanted, 2, by_offset=False) == expected, question
        assert await self.pages(wanted, 3, by_offset=True) == expected, question
        assert await search.count(self.app, wanted) == len(expected), question
        assert await search.count(self.app, wanted, at_most=2) == min(len(expected), 2), question
        await self.check_columns()

    async def pages(self, wanted: search.Search, size: int, *, by_offset: bool) -> list[str]:
        seen: list[str] = []
        page, more = Page(size), True
        while more:
            found, more, after = await search.find(self.app, wanted, page)
            seen += [run.info.uuid for run in found]
            page = Page(size, page.offset + size, b"" if by_offset else after)
        return seen

    async def check_columns(self) -> None:
        wanted = search.Search([self.experiment_id])
        active = (await search.find(self.app, wanted, Page(1000))).runs
        expected = [
            sorted({metric.key for run in active for metric in run.metrics}),
            sorted({key for run in active for key in run.params}),
            sorted({key for run in active for key in run.tags}),
        ]
        assert list(await columns.names(self.app, self.experiment_id)) == expected


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    beginning=BEGINNING,
    rounds=st.lists(st.lists(OPERATION, min_size=1, max_size=12), min_size=2, max_size=4),
    questions=st.lists(QUESTION, min_size=1, max_size=3),
)
def test_rankings_give_what_sorting_gives(app, run, beginning, rounds, questions):
    """The same questions after every round of writes, so that rankings are there and out of date."""
    numbers = iter(range(10**9))

    async def tell() -> None:
        name = (
            f"e{next(numbers)} {id(rounds)} {len(await experiments.search(app, '', [], 'all', Page(9999)))}"
        )
        story = Story(app, str(await experiments.create(app, name)))
        for operations in [beginning, *rounds]:
            for operation in operations:
                await story.apply(operation)
            for question in questions:
                await story.check(question)
                await app.rankings.settled()
                await story.check(question)

    run(tell())


async def with_runs(app: App, count: int) -> Story:
    story = Story(app, str(await experiments.create(app, "e")))
    for number in range(count):
        await story.apply(("create", number))
        await story.apply(("metric", number, "a", float(number % 5), 0))
    return story


def known(app: App, story: Story):
    async def job(tx):
        return await tx.all("rankings_of_experiment", experiment_id=int(story.experiment_id))

    return app.db.read(job)


def rows_of(app: App, query: str):
    async def job(tx):
        return await tx.select(SimpleNamespace(sql=query, values=()))

    return app.db.read(job)


def test_a_ranking_is_made_once_and_brought_up_to_date(app, run):
    async def tell():
        story = await with_runs(app, 6)
        question = ("metrics.a < 3", ["metrics.a DESC"], "active")
        await story.check(question)
        await app.rankings.settled()
        made = await known(app, story)
        assert {ranking["built_to"] for ranking in made} == {rankings.ALL}
        assert len(made) == 3, "the order, the filter's field, the columns"
        assert not await rows_of(app, "SELECT * FROM changed_run")
        await story.apply(("metric", 0, "a", -7.0, 5))
        await story.apply(("metric", 0, "a", -8.0, 6))
        assert len(await rows_of(app, "SELECT * FROM changed_run")) == 1
        await story.check(question)
        await app.rankings.settled()
        assert await known(app, story) == made
        assert not await rows_of(app, "SELECT * FROM changed_run")

    run(tell())


def test_writes_during_a_search_are_never_lost_to_the_next(app, run):
    """Loggers and readers at once: what was acknowledged before a search is what it finds, to the last value."""

    async def tell():
        story = await with_runs(app, 8)
        question = search.Search([story.experiment_id], "", ["metrics.a DESC"])
        logged = dict.fromkeys(story.made, 0.0)

        async def log(uuid: str, number: int) -> None:
            for step in range(1, 12):
                value = float(step * 100 + number)
                await logging.log_metric(app, uuid, Point("a", step, step, value))
                logged[uuid] = value

        async def look() -> None:
            for _ in range(25):
                before = dict(logged)
                found = (await search.find(app, question, Page(100))).runs
                values = {run.info.uuid: run.metrics[0].value for run in found}
                assert all(values[uuid] >= before[uuid] for uuid in story.made)
                await asyncio.sleep(0)

        await asyncio.gather(*(log(uuid, n) for n, uuid in enumerate(story.made)), look(), look())
        await story.check(("", ["metrics.a DESC"], "active"))

    run(tell())


def test_the_one_used_least_lately_makes_room(app, run, monkeypatch):
    monkeypatch.setattr(rankings, "MOST", 2)

    async def tell():
        story = await with_runs(app, 4)
        for order in ("metrics.a", "params.a", "tags.a", "run_name"):
            await story.check(("", [order], "active"))
            await app.rankings.settled()
        kept = {ranking["name"] for ranking in await known(app, story)}
        assert kept == {'[["tag", "a", "", true]]', '[["attribute", "run_name", "", true]]', rankings.COLUMNS}
        numbers = [ranking["id"] for ranking in await known(app, story)]
        left = {row["ranking_id"] for row in await rows_of(app, "SELECT DISTINCT ranking_id FROM ranked")}
        assert left <= set(numbers)
        assert {row["id"] for row in await rows_of(app, "SELECT id FROM ranking")} == set(numbers)

    run(tell())


def test_one_that_was_being_made_when_the_server_died_is_made_to_its_end(app, run):
    async def tell():
        story = await with_runs(app, 9)
        wanted = rankings.Wanted(int(story.experiment_id), '[["metric", "a", "", true]]')
        number = await app.db.write(lambda tx: rankings._begin(tx, wanted))
        await app.db.write(lambda tx: rankings._build_some(tx, app.db.engine, number))
        assert (await known(app, story))[0]["built_to"] < rankings.ALL
        await story.apply(("metric", 0, "a", 9.0, 5))
        await story.apply(("metric", 8, "a", 8.0, 5))
        await story.check(("", ["metrics.a"], "active"))
        await app.rankings.settled()
        assert (await known(app, story))[0]["built_to"] == rankings.ALL
        await story.check(("", ["metrics.a"], "active"))

    run(tell())


def test_a_place_of_another_search_counts_as_its_offset(app, run):
    async def tell():
        story = await with_runs(app, 6)
        by_metric = search.Search([story.experiment_id], "", ["metrics.a"])
        for _ in range(2):
            after = (await search.find(app, by_metric, Page(2))).after
            await app.rankings.settled()
        newest = search.Search([story.experiment_id])
        found = await search.find(app, newest, Page(2, 2, after))
        assert [run.info.uuid for run in found.runs] == (await story.plain(newest))[2:4]
        found = await search.find(app, by_metric, Page(2, 4, after))
        assert [run.info.uuid for run in found.runs] == (await story.plain(by_metric))[2:4]

    run(tell())


def test_what_is_removed_for_good_leaves_no_rank(app, run):
    """Rows of runs and experiments can go without asking who ranks them."""

    async def tell():
        story = await with_runs(app, 5)
        await story.check(("", ["metrics.a"], "active"))
        await app.rankings.settled()
        await story.check(("", ["metrics.a"], "active"))
        number = int(story.experiment_id)

        async def remove(tx):
            # Composed statements alone would not count as a write.
            await tx.run("set_experiment_tag", id=number, key="k", value="v")
            for table in ("tag", "param", "series", "tail", "run"):
                await tx.select(SimpleNamespace(sql=f"DELETE FROM {table}", values=()))
            await tx.select(SimpleNamespace(sql="DELETE FROM experiment_tag", values=()))
            await tx.select(SimpleNamespace(sql="DELETE FROM experiment", values=()))

        await app.db.write(remove)
        assert not await rows_of(app, "SELECT * FROM ranked")
        assert not await rows_of(app, "SELECT * FROM run_key")
        other = Story(app, str(await experiments.create(app, "other")))
        await other.apply(("create", 1))
        await other.check(("", ["metrics.a"], "active"))
        await app.rankings.settled()
        kept = await rows_of(app, "SELECT experiment_id FROM ranking")
        assert {row["experiment_id"] for row in kept} == {int(other.experiment_id)}

    run(tell())
