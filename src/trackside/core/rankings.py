"""Rankings: orders of an experiment's runs that are kept, made when somebody asks for one.

Whoever changes a run of an experiment with rankings marks it (`changed`), in the same transaction. Whoever searches
brings the rankings up to date first (`refresh`), which costs as much as has changed since: so what a training logs a
thousand times between two looks is ranked once, and a reader sees every acknowledged write. Only writes that are alone
touch rankings, so none is on its way meanwhile, on one server or several.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from trackside import filters
from trackside.core.names import now_ms
from trackside.errors import TracksideError
from trackside.model import View
from trackside.store.database import Database, Row, Transaction

LARGE = 1000  # runs; below, sorting them for each page costs less than a ranking
MOST = 32  # rankings of an experiment: the one that was used least lately makes room
CHUNK = 2000  # runs ranked in one transaction: other writes wait for some 20 ms
WINDOW = 50_000  # numbers of runs looked through for them
COLUMNS = "columns"  # the name of the one that is the table `run_key`
ALL = 2**63 - 1  # `built_to` of one that is complete
USE_MS = 3_600_000  # how exactly it is known when a ranking was used


class Wanted(NamedTuple):
    """A ranking that somebody could have used."""

    experiment_id: int
    name: str
    view: View = "active"


async def changed(tx: Transaction, run: Row) -> None:
    """Note that rankings must look at this run again; for every write of what can be searched for."""
    if run["to_mark"]:
        await tx.run("mark_changed", experiment_id=run["experiment_id"], run_id=run["id"])


async def give_up(tx: Transaction, experiment_id: int) -> None:
    """For a change of all runs of an experiment: rankings are made anew when they are asked for."""
    await tx.run("give_up_rankings", experiment_id=experiment_id)
    await tx.run("forget_all_changed", experiment_id=experiment_id)
    await tx.run("forget_keys", experiment_id=experiment_id)


async def are_current(tx: Transaction, experiment_id: int) -> bool:
    """Whether no run of the experiment has changed since the last refresh."""
    return await tx.one("some_changed_run", experiment_id=experiment_id) is None


async def refresh(db: Database, experiment_id: int) -> None:
    """Bring the experiment's rankings up to date with all that was written before."""

    async def job(tx: Transaction) -> bool:
        return await refresh_some(tx, db.engine, experiment_id)

    while await db.write(job):
        pass


async def refresh_some(tx: Transaction, engine: str, experiment_id: int, most: int = CHUNK) -> bool:
    """The same for the first changed runs, within a write that is alone; whether there may be more."""
    found = await tx.one("changed_runs", experiment_id=experiment_id, limit=most)
    if not found or not found["runs"]:
        return False
    last = found["last"]
    for ranking in await tx.all("rankings_of_experiment", experiment_id=experiment_id):
        if ranking["name"] == COLUMNS:
            await tx.run("add_keys_of_changed", experiment_id=experiment_id, last=last)
            await tx.run("doubt_keys_of_deleted", experiment_id=experiment_id, last=last)
            continue
        await tx.run("unrank_changed", id=ranking["id"], experiment_id=experiment_id, last=last)
        values = filters.ranking_values(
            engine,
            ranking["name"],
            experiment_id=experiment_id,
            view=ranking["view"],
            after=0,
            to=min(last, ranking["built_to"]),
            changed_only=True,
            limit=most,
        )
        await _rank(tx, ranking, await tx.select(values))
    await tx.run("forget_changed", experiment_id=experiment_id, last=last)
    return bool(found["runs"] == most)


async def _rank(tx: Transaction, ranking: Row, rows: Sequence[Row]) -> None:
    orders = filters.orders_of(ranking["name"])
    found = sorted((filters.position_of(row, orders), row["id"]) for row in rows)
    number = ranking["id"]
    await tx.many(
        "rank_run",
        [{"ranking_id": number, "position": position, "run_id": run_id} for position, run_id in found],
    )


