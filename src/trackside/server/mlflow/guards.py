"""Guards of MLflow's endpoints: each reads from the request, as the endpoint will, what it is about."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from starlette.requests import Request

from trackside.core import access, experiments, transfers
from trackside.core.permissions import Actor, Need
from trackside.core.prompts import is_granted_as_prompt
from trackside.errors import InvalidParameter
from trackside.server.guards import Guard, guard
from trackside.server.mlflow import wire
from trackside.server.mlflow.fields import Tag
from trackside.server.routing import app_of

_AUDITED = ("delete", "manage")


class OfExperiment(wire.Shape):
    is_large: ClassVar[bool] = True
    experiment_id: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_id",)


class OfRun(wire.Shape):
    is_large: ClassVar[bool] = True
    run_id: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id",)


class OfModel(wire.Shape):
    is_large: ClassVar[bool] = True
    name: str = ""
    required: ClassVar[tuple[str, ...]] = ("name",)


def experiment(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return access.experiment(actor, need, (await wire.read(request, OfExperiment)).experiment_id)

    return Guard(f"{need} experiment", check, audited=need in _AUDITED)


def run(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return await access.run(app_of(request), actor, need, (await wire.read(request, OfRun)).run_id)

    return Guard(f"{need} run", check, audited=need in _AUDITED)


def model(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return await access.model(app_of(request), actor, need, (await wire.read(request, OfModel)).name)

    return Guard(f"{need} registered model", check, audited=need in _AUDITED)


def version(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        name = (await wire.read(request, OfModel)).name
        return await access.versions(app_of(request), actor, need, name)

    return Guard(f"{need} model version", check, audited=need in _AUDITED)


def logged_model(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return await access.logged_model(app_of(request), actor, need, request.path_params["model_id"])

    return Guard(f"{need} logged model", check, audited=need in _AUDITED)


def proxied(need: Need) -> Guard:
    """A path of the artifact proxy, in the address."""

    async def check(request: Request, actor: Actor) -> bool:
        return await access.path(app_of(request), actor, need, request.path_params["path"])

    return Guard(f"{need} artifact path", check, audited=need == "manage")


@guard("read artifact path")
async def lists_proxied(request: Request, actor: Actor) -> bool:
    """A folder of the artifact proxy, in the query."""
    return await access.path(app_of(request), actor, "read", request.query_params.get("path", ""))


class OfFile(wire.Shape):
    is_large: ClassVar[bool] = True
    path: str = ""


@guard("update artifact path")
async def proxied_file(request: Request, actor: Actor) -> bool:
    """The file that an upload by parts makes: its folder is in the address, its name in the body."""
    folder, name = request.path_params["path"], (await wire.read(request, OfFile)).path
    asked = transfers.target(folder, name) if name else folder  # without one, the endpoint refuses
    return await access.path(app_of(request), actor, "update", asked)


# --- experiments


@guard("permission to create experiments")
async def creates_experiment(request: Request, actor: Actor) -> bool:
    return actor.may_create(access.EXPERIMENT)


class NamedExperiment(wire.Shape):
    experiment_name: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_name",)


@guard("read experiment")
async def reads_named_experiment(request: Request, actor: Actor) -> bool:
    name = (await wire.read(request, NamedExperiment)).experiment_name
    found = await experiments.get_by_name(app_of(request), name)
    return access.experiment(actor, "read", str(found.id))


class OfExperiments(wire.Shape):
    experiment_ids: list[str] = []


@guard("read experiments")
async def reads_experiments(request: Request, actor: Actor) -> bool:
    """Every experiment named."""
    named = (await wire.read(request, OfExperiments)).experiment_ids
    return all(access.experiment(actor, "read", each) for each in named)


# --- runs


class OfRuns(wire.Shape):
    run_ids: list[str] = []
    run_id: list[str] = []


@guard("read runs")
async def reads_runs(request: Request, actor: Actor) -> bool:
    """Every run named; a missing one is for the endpoint to tell, as MLflow does on these routes."""
    body = await wire.read(request, OfRuns)
    return await access.runs(app_of(request), actor, "read", [*body.run_ids, *body.run_id])


class ModelRef(Struct):
    model_id: str = ""


class OfRunAndModels(wire.Shape):
    is_large: ClassVar[bool] = True
    run_id: str = ""
    models: list[ModelRef] = []
    required: ClassVar[tuple[str, ...]] = ("run_id",)


@guard("update run and logged models")
async def logs_models(request: Request, actor: Actor) -> bool:
    """Inputs and outputs of a run: whoever names a model there writes to what the model shows."""
    body = await wire.read(request, OfRunAndModels)
    return await run_and_models(request, actor, body.run_id, [each.model_id for each in body.models])


async def run_and_models(request: Request, actor: Actor, uuid: str, model_uuids: list[str]) -> bool:
    """Whether this run and these models, of which some may be empty, can be written to."""
    app = app_of(request)
    named = [each for each in model_uuids if each]
    return await access.run(app, actor, "update", uuid) and await access.logged_models(
        app, actor, "update", named
    )


@guard("update run")
async def uploads_to_run(request: Request, actor: Actor) -> bool:
    query = request.query_params
    uuid = query.get("run_uuid") or query.get("run_id") or ""
    return await access.run(app_of(request), actor, "update", uuid)


# --- logged models


class NewLoggedModel(OfExperiment):
    source_run_id: str = ""


@guard("update experiment and source run")
async def creates_logged_model(request: Request, actor: Actor) -> bool:
    """The run that it says made it shows it, and registers it as its own."""
    body = await wire.read(request, NewLoggedModel)
    if not access.may_add_to_experiment(actor, body.experiment_id, access.LOGGED_MODEL):
        return False
    return not body.source_run_id or await access.run(app_of(request), actor, "update", body.source_run_id)


class OfRunOrModel(wire.Shape):
    run_id: str = ""
    model_id: str = ""


def presigned(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        body = await wire.read(request, OfRunOrModel)
        if bool(body.run_id) == bool(body.model_id):
            raise InvalidParameter("Exactly one of run_id and model_id must be provided.")
        if body.model_id:
            return await access.logged_model(app_of(request), actor, need, body.model_id)
        return await access.run(app_of(request), actor, need, body.run_id)

    return Guard(f"{need} run or logged model", check)


# --- registry


class NewModel(OfModel):
    tags: list[Tag] = []


@guard("permission to create registered models")
async def creates_model(request: Request, actor: Actor) -> bool:
    body = await wire.read(request, NewModel)
    # Of a tag that is given twice the last one counts, as it will.
    prompt = is_granted_as_prompt({tag.key: tag.value for tag in body.tags})
    return actor.may_create(access.PROMPT if prompt else access.MODEL, body.name)


class OfModelTag(OfModel):
    key: str = ""


@guard("update registered model")
async def tags_model(request: Request, actor: Actor) -> bool:
    body = await wire.read(request, OfModelTag)
    return await access.model_tag(app_of(request), actor, body.name, body.key)


@guard("update registered model, read its versions")
async def sets_alias(request: Request, actor: Actor) -> bool:
    return await _alias(request, actor, "update")


@guard("delete registered model, read its versions")
async def deletes_alias(request: Request, actor: Actor) -> bool:
    return await _alias(request, actor, "delete")


async def _alias(request: Request, actor: Actor, need: Need) -> bool:
    return await access.alias(app_of(request), actor, need, (await wire.read(request, OfModel)).name)


class NewVersion(OfModel):
    source: str = ""
    run_id: str = ""
    model_id: str = ""


@guard("update registered model, read the source")
async def creates_version(request: Request, actor: Actor) -> bool:
    body = await wire.read(request, NewVersion)
    app = app_of(request)
    return (
        await access.may_add_version(app, actor, body.name)
        and (not body.run_id or await access.run(app, actor, "read", body.run_id))
        and (not body.model_id or await access.logged_model(app, actor, "read", body.model_id))
        and await access.source(app, actor, body.source)
    )
