"""Packs what runs have logged, in the background: a server that is ended in the midst of it loses nothing."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from trackside.core.app import App
from trackside.errors import TracksideError
from trackside.store.database import Job, Row, Transaction
from trackside.store.series import compact

log = logging.getLogger("trackside.compaction")
PAUSE_SECONDS = 5.0  # after the store refused, or what nobody foresaw
FLOOR_BYTES = 64 * 1024**2  # free space that is left to what is logged: packing writes before it deletes
LOOK_SECONDS = 600.0  # for what other servers have left


class Compactor:
    """The one of a server. On PostgreSQL there are as many as servers: of two at one run, one is told to stop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._is_full = False  # so was the disk when it was last looked at

    async def run(self) -> None:
        """Compact what is due, for ever; cancel it to stop."""
        tails, loop = self._app.tails, asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            tails.woken.clear()
            if loop.time() >= look_at:
                look_at = loop.time() + LOOK_SECONDS
                await self._look_around()
            await self._room()
            while taken := tails.take():
                run_id, tail = taken
                if not await self._safely(run_id) and tail.points >= tail.enough:
                    tails.too_wide(run_id, tail)
                await self._room()
            until_due, until_look = tails.wait_seconds(), max(0.1, look_at - loop.time())
            wait = until_look if until_due is None else min(until_due, until_look)
            try:
                async with asyncio.timeout(wait):
                    await tails.woken.wait()
            except TimeoutError:
                pass

    async def _room(self) -> None:
        """Wait while the disk of SQLite's file is nearly full; says so once. PostgreSQL has a disk of its own."""
        if self._app.db.engine != "sqlite":
            return
        while why := _no_room(self._app.settings.data_dir):
            if not self._is_full:
                log.warning("compaction waits: %s. Nothing is lost; what is logged is stored unpacked.", why)
            self._is_full = True
            await asyncio.sleep(PAUSE_SECONDS)
        if self._is_full:
            log.warning("compaction goes on: there is free space again.")
        self._is_full = False

    async def _look_around(self) -> None:
        """What earlier servers, and others on this store, have left to be done."""

        async def job(tx: Transaction) -> set[int]:
            rows = [*await tx.all("runs_with_tail"), *await tx.all("runs_unfinished")]
            return {row["id"] for row in rows}

        try:
            found = await self._app.db.read(job)
        except TracksideError as error:
            log.warning("compaction waits: %s", error.message)
            return
        for run_id in sorted(found):
            self._app.tails.look(run_id)

    async def _safely(self, run_id: int) -> bool:
        try:
            return await compact_run(self._app, run_id)
        except compact.Outdated:
            self._app.tails.look(run_id)
        except TracksideError as error:
            log.warning("compaction of run %d: %s", run_id, error.message)
        except Exception:  # a mistake of ours must not be repeated as fast as it can be
            log.exception("compaction of run %d", run_id)
        await asyncio.sleep(PAUSE_SECONDS)
        return False


def _no_room(folder: Path) -> str:
    """Why nothing can be packed there now; empty when it can."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"the free space of {folder} is unknown ({error.strerror})"
    return "" if free >= FLOOR_BYTES else f"{folder} has less than {FLOOR_BYTES >> 20} MiB of free space"


async def compact_run(app: App, run_id: int) -> bool:
    """Compact a run until nothing of it is worth it; whether anything was. Raises Outdated, CorruptPoints."""
    done = False
    while await _step(app, run_id):
        done = True
    return done


async def _step(app: App, run_id: int) -> bool:
    async def read(tx: Transaction) -> tuple[Row, compact.Work] | None:
        run = await tx.one("run_to_compact", id=run_id)
        work = await compact.plan(tx, run) if run else None
        return (run, work) if run and work else None

    found = await app.db.read(read)
    if found is None:
        return False
    run, work = found
    slices, number = compact.packed(work), 0
    while work.pieces and (part := await asyncio.to_thread(_following, slices)):
        await app.db.write(_write(work, part, number), runs=(run["uuid"],))
        number += 1
    await app.db.write(_finish(work, number), runs=(run["uuid"],))
    if work.is_last and app.db.engine == "sqlite":
        await app.db.shrink()  # PostgreSQL does so by itself
    return not work.is_last


def _following(slices: Iterator[compact.Slice]) -> compact.Slice | None:
    return next(slices, None)


def _write(work: compact.Work, part: compact.Slice, number: int) -> Job[None]:
    async def job(tx: Transaction) -> None:
        await compact.write(tx, work, part, number)

    return job


def _finish(work: compact.Work, number: int) -> Job[None]:
    async def job(tx: Transaction) -> None:
        await compact.finish(tx, work, number)

    return job
