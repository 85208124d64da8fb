"""Guards of the native API: what a request is about is in its address, or in its body as the endpoint reads it."""

from __future__ import annotations

from starlette.requests import Request

from trackside.core import access
from trackside.core.permissions import Actor, Need
from trackside.server.guards import Guard, guard
from trackside.server.native import shapes
from trackside.server.native.bodies import read
from trackside.server.routing import app_of


def experiment(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return access.experiment(actor, need, request.path_params["experiment_id"])

    return Guard(f"{need} experiment", check, audited=need == "delete")


def run(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return await access.run(app_of(request), actor, need, request.path_params["run_id"])

    return Guard(f"{need} run", check, audited=need == "delete")


def model(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return await access.model(app_of(request), actor, need, request.path_params["name"])

    return Guard(f"{need} registered model", check, audited=need == "delete")


def version(need: Need) -> Guard:
    async def check(request: Request, actor: Actor) -> bool:
        return await access.versions(app_of(request), actor, need, request.path_params["name"])

    return Guard(f"{need} model version", check, audited=need == "delete")


@guard("permission to create experiments")
async def creates_experiment(request: Request, actor: Actor) -> bool:
    return actor.may_create(access.EXPERIMENT)


@guard("permission to create registered models")
async def creates_model(request: Request, actor: Actor) -> bool:
    body = await read(request, shapes.NewRegisteredModel)
    return actor.may_create(access.MODEL, body.name)


@guard("read runs")
async def reads_runs(request: Request, actor: Actor) -> bool:
    body = await read(request, shapes.SeriesQuery)
    return await access.runs(app_of(request), actor, "read", body.run_ids)


@guard("update registered model (or create it), read the run")
async def registers(request: Request, actor: Actor) -> bool:
    app, name = app_of(request), request.path_params["name"]
    body = await read(request, shapes.NewModelVersion)
    allowed = (
        await access.may_add_version(app, actor, name)
        if await access.model_exists(app, name)
        else actor.may_create(access.MODEL, name)
    )
    return (
        allowed
        and await access.run(app, actor, "read", body.run_id)
        and (not body.model_id or await access.logged_model(app, actor, "read", body.model_id))
    )


@guard("update registered model")
async def tags_model(request: Request, actor: Actor) -> bool:
    at = request.path_params
    return await access.model_tag(app_of(request), actor, at["name"], at["key"])


@guard("update registered model, read its versions")
async def sets_alias(request: Request, actor: Actor) -> bool:
    return await access.alias(app_of(request), actor, "update", request.path_params["name"])


@guard("delete registered model, read its versions")
async def deletes_alias(request: Request, actor: Actor) -> bool:
    return await access.alias(app_of(request), actor, "delete", request.path_params["name"])


@guard("read what each topic is about")
async def hears(request: Request, actor: Actor) -> bool:
    app, topics = app_of(request), request.query_params.getlist("topic")
    for name in topics[:1000]:
        if not await access.topic(app, actor, name):
            return False
    return len(topics) <= 1000
