"""What a job is given: named queries on one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import asyncpg

from trackside.errors import InvalidParameter
from trackside.store.database import P, Row, Statement, T, Values
from trackside.store.postgres.connect import Connection
from trackside.store.postgres.statements import Query, queries

PATTERN_SECONDS = 10.0  # for a search with regular expressions: there are few connections for searches

# Rows that nobody else can change while a group of writes is under way, by the locks that it holds. Jobs of a
# group ask for them again and again. A write to the table forgets them.
_STEADY = {"run_by_uuid": "run", "experiment_by_id": "experiment"}


class PostgresTransaction:
    """Runs named queries on a connection that has a transaction open."""

    def __init__(self, connection: Connection, *, steady: bool = False) -> None:
        self._connection = connection
        self._queries = queries()
        self._known: dict[tuple[Any, ...], Row | None] | None = {} if steady else None
        self.gathered: dict[Callable[[], Any], Any] = {}
        self.asked_pending = 0
        self.changed_rows = 0
        self.changed_tables: set[str] = set()

    async def one(self, query: str, **values: Any) -> Row | None:
        if self._known is not None and query in _STEADY:
            key = (query, *values.values())
            if key not in self._known:
                self._known[key] = await self._one(query, values)
            return self._known[key]
        return await self._one(query, values)

    async def _one(self, query: str, values: Values) -> Row | None:
        rows = await self._fetch(query, values)
        return rows[0] if rows else None

    async def insert(self, query: str, **values: Any) -> Row:
        return (await self._fetch(query, values))[0]

    async def all(self, query: str, **values: Any) -> list[Row]:
        return await self._fetch(query, values)

    async def run(self, query: str, **values: Any) -> int:
        asked = self._queries[query]
        status = await self._connection.execute(asked.sql, *asked.arguments(values))
        count = int(status.rpartition(" ")[2])
        self._changed(asked, count)
        return count

    async def many(self, query: str, rows: Iterable[Values]) -> None:
        asked, kept = self._queries[query], list(rows)
        if not kept:
            return
        if asked.by_column:
            await self._connection.execute(asked.sql, *asked.columns(kept))
        else:
            await self._connection.executemany(asked.sql, [asked.arguments(row) for row in kept])
        self._changed(asked, len(kept))

    async def select(self, statement: Statement) -> list[Row]:
        rows = await self._selected(statement)
        if not statement.sql.startswith(("SELECT", "WITH")):
            self.changed_rows += 1
        return list(rows)

    async def _selected(self, statement: Statement) -> Any:
        if " ~ " not in statement.sql:  # all text of users is in the values
            return await self._connection.fetch(statement.sql, *statement.values)
        await self._connection.execute(f"SET LOCAL statement_timeout = {int(PATTERN_SECONDS * 1000)}")
        try:
            return await self._connection.fetch(statement.sql, *statement.values)
        except asyncpg.QueryCanceledError as error:
            # Not Unavailable: that would be asked again for minutes, and be as slow each time.
            raise InvalidParameter(
                f"This pattern takes too long: a search with regular expressions may take {PATTERN_SECONDS:g} s."
                " Write a simpler one, use LIKE, or search fewer experiments."
            ) from error

    async def compute(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.to_thread(function, *arguments)

    def pending(self, kind: Callable[[], P]) -> P:
        self.asked_pending += 1
        if kind not in self.gathered:
            self.gathered[kind] = kind()
        gatherer: P = self.gathered[kind]
        return gatherer

    def knows(self, query: str, value: Any, row: Row | None) -> None:
        """Remember what a steady query gives for a value."""
        if self._known is not None:
            self._known[query, value] = row

    async def _fetch(self, query: str, values: Values) -> list[Row]:
        asked = self._queries[query]
        rows = await self._connection.fetch(asked.sql, *asked.arguments(values))
        self._changed(asked, len(rows))
        return list(rows)

    def _changed(self, asked: Query, count: int) -> None:
        if not asked.changes or not count:
            return
        self.changed_rows += count
        self.changed_tables |= asked.changes
        if self._known and not asked.changes.isdisjoint(_STEADY.values()):
            self._known.clear()
