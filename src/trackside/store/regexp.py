"""SQLite's REGEXP: `value REGEXP pattern`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from trackside.patterns import compiled

PATTERN_SECONDS = 3.0  # of processor time for all patterns of a query: there are few threads for searches


class Regexp:
    """The function behind REGEXP on one connection; ends a query that takes too long.

    SQLite asks its progress handler only every some thousand steps, and one match of a long text
    can take as long as a thousand of them.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.is_late: Callable[[], bool] = lambda: False
        self._spent = 0.0
        self._connection = connection
        connection.create_function("regexp", 2, self._matches, deterministic=True)

    def begin(self, is_late: Callable[[], bool]) -> None:
        """Give the next query its whole time."""
        self.is_late = is_late
        self._spent = 0.0

    @property
    def exhausted(self) -> bool:
        """Whether the patterns, and not the rest of the query, took too long."""
        return self._spent > PATTERN_SECONDS

    def _matches(self, pattern: str, value: str) -> bool:
        if self.exhausted or self.is_late():
            self._connection.interrupt()
            return False
        began = time.thread_time()  # a busy machine makes no pattern a slow one
        found = compiled(pattern).search(value.encode()) is not None
        self._spent += time.thread_time() - began
        return found
