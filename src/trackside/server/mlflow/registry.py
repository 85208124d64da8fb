"""MLflow's registered model endpoints."""

from __future__ import annotations

from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, registry, versions
from trackside.core.validate import invalid
from trackside.errors import InvalidParameter
from trackside.model import ModelVersion, Page, RegisteredModel
from trackside.server.guards import actor_of, signed_in
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import Tag, tags_json
from trackside.server.mlflow.paging import found_json, offset_of
from trackside.server.routing import Route, answer, app_of

MOST = 1000  # registered models a page


class Name(wire.Shape):
    name: str = ""
    required: ClassVar[tuple[str, ...]] = ("name",)


class CreateRegisteredModel(Name):
    tags: list[Tag] = []
    description: str = ""


class UpdateRegisteredModel(Name):
    description: str = ""


class RenameRegisteredModel(Name):
    new_name: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "new_name")


class SearchShape(wire.Shape):
    filter: str = ""
    max_results: wire.Int | None = None
    order_by: list[str] = []
    page_token: str = ""


class GetLatestVersions(Name):
    stages: list[str] = []


class SetRegisteredModelTag(Name):
    key: str = ""
    value: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "key")


class DeleteRegisteredModelTag(Name):
    key: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "key")


class SetAlias(Name):
    alias: str = ""
    version: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "alias", "version")


class Alias(Name):
    alias: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "alias")


def model_json(model: RegisteredModel, *, by_stage: bool = False) -> dict[str, Any]:
    """A registered model; as MLflow, searches have the latest versions in the order of stages."""
    latest = sorted(model.latest, key=lambda version: version.stage) if by_stage else model.latest
    lists = {
        "latest_versions": [version_json(version, aliases=False) for version in latest],
        "aliases": [{"alias": alias, "version": str(version)} for alias, version in model.aliases.items()],
    }
    return {
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
        **({"description": model.description} if model.description else {}),
        **{name: values for name, values in lists.items() if values},
        **tags_json(model.tags),
    }


def version_json(version: ModelVersion, *, aliases: bool = True) -> dict[str, Any]:
    """A version; as MLflow, with its aliases only where one version is asked for."""
    optional = {
        "description": version.description,
        "user_id": version.user_id,
        "status_message": version.status_message,
    }
    return {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
        "current_stage": version.stage,
        "source": version.source,
        "run_id": version.run_uuid or "",
        "run_link": version.run_link or "",
        "status": version.status,
        **{name: value for name, value in optional.items() if value is not None},
        **tags_json(version.tags),
        **({"aliases": version.aliases} if version.aliases and aliases else {}),
    }


def page_of(body: SearchShape, default: int, most: int) -> Page:
    """The page asked for. Raises InvalidParameter."""
    limit = default if body.max_results is None else body.max_results
    if limit > most:
        # As it came: these searches are GETs.
        raise invalid("max_results", str(limit), f" Hint: Value was of type 'str'.{wire.SEE_DOCS}")
    if limit < 1:
        raise InvalidParameter(
            f"Invalid value for max_results. It must be a positive integer, but got {limit}"
        )
    return Page(limit, offset_of(body.page_token))


def _seen(request: Request, model: RegisteredModel, *, by_stage: bool = False) -> dict[str, Any]:
    return model_json(access.as_seen(actor_of(request), model), by_stage=by_stage)


async def create(request: Request) -> Response:
    body = await wire.read(request, CreateRegisteredModel)
    tags = {tag.key: tag.value for tag in body.tags}
    model = await registry.create(
        app_of(request), body.name, body.description, tags, owner=actor_of(request).id
    )
    return answer({"registered_model": _seen(request, model)})


async def get(request: Request) -> Response:
    body = await wire.read(request, Name)
    return answer({"registered_model": _seen(request, await registry.get(app_of(request), body.name))})


async def search(request: Request) -> Response:
    body = await wire.read(request, SearchShape)
    page = page_of(body, 100, MOST)
    wanted = page._replace(limit=page.limit + 1)
    found = await registry.search(
        app_of(request), body.filter, body.order_by, wanted, access.visible_models(actor_of(request))
    )
    models = [_seen(request, model, by_stage=True) for model in found]
    return answer(found_json("registered_models", models, page))


async def update(request: Request) -> Response:
    body = await wire.read(request, UpdateRegisteredModel)
    model = await registry.describe(app_of(request), body.name, body.description)
    return answer({"registered_model": _seen(request, model)})


async def rename(request: Request) -> Response:
    body = await wire.read(request, RenameRegisteredModel)
    model = await registry.rename(app_of(request), body.name, body.new_name)
    return answer({"registered_model": _seen(request, model)})


async def delete(request: Request) -> Response:
    body = await wire.read(request, Name)
    await registry.delete(app_of(request), body.name)
    return answer({})


async def latest_versions(request: Request) -> Response:
    body = await wire.read(request, GetLatestVersions)
    found = await versions.latest(app_of(request), body.name, body.stages)
    return answer({"model_versions": [version_json(version) for version in found]} if found else {})


async def set_tag(request: Request) -> Response:
    body = await wire.read(request, SetRegisteredModelTag)
    await registry.set_tag(app_of(request), body.name, body.key, body.value)
    return answer({})


async def delete_tag(request: Request) -> Response:
    body = await wire.read(request, DeleteRegisteredModelTag)
    await registry.delete_tag(app_of(request), body.name, body.key)
    return answer({})


async def set_alias(request: Request) -> Response:
    body = await wire.read(request, SetAlias)
    await registry.set_alias(app_of(request), body.name, body.alias, body.version)
    return answer({})


async def get_by_alias(request: Request) -> Response:
    body = await wire.read(request, Alias)
    version = await registry.version_of_alias(app_of(request), body.name, body.alias)
    return answer({"model_version": version_json(version)})


async def delete_alias(request: Request) -> Response:
    body = await wire.read(request, Alias)
    await registry.delete_alias(app_of(request), body.name, body.alias)
    return answer({})


_AT = "/api/2.0/mlflow/registered-models"
routes = [
    Route("POST", f"{_AT}/create", create, guards.creates_model),
    Route("GET", f"{_AT}/get", get, guards.model("read")),
    Route("GET", f"{_AT}/search", search, signed_in),
    Route("PATCH", f"{_AT}/update", update, guards.model("update")),
    Route("POST", f"{_AT}/rename", rename, guards.model("update")),
    Route("DELETE", f"{_AT}/delete", delete, guards.model("delete")),
    Route("POST", f"{_AT}/get-latest-versions", latest_versions, guards.version("read")),
    Route("GET", f"{_AT}/get-latest-versions", latest_versions, guards.version("read")),
    Route("POST", f"{_AT}/set-tag", set_tag, guards.tags_model),
    Route("DELETE", f"{_AT}/delete-tag", delete_tag, guards.tags_model),
    Route("POST", f"{_AT}/alias", set_alias, guards.sets_alias),
    Route("GET", f"{_AT}/alias", get_by_alias, guards.version("read")),
    Route("DELETE", f"{_AT}/alias", delete_alias, guards.deletes_alias),
]
