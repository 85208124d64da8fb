"""Regular expressions in queries: linear in the text, and ended in time where even that is long."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import contextmanager

import pytest

from trackside.errors import InvalidParameter, Unavailable
from trackside.filters import Composed
from trackside.patterns import LONGEST, BadPattern, compiled
from trackside.store import regexp, sqlite
from trackside.store.regexp import Regexp
from trackside.store.sqlite import SqliteDatabase

SLOW = "((a{0,100}){0,9})*b"  # some 10 ns a character and state: 1 s for 100,000 characters
BACKTRACKING = "(a+)+$"  # exponential in an engine that backtracks


@contextmanager
def heartbeat():
    """The longest time that another thread had to wait for the interpreter, in seconds."""
    longest, stop = [0.0], threading.Event()

    def beat():
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            longest[0], last = max(longest[0], now - last), now

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield longest
    finally:
        stop.set()
        thread.join()


def test_regexp_finds_anywhere():
    db = sqlite3.connect(":memory:")
    Regexp(db)
    asked = "SELECT 'résumé 12' REGEXP '^r.sum. [0-9]{2}$', 'abc' REGEXP 'B', 'abc' REGEXP '(?i)B', 'abc' REGEXP 'bc'"
    assert db.execute(asked).fetchone() == (1, 0, 1, 1)
    db.close()


def test_a_pattern_that_ruins_other_engines_is_quick():
    began = time.perf_counter()
    assert compiled(BACKTRACKING).search(b"a" * 100_000 + b"b") is None
    assert time.perf_counter() - began < 1


def test_a_long_match_holds_no_other_thread():
    with heartbeat() as longest:
        compiled(SLOW).search(b"a" * 100_000)
    assert longest[0] < 0.25


def test_a_search_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "READ_SECONDS", 1.0)
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
    statement = Composed(f"{rows} SELECT count(*) FROM n WHERE ? REGEXP ?", ("a" * 100_000, SLOW))

    async def search():
        db = SqliteDatabase(tmp_path / "trackside.db")

        async def job(tx):
            return await tx.select(
                Composed(statement.sql.replace("? REGEXP", "(? || i) REGEXP"), statement.values)
            )

        began = time.perf_counter()
        try:
            with pytest.raises(Unavailable, match="longer than"):
                await db.search(job)
        finally:
            await db.close()
        return time.perf_counter() - began

    assert asyncio.run(search()) < 8


def test_a_slow_pattern_is_the_askers_mistake_and_the_next_search_has_its_whole_time(tmp_path, monkeypatch):
    monkeypatch.setattr(regexp, "PATTERN_SECONDS", 0.2)
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
    query = f"{rows} SELECT count(*) AS found FROM n WHERE (? || i) REGEXP ?"

    async def search():
        db = SqliteDatabase(tmp_path / "trackside.db")
        try:
            for _ in range(sqlite.SEARCHERS + 1):  # each thread at least once
                with pytest.raises(InvalidParameter, match="This pattern takes too long"):
                    await db.search(lambda tx: tx.select(Composed(query, ("a" * 100_000, SLOW))))
                found = await db.search(lambda tx: tx.select(Composed(query, ("a", "^a1$"))))
                assert found[0]["found"] == 1
        finally:
            await db.close()

    began = time.perf_counter()
    asyncio.run(search())
    assert time.perf_counter() - began < sqlite.READ_SECONDS


@pytest.mark.parametrize(
    ("pattern", "message", "offset"),
    [
        ("ab(", "missing ): ab(", 0),
        ("ab[z-a]", "invalid character class range: z-a", 3),
        ("x" * (LONGEST + 1), "at most", LONGEST),
    ],
)
def test_a_bad_pattern_says_where(pattern, message, offset):
    with pytest.raises(BadPattern, match=message.replace("(", r"\(").replace(")", r"\)")) as error:
        compiled(pattern)
    assert error.value.offset == offset
