"""Which rankings a search for runs can use, and what a ranking holds.

A ranking is the runs of one experiment in one order, kept as rows (ranking, position, run) of the table `ranked`.
It answers a page in that order by a walk of its index, and finds the runs that satisfy a comparison with the order's
first field as a range of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from trackside.filters import positions
from trackside.filters.compile import Compiler, Sql, joined
from trackside.filters.fields import RUNS, Column, resolve
from trackside.filters.order import Order
from trackside.filters.parse import And, Comparison, Name, Node
from trackside.filters.positions import Range, Unfit
from trackside.filters.values import Value, read
from trackside.model import LARGEST

MOST_FIELDS = 3  # of a ranking: an order with more is sorted anew for each page
LONGEST_KEY = 250  # characters, as MLflow's keys of metrics, params and tags
MOST_RANGES = 20  # values of one IN
_EXACT = {"=", "IN", "BETWEEN", "<=", ">=", "IS NULL", "IS NOT NULL"}


class Candidate(NamedTuple):
    """A comparison that every run found satisfies, as ranges of a ranking by its field alone, in either direction."""

    field: str
    ascending: list[Range]
    descending: list[Range]
    settles: int | None = None  # which of the comparisons holds for every run in the ranges


def name_of(orders: Sequence[Order]) -> str | None:
    """What rankings in this order are called; None for orders that have none."""
    if not 1 <= len(orders) <= MOST_FIELDS or any(len(order.field.key) > LONGEST_KEY for order in orders):
        return None
    return json.dumps([[*_field(order), order.ascending] for order in orders])


def orders_of(name: str) -> list[Order]:
    """The order of the rankings with this name."""
    found = []
    for entity, key, function, ascending in json.loads(name):
        field, target = resolve(RUNS, Name(entity, key, function), to_sort=True)
        found.append(Order(field, target, ascending, function))
    return found


def field_of(name: str) -> tuple[str, bool]:
    """The first field of an order, as candidates call it, and whether it ascends."""
    *field, ascending = json.loads(name)[0]
    return json.dumps(field), ascending


def _field(order: Order) -> list[str]:
    """One name for each field: `created` is `start_time`, `last(metrics.a)` is `metrics.a`."""
    key = order.field.key
    if isinstance(order.target, Column):
        key = next(name for name, column in RUNS.attributes.items() if column == order.target)
    return [order.field.entity, key, "" if order.function == "last" else order.function]


def by_field(field: str) -> str:
    """The name of the ranking to make for a candidate."""
    return json.dumps([[*json.loads(field), True]])


def position_of(row: Any, orders: Sequence[Order]) -> bytes:
    """The position of a run, from its row of `values_of_runs`."""
    values = [(row[f"value_{n}"], bool(row[f"nan_{n}"]), order.ascending) for n, order in enumerate(orders)]
    return positions.position(values, row["start_ms"], row["uuid"])


def values_of_runs(compiler: Compiler, orders: Sequence[Order], source: Sql, which: Sql) -> Sql:
    """What positions are made of, for runs that satisfy a condition."""
    joins: list[Sql] = []
    pieces = ["SELECT run.id, run.uuid, run.start_ms"]
    for n, order in enumerate(orders):
        value, nan = compiler.sort_value(order, f"sort_{n}", joins)
        pieces.append(f", {value.text} AS value_{n}, {nan or '0'} AS nan_{n}")
    return joined("".join(pieces), " FROM ", source, *joins, " WHERE ", which)


# --- comparisons as ranges


def candidates(tree: Node | None) -> list[Candidate]:
    """Of the comparisons that must all hold, those that a ranking answers."""
    found: dict[str, Candidate] = {}
    for n, part in enumerate(conjuncts(tree)):
        if isinstance(part, Comparison) and (candidate := _candidate(part)):
            settles = n if part.operator in _EXACT else None
            found.setdefault(candidate.field, candidate._replace(settles=settles))
    return list(found.values())


def conjuncts(tree: Node | None) -> tuple[Node, ...]:
    """What must all hold for a filter to hold."""
    return tree.parts if isinstance(tree, And) else (tree,) if tree else ()


def is_exact(tree: Node | None) -> bool:
    """Whether the filter is one comparison whose ranges hold no run that does not satisfy it."""
    return isinstance(tree, Comparison) and tree.operator in _EXACT


def names_runs(tree: Node | None) -> bool:
    """Whether the filter says which runs by their ids: they are looked up, and need no ranking."""
    return any(
        isinstance(part, Comparison)
        and part.operator in {"=", "IN"}
        and resolve(RUNS, part.name)[1] == RUNS.attributes["run_id"]
        for part in conjuncts(tree)
    )


def _candidate(comparison: Comparison) -> Candidate | None:
    field, target = resolve(RUNS, comparison.name)
    if field.entity == "dataset" or len(field.key) > LONGEST_KEY:
        return None
    order = Order(field, target, function=comparison.name.function)
    integer = isinstance(target, Column) and target.type == "number"
    values = [] if "NULL" in comparison.operator else read(RUNS, field, target, comparison)
    try:
        both = [_ranges(comparison.operator, values, integer=integer, ascending=up) for up in (True, False)]
    except Unfit:
        return None
    if not 0 < len(both[0]) <= MOST_RANGES:
        return None
    return Candidate(json.dumps(_field(order)), both[0], both[1])


def _ranges(operator: str, values: list[Value], *, integer: bool, ascending: bool) -> list[Range]:
    """Where the runs are that satisfy a comparison; none for one that leaves most runs."""
    if operator == "IS NULL":
        return [positions.NOTHING]
    if operator == "IS NOT NULL":
        return [positions.SOMETHING]
    if operator == "LIKE":
        begins = str(values[0]).replace("_", "%").partition("%")[0]
        return [positions.beginning(begins, ascending=ascending)] if begins else []
    if operator in {"=", "IN"}:
        bounds = [(value, value) for value in dict.fromkeys(values)]
    elif operator == "BETWEEN":
        bounds = [(values[0], values[1])]
    else:
        bounds = {
            "<": [(None, values[0])], "<=": [(None, values[0])],
            ">": [(values[0], None)], ">=": [(values[0], None)],
        }.get(operator, [])  # type: ignore[assignment] # fmt: skip
    return [
        positions.between(
            _bound(least, math.ceil if integer else float),
            _bound(greatest, math.floor if integer else float),
            ascending=ascending,
        )
        for least, greatest in bounds
    ]


def _bound(value: Value | None, rounded: Any) -> positions.Value:
    if value is None or isinstance(value, str):
        return value
    if abs(value) >= LARGEST:  # what is infinite compares as the largest number: leave that to the filter
        raise Unfit
    found: int | float = rounded(value)
    return found
