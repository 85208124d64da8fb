"""Versions of registered models: create from a run or a logged model, find, stage, tag, delete."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import msgspec

from trackside import filters
from trackside.core import artifacts, logged_models, model_sources, prompts, registry, registry_events, runs
from trackside.core.app import App
from trackside.core.load import run_info
from trackside.core.model_sources import Source
from trackside.core.names import now_ms
from trackside.errors import InvalidParameter, NotFound
from trackside.model import ModelVersion, Page, RegisteredModel, RunInfo, VisibleModels
from trackside.store.database import Job, Row, T, Transaction

ACTIVE_STAGES = ["Staging", "Production"]
VERSIONS_OF_LOGGED_MODEL = "mlflow.modelVersions"  # tag, as JSON


class NewVersion(NamedTuple):
    """What a client says of a version it makes; None where it says nothing."""

    name: str
    source: str
    run_uuid: str | None = None
    model_uuid: str | None = None
    run_link: str = ""
    description: str = ""
    tags: dict[str, str] = {}


async def create(app: App, new: NewVersion) -> ModelVersion:
    """Add a version to a registered model. Raises NotFound, and InvalidParameter for a source that is not allowed."""
    registry.check_name(new.name)
    for key, value in new.tags.items():
        registry.check_tag(key, value)
    pattern = app.settings.model_source_pattern
    if pattern and not re.search(pattern, new.source):
        raise InvalidParameter(f"Invalid model version source: '{new.source}'.")

    async def job(tx: Transaction) -> ModelVersion:
        source = await _source(tx, new)
        return await _add(tx, await registry.row_of(tx, new.name), source, new)

    return await _added(app, job)


async def _source(tx: Transaction, new: NewVersion) -> Source:
    if not prompts.is_prompt(new.tags):
        return await model_sources.checked(tx, new.source, new.run_uuid, new.model_uuid)
    if new.source not in model_sources.PROMPT_SOURCES:
        raise InvalidParameter(
            f"Invalid prompt source: '{new.source}'. Prompt sources must use an MLflow placeholder."
        )
    return Source(new.source, new.source, new.run_uuid or None)


class FromRun(NamedTuple):
    """A version to make of a run's logged model, or of a folder of its artifacts."""

    name: str
    run_uuid: str
    path: str = ""
    model_uuid: str | None = None
    description: str = ""
    owner: int = 0  # who manages the registered model if it is made now


async def register(app: App, wanted: FromRun) -> ModelVersion:
    """Make a version of what a run saved, and the registered model when there is none.

    Raises NotFound when the run, the logged model or the folder does not exist.
    """
    registry.check_name(wanted.name)
    source = await _saved_by_run(app, wanted)

    async def job(tx: Transaction) -> ModelVersion:
        model = await tx.one("registered_model_by_name", name=wanted.name)
        if model is None:
            model = await registry.add(tx, wanted.name, owner=wanted.owner)
        new = NewVersion(wanted.name, source.uri, description=wanted.description)
        return await _add(tx, model, source, new)

    version = await _added(app, job)
    app.identities.forget_grants(wanted.owner)
    return version


async def _saved_by_run(app: App, wanted: FromRun) -> Source:
    """Where the model is; its folder has files."""
    run = (await runs.get(app, wanted.run_uuid)).info
    models = await logged_models.of_run(app, wanted.run_uuid)
    path = artifacts.safe_path(wanted.path, folder=True)
    if wanted.model_uuid is None:
        if await artifacts.entries(app, run.artifact_uri, path):
            uri = f"{run.artifact_uri}/{path}" if path else run.artifact_uri
            return Source(uri, uri, run.uuid)
        models = [model for model in models if model.name == path]
        missing = (
            f"Run {run.uuid} has no folder '{path}' among its artifacts, and no logged model of that name."
        )
    else:
        models = [model for model in models if model.uuid == wanted.model_uuid]
        missing = f"Run {run.uuid} has no logged model '{wanted.model_uuid}'."
    if not models:
        raise NotFound(f"{missing} Nothing was registered.")
    model = models[-1]
    if not await artifacts.entries(app, model.artifact_location, ""):
        raise NotFound(
            f"The logged model '{model.name}' ({model.uuid}) has no files: nothing was registered."
            " Its upload may not have ended yet."
        )
    return Source(f"models:/{model.uuid}", model.artifact_location, run.uuid, model.uuid)


