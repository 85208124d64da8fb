"""Connections to PostgreSQL, and what its errors mean to us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import asyncpg

from trackside.errors import InvalidParameter, StorageFull, StoreUnusable, Unavailable

Connection: TypeAlias = Any  # asyncpg has no types

WAIT_SECONDS = 30.0  # a request waits so long for a database that is away
CONNECT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 1.0
_SETTINGS = {
    "application_name": "trackside",
    "jit": "off",  # our queries are short: compiling them takes longer than they do
    # A client whose machine has gone must not keep its locks for hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


class Lost(Exception):
    """The connection has gone, or the server has: another connection may do."""


async def connect(url: str, command_seconds: float | None = None, **settings: str) -> Connection:
    """A new connection. Raises what asyncpg raises."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_SECONDS,
        command_timeout=command_seconds,
        statement_cache_size=1000,
        max_cached_statement_lifetime=0,
        server_settings={**_SETTINGS, **settings},
    )


async def first(url: str) -> Connection:
    """The first connection to a store. Raises StoreUnusable, with what to do and never the password."""
    try:
        return await connect(url)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
        raise refused(error, url) from None


async def connect_in_time(url: str, until: float, **settings: Any) -> Connection:
    """The same, tried again until that time of the event loop's clock. Raises Lost."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await connect(url, **settings)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                raise Lost(type(error).__name__) from error
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def end(connection: Connection) -> None:
    """Close a connection that may be broken, in bounded time."""
    try:
        await connection.close(timeout=1)
    except Exception:  # noqa: BLE001 - it has gone already, or hangs
        connection.terminate()


def is_lost(error: BaseException) -> bool:
    """Whether the same could succeed on another connection."""
    if isinstance(error, asyncpg.DataError):  # an InterfaceError too: a value that no type takes
        return False
    return isinstance(
        error,
        asyncpg.PostgresConnectionError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | asyncpg.CannotConnectNowError
        | asyncpg.TooManyConnectionsError
        | asyncpg.ReadOnlySQLTransactionError  # a standby took over
        | asyncpg.IdleInTransactionSessionTimeoutError
        | asyncpg.InvalidCachedStatementError  # the schema was migrated
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError
        | OSError
        | TimeoutError,
    )


_MEANINGS: list[tuple[Any, Callable[[BaseException], BaseException]]] = [
    (
        (asyncpg.DiskFullError, asyncpg.PostgresIOError),
        lambda _: StorageFull(
            "The database's disk is full: nothing of this request was stored. Send it again later."
        ),
    ),
    (
        (asyncpg.LockNotAvailableError, asyncpg.TransactionRollbackError),
        lambda _: Unavailable("Another server holds the database's locks; try again."),
    ),
    (
        (asyncpg.QueryCanceledError, asyncpg.OutOfMemoryError),
        lambda _: Unavailable("The query took too long, or too much memory; ask for less."),
    ),
    (
        (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError),
        lambda _: InvalidParameter("PostgreSQL stores no text with a NUL character: leave it out."),
    ),
    (
        asyncpg.InvalidRegularExpressionError,
        lambda error: InvalidParameter(f"PostgreSQL does not take this regular expression: {error}."),
    ),
    (
        asyncpg.ProgramLimitExceededError,
        lambda error: InvalidParameter(f"PostgreSQL cannot store this: {error}."),
    ),
]


def translated(error: BaseException) -> BaseException:
    """An error of the database as what we answer; as it is when it says nothing to users."""
    if isinstance(error, Lost) or is_lost(error):
        return Unavailable("The database cannot be reached; try again.")
    for kinds, meaning in _MEANINGS:
        if isinstance(error, kinds):
            return meaning(error)
    return error


def check_address(url: str) -> None:
    """Raises StoreUnusable for a URL that cannot be read; never says what stands in it."""
    try:
        parts = urlsplit(url)
        readable = parts.scheme in ("postgresql", "postgres") and not parts.fragment and "@" not in parts.path
        _ = parts.port
    except ValueError:
        readable = False
    if not readable:
        raise StoreUnusable(
            "The store's address cannot be read. It is postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with"
            " characters such as / @ : # ? % in a password written as %2F %40 %3A %23 %3F %25."
        )


def shown(url: str) -> str:
    """The address without its password."""
    parts = urlsplit(url)
    user = f"{unquote(parts.username)}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{user}{parts.hostname or ''}{port}{parts.path}"


def refused(error: BaseException, url: str) -> StoreUnusable:
    """Why no connection could be made at the start, in a line, and what to do."""
    where = shown(url)
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        name = urlsplit(url).path.lstrip("/")
        return StoreUnusable(f"There is no database at {where}. Make it: createdb {name or 'trackside'}")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidPasswordError):
        return StoreUnusable(
            f"PostgreSQL refuses the user of {where}: {_first_line(error)}. Check user and password."
        )
    if isinstance(error, OSError | TimeoutError | asyncpg.CannotConnectNowError):
        why = "it does not answer" if isinstance(error, TimeoutError) else _first_line(error)
        return StoreUnusable(
            f"PostgreSQL cannot be reached at {where}: {why}. Is it running, and is the address right?"
        )
    return StoreUnusable(f"PostgreSQL cannot be used at {where}: {_first_line(error)}.")


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
