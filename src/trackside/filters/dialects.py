"""Where the two engines' SQL differs. Templates only: user text is always a bound value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from trackside.filters.expressions import as_postgres
from trackside.model import LARGEST


def _as_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Dialect:
    """`?` in a template is a bound value; `{v}` the expression it is about, `{p}` a placeholder."""

    text: str
    integer: str
    real: str
    text_list: str
    integer_list: str
    decimal: str  # a value that is compared with `as_number`
    like: str
    ilike: str
    matches: str  # a regular expression, found anywhere in the text
    within: str  # IN, with one bound list
    as_number: str  # text as a number; NULL when it is not one
    clamped: str  # an infinite number as the largest double
    sorted_text: str  # the same order on both engines: by code point
    numbered: bool  # $1, $2, … for `?`
    pattern: Callable[[str], str] = _as_is  # of LIKE
    expression: Callable[[str], str] = _as_is  # a regular expression in RE2's syntax
    array: Callable[[Sequence[Any]], Any] = list
    decimal_value: Callable[[float], Any] = _as_is

    def finished(self, sql: str) -> str:
        """The statement with its placeholders as the driver wants them."""
        if not self.numbered:
            return sql
        first, *rest = sql.split("?")
        return first + "".join(f"${n}{piece}" for n, piece in enumerate(rest, start=1))


def _glob(pattern: str) -> str:
    """A LIKE pattern as GLOB's, which tells cases apart whatever a connection's settings are."""
    escaped = re.sub(r"[*?\[]", lambda special: f"[{special.group()}]", pattern)
    return escaped.replace("%", "*").replace("_", "?")


_BLANK = r"[ \t\n\v\f\r]*"  # what both engines pass over around a number
_DIGITS = r"([0-9]+\.{0,1}[0-9]*|\.[0-9]+)"
_NUMBER = rf"^{_BLANK}[-+]{{0,1}}{_DIGITS}([eE][-+]{{0,1}}[0-9]{{1,3}}){{0,1}}{_BLANK}$"

DIALECTS: dict[str, Dialect] = {
    "sqlite": Dialect(
        text="?",
        integer="?",
        real="?",
        text_list="(SELECT value FROM json_each(?))",
        integer_list="(SELECT value FROM json_each(?))",
        decimal="?",
        like="{v} GLOB {p}",
        ilike="{v} LIKE {p}",
        matches="{v} REGEXP {p}",
        within="{v} IN {p}",
        # Comparing with a number gives text numeric affinity: text that is a number becomes it,
        # any other text stays text, which is greater than every number.
        as_number="CASE WHEN {v} <= CAST(9e999 AS REAL) THEN CAST({v} AS REAL) END",
        clamped=f"min(max({{v}}, {-LARGEST!r}), {LARGEST!r})",
        sorted_text="{v}",
        numbered=False,
        pattern=_glob,
        array=json.dumps,
    ),
    "postgresql": Dialect(
        text="?::text",
        integer="?::bigint",
        real="?::double precision",
        text_list="?::text[]",
        integer_list="?::bigint[]",
        decimal="?::text::numeric",
        # Without ESCAPE '' a backslash would be special here and not on SQLite.
        like="{v} LIKE {p} ESCAPE ''",
        ilike="{v} ILIKE {p} ESCAPE ''",
        matches='{v} COLLATE "C" ~ {p}',
        within="{v} = ANY({p})",
        as_number=f"CASE WHEN length({{v}}) <= 1000 AND {{v}} ~ '{_NUMBER}' THEN {{v}}::numeric END",
        clamped=f"least(greatest({{v}}, {-LARGEST!r}::double precision), {LARGEST!r}::double precision)",
        sorted_text='{v} COLLATE "C"',
        numbered=True,
        expression=as_postgres,
        decimal_value=repr,
    ),
}
