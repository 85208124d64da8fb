"""What the runs table can show: the keys that runs of an experiment have, and how its columns are named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from trackside import filters
from trackside.core import experiments, rankings
from trackside.core.app import App
from trackside.errors import StorageFull
from trackside.store.database import Row, Transaction


class ColumnNames(NamedTuple):
    """Keys that the active runs of an experiment have, sorted."""

    metrics: list[str]
    params: list[str]
    tags: list[str]


_FUNCTION = re.compile(r"(\w+)\((metrics\..*)\)", re.DOTALL)


def named(column: str) -> filters.Name:
    """What a column's name means, `metrics.loss` or ``min(metrics.`val loss`)``: the key may stand in quotes."""
    function, name = match.groups() if (match := _FUNCTION.fullmatch(column)) else ("", column)
    return filters.split_name(name, function)


async def names(app: App, experiment_id: str) -> ColumnNames:
    """The keys of an experiment: of a large one kept in a table, which the first who asks has made."""

    async def known(tx: Transaction) -> tuple[int, bool, list[Row]]:
        number = (await experiments.row_of(tx, experiment_id))["id"]
        found = await tx.all("rankings_of_experiment", experiment_id=number)
        ready = any(each["name"] == rankings.COLUMNS and each["built_to"] == rankings.ALL for each in found)
        current = await rankings.are_current(tx, number)
        return number, current, await tx.all("keys_of_experiment", experiment_id=number) if ready else []

    try:
        number, current, keys = await app.search(known)
        if keys and not current:
            await rankings.refresh(app.db, number)
            number, _, keys = await app.search(known)
        if doubtful := [key for key in keys if key["doubtful"]]:
            await rankings.settle_doubts(app.db, number, doubtful)
            number, _, keys = await app.search(known)
    except StorageFull:  # reading must go on
        keys = []
    if keys:
        return _of_kinds(keys)

    async def look(tx: Transaction) -> tuple[ColumnNames, bool]:
        found = ColumnNames(
            [name["name"] for name in await tx.all("metric_names_of_experiment", id=number)],
            [name["key"] for name in await tx.all("param_names_of_experiment", id=number)],
            [name["key"] for name in await tx.all("tag_names_of_experiment", id=number)],
        )
        large = await tx.one("is_large", experiment_id=number, runs=rankings.LARGE)
        return found, large is not None

    found, large = await app.search(look)
    if large:
        app.rankings.want(rankings.Wanted(number, rankings.COLUMNS))
    return found


def _of_kinds(keys: Sequence[Row]) -> ColumnNames:
    kinds = ("metric", "param", "tag")
    return ColumnNames(*([key["key"] for key in keys if key["kind"] == kind] for kind in kinds))
