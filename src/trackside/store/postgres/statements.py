"""Named queries as PostgreSQL takes them: `:name` becomes `$n`, once for each query."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from trackside.store.database import Values, named_queries

# What a colon may stand in without being a value comes first: texts, comments, casts.
_PIECE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::|:(\w+)")
_COMMENT = re.compile(r"--[^\n]*")
_WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) +(\w+)")


class Query(NamedTuple):
    """A query with numbered placeholders."""

    sql: str
    names: tuple[str, ...]  # of the values, in the order of their numbers
    by_column: bool  # takes the values of many rows at once, as one list for each name
    changes: frozenset[str]  # the tables that it writes to; none for a query that only reads

    def arguments(self, values: Values) -> list[Any]:
        """The values of one row."""
        given = [values[name] for name in self.names]
        return [[value] for value in given] if self.by_column else given

    def columns(self, rows: Iterable[Values]) -> list[list[Any]]:
        """The values of many rows, by column."""
        kept = list(rows)
        return [[row[name] for row in kept] for name in self.names]


def numbered(sql: str) -> Query:
    """A query whose values are `:name`."""
    names: list[str] = []

    def placeholder(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0]
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    text = _PIECE.sub(placeholder, sql)
    plain = _COMMENT.sub("", sql)
    return Query(text, tuple(names), "unnest(" in plain, frozenset(_WRITES.findall(plain)))


@cache
def queries() -> dict[str, Query]:
    """All named queries of this engine."""
    return {name: numbered(sql) for name, sql in named_queries("postgres").items()}
