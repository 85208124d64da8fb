"""Searching for runs: a page in an order, and how many there are."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from trackside import filters
from trackside.core import rankings, runs
from trackside.core.app import App
from trackside.core.load import whole_runs
from trackside.errors import StorageFull
from trackside.filters import Driver, RunSearch
from trackside.model import Page, Run, View
from trackside.store.database import Row, Transaction

COUNT_LIMIT = 10_000  # beyond, a total is "more than"
MARK = 8  # bytes that say of which search a place is


class Search(NamedTuple):
    """Which runs are wanted, in which order."""

    experiment_ids: list[str]
    filter: str = ""
    order_by: list[str] = []
    view: View = "active"


class Found(NamedTuple):
    runs: list[Run]
    more: bool
    after: bytes = b""  # where the next page begins


class Plan(NamedTuple):
    """How a search goes: by which ranking, by which runs; and what it could have used."""

    ranking_id: int | None = None
    driver: Driver | None = None
    exact: Driver | None = None  # its runs are those that match, up to the limit
    used: Sequence[Row] = ()
    missed: Sequence[str] = ()


async def find(app: App, wanted: Search, page: Page) -> Found:
    """A page of runs; by default the newest first."""
    search = _prepared(app, wanted)
    mark = _mark(wanted)
    after = page.after[MARK:] if page.after[:MARK] == mark else b""

    async def job(tx: Transaction, plan: Plan) -> Found:
        by_place = after if plan.ranking_id is not None or search.is_default else b""
        rows = await _rows(tx, search, plan, Page(page.limit + 1, page.offset, by_place))
        found, more = rows[: page.limit], len(rows) > page.limit
        last = mark + _place(search, plan, found[-1]) if more else b""
        return Found(await whole_runs(tx, found), more, last)

    return await _planned(app, search, page.limit, job)


async def count(app: App, wanted: Search, at_most: int = COUNT_LIMIT) -> int:
    """How many runs match; counting stops at `at_most`."""
    search = _prepared(app, wanted)

    async def job(tx: Transaction, plan: Plan) -> int:
        counted = search.count_in(plan.exact) if plan.exact else search.count(at_most, plan.driver)
        return int((await tx.select(counted))[0]["n"])

    return await _planned(app, search, at_most, job)


def _prepared(app: App, wanted: Search) -> RunSearch:
    return RunSearch(
        app.db.engine,
        experiment_ids=runs.experiment_numbers(wanted.experiment_ids),
        filter=wanted.filter,
        order_by=wanted.order_by,
        view=wanted.view,
    )


def _mark(wanted: Search) -> bytes:
    """Tells places of this search from those of others: only in the same order does a place mean the same."""
    what = repr((sorted(set(wanted.experiment_ids)), wanted.order_by, wanted.view))
    return hashlib.blake2b(what.encode(errors="replace"), digest_size=MARK).digest()


def _place(search: RunSearch, plan: Plan, row: Row) -> bytes:
    if plan.ranking_id is not None:
        return bytes(row["position"])
    return filters.tie(row["start_ms"], row["uuid"]) if search.is_default else b""


async def _rows(tx: Transaction, search: RunSearch, plan: Plan, page: Page) -> list[Row]:
    rows: list[Row] = []
    for statement in search.page(page, plan.ranking_id, plan.driver):
        rows += await tx.select(statement)
        if len(rows) >= page.limit:
            break
    return rows[: page.limit]


T = TypeVar("T")


async def _planned(
    app: App, search: RunSearch, limit: int, job: Callable[[Transaction, Plan], Awaitable[T]]
) -> T:
    """The result of a job that reads, with the plan that rankings allow."""
    experiment_id = search.experiment
    if experiment_id is None or not (search.order or search.candidates):
        return await app.search(lambda tx: job(tx, Plan()))

    async def if_current(tx: Transaction) -> tuple[Plan, T] | None:
        if not await rankings.are_current(tx, experiment_id):
            return None
        plan = await _plan(tx, search, experiment_id, limit)
        return plan, await job(tx, plan)

    async def as_it_is(tx: Transaction) -> tuple[Plan, T]:
        plan = await _plan(tx, search, experiment_id, limit) if refreshed else Plan()
        return plan, await job(tx, plan)

    done = await app.search(if_current)
    if done is None:
        try:
            await rankings.refresh(app.db, experiment_id)
            refreshed = True
        except StorageFull:  # reading must go on
            refreshed = False
        # What is written from now on came after this search: it need not see it.
        done = await app.search(as_it_is)
    plan, result = done
    for ranking in plan.used:
        app.rankings.used(ranking)
    for name in plan.missed:
        app.rankings.want(rankings.Wanted(experiment_id, name, search.view))
    return result


async def _plan(tx: Transaction, search: RunSearch, experiment_id: int, limit: int) -> Plan:
    known = [
        ranking
        for ranking in await tx.all("rankings_of_experiment", experiment_id=experiment_id)
        if ranking["view"] == search.view and ranking["name"] != rankings.COLUMNS
    ]
    ready = [ranking for ranking in known if ranking["built_to"] == rankings.ALL]
    order = next((ranking for ranking in ready if ranking["name"] == search.order), None)
    by_field = {filters.field_of(ranking["name"]): ranking for ranking in ready}
    missed = [search.order] if search.order and order is None else []
    drivers = []
    for candidate in search.candidates:
        if ranking := by_field.get((candidate.field, True)):
            drivers.append((ranking, candidate.ascending, candidate.settles))
        elif ranking := by_field.get((candidate.field, False)):
            drivers.append((ranking, candidate.descending, candidate.settles))
        else:
            missed.append(filters.by_field(candidate.field))
    if missed and not await tx.one("is_large", experiment_id=experiment_id, runs=rankings.LARGE):
        missed = []
    if order and await tx.select(search.is_unfit(order["id"])):
        order = None
    used = [ranking for ranking, *_ in drivers] + ([order] if order else [])
    drivers = [each for each in drivers if not await tx.select(search.is_unfit(each[0]["id"]))]
    exact = Driver(drivers[0][0]["id"], drivers[0][1], limit) if drivers and search.is_exact else None
    driver = await _driver(tx, search, drivers, limit)
    return Plan(order["id"] if order else None, driver, exact, used, missed)


async def _driver(
    tx: Transaction,
    search: RunSearch,
    rankings_: list[tuple[Row, list[filters.Range], int | None]],
    limit: int,
) -> Driver | None:
    """The comparison that fewest runs satisfy, if looking at these costs less than a walk until the page is full.

    Of n runs of which m match, a walk passes n / m for each that it finds: the two cost the same when m² = n · limit.
    """
    best: Driver | None = None
    for ranking, ranges, settles in rankings_:
        walked = limit + 2 * math.isqrt(limit * max(ranking["runs"], 1))
        driver = Driver(ranking["id"], ranges, best.most if best else walked, settles)
        found = (await tx.select(search.count_in(driver)))[0]["n"]
        if found < driver.most:
            best = driver._replace(most=max(found, 1))
    return best
