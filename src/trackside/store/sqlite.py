"""SQLite: one writer thread that commits in groups, and read-only reader threads.

Everything that waits when the writer becomes free goes into one transaction with one
fsync, and is answered after it. Without load a write therefore costs one fsync; under load
an fsync is shared by many.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from trackside.errors import (
    InvalidParameter,
    StorageFull,
    StoreInUse,
    StoreUnusable,
    TracksideError,
    Unavailable,
)
from trackside.store import regexp, schema
from trackside.store.database import Job, P, Row, Statement, T, Transaction, Values, named_queries

GROUP_LIMIT = 256  # jobs a transaction: bounds how long the first of them waits for its answer
READ_SECONDS = 30.0  # a read that takes longer is broken off
READERS = 2
PAGES_AT_ONCE = 512  # given back in one transaction: others wait for it
SEARCHERS = 4  # as many as core.turns lets run


class SqliteTransaction:
    """Runs named queries on one connection. Its coroutines never suspend."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queries = named_queries("sqlite")
        self.gathered: dict[Callable[[], Any], Any] = {}
        self.asked_pending = 0

    async def one(self, query: str, **values: Any) -> Row | None:
        rows = await self.all(query, **values)  # all, so that the statement is finished before the commit
        return rows[0] if rows else None

    async def insert(self, query: str, **values: Any) -> Row:
        return (await self.all(query, **values))[0]

    async def all(self, query: str, **values: Any) -> list[Row]:
        return self._connection.execute(self._queries[query], values).fetchall()

    async def run(self, query: str, **values: Any) -> int:
        return self._connection.execute(self._queries[query], values).rowcount

    async def many(self, query: str, rows: Iterable[Values]) -> None:
        self._connection.executemany(self._queries[query], rows)

    async def select(self, statement: Statement) -> list[Row]:
        return self._connection.execute(statement.sql, statement.values).fetchall()

    async def compute(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)  # this is a thread of ours already

    def pending(self, kind: Callable[[], P]) -> P:
        self.asked_pending += 1
        if kind not in self.gathered:
            self.gathered[kind] = kind()
        gatherer: P = self.gathered[kind]
        return gatherer


class _Write(NamedTuple):
    job: Job[Any]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]


@dataclass(frozen=True)
class _Failed:
    error: BaseException


