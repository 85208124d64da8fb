"""Logged models: what a training script saves as a model, with its params, tags and metrics."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from trackside import filters
from trackside.core import experiments, runs, validate
from trackside.core.app import App
from trackside.core.names import invented, new_uuid, now_ms
from trackside.errors import InvalidParameter, NotFound
from trackside.model import LoggedModel, LoggedModelStatus, ModelMetric, ModelUse, Page
from trackside.store.database import Job, Row, Transaction

NAME_LENGTH = 500
HISTORY = "mlflow.log-model.history"  # tag of a run: what MLflow 2 logged as models, as JSON
_BAD_IN_NAME = ("/", ":", ".", "%", '"', "'")
_MANDATORY = ("artifact_path", "flavors", "utc_time_created", "run_id")


class NewLoggedModel(NamedTuple):
    """What a client says of a model it begins to save."""

    experiment_id: str
    name: str = ""
    model_type: str = ""
    source_run_uuid: str = ""
    params: Sequence[tuple[str, str]] = ()
    tags: Sequence[tuple[str, str]] = ()


async def create(app: App, new: NewLoggedModel) -> LoggedModel:
    """Begin a logged model: PENDING until it is finalized; its files go below its artifact location."""
    _check_name(new.name)
    params = _checked_params(new.params)
    tags = _checked_tags(new.tags)
    uuid = f"m-{new_uuid()}"

    async def job(tx: Transaction) -> LoggedModel:
        experiment = await experiments.active_row_of(tx, new.experiment_id)
        [row] = await tx.all(
            "add_logged_model",
            uuid=uuid,
            experiment_id=experiment["id"],
            name=new.name or invented(),
            artifact_location=f"{experiment['artifact_location'].rstrip('/')}/models/{uuid}/artifacts",
            model_type=new.model_type or None,
            source_run_uuid=new.source_run_uuid or None,
            now_ms=now_ms(),
        )
        await tx.many("set_logged_model_param", _rows(row, params))
        await tx.many("set_logged_model_tag", _rows(row, tags))
        return (await loaded(tx, [row]))[0]

    model = await app.db.write(job)
    _announce(app, model)
    return model


async def get(app: App, uuid: str, *, deleted_too: bool = False) -> LoggedModel:
    """One logged model. Raises NotFound, for a deleted one unless it is asked for."""

    async def job(tx: Transaction) -> LoggedModel:
        return (await loaded(tx, [await row_of(tx, uuid, deleted_too=deleted_too)]))[0]

    return await app.db.read(job)


class OnDataset(NamedTuple):
    """Only metrics on this dataset count; without a digest, on any version of it."""

    name: str
    digest: str | None = None


class SortBy(NamedTuple):
    """A field to sort by; a metric's values may be those on one dataset."""

    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Search(NamedTuple):
    """Which logged models are wanted, in which order."""

    experiment_ids: list[str]
    filter: str = ""
    datasets: Sequence[OnDataset] = ()
    order_by: Sequence[SortBy] = ()


async def search(app: App, wanted: Search, page: Page) -> list[LoggedModel]:
    """A page of logged models that are not deleted; by default the newest first."""
    statement = filters.search_logged_models(
        app.db.engine,
        experiment_ids=runs.experiment_numbers(wanted.experiment_ids),
        filter=wanted.filter,
        datasets=[filters.DatasetFilter(*each) for each in wanted.datasets],
        order_by=[filters.ModelOrder(*each) for each in wanted.order_by],
        limit=page.limit,
        offset=page.offset,
    )

    async def job(tx: Transaction) -> list[LoggedModel]:
        return await loaded(tx, await tx.select(statement))

    return await app.search(job)


async def finalize(app: App, uuid: str, status: LoggedModelStatus) -> LoggedModel:
    """Say whether the model's files are complete."""

    async def job(tx: Transaction) -> None:
        await tx.run(
            "set_status_of_logged_model", id=(await row_of(tx, uuid))["id"], status=status, now_ms=now_ms()
        )

    return await _change(app, uuid, job)


async def delete(app: App, uuid: str) -> None:
    """Hide a logged model; deleting a deleted one is fine."""

    async def job(tx: Transaction) -> LoggedModel:
        row = await row_of(tx, uuid, deleted_too=True)
        await tx.run("delete_logged_model", id=row["id"], now_ms=now_ms())
        return (await loaded(tx, [row]))[0]

    _announce(app, await app.db.write(job))


async def log_params(app: App, uuid: str, params: Sequence[tuple[str, str]]) -> None:
    """Set params, each once. Raises InvalidParameter for another value than was logged."""
    checked = _checked_params(params)

    async def job(tx: Transaction) -> None:
        row = await row_of(tx, uuid)
        for key, value in checked.items():
            known = await tx.one("param_of_logged_model", model_id=row["id"], key=key)
            if known and known["value"] != value:
                raise InvalidParameter(
                    f"Changing param values is not allowed. Param with key='{key}' was already logged with"
                    f" value='{known['value']}' for logged model '{uuid}'. Attempted logging new value '{value}'."
                )
        await tx.many("set_logged_model_param", _rows(row, checked))

    await _change(app, uuid, job)


