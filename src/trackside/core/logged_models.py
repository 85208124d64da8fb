"""Logged models: what a training script saves as a model, with its params, tags and metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from trackside.core.app import App
from trackside.model import LoggedModel, ModelMetric
from trackside.store.database import Row, Transaction


async def of_run(app: App, run_uuid: str) -> list[LoggedModel]:
    """Logged models that a run made or wrote, oldest first."""

    async def job(tx: Transaction) -> list[LoggedModel]:
        return await loaded(tx, await tx.all("logged_models_of_run", run_uuid=run_uuid))

    return await app.db.read(job)


async def loaded(tx: Transaction, rows: Sequence[Row]) -> list[LoggedModel]:
    """The logged models of these rows, in their order; a fixed number of queries for any number of them."""
    if not rows:
        return []
    model_ids = msgspec.json.encode([row["id"] for row in rows]).decode()
    params: dict[int, dict[str, str]] = defaultdict(dict)
    for row in await tx.all("params_of_logged_models", model_ids=model_ids):
        params[row["model_id"]][row["key"]] = row["value"]
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for row in await tx.all("tags_of_logged_models", model_ids=model_ids):
        tags[row["model_id"]][row["key"]] = row["value"]
    metrics: dict[int, list[ModelMetric]] = defaultdict(list)
    for row in await tx.all("metrics_of_logged_models", model_ids=model_ids):
        value = float("nan") if row["is_nan"] else row["value"]
        metrics[row["model_id"]].append(msgspec.convert({**dict(row), "value": value}, ModelMetric))
    return [
        msgspec.convert(
            {
                **dict(row),
                "params": params[row["id"]],
                "tags": tags[row["id"]],
                "metrics": metrics[row["id"]],
            },
            LoggedModel,
        )
        for row in rows
    ]