class SqliteDatabase:
    """A store in one file, served by one process."""

    engine = "sqlite"
    peers = None

    def __init__(self, path: Path, *, beside: bool = False) -> None:
        """Open the file, making or migrating it; with `beside`, also a server's that runs, without either.

        Raises StoreInUse when another process has it, StoreUnusable, StorageFull or OSError when it cannot be
        read and written.
        """
        self._path = path
        self._lock: int | None = None
        try:
            self._lock = lock(path)
        except StoreInUse:
            if not beside:
                raise
        _make_private(path)
        try:
            self._connection = _connect(path)
            if self._lock is None:
                schema.check(self._connection, path)
            else:
                schema.migrate(self._connection, path)
        except sqlite3.Error as error:
            raise _at_start(error, path) from error
        self._transaction = SqliteTransaction(self._connection)
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._secret = secrets.token_urlsafe(32)
        self._closed = False
        self._stopping = False  # known to the writer only: nothing comes any more
        self._writer = threading.Thread(target=self._write_groups, name="sqlite-writer", daemon=True)
        self._writer.start()
        self._local = threading.local()
        self._reading: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._searchers = ThreadPoolExecutor(SEARCHERS, thread_name_prefix="sqlite-searcher")

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - no other server
        return contextlib.nullcontext()

    async def write(self, job: Job[T], *, runs: Sequence[str] | None = None) -> T:  # noqa: ARG002 - one writer
        if self._closed:
            raise Unavailable("The server is shutting down.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Write(job, loop, answer))
        return await answer

    async def read(self, job: Job[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, job)

    async def search(self, job: Job[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._searchers, self._read, job)

    async def shared_secret(self) -> str:
        return self._secret

    async def shrink(self) -> int:
        async def pages(tx: Transaction) -> Row:
            return (await tx.all("pages"))[0]

        async def give_back(tx: Transaction) -> None:
            for _ in range(min(PAGES_AT_ONCE, (await pages(tx))["freelist_count"])):
                await tx.run("give_back_page")

        before = now = await self.read(pages)
        while now["freelist_count"]:
            await self.write(give_back)
            now = await self.read(pages)
        return int((before["page_count"] - now["page_count"]) * now["page_size"])

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True  # long reads see it and stop
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        for threads in (self._readers, self._searchers):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        for connection in self._reading:
            connection.close()
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)

    # --- reader threads

    def _read(self, job: Job[T]) -> T:
        connection = self._reader_connection()
        deadline = time.monotonic() + READ_SECONDS

        def is_late() -> bool:
            return self._closed or time.monotonic() > deadline

        self._local.regexp.begin(is_late)
        connection.set_progress_handler(is_late, 20_000)
        connection.execute("BEGIN")
        try:
            result: T = _drive(job(SqliteTransaction(connection)))
            return result
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_INTERRUPT and self._local.regexp.exhausted:
                raise _slow_pattern() from error
            raise _translated(error) from error
        finally:
            connection.execute("ROLLBACK")

    def _reader_connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = _connect(self._path, readonly=True)
            self._local.regexp = regexp.Regexp(self._local.connection)
            self._reading.append(self._local.connection)
        connection: sqlite3.Connection = self._local.connection
        return connection

    # --- writer thread

    def _write_groups(self) -> None:
        while (first := self._queue.get()) is not None:
            # A caller that gave up before its turn may send again: storing both would double it.
            group = [] if first.answer.cancelled() else [first]
            self._add_waiting(group)
            if group:
                _answer(group, self._commit(group))
            if self._stopping:
                return

    def _add_waiting(self, group: list[_Write]) -> None:
        """Whatever waits by now comes along, up to a limit."""
        while len(group) < GROUP_LIMIT and not self._stopping:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return
            if waiting is None:
                self._stopping = True
            elif not waiting.answer.cancelled():
                group.append(waiting)

    def _commit(self, group: list[_Write], *, grows: bool = True) -> list[Any]:
        """Results of the jobs, in order; those that failed as _Failed. What comes meanwhile joins the group."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # Not a job's fault: trying them one by one would wait for the lock once for each.
            return [_Failed(_at_write(error))] * len(group)
        try:
            return self._attempt(group, grows)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the job that waits for it
            self._roll_back()
            if len(group) == 1:
                if isinstance(error, sqlite3.Error):
                    error = _at_write(error)
                return [_Failed(error)]
            # Something in the group spoiled it: alone, only the bad one fails.
            return [result for write in group for result in self._commit([write], grows=False)]

    def _attempt(self, group: list[_Write], grows: bool) -> list[Any]:
        tx = self._transaction
        tx.gathered.clear()
        results: list[Any] = []
        for write in group:  # which grows
            # A refusal after a write would leave half of that job in the others' transaction.
            before = (self._connection.total_changes, tx.asked_pending)
            try:
                results.append(_drive(write.job(tx)))
            except TracksideError as error:
                if (self._connection.total_changes, tx.asked_pending) != before:
                    raise  # it had begun to write
                results.append(_Failed(error))
            if grows and len(results) == len(group):
                self._add_waiting(group)
        for gatherer in tx.gathered.values():
            _drive(gatherer.flush(tx))
        self._connection.execute("COMMIT")
        for gatherer in tx.gathered.values():
            gatherer.committed()
        return results

    def _roll_back(self) -> None:
        for gatherer in self._transaction.gathered.values():
            gatherer.discard()
        self._transaction.gathered.clear()
        if self._connection.in_transaction:
            # A failing disk can end the transaction by itself. If it is still there, the next BEGIN says so.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")


def _answer(group: list[_Write], results: list[Any]) -> None:
    """Hand the results over to the event loops, waking each once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for write, result in zip(group, results, strict=True):
        by_loop.setdefault(write.loop, []).append((write.answer, result))
    for loop, answers in by_loop.items():
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, answers)


def _resolve(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for answer, result in answers:
        if answer.done():
            continue
        if isinstance(result, _Failed):
            answer.set_exception(result.error)
        else:
            answer.set_result(result)


def _drive(coroutine: Any) -> Any:
    """Run a coroutine that never suspends to its end."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a database job awaited something that is not its transaction")


def _connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}{'?mode=ro' if readonly else ''}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA cache_size = -16384")
    if not readonly:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # the answer waits for the disk
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _make_private(path: Path) -> None:
    """Only this user may read the store: webhooks' secrets are in it. SQLite gives its log the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for file in (path, *path.parent.glob(f"{path.name}-*"), *path.parent.glob(f"{path.name}.*backup")):
        with contextlib.suppress(PermissionError):  # another user's, who shares it on purpose
            file.chmod(0o600)


def lock(path: Path) -> int:
    """Own the store: a second server on it would have caches that miss the first one's writes."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode().strip() or "unknown"
        os.close(descriptor)
        raise StoreInUse(
            f"{path.parent} is served by another process (pid {owner}). Stop it, or choose another --data-dir."
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    """The primary code, without its details."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _at_start(error: sqlite3.Error, path: Path) -> Exception:
    if _code(error) in _UNWRITABLE:
        return StoreUnusable(
            f"{path} cannot be written ({error}). Change the permissions of the file and its folder, or choose"
            " another --data-dir."
        )
    if _code(error) in _DAMAGED:
        return StoreUnusable(
            f"{path} is damaged, or no database of Trackside ({error}). It was left as it is: put a backup in its"
            " place, or choose another --data-dir."
        )
    return _translated(error)


def _at_write(error: sqlite3.Error) -> Exception:
    return StorageFull() if _code(error) in _UNWRITABLE else _translated(error)


def _slow_pattern() -> Exception:
    """Not Unavailable: that would be asked again for minutes, and be as slow each time."""
    return InvalidParameter(
        f"This pattern takes too long: the regular expressions of one search may take {regexp.PATTERN_SECONDS:g} s."
        " Write a simpler one, use LIKE, or search fewer experiments."
    )


def _translated(error: sqlite3.Error) -> Exception:
    code = _code(error)
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StorageFull()
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("Another process holds the database's lock; try again.")
    if code == sqlite3.SQLITE_INTERRUPT:
        return Unavailable(f"The query took longer than {READ_SECONDS:.0f} s, or the server is stopping.")
    return error
