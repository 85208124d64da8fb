"""Rows of the table `run` to whole runs, many at a time: one query a kind of data, not one a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from trackside.model import Dataset, DatasetInput, ModelUse, Run, RunInfo
from trackside.store.database import Row, Transaction
from trackside.store.series import latest_of


def run_info(row: Row) -> RunInfo:
    return RunInfo(
        uuid=row["uuid"],
        experiment_id=row["experiment_id"],
        name=row["name"],
        user_id=row["user_id"],
        status=row["status"],
        lifecycle=row["lifecycle"],
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        artifact_uri=row["artifact_uri"],
    )


async def whole_runs(tx: Transaction, rows: Sequence[Row]) -> list[Run]:
    """The runs of these rows, in their order, with params, tags, latest metrics, inputs and outputs."""
    runs = {row["id"]: Run(run_info(row)) for row in rows}
    run_ids = msgspec.json.encode(list(runs)).decode()
    for row in await tx.all("params_of_runs", run_ids=run_ids):
        runs[row["run_id"]].params[row["key"]] = row["value"]
    for row in await tx.all("tags_of_runs", run_ids=run_ids):
        runs[row["run_id"]].tags[row["key"]] = row["value"]
    for row in await tx.all("series_of_runs", run_ids=run_ids):
        runs[row["run_id"]].metrics.append(latest_of(row))
    for row in await tx.all("models_of_runs", run_ids=run_ids):
        run = runs[row["run_id"]]
        uses = run.models_read if row["direction"] == "input" else run.models_written
        uses.append(ModelUse(row["model_uuid"], row["step"]))
    await _add_datasets(tx, runs, run_ids)
    return list(runs.values())


async def _add_datasets(tx: Transaction, runs: dict[int, Run], run_ids: str) -> None:
    uses = await tx.all("datasets_of_runs", run_ids=run_ids)
    if not uses:
        return
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for row in await tx.all("dataset_tags_of_runs", run_ids=run_ids):
        tags[row["use_id"]][row["key"]] = row["value"]
    for row in uses:
        dataset = Dataset(
            row["name"], row["digest"], row["source_type"], row["source"], row["schema"], row["profile"]
        )
        runs[row["run_id"]].datasets.append(DatasetInput(dataset, tags[row["use_id"]]))