class Rankings:
    """Makes rankings that searches have missed, one after the other, beside all else that goes on."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._wanted: dict[Wanted | int, None] = {}  # an ordered set; a number is of a ranking that was used
        self._used: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None

    def want(self, work: Wanted | int) -> None:
        """Make this ranking soon, if the experiment is large enough; of a number, note that it was used."""
        self._wanted.setdefault(work)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._make_all())

    def used(self, ranking: Row) -> None:
        """Remember that this ranking is worth its place."""
        if self._used.setdefault(ranking["id"], ranking["used_ms"]) < now_ms() - USE_MS:
            self._used[ranking["id"]] = now_ms()
            self.want(ranking["id"])

    async def settled(self) -> None:
        """Wait until everything wanted is made."""
        if self._task:
            await self._task

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def _make_all(self) -> None:
        while self._wanted:
            work = next(iter(self._wanted))
            # A store that is full or busy is worth another try with the next search that misses the ranking.
            with contextlib.suppress(TracksideError):
                await (self._touch(work) if isinstance(work, int) else self._make(work))
            self._wanted.pop(work, None)

    async def _touch(self, number: int) -> None:
        async def job(tx: Transaction) -> int:
            return await tx.run("ranking_was_used", id=number, now_ms=now_ms())

        await self._db.write(job)

    async def _make(self, wanted: Wanted) -> None:
        async def begin(tx: Transaction) -> int | None:
            return await _begin(tx, wanted)

        async def build(tx: Transaction) -> bool:
            return number is not None and await _build_some(tx, self._db.engine, number)

        number = await self._db.write(begin)
        while await self._db.write(build):
            pass
        while await self._db.write(_remove_some):
            pass


async def _begin(tx: Transaction, wanted: Wanted) -> int | None:
    """The number of the ranking, made if it is not there; None for an experiment that needs none."""
    if not await tx.one("is_large", experiment_id=wanted.experiment_id, runs=LARGE):
        return None
    known = await tx.all("rankings_of_experiment", experiment_id=wanted.experiment_id)
    for ranking in known:
        if (ranking["name"], ranking["view"]) == (wanted.name, wanted.view):
            return int(ranking["id"])
    kept = [ranking for ranking in known if ranking["name"] != COLUMNS]
    if len(kept) >= MOST:
        await tx.run("give_up_ranking", id=min(kept, key=lambda each: int(each["used_ms"]))["id"])
    made = await tx.insert("add_ranking", **wanted._asdict(), now_ms=now_ms())
    return int(made["id"])


async def _build_some(tx: Transaction, engine: str, number: int) -> bool:
    """Add the next runs to a ranking that is being made; whether there are more."""
    ranking = await tx.one("ranking_by_id", id=number)
    if ranking is None or ranking["built_to"] == ALL:
        return False
    greatest = (await tx.all("greatest_run"))[0]["id"] or 0
    after = ranking["built_to"]
    if ranking["name"] == COLUMNS:
        last, runs = after + CHUNK, 0
        await tx.run("add_keys", experiment_id=ranking["experiment_id"], after=after, last=last)
    else:
        last = after + WINDOW
        values = filters.ranking_values(
            engine,
            ranking["name"],
            experiment_id=ranking["experiment_id"],
            view=ranking["view"],
            after=after,
            to=last,
            changed_only=False,
            limit=CHUNK,
        )
        rows = await tx.select(values)
        await _rank(tx, ranking, rows)
        runs = len(rows)
        last = rows[-1]["id"] if runs == CHUNK else last
    more = last < greatest
    await tx.run("ranking_is_built", id=number, built_to=last if more else ALL, runs=runs)
    return bool(more)


async def _remove_some(tx: Transaction) -> bool:
    """Remove rows of a ranking that was given up; whether there are more."""
    found = await tx.one("given_up_ranking")
    if found and not await tx.run("remove_ranked", id=found["id"], rows=CHUNK):
        await tx.run("remove_ranking", id=found["id"])
    return found is not None


# --- keys of runs


async def settle_doubts(db: Database, experiment_id: int, doubtful: Sequence[Row]) -> None:
    """Look whether an active run still has each of these keys, and forget the others."""

    async def look(tx: Transaction) -> list[Row]:
        return [
            key
            for key in doubtful
            if await tx.one(f"run_with_{key['kind']}", experiment_id=experiment_id, key=key["key"])
        ]

    async def settle(tx: Transaction) -> None:
        # A key that a run has got since has another version after this.
        while await refresh_some(tx, db.engine, experiment_id):
            pass
        for key in doubtful:
            query = "trust_key" if key in kept else "remove_key"
            at = {name: key[name] for name in ("kind", "key", "version")}
            await tx.run(query, experiment_id=experiment_id, **at)

    kept = await db.search(look)
    await db.write(settle)
