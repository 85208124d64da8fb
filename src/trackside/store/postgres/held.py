"""Names that one process holds among all on the database, for work that the database does not see.

They are advisory locks of a session, on one connection for all names, and not of transactions: storage that
does not answer keeps a name held for minutes, and must not keep the connections that writes and reads need.
For the same reason nobody waits inside PostgreSQL: who finds a name held asks again.

Who asks may be cancelled at any moment, and a name that stayed held then would be held until the process ends. So
questions run in tasks of their own, which nobody cancels, and to give a name is not waited for. Taken again before
that is done it is held twice for a moment: PostgreSQL counts.

When the connection breaks, PostgreSQL lets go of all of them at once. Who held one goes on without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from trackside.errors import Unavailable
from trackside.store.database import T
from trackside.store.postgres import connect, locks
from trackside.store.postgres.connect import Connection

log = logging.getLogger("trackside.store")
WAIT_SECONDS = 15.0
_COMMAND_SECONDS = 10.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.5


@dataclass(eq=False)
class Hold:
    """A name that somebody wants to hold, or holds."""

    name: str
    connection: Connection | None = None  # which holds it
    is_over: bool = False  # a lock that is granted after this goes back at once


class Held:
    """The names that this process holds. All calls come from one event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._asking = asyncio.Lock()  # a connection answers one question at a time
        self._tasks: set[asyncio.Task[Any]] = set()

    async def take(self, hold: Hold) -> None:
        """Wait until no other process holds the name, and hold it. Raises Unavailable.

        In this process one caller at a time may ask for a name, and each gives it, however this ended.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while not await self._try(hold, until):
            if loop.time() + pause > until:
                raise Unavailable(f"Another server is at '{hold.name}' and has not ended; try again.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def give(self, hold: Hold) -> None:
        """Let go of a name, soon; of one that was not taken, or is just being taken, too."""
        hold.is_over = True
        if hold.connection is not None:
            self._kept(self._unlock(hold.connection, hold.name))
            hold.connection = None

    async def close(self) -> None:
        """Let go of all names."""
        if self._connecting is not None:
            self._connecting.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connect.end(connection)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)

    async def _try(self, hold: Hold, until: float) -> bool:
        try:
            connection = await self._connected(until)
            return await asyncio.shield(self._kept(self._lock(connection, hold)))
        except Exception as error:  # noqa: BLE001 - not always ours
            raise connect.translated(error) from None

    async def _lock(self, connection: Connection, hold: Hold) -> bool:
        if not await self._ask(connection, "SELECT pg_try_advisory_lock($1)", hold.name):
            return False
        hold.connection = connection
        if hold.is_over:  # who asked was cancelled meanwhile
            self.give(hold)
        return True

    async def _unlock(self, connection: Connection, name: str) -> None:
        try:
            if connection is self._connection:
                await self._ask(connection, "SELECT pg_advisory_unlock($1)", name)
        except BaseException as error:
            # The other names go with it, which is better than one that nobody can have any more.
            connection.terminate()
            log.warning("'%s' is let go of with its connection: %s", name, error)
            raise

    async def _connected(self, until: float) -> Connection:
        """The connection; when there is none, all who wait wait for the same attempts. Raises Lost."""
        loop = asyncio.get_running_loop()
        while self._connection is None or self._connection.is_closed():
            if self._connecting is None or self._connecting.done():
                self._connecting = self._kept(self._connect(until))
            try:
                async with asyncio.timeout_at(until):
                    await asyncio.shield(self._connecting)
            except (connect.Lost, TimeoutError) as error:
                # Those attempts may have been made for somebody with less time.
                if loop.time() >= until:
                    raise connect.Lost(type(error).__name__) from None
        return self._connection

    async def _connect(self, until: float) -> Connection:
        self._connection = await connect.connect_in_time(self._url, until, command_seconds=_COMMAND_SECONDS)
        return self._connection

    async def _ask(self, connection: Connection, sql: str, name: str) -> bool:
        """The answer; no when the connection breaks, which ends what it held."""
        try:
            async with self._asking:
                return bool(await connection.fetchval(sql, locks.number_of(f"file {name}")))
        except Exception as error:
            if not connect.is_lost(error):
                raise
            connection.terminate()
            return False

    def _kept(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that goes on when who waits for it is cancelled."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # told to who waits, if somebody does
