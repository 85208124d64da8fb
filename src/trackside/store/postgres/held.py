"""Names that one process holds among all on the database, for work that the database does not see.

They are advisory locks of a session, on one connection for all names, and not of transactions: storage that
does not answer keeps a name held for minutes, and must not keep the connections that writes and reads need.
For the same reason nobody waits inside PostgreSQL: who finds a name held asks again.

When the connection breaks, PostgreSQL lets go of all of them at once. Who held one goes on without.
"""

from __future__ import annotations

import asyncio

from trackside.errors import Unavailable
from trackside.store.postgres import connect, locks
from trackside.store.postgres.connect import Connection

WAIT_SECONDS = 15.0
_COMMAND_SECONDS = 10.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.5


class Held:
    """The names that this process holds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._asking = asyncio.Lock()  # a connection answers one question at a time
        self._names: dict[str, Connection] = {}  # each with the connection that holds it

    async def take(self, name: str) -> None:
        """Wait until no other process holds the name, and hold it. Raises Unavailable.

        In this process one caller at a time may ask for a name.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + WAIT_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while not await self._try(name, until):
            if loop.time() + pause > until:
                raise Unavailable(f"Another server is at '{name}' and has not ended; try again.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def give(self, name: str) -> None:
        """Let go of a name."""
        connection = self._names.pop(name, None)
        if connection is not None and connection is self._connection:
            await self._ask(connection, "SELECT pg_advisory_unlock($1)", name)

    async def close(self) -> None:
        """Let go of all names."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connect.end(connection)

    async def _try(self, name: str, until: float) -> bool:
        try:
            connection = await self._connected(until)
        except connect.Lost as error:
            raise connect.translated(error) from None
        # Held as from now: cancelled in the middle, PostgreSQL may have given it already.
        self._names[name] = connection
        try:
            taken = await self._ask(connection, "SELECT pg_try_advisory_lock($1)", name)
        except BaseException:
            await self.give(name)
            raise
        if not taken:
            del self._names[name]
        return taken

    async def _connected(self, until: float) -> Connection:
        async with self._asking:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect.connect_in_time(
                    self._url, until, command_seconds=_COMMAND_SECONDS
                )
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
