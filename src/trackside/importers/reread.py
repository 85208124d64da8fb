"""Reads back what an import has written, to compare it by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trackside.errors import TracksideError
from trackside.importers.batches import marks
from trackside.importers.records import LoggedModel, ModelMetric, Points, hexed
from trackside.importers.state import values_of, values_of_model

if TYPE_CHECKING:
    from trackside.core.app import App
    from trackside.store.database import Row, Transaction


async def values(app: App, ids: Sequence[str]) -> dict[str, str]:
    """What these runs and logged models say, as `values_of` has it."""
    from trackside.core import load, logged_models  # noqa: PLC0415 - tests/test_layout.py

    wanted = msgspec.json.encode(ids).decode()

    async def job(tx: Transaction) -> dict[str, str]:
        runs = await load.whole_runs(tx, await tx.all("runs_by_uuid", run_uuids=wanted))
        found = {run.info.uuid: values_of(run.info, run.params, run.tags) for run in runs}
        rows = [
            row
            for each in ids
            if each not in found
            for row in await tx.all("logged_model_by_uuid", uuid=each)
        ]
        models = await logged_models.loaded(tx, rows)
        told = [logged_model(model, row) for model, row in zip(models, rows, strict=True)]
        return found | {model.id: values_of_model(model) for model in told}

    return await app.db.read(job)


async def points(app: App, number: int) -> int:
    """The sum of the marks of a run's points; `number` is the store's own of the run."""

    async def job(tx: Transaction) -> int:
        total = 0
        for row in await tx.all("series_of_run", run_id=number):
            step, time_ms, value = await app.series.history(tx, number, row["name"])
            page = Points([row["name"]], np.zeros(len(step), np.int32), step, time_ms, value)
            total += int(marks(page).sum(dtype=np.uint64))
        return total % 2**64

    return await app.db.read(job)


async def file_fault(app: App, uri: str, path: str, sha256: bytes) -> str:
    """Why a file below an artifact root is not the one with that SHA-256; empty when it is. Reads all of it."""
    from trackside.core import artifacts  # noqa: PLC0415 - tests/test_layout.py

    try:
        blob, known = await artifacts.open_below(app, uri, path, listed=True)
        try:
            async for _ in blob.chunks(0, blob.size_bytes):
                pass  # compared with what is known while it is read
        finally:
            blob.close()
    except TracksideError as error:
        return error.message.rstrip(".")
    return "" if known == sha256 else "it is not the file that was copied"


def logged_model(told: Any, row: Row) -> LoggedModel:
    """A logged model of the store as a record."""
    return LoggedModel(
        told.uuid, str(told.experiment_id), told.name, told.artifact_location, told.status, told.status_message,
        row["lifecycle"], told.model_type, told.source_run_uuid, told.created_ms, told.updated_ms, told.params, told.tags,
        [
            ModelMetric(m.key, m.step, m.timestamp_ms, hexed(m.value), m.run_uuid, m.dataset_name, m.dataset_digest)
            for m in told.metrics
        ],
    )  # fmt: skip
