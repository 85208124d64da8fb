"""Registered models, their versions and the versions' files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, registry, versions
from trackside.model import ModelVersion
from trackside.server.guards import actor_of, signed_in
from trackside.server.native import guards, shapes
from trackside.server.native.artifacts import file_below, list_below
from trackside.server.native.bodies import ROOT, read
from trackside.server.routing import Route, answer, app_of


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    return name


def _version(request: Request) -> str:
    version: str = request.path_params["version"]
    return version


async def _one(request: Request, name: str) -> Response:
    model, shown = await versions.of_model(app_of(request), name)
    shown = _seen(request, shown)
    versions_seen = shown.versions if access.sees_versions(actor_of(request), model) else []
    return answer(
        shapes.RegisteredModel(
            name=model.name,
            description=model.description or "",
            created_ms=model.created_ms,
            updated_ms=model.updated_ms,
            tags=model.tags,
            aliases={alias: str(version) for alias, version in model.aliases.items()},
            versions=[_shape(version, shown) for version in versions_seen],
        )
    )


async def _one_version(request: Request, name: str, version: str) -> Response:
    shown = _seen(request, await versions.shown(app_of(request), name, version))
    return answer(_shape(shown.versions[0], shown))


def _seen(request: Request, shown: versions.Shown) -> versions.Shown:
    """Without the names of runs that the sender may not read."""
    actor = actor_of(request)
    return shown._replace(
        runs={uuid: run for uuid, run in shown.runs.items() if access.sees_runs(actor, run.experiment_id)}
    )


def _shape(version: ModelVersion, shown: versions.Shown) -> shapes.ModelVersion:
    run = shown.runs.get(version.run_uuid or "")
    return shapes.ModelVersion(
        name=version.name,
        version=str(version.version),
        status=version.status,
        stage=version.stage,
        description=version.description or "",
        source=version.source,
        run_id=version.run_uuid,
        run_name=run.name if run else None,
        experiment_id=str(run.experiment_id) if run else None,
        model_id=version.logged_model_uuid,
        created_ms=version.created_ms,
        updated_ms=version.updated_ms,
        aliases=version.aliases,
        tags=version.tags,
    )


async def list_models(request: Request) -> Response:
    actor, text = actor_of(request), request.query_params.get("search", "")
    found = await registry.summaries(app_of(request), text, actor.visible(access.MODEL))
    found = [
        each if access.sees_versions(actor, each.model) else registry.Counted(each.model) for each in found
    ]
    models = [
        shapes.RegisteredModelSummary(
            name=model.name,
            description=model.description or "",
            created_ms=model.created_ms,
            updated_ms=model.updated_ms,
            versions=count,
            latest_version=None if newest is None else str(newest),
            aliases={alias: str(version) for alias, version in model.aliases.items()},
        )
        for model, count, newest in found
    ]
    return answer(shapes.RegisteredModelList(models))


async def create(request: Request) -> Response:
    body = await read(request, shapes.NewRegisteredModel)
    await registry.create(app_of(request), body.name, body.description, owner=actor_of(request).id)
    return await _one(request, body.name)


async def get(request: Request) -> Response:
    return await _one(request, _name(request))


async def patch(request: Request) -> Response:
    body = await read(request, shapes.DescriptionPatch)
    await registry.describe(app_of(request), _name(request), body.description)
    return await _one(request, _name(request))


async def delete(request: Request) -> Response:
    await registry.delete(app_of(request), _name(request))
    return answer({})


async def register(request: Request) -> Response:
    body = await read(request, shapes.NewModelVersion)
    owner = actor_of(request).id
    wanted = versions.FromRun(_name(request), body.run_id, body.path, body.model_id, body.description, owner)
    version = await versions.register(app_of(request), wanted)
    return await _one_version(request, version.name, str(version.version))


async def get_version(request: Request) -> Response:
    return await _one_version(request, _name(request), _version(request))


async def patch_version(request: Request) -> Response:
    body = await read(request, shapes.DescriptionPatch)
    await versions.describe(app_of(request), _name(request), _version(request), body.description)
    return await _one_version(request, _name(request), _version(request))


async def delete_version(request: Request) -> Response:
    await versions.delete(app_of(request), _name(request), _version(request))
    return answer({})


async def set_alias(request: Request) -> Response:
    body = await read(request, shapes.AliasTarget)
    await registry.set_alias(app_of(request), _name(request), request.path_params["alias"], body.version)
    return answer({})


async def delete_alias(request: Request) -> Response:
    await registry.delete_alias(app_of(request), _name(request), request.path_params["alias"])
    return answer({})


async def set_tag(request: Request) -> Response:
    body = await read(request, shapes.TagValue)
    await registry.set_tag(app_of(request), _name(request), request.path_params["key"], body.value)
    return answer({})


async def delete_tag(request: Request) -> Response:
    await registry.delete_tag(app_of(request), _name(request), request.path_params["key"])
    return answer({})


async def set_version_tag(request: Request) -> Response:
    body = await read(request, shapes.TagValue)
    key: str = request.path_params["key"]
    await versions.set_tag(app_of(request), _name(request), _version(request), key, body.value)
    return answer({})


async def delete_version_tag(request: Request) -> Response:
    key: str = request.path_params["key"]
    await versions.delete_tag(app_of(request), _name(request), _version(request), key)
    return answer({})


async def list_files(request: Request) -> Response:
    return await list_below(request, await _root(request))


async def get_file(request: Request) -> Response:
    return await file_below(request, await _root(request))


async def _root(request: Request) -> str:
    return await versions.artifact_root(app_of(request), _name(request), _version(request))


_ALL = f"{ROOT}/models"
_ONE = f"{_ALL}/{{name}}"
_VERSION = f"{_ONE}/versions/{{version}}"
routes = [
    Route("GET", _ALL, list_models, signed_in, gives=shapes.RegisteredModelList),
    Route("POST", _ALL, create, guards.creates_model, shapes.NewRegisteredModel, shapes.RegisteredModel),
    Route("GET", _ONE, get, guards.model("read"), gives=shapes.RegisteredModel),
    Route("PATCH", _ONE, patch, guards.model("update"), shapes.DescriptionPatch, shapes.RegisteredModel),
    Route("DELETE", _ONE, delete, guards.model("delete"), gives=shapes.Empty),
    Route("PUT", f"{_ONE}/aliases/{{alias}}", set_alias, guards.sets_alias, shapes.AliasTarget, shapes.Empty),
    Route("DELETE", f"{_ONE}/aliases/{{alias}}", delete_alias, guards.deletes_alias, gives=shapes.Empty),
    Route("PUT", f"{_ONE}/tags/{{key:path}}", set_tag, guards.tags_model, shapes.TagValue, shapes.Empty),
    Route("DELETE", f"{_ONE}/tags/{{key:path}}", delete_tag, guards.tags_model, gives=shapes.Empty),
    Route(
        "POST", f"{_ONE}/versions", register, guards.registers, shapes.NewModelVersion, shapes.ModelVersion
    ),
    Route("GET", _VERSION, get_version, guards.version("read"), gives=shapes.ModelVersion),
    Route(
        "PATCH",
        _VERSION,
        patch_version,
        guards.version("update"),
        shapes.DescriptionPatch,
        shapes.ModelVersion,
    ),
    Route("DELETE", _VERSION, delete_version, guards.version("delete"), gives=shapes.Empty),
    Route(
        "PUT",
        f"{_VERSION}/tags/{{key:path}}",
        set_version_tag,
        guards.version("update"),
        shapes.TagValue,
        shapes.Empty,
    ),
    Route(
        "DELETE",
        f"{_VERSION}/tags/{{key:path}}",
        delete_version_tag,
        guards.version("delete"),
        gives=shapes.Empty,
    ),
    Route("GET", f"{_VERSION}/artifacts", list_files, guards.version("read"), gives=shapes.ArtifactList),
    Route("GET", f"{_VERSION}/artifacts/file", get_file, guards.version("read"), streams=True),
]
