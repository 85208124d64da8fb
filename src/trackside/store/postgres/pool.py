"""Connections that read: each in one read-only snapshot at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from trackside.errors import Unavailable
from trackside.store.database import Job, T
from trackside.store.postgres.connect import (
    WAIT_SECONDS,
    Connection,
    Lost,
    connect_in_time,
    end,
    is_lost,
    translated,
)
from trackside.store.postgres.transaction import PostgresTransaction

_TIDY_SECONDS = 5.0


class Pool:
    """A few connections for reading, made when they are needed."""

    def __init__(self, url: str, size: int, seconds: float) -> None:
        """`seconds`: how long one read may take."""
        self._url = url
        self._seconds = seconds
        self._free: list[Connection] = []
        self._turns = asyncio.Semaphore(size)
        self._tidying: set[asyncio.Task[None]] = set()
        self._all: set[Connection] = set()
        self._closed = False
        self._settings = {
            "statement_timeout": f"{int(seconds * 1000)}ms",
            "default_transaction_isolation": "repeatable read",
            "default_transaction_read_only": "on",
            "idle_in_transaction_session_timeout": "60s",
        }

    async def read(self, job: Job[T]) -> T:
        """Run a job in a snapshot; again on another connection when its own is lost."""
        until = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            await self._turns.acquire()
            try:
                return await self._read(job, until)
            except Exception as error:
                # To a reader, "read-only" says that its job tried to write, not that a standby answers.
                ours = isinstance(error, asyncpg.ReadOnlySQLTransactionError)
                again = not ours and (isinstance(error, Lost) or is_lost(error))
                late = asyncio.get_running_loop().time() >= until or self._closed
                if not again or late:
                    raise translated(error) from error
            finally:
                self._turns.release()

    async def close(self) -> None:
        """Break off what is being read and let go of all connections."""
        self._closed = True
        for connection in list(self._all):
            connection.terminate()
        await asyncio.gather(*self._tidying, return_exceptions=True)

    async def _read(self, job: Job[T], until: float) -> T:
        connection = await self._taken(until)
        ended = False
        try:
            async with asyncio.timeout(self._seconds):
                await connection.execute("BEGIN")
                result = await job(PostgresTransaction(connection))
                await connection.execute("COMMIT")
            ended = True
        except TimeoutError:
            raise self._too_long() from None
        except asyncpg.QueryCanceledError as error:
            raise self._too_long() from error
        finally:
            if ended:
                self._give_back(connection)
            else:
                task = asyncio.ensure_future(self._tidy(connection))
                self._tidying.add(task)
                task.add_done_callback(self._tidying.discard)
        return result

    def _too_long(self) -> Unavailable:
        return Unavailable(f"The query took longer than {self._seconds:.0f} s, or the server is stopping.")

    async def _taken(self, until: float) -> Connection:
        if self._closed:
            raise Unavailable("The server is shutting down.")
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
            self._all.discard(connection)
        settings: dict[str, Any] = self._settings
        connection = await connect_in_time(self._url, until, **settings)
        self._all.add(connection)
        return connection

    def _give_back(self, connection: Connection) -> None:
        self._free.append(connection)

    async def _tidy(self, connection: Connection) -> None:
        """End the transaction of a read that failed or was given up."""
        try:
            async with asyncio.timeout(_TIDY_SECONDS):
                await connection.execute("ROLLBACK")
        except Exception:  # noqa: BLE001 - whatever it is: that connection is not used again
            self._all.discard(connection)
            await end(connection)
        else:
            self._give_back(connection)