async def _add(tx: Transaction, model: Row, source: Source, new: NewVersion) -> ModelVersion:
    now = now_ms()
    [counted] = await tx.all("next_version_of_model", id=model["id"], now_ms=now)
    at = {"model_id": model["id"], "version": counted["last_version"]}
    await tx.run(
        "add_model_version",
        **at,
        description=new.description,
        source=source.uri,
        storage_location=source.storage_location,
        run_uuid=source.run_uuid,
        run_link=new.run_link,
        logged_model_uuid=source.model_uuid,
        now_ms=now,
    )
    tags = [{**at, "key": key, "value": value} for key, value in new.tags.items()]
    await tx.many("set_model_version_tag", tags)
    if source.model_uuid:
        await _note_on_logged_model(tx, source.model_uuid, model["name"], at["version"])
    await registry_events.version_created(
        tx,
        model["name"],
        at["version"],
        source=source.uri,
        run_uuid=source.run_uuid,
        description=new.description,
        tags=new.tags,
    )
    return await _loaded(tx, await tx.one("model_version", **at))


async def _note_on_logged_model(tx: Transaction, model_uuid: str, name: str, version: int) -> None:
    """MLflow's UI reads from this tag which versions were made of a logged model."""
    model = await tx.one("logged_model_by_uuid", uuid=model_uuid)
    if model is None:
        return
    tag = await tx.one("tag_of_logged_model", model_id=model["id"], key=VERSIONS_OF_LOGGED_MODEL)
    known = logged_models.parsed(tag["value"]) if tag else []
    known = known if isinstance(known, list) else []  # clients may set the tag to anything
    value = json.dumps([*known, {"name": name, "version": version}])
    await tx.run("set_logged_model_tag", model_id=model["id"], key=VERSIONS_OF_LOGGED_MODEL, value=value)


async def get(app: App, name: str, version: str) -> ModelVersion:
    """One version. Raises NotFound."""

    async def job(tx: Transaction) -> ModelVersion:
        return await _loaded(tx, await registry.version_row_of(tx, name, version))

    return await app.db.read(job)


class Shown(NamedTuple):
    """Versions with the runs they were made from, by id; runs that are gone are not there."""

    versions: list[ModelVersion]
    runs: dict[str, RunInfo]


class ShownModel(NamedTuple):
    """A registered model with all of its versions, the newest first."""

    model: RegisteredModel
    shown: Shown


async def of_model(app: App, name: str) -> ShownModel:
    """What a registered model's page shows. Raises NotFound."""

    async def job(tx: Transaction) -> ShownModel:
        row = await registry.row_of(tx, name)
        [model] = await registry.loaded(tx, [row])
        return ShownModel(model, await _shown(tx, await tx.all("versions_of_model", model_id=row["id"])))

    return await app.db.read(job)


async def shown(app: App, name: str, version: str) -> Shown:
    """One version with its run. Raises NotFound."""

    async def job(tx: Transaction) -> Shown:
        return await _shown(tx, [await registry.version_row_of(tx, name, version)])

    return await app.db.read(job)


async def _shown(tx: Transaction, rows: list[Row]) -> Shown:
    uuids = sorted({row["run_uuid"] for row in rows if row["run_uuid"]})
    found = await tx.all("runs_by_uuid", run_uuids=msgspec.json.encode(uuids).decode())
    return Shown(await registry.loaded_versions(tx, rows), {row["uuid"]: run_info(row) for row in found})


async def search(
    app: App,
    filter_string: str,
    order_by: list[str],
    page: Page,
    visible: VisibleModels = VisibleModels(),  # noqa: B008 - a value that never changes
) -> list[ModelVersion]:
    """A page of the versions that may be seen, those that changed last first; a prompt's only when the filter asks for them."""
    statement = filters.search_model_versions(
        app.db.engine,
        filter=filter_string,
        order_by=order_by,
        visible=visible,
        limit=page.limit,
        offset=page.offset,
    )

    async def job(tx: Transaction) -> list[ModelVersion]:
        return await registry.loaded_versions(tx, await tx.select(statement))

    return await app.search(job)


