"""Group commit: a few connections that take what waits, write it in one transaction, and answer after its commit.

What waits is taken in order, up to a bound, and shared out so that no two connections of a process
wait for each other: jobs of one run go to the same group or stay until that is done.

A refusal before its job has written anything fails alone. Anything else rolls the group back, and its
jobs are run one by one. When the connection is lost before COMMIT was sent, nothing of the group is
stored, and it is run again on a new connection. When it is lost after that, the group may be stored or
not: each transaction puts its number into its writer's row (table `writer`), and the next connection
looks whether that number is there. It locks the row to look, so that it waits for a transaction that
still ends. (`pg_xact_status` would not do: after a crash PostgreSQL gives numbers again that it had
given before.)
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from trackside.errors import TracksideError, Unavailable
from trackside.store.database import Job
from trackside.store.postgres import locks
from trackside.store.postgres.connect import (
    Connection,
    Lost,
    connect_in_time,
    end,
    is_lost,
    translated,
)
from trackside.store.postgres.transaction import PostgresTransaction

GROUP_LIMIT = 256  # jobs a transaction: bounds how long the first of them waits for its answer
COMMAND_SECONDS = 30.0  # a statement of a write that takes longer is broken off
_SETTINGS = {
    "lock_timeout": "20s",
    "statement_timeout": "30s",
    # A process that hangs in a transaction must not hold its locks for ever.
    "idle_in_transaction_session_timeout": "60s",
}
_FORGET_WRITERS_MS = 30 * 24 * 3600 * 1000

Tells = Callable[[frozenset[str]], Sequence[str]]  # changed tables -> messages that go out with the commit


@dataclass(eq=False)
class Write:
    """A job that waits, or is under way."""

    job: Job[Any]
    runs: Sequence[str] | None
    answer: asyncio.Future[Any]
    until: float  # of the event loop's clock: then it is refused if nothing has become of it

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(frozen=True)
class _Failed:
    error: BaseException


class Queue:
    """What waits, in order, and the runs that are being written."""

    def __init__(self) -> None:
        self._waiting: deque[Write] = deque()
        self._busy: set[str] = set()
        self._changed = asyncio.Event()
        self.closed = False

    def put(self, write: Write) -> None:
        self._waiting.append(write)
        self._changed.set()

    def close(self) -> None:
        self.closed = True
        self._changed.set()

    async def take(self) -> list[Write]:
        """The next group; empty when the queue is closed and nothing is left for the caller."""
        while True:
            if group := self._group():
                return group
            if self.closed and not self._waiting:
                return []
            self._changed.clear()
            await self._changed.wait()

    def done(self, group: Iterable[Write]) -> None:
        """Its runs are free again."""
        for write in group:
            self._busy.difference_update(write.runs or ())
        self._changed.set()

    def expire(self, now: float) -> None:
        """Refuse what has waited too long: the database is away."""
        kept = [write for write in self._waiting if write.until > now]
        for write in self._waiting:
            if write.until <= now:
                write.fail(translated(Lost()))
        self._waiting = deque(kept)

    def _group(self) -> list[Write]:
        group: list[Write] = []
        left: deque[Write] = deque()
        alone = False
        held = set(self._busy)
        while self._waiting and len(group) < GROUP_LIMIT:
            write = self._waiting.popleft()
            # A caller that gave up before its turn may send again: storing both would double it.
            if write.answer.done():
                continue
            if write.runs is None and group and not alone:
                left.append(write)  # its turn is the next group's: who names its runs does not wait for it
                break
            if write.runs is not None and not held.isdisjoint(write.runs):
                held.update(write.runs)  # those behind it wait too, in their order
                left.append(write)
                continue
            alone = alone or write.runs is None
            group.append(write)
        self._waiting = left + self._waiting
        for write in group:
            self._busy.update(write.runs or ())
        return group


@dataclass
class Writer:
    """One connection that writes."""

    url: str
    queue: Queue
    tells: Tells
    _id: str = field(default_factory=lambda: secrets.token_hex(8))
    _sequence: int = 0
    _connection: Connection = None
    _is_committing: bool = False

    async def run(self) -> None:
        """Write what waits until the queue is closed and empty."""
        try:
            while group := await self.queue.take():
                try:
                    await self._commit(group)
                finally:
                    for write in group:
                        write.fail(Unavailable("The server is shutting down."))  # if nothing else was said
                    self.queue.done(group)
        finally:
            await self._drop()

    async def _commit(self, group: list[Write]) -> None:
        """Run the jobs of a group and answer them."""
        while group:
            try:
                results = await self._attempt(group)
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to the jobs that wait for it
                if is_lost(error) or isinstance(error, Lost):
                    group = await self._after_loss(group)
                    continue
                await self._roll_back()
                if len(group) > 1 and not isinstance(error, asyncpg.LockNotAvailableError):
                    for write in group:  # something in the group spoiled it: alone, only the bad one fails
                        await self._commit([write])
                else:
                    for write in group:
                        write.fail(translated(error))
                return
            _answer(group, results)
            return

    async def _attempt(self, group: list[Write]) -> list[Any]:
        self._results: list[Any] = []
        connection = await self._connected(max(write.until for write in group))
        await self._begin(connection, group)
        tx = self._tx = PostgresTransaction(connection, steady=True)
        try:
            if runs := [uuid for write in group for uuid in write.runs or ()]:
                await _look_up(tx, runs)
            results = self._results
            for write in group:
                results.append(await _result(tx, write))
            for gatherer in tx.gathered.values():
                await gatherer.flush(tx)
            await self._end_transaction(tx, connection)
        except BaseException:
            if not self._is_committing:
                self._discard()
            raise
        return results

    async def _begin(self, connection: Connection, group: list[Write]) -> None:
        alone = any(write.runs is None for write in group)
        runs = None if alone else [uuid for write in group for uuid in write.runs or ()]
        self._sequence += 1
        now = time.time_ns() // 1_000_000
        # In one message, all of it numbers and texts of ours.
        await connection.execute(
            f"BEGIN; {locks.statements(runs)}"  # noqa: S608
            f" INSERT INTO writer VALUES ('{self._id}', {self._sequence}, {now}) ON CONFLICT (id)"
            f" DO UPDATE SET sequence = excluded.sequence, at_ms = excluded.at_ms"
        )

    async def _end_transaction(self, tx: PostgresTransaction, connection: Connection) -> None:
        if not tx.changed_rows:
            await connection.execute("ROLLBACK")  # only refusals: nothing to put on disk
            return
        for message in self.tells(frozenset(tx.changed_tables)):
            await connection.execute("SELECT pg_notify('trackside', $1)", message)
        self._is_committing = True
        status = await connection.execute("COMMIT")
        self._is_committing = False
        if status != "COMMIT":
            raise RuntimeError("a job went on after a statement of its transaction had failed")
        self._committed()

    async def _after_loss(self, group: list[Write]) -> list[Write]:
        """What of a group is to be run again after its connection was lost. Answers the others."""
        await self._drop()
        if self._is_committing:
            stored = await self._is_stored(max(write.until for write in group))
            if stored:
                self._is_committing = False
                self._committed()
                _answer(group, self._results)
                return []
            self._discard()
            if stored is None:
                for write in group:
                    write.fail(
                        Unavailable(
                            "The database went away during the commit: this may be stored, or not; try again."
                        )
                    )
                return []
        now = asyncio.get_running_loop().time()
        self.queue.expire(now)
        for write in group:
            if write.until <= now:
                write.fail(translated(Lost()))
        return [write for write in group if not write.answer.done()]

    async def _is_stored(self, until: float) -> bool | None:
        """Whether the transaction whose COMMIT was not answered has been committed; None when nobody can tell."""
        while True:
            try:
                connection = await self._connected(until)
                # Waits until the old transaction has ended, if the server still works on it.
                found = await connection.fetchval(
                    "SELECT sequence FROM writer WHERE id = $1 FOR UPDATE", self._id
                )
            except Exception as error:
                if not isinstance(error, Lost) and not is_lost(error):
                    raise
                await self._drop()
                if asyncio.get_running_loop().time() >= until:
                    return None
            else:
                return bool(found == self._sequence)

    async def _connected(self, until: float) -> Connection:
        if self._connection is None or self._connection.is_closed():
            now = asyncio.get_running_loop().time()
            self._connection = await connect_in_time(
                self.url, max(until, now), command_seconds=COMMAND_SECONDS, **_SETTINGS
            )
            if await self._connection.fetchval("SHOW synchronous_commit") == "off":
                await self._connection.execute("SET synchronous_commit = on")  # the answer waits for the disk
            # Rows of writers that ended long ago.
            await self._connection.execute(
                "DELETE FROM writer WHERE at_ms < $1", time.time_ns() // 1_000_000 - _FORGET_WRITERS_MS
            )
        return self._connection

    def _committed(self) -> None:
        for gatherer in self._tx.gathered.values():
            gatherer.committed()

    def _discard(self) -> None:
        self._is_committing = False
        for gatherer in self._tx.gathered.values():
            gatherer.discard()

    async def _roll_back(self) -> None:
        if self._is_committing:
            self._discard()
        try:
            await self._connection.execute("ROLLBACK")
        except Exception:  # noqa: BLE001 - then the server rolls back by itself
            await self._drop()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await end(connection)


async def _look_up(tx: PostgresTransaction, runs: Sequence[str]) -> None:
    """The rows of all runs of the group at once: nearly every job begins by asking for its own."""
    wanted = list(dict.fromkeys(runs))
    found = {row["uuid"]: row for row in await tx.all("runs_by_uuids", uuids=wanted)}
    for uuid in wanted:
        tx.knows("run_by_uuid", uuid, found.get(uuid))


async def _result(tx: PostgresTransaction, write: Write) -> Any:
    if write.answer.done():
        return None  # its caller gave up while the group waited for its locks
    # A refusal after a write would leave half of that job in the others' transaction.
    before = (tx.changed_rows, tx.asked_pending)
    try:
        return await write.job(tx)
    except TracksideError as error:
        if (tx.changed_rows, tx.asked_pending) != before:
            raise
        return _Failed(error)


def _answer(group: Sequence[Write], results: Sequence[Any]) -> None:
    for write, result in zip(group, results, strict=True):
        if isinstance(result, _Failed):
            write.fail(result.error)
        elif not write.answer.done():
            write.answer.set_result(result)


async def ended(tasks: Iterable[asyncio.Task[None]], seconds: float) -> None:
    """Let tasks end by themselves; cancel them after that time."""
    everything = list(tasks)
    _, late = await asyncio.wait(everything, timeout=seconds)
    for task in late:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*everything, return_exceptions=True)
