"""What runs read: datasets, with the context of their use, and logged models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from trackside.core import runs, validate
from trackside.core.app import App
from trackside.model import Dataset, DatasetInput
from trackside.store.database import Row, Transaction

SUMMARIES = 1000  # a request
_LENGTHS = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
_TAG_KEY_LENGTH = 255
_TAG_VALUE_LENGTH = 500


async def log_inputs(
    app: App, run_uuid: str, inputs: Sequence[DatasetInput], model_uuids: Sequence[str]
) -> None:
    """Note what a run reads. Noting the same again changes nothing, not even tags."""
    for used in inputs:
        _check(used)

    async def job(tx: Transaction) -> Row:
        run = await runs.active_row_of(tx, run_uuid)
        for used in inputs:
            await _add(tx, run, used)
        values = [{"run_id": run["id"], "model_uuid": model_uuid} for model_uuid in model_uuids]
        await tx.many("add_model_input", values)
        return run

    run = await app.db.write(job)
    runs.announce(app, run_uuid, run["experiment_id"])


async def _add(tx: Transaction, run: Row, used: DatasetInput) -> None:
    of = {"experiment_id": run["experiment_id"], "name": used.dataset.name, "digest": used.dataset.digest}
    values = {name: getattr(used.dataset, name) for name in ("source_type", "source", "schema", "profile")}
    await tx.run("add_dataset", **of, **values)
    use = await tx.one("add_run_dataset", run_id=run["id"], **of)
    if use is not None:
        tags = [{"id": use["id"], "key": key, "value": value} for key, value in used.tags.items()]
        await tx.many("set_run_dataset_tag", tags)


class DatasetUse(NamedTuple):
    """A dataset as runs of an experiment used it."""

    experiment_id: int
    name: str
    digest: str
    context: str | None


async def uses(app: App, experiment_ids: list[str]) -> list[DatasetUse]:
    """Datasets that runs of these experiments used, each once a context; at most 1,000."""
    numbers = msgspec.json.encode(runs.experiment_numbers(experiment_ids)).decode()

    async def job(tx: Transaction) -> list[DatasetUse]:
        rows = await tx.all("dataset_uses_of_experiments", experiment_ids=numbers, limit=SUMMARIES)
        return [DatasetUse(row["experiment_id"], row["name"], row["digest"], row["context"]) for row in rows]

    return await app.db.read(job)


def _check(used: DatasetInput) -> None:
    dataset: Dataset = used.dataset
    for name, limit in _LENGTHS.items():
        validate.key_length(getattr(dataset, name) or "", name, limit)
    for key, value in used.tags.items():
        validate.key_length(key, "key", _TAG_KEY_LENGTH)
        validate.key_length(value, "value", _TAG_VALUE_LENGTH)
