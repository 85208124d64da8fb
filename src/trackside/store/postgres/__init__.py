"""PostgreSQL: any number of servers on one database.

Writes go through a few connections that commit in groups (`writers`), READ COMMITTED, after the
locks that make them safe (`locks` has the rule and why there is no deadlock). Reads are read-only
snapshots (REPEATABLE READ) on connections of their own; searches, whose cost their filter decides,
have others (`pool`). What changed travels to the other servers by NOTIFY (`channel`).

A database that is away for less than half a minute is waited for: writes that were under way are
run again unless they had been committed, reads too. After that requests are refused with 503.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg

from trackside.errors import StoreUnusable, TracksideError, Unavailable
from trackside.store.database import Job, T, Transaction
from trackside.store.postgres import connect, schema
from trackside.store.postgres.channel import Channel
from trackside.store.postgres.held import Held, Hold
from trackside.store.postgres.pool import Pool
from trackside.store.postgres.writers import Queue, Write, Writer, ended

WRITERS = 3
READERS = 4
SEARCHERS = 4
READ_SECONDS = 30.0  # a read that takes longer is broken off
STOP_SECONDS = 0.8  # for the writes that wait when the server stops; their requests have been waited for


class PostgresDatabase:
    """A store in a PostgreSQL database, which other servers may use at the same time."""

    engine = "postgresql"
    peers: Channel

    def __init__(self, url: str) -> None:
        """Look whether the database can be used, and set it up if it is empty.

        Raises StoreUnusable or InvalidState, with a line that says what to do and never the password.
        """
        self._url = url
        _finished(prepare(url))
        self.peers = Channel(url)
        self._closed = False
        self._home: asyncio.AbstractEventLoop | None = None

    async def write(self, job: Job[T], *, runs: Sequence[str] | None = None) -> T:
        return await self._at_home(lambda: self._write(job, runs))

    async def read(self, job: Job[T]) -> T:
        return await self._at_home(lambda: self._readers.read(job))

    async def search(self, job: Job[T]) -> T:
        return await self._at_home(lambda: self._searchers.read(job))

    async def shrink(self) -> int:
        """PostgreSQL uses the room again by itself; this makes that so at once, and gives back what lies at the ends."""
        return await self._at_home(self._shrink)

    async def _shrink(self) -> int:
        size = "SELECT pg_database_size(current_database())"
        connection = await connect.connect_in_time(self._url, asyncio.get_running_loop().time())
        try:
            before = await connection.fetchval(size)
            await connection.execute("VACUUM (ANALYZE)")
            return max(0, int(before - await connection.fetchval(size)))
        finally:
            await connect.end(connection)

    @contextlib.asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        hold = Hold(name)
        try:
            await self._at_home(lambda: self._held.take(hold))
            yield
        finally:
            self._give(hold)

    def _give(self, hold: Hold) -> None:
        """Nothing is waited for here: a cancellation cannot come between."""
        if self._home is asyncio.get_running_loop():
            self._held.give(hold)
        elif self._home is not None:
            with contextlib.suppress(RuntimeError):  # that event loop has ended, and its connections with it
                self._home.call_soon_threadsafe(self._held.give, hold)

    async def shared_secret(self) -> str:
        async def job(tx: Transaction) -> str:
            [row] = await tx.all("shared_secret")
            return str(row["secret"])

        return await self.read(job)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.peers.close()
        if self._home is not None and not self._home.is_closed():
            self._queue.close()
            await ended(self._tasks, STOP_SECONDS)
            await self._readers.close()
            await self._searchers.close()
            await self._held.close()

    async def _write(self, job: Job[T], runs: Sequence[str] | None) -> T:
        loop = asyncio.get_running_loop()
        write = Write(job, runs, loop.create_future(), loop.time() + connect.WAIT_SECONDS)
        self._queue.put(write)
        result: T = await write.answer
        return result

    async def _at_home(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Ask in the event loop that has the connections: the first that asked."""
        if self._closed:
            raise Unavailable("The server is shutting down.")
        loop = asyncio.get_running_loop()
        if self._home is None or self._home.is_closed():
            self._settle(loop)
        if self._home is loop:
            return await ask()
        assert self._home is not None  # noqa: S101 - for the type checker
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ask(), self._home))

    def _settle(self, loop: asyncio.AbstractEventLoop) -> None:
        self._home = loop
        self._queue = Queue()
        self._tasks = [
            loop.create_task(Writer(self._url, self._queue, self.peers.told_with).run())
            for _ in range(WRITERS)
        ]
        self._readers = Pool(self._url, READERS, READ_SECONDS)
        self._searchers = Pool(self._url, SEARCHERS, READ_SECONDS)
        self._held = Held(self._url)


async def prepare(url: str, *, migrate: bool = False) -> list[int]:
    """Set up an empty database, with `migrate` also an older one; the numbers of the migrations applied.

    Raises StoreUnusable or InvalidState, with a line that says what to do and never the password.
    """
    connect.check_address(url)
    connection = await connect.first(url)
    try:
        return await schema.prepare(connection, migrate=migrate)
    except asyncpg.InsufficientPrivilegeError as error:
        raise StoreUnusable(
            f"The user of {connect.shown(url)} may not do this: {error}. Make it the database's owner:"
            " ALTER DATABASE … OWNER TO …"
        ) from None
    except TracksideError as error:
        raise type(error)(f"{connect.shown(url)}: {error.message}") from None
    finally:
        await connect.end(connection)


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in a thread of its own: this may be called from an event loop's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
