"""SQLite's REGEXP: `value REGEXP pattern`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from trackside.patterns import compiled


class Regexp:
    """The function behind REGEXP on one connection; ends a query that takes too long.

    SQLite asks its progress handler only every some thousand steps, and one match of a long text
    can take as long as a thousand of them.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.is_late: Callable[[], bool] = lambda: False
        self._connection = connection
        connection.create_function("regexp", 2, self._matches, deterministic=True)

    def _matches(self, pattern: str, value: str) -> bool:
        if self.is_late():
            self._connection.interrupt()
            return False
        return compiled(pattern).search(value.encode()) is not None
