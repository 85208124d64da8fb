"""order_by clauses: which fields, in which direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trackside.errors import InvalidParameter
from trackside.filters.fields import Column, Field, Kind, Rows, resolve
from trackside.filters.parse import FUNCTIONS, Name, check_storable, shortened, split_name, tokens

MAX_FIELDS = 20  # SQLite joins at most 64 tables
_DIRECTIONS = {"ASC", "DESC"}


@dataclass(frozen=True, slots=True)
class Order:
    """One field to sort by. What lacks it comes last in both directions, after NaN."""

    field: Field
    target: Column | Rows
    ascending: bool = True
    function: str = ""  # num: text as numbers, what is not a number last; min, max, …: of a metric
    dataset_name: str | None = None
    dataset_digest: str | None = None

    @property
    def numeric(self) -> bool:
        """Text as numbers."""
        return self.function == "num"


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """One entry of `order_by` of a search for logged models."""

    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


def parse_order(kind: Kind, clauses: Sequence[str]) -> list[Order]:
    """What to sort by, the most important first. Raises InvalidParameter, also for a field named twice."""
    _check_count(clauses)
    found = [_clause(kind, clause) for clause in clauses]
    seen: set[object] = set()
    for order in found:
        # Two names of one column are one field. MLflow lets experiments repeat a field.
        where = order.target
        same = (where.sql if isinstance(where, Column) else (where, order.field.key), order.numeric)
        if same in seen and kind.name != "experiment":
            raise InvalidParameter(f"`order_by` contains duplicate fields: {shortened(repr(list(clauses)))}")
        seen.add(same)
    return found


def parse_model_order(kind: Kind, clauses: Sequence[ModelOrder]) -> list[Order]:
    """The same for logged models: their attributes and `metrics.KEY`."""
    _check_count(clauses)
    return [_model_clause(kind, clause) for clause in clauses]


def _clause(kind: Kind, clause: str) -> Order:
    name, ascending = _read(clause)
    field, target = resolve(kind, name, to_sort=True)
    if field.entity == "dataset":
        raise InvalidParameter(f"Invalid identifier type '{field.entity}'")
    if kind.name != "run" and field.entity != "attribute":
        raise InvalidParameter(f"Invalid order_by entity: {field.entity}")
    if name.numeric and target.type != "text":
        raise InvalidParameter(
            f"Invalid order_by clause '{shortened(clause)}'. num() is for params and tags."
        )
    return Order(field, target, ascending, name.function)


def _read(clause: str) -> tuple[Name, bool]:
    """`name`, `name ASC`, `num(name) DESC`, `min(name)`."""
    try:
        words = tokens(clause)[:-1]
    except InvalidParameter:
        words = []
    function = words[0].text if len(words) > 1 and words[1].text == "(" else ""
    if function:
        closed = len(words) > 3 and words[3].text == ")"
        words = [words[2], *words[4:]] if closed and function in FUNCTIONS else []
    # MLflow takes "start_time", too.
    is_name = [word.kind == "name" or word.text[:1] == '"' for word in words]
    if not 1 <= len(words) <= 2 or not all(is_name) or words[0].word in _DIRECTIONS:
        raise InvalidParameter(f"Invalid order_by clause '{shortened(clause)}'. Could not be parsed.")
    if len(words) == 2 and words[1].word not in _DIRECTIONS:
        raise InvalidParameter(f"Invalid ordering key in order_by clause '{shortened(clause)}'.")
    return split_name(words[0].text, function), len(words) == 1 or words[1].word == "ASC"


def _model_clause(kind: Kind, clause: ModelOrder) -> Order:
    check_storable(clause.field_name)
    name, shown = split_name(clause.field_name), shortened(clause.field_name)
    if name.entity not in {"", "metrics"}:
        raise InvalidParameter(f"Invalid order by field name: {shown}. Only metrics are supported.")
    if not name.entity and name.key not in kind.attributes:
        raise InvalidParameter(f"Invalid order by field name: {shown}")
    field, target = resolve(kind, name)
    return Order(field, target, clause.ascending, "", clause.dataset_name, clause.dataset_digest)


def _check_count(clauses: Sequence[object]) -> None:
    if len(clauses) > MAX_FIELDS:
        raise InvalidParameter(
            f"`order_by` may have at most {MAX_FIELDS} fields; this one has {len(clauses)}."
        )
