"""Searches as statements, ready for `Transaction.select`; those for runs are in `runs`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trackside.filters.compile import Compiler, DatasetFilter, Sql, all_of, joined, separated
from trackside.filters.fields import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    Column,
)
from trackside.filters.order import ModelOrder, Order, parse_model_order, parse_order
from trackside.filters.parse import parse
from trackside.model import View, Visible, VisibleModels


@dataclass(frozen=True, slots=True)
class Composed:
    """A statement; its values are those of the placeholders, in order."""

    sql: str
    values: tuple[Any, ...]


def search_experiments(
    engine: str,
    *,
    filter: str = "",  # noqa: A002
    order_by: Sequence[str] = (),
    view: View = "active",
    visible: Visible | None = None,
    limit: int,
    offset: int = 0,
) -> Composed:
    """Rows of `experiment`; newest first when no order is given.

    Raises InvalidParameter, as every function here does for a filter or an order that is not valid.
    """
    compiler = Compiler(EXPERIMENTS, engine)
    seen = compiler.visible("experiment.id", visible, numbers=True)
    where = [lifecycle("experiment", view), seen, compiler.condition(parse(filter))]
    return _page(compiler, where, parse_order(EXPERIMENTS, order_by), limit, offset)


def search_registered_models(
    engine: str,
    *,
    filter: str = "",  # noqa: A002
    order_by: Sequence[str] = (),
    visible: VisibleModels = VisibleModels(),  # noqa: B008 - a value that never changes
    limit: int,
    offset: int = 0,
) -> Composed:
    """Rows of `registered_model`, by name when no order is given; prompts only if the filter asks for them."""
    compiler = Compiler(REGISTERED_MODELS, engine)
    where = [compiler.visible_models(visible), compiler.without_prompts(parse(filter))]
    return _page(compiler, where, parse_order(REGISTERED_MODELS, order_by), limit, offset)


def search_model_versions(
    engine: str,
    *,
    filter: str = "",  # noqa: A002
    order_by: Sequence[str] = (),
    visible: VisibleModels = VisibleModels(),  # noqa: B008 - a value that never changes
    limit: int,
    offset: int = 0,
) -> Composed:
    """Rows of `model_version` with the model's `name`; last changed first when no order is given."""
    compiler = Compiler(MODEL_VERSIONS, engine)
    where = [compiler.visible_models(visible), compiler.without_prompts(parse(filter))]
    return _page(compiler, where, parse_order(MODEL_VERSIONS, order_by), limit, offset)


def search_logged_models(
    engine: str,
    *,
    experiment_ids: Sequence[int],
    filter: str = "",  # noqa: A002
    datasets: Sequence[DatasetFilter] = (),
    order_by: Sequence[ModelOrder] = (),
    limit: int,
    offset: int = 0,
) -> Composed:
    """Rows of `logged_model` that are not deleted; newest first when no order is given.

    With `datasets`, comparisons with metrics are about values on one of them, and without any
    such comparison a model needs some metric on one of them.
    """
    compiler = Compiler(LOGGED_MODELS, engine, datasets)
    tree = parse(filter)
    where = [
        compiler.of_experiments(experiment_ids),
        lifecycle("logged_model", "active"),
        compiler.condition(tree),
        compiler.on_datasets(tree),
    ]
    return _page(compiler, where, parse_model_order(LOGGED_MODELS, order_by), limit, offset)


def lifecycle(table: str, view: View) -> Sql:
    """The condition that a thing is not deleted, is, or may be."""
    if view == "all":
        return Sql("TRUE")
    return Sql(f"{table}.lifecycle = '{'active' if view == 'active' else 'deleted'}'")


def _page(
    compiler: Compiler, where: Iterable[Sql], orders: Sequence[Order], limit: int, offset: int
) -> Composed:
    limits = compiler.limits(limit, offset)
    found = sorted_page(compiler, Sql(compiler.kind.source), where, orders, limits)
    return Composed(compiler.finished(found), found.values)


def sorted_page(
    compiler: Compiler, source: Sql, where: Iterable[Sql], orders: Sequence[Order], limits: Sql
) -> Sql:
    """Rows of a kind of object, sorted; `limits` says which of them."""
    kind = compiler.kind
    joins: list[Sql] = []
    keys = [key for n, order in enumerate(orders) for key in compiler.sort_keys(order, f"sort_{n}", joins)]
    named = {order.target.sql for order in orders if isinstance(order.target, Column) and not order.numeric}
    for column, ascending in kind.tie if orders else kind.start + kind.tie:
        if column.sql not in named:
            named.add(column.sql)
            value = Sql(column.sql)
            value = compiler.sorted_text(value) if column.type == "text" else value
            keys.append(value if ascending else joined(value, " DESC"))
    return joined(
        f"SELECT {kind.columns} FROM ",  # noqa: S608 - from our own tables
        source,
        *joins,
        " WHERE ",
        all_of(where),
        " ORDER BY ",
        separated(", ", keys),
        limits,
    )