async def set_tags(app: App, uuid: str, tags: Sequence[tuple[str, str]]) -> LoggedModel:
    checked = _checked_tags(tags)

    async def job(tx: Transaction) -> None:
        await tx.many("set_logged_model_tag", _rows(await row_of(tx, uuid), checked))

    return await _change(app, uuid, job)


async def delete_tag(app: App, uuid: str, key: str) -> None:
    async def job(tx: Transaction) -> None:
        row = await row_of(tx, uuid)
        if not await tx.run("delete_logged_model_tag", model_id=row["id"], key=key):
            raise NotFound(f"No tag with key {key!r} found for model with ID {uuid!r}.")

    await _change(app, uuid, job)


async def log_outputs(app: App, run_uuid: str, uses: Sequence[ModelUse]) -> None:
    """Note which logged models a run wrote, and at which step."""

    async def job(tx: Transaction) -> Row:
        run = await runs.active_row_of(tx, run_uuid)
        values = [{"run_id": run["id"], "model_uuid": use.model_uuid, "step": use.step} for use in uses]
        await tx.many("add_model_output", values)
        return run

    run = await app.db.write(job)
    runs.announce(app, run_uuid, run["experiment_id"])


async def log_history(app: App, run_uuid: str, model_json: str) -> None:
    """Append what an older client says of a model it logged to the run's tag of such models."""
    entry = _history_entry(model_json)

    async def job(tx: Transaction) -> Row:
        run = await runs.active_row_of(tx, run_uuid)
        tag = await tx.one("tag_of_run", run_id=run["id"], key=HISTORY)
        history = parsed(tag["value"]) if tag else []
        if not isinstance(history, list):
            raise InvalidParameter(
                f"The tag {HISTORY} of run {run_uuid} is not a JSON list; delete it, then log again."
            )
        if entry not in history:  # a repeated request
            # Not cut to the length of other tags: it would no longer be JSON.
            await tx.run("set_tag", run_id=run["id"], key=HISTORY, value=json.dumps([*history, entry]))
        return run

    run = await app.db.write(job)
    runs.announce(app, run_uuid, run["experiment_id"])


def _history_entry(model_json: str) -> dict[str, Any]:
    model = parsed(model_json)
    if not isinstance(model, dict):
        raise InvalidParameter(f"Malformed model info. \n {model_json} \n is not a valid JSON.")
    missing = [field for field in _MANDATORY if field not in model]
    if missing:
        shown = ", ".join(repr(field) for field in missing)
        raise InvalidParameter(f"Model json is missing mandatory fields: {{{shown}}}")
    flavors = model["flavors"] if isinstance(model["flavors"], dict) else {}
    entry = {key: model.get(key) for key in ("run_id", "artifact_path", "utc_time_created", "model_uuid")}
    return {
        **entry,
        "flavors": {
            name: {key: value for key, value in flavor.items() if key != "config"}
            if isinstance(flavor, dict)
            else flavor
            for name, flavor in flavors.items()
        },
    }


def parsed(text: str) -> Any:
    """The value of a JSON text; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


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


async def row_of(tx: Transaction, uuid: str, *, deleted_too: bool = False) -> Row:
    """A logged model's row. Raises NotFound."""
    row = await tx.one("logged_model_by_uuid", uuid=uuid)
    if row is None or (row["lifecycle"] != "active" and not deleted_too):
        raise NotFound(f"Logged model with ID '{uuid}' not found.")
    return row


def _rows(row: Row, pairs: dict[str, str]) -> list[dict[str, Any]]:
    return [{"model_id": row["id"], "key": key, "value": value} for key, value in pairs.items()]


async def _change(app: App, uuid: str, job: Job[None]) -> LoggedModel:
    async def and_load(tx: Transaction) -> LoggedModel:
        await job(tx)
        return (await loaded(tx, [await row_of(tx, uuid)]))[0]

    model = await app.db.write(and_load)
    _announce(app, model)
    return model


def _announce(app: App, model: LoggedModel) -> None:
    if model.source_run_uuid:
        runs.announce(app, model.source_run_uuid, model.experiment_id)


def _check_name(name: str) -> None:
    if any(character in name for character in _BAD_IN_NAME):
        raise InvalidParameter(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string"
            f" and cannot contain the following characters: {_BAD_IN_NAME}"
        )
    validate.key_length(name, "name", NAME_LENGTH)


def _checked_params(params: Sequence[tuple[str, str]]) -> dict[str, str]:
    for index, (key, _) in enumerate(params):
        _check_key(key, f"params[{index}].key")
    validate.params_once(key for key, _ in params)
    return dict(params)


def _checked_tags(tags: Sequence[tuple[str, str]]) -> dict[str, str]:
    for index, (key, _) in enumerate(tags):
        _check_key(key, f"tags[{index}].key")
    return dict(tags)


def _check_key(key: str, path: str) -> None:
    if not key:
        raise InvalidParameter(f"Missing value for required parameter '{path}'.")
    validate.key_length(key, path)