async def latest(app: App, name: str, stages: list[str]) -> list[ModelVersion]:
    """The highest version of each of these stages, or of all. Raises NotFound."""
    model = await registry.get(app, name)
    wanted = {registry.canonical_stage(stage) for stage in stages}
    return [version for version in model.latest if not wanted or version.stage in wanted]


async def download_uri(app: App, name: str, version: str) -> str:
    """Where a client reads the version's files from."""
    return (await get(app, name, version)).storage_location


async def artifact_root(app: App, name: str, version: str) -> str:
    """The same as an artifact URI, for the server's own reading. Raises NotFound."""

    async def job(tx: Transaction) -> str:
        row = await registry.version_row_of(tx, name, version)
        return await model_sources.location(tx, row["storage_location"])

    return await app.db.read(job)


async def describe(app: App, name: str, version: str, description: str | None) -> ModelVersion:
    """Set or, with None, remove the description (Markdown)."""

    async def job(tx: Transaction) -> ModelVersion:
        at = _at(await registry.version_row_of(tx, name, version))
        await tx.run("describe_model_version", **at, description=description, now_ms=now_ms())
        return await _loaded(tx, await tx.one("model_version", **at))

    return await _change(app, name, job)


async def transition(app: App, name: str, version: str, stage: str, *, archive_others: bool) -> ModelVersion:
    """Move a version to a stage; `archive_others` moves those that are there to Archived."""
    stage_now = registry.canonical_stage(stage)
    if archive_others and stage_now not in ACTIVE_STAGES:
        # MLflow answers 500 here, which its client would send again for minutes.
        raise InvalidParameter(
            "Model version transition cannot archive existing model versions because"
            f" '{stage}' is not an Active stage. Valid stages are {ACTIVE_STAGES}"
        )

    async def job(tx: Transaction) -> ModelVersion:
        at = _at(await registry.version_row_of(tx, name, version))
        now = now_ms()
        if archive_others:
            await tx.run("archive_other_versions", **at, stage=stage_now, now_ms=now)
        await tx.run("set_stage_of_version", **at, stage=stage_now, now_ms=now)
        await tx.run("touch_registered_model", id=at["model_id"], now_ms=now)
        return await _loaded(tx, await tx.one("model_version", **at))

    return await _change(app, name, job)


async def delete(app: App, name: str, version: str) -> None:
    """Delete a version with its tags and aliases. The files stay; its number is not used again."""

    async def job(tx: Transaction) -> str | None:
        row = await registry.version_row_of(tx, name, version)
        await tx.run("delete_model_version", **_at(row))
        await tx.run("touch_registered_model", id=row["model_id"], now_ms=now_ms())
        run_uuid: str | None = row["run_uuid"]
        return run_uuid

    _announce_run(app, await _change(app, name, job))


async def set_tag(app: App, name: str, version: str, key: str, value: str) -> None:
    registry.check_tag(key, value)

    async def job(tx: Transaction) -> None:
        row = await registry.version_row_of(tx, name, version)
        await tx.run("set_model_version_tag", **_at(row), key=key, value=value)
        await registry_events.version_tag(tx, row, key, value)

    await _change(app, name, job)


async def delete_tag(app: App, name: str, version: str, key: str) -> None:
    """Delete a tag; one that is not there is fine, as in MLflow."""
    registry.check_tag(key, "")

    async def job(tx: Transaction) -> None:
        row = await registry.version_row_of(tx, name, version)
        await tx.run("delete_model_version_tag", **_at(row), key=key)
        await registry_events.version_tag(tx, row, key, None)

    await _change(app, name, job)


def _at(row: Row) -> dict[str, int]:
    return {"model_id": row["model_id"], "version": row["version"]}


async def _loaded(tx: Transaction, row: Row | None) -> ModelVersion:
    return (await registry.loaded_versions(tx, [row] if row else []))[0]


async def _added(app: App, job: Job[ModelVersion]) -> ModelVersion:
    version = await app.db.write(job)
    registry.announce(app, version.name)
    _announce_run(app, version.run_uuid)
    return version


def _announce_run(app: App, run_uuid: str | None) -> None:
    """The page of the run shows its versions. Nothing here may fail: the version is stored already."""
    if run_uuid is not None:
        app.events.soon(f"run:{run_uuid}", kind="run", run_id=run_uuid)


async def _change(app: App, name: str, job: Job[T]) -> T:
    result = await app.db.write(job)
    registry.announce(app, name)
    return result
