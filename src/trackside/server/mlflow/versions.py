"""MLflow's model version endpoints."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import access, versions
from trackside.server.files import file_answer
from trackside.server.guards import actor_of, signed_in
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import Tag
from trackside.server.mlflow.paging import found_json
from trackside.server.mlflow.registry import Name, SearchShape, page_of, version_json
from trackside.server.routing import Route, answer, app_of

MOST = 200_000  # versions a page


class Version(Name):
    version: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "version")


class DownloadUri(Version):
    required: ClassVar[tuple[str, ...]] = ("name",)


class CreateModelVersion(Name):
    source: str = ""
    run_id: str | None = None
    tags: list[Tag] = []
    run_link: str = ""
    description: str = ""
    model_id: str | None = None
    required: ClassVar[tuple[str, ...]] = ("name", "source")


class UpdateModelVersion(Version):
    description: str | None = None


class TransitionStage(Version):
    stage: str = ""
    archive_existing_versions: bool = False
    required: ClassVar[tuple[str, ...]] = ("name", "version", "stage")


class SetVersionTag(Version):
    key: str = ""
    value: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "version", "key")


class DeleteVersionTag(Version):
    key: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "version", "key")


class VersionFile(Version):
    path: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "version", "path")


async def create(request: Request) -> Response:
    body = await wire.read(request, CreateModelVersion)
    new = versions.NewVersion(
        name=body.name,
        source=body.source,
        run_uuid=body.run_id,
        model_uuid=body.model_id,
        run_link=body.run_link,
        description=body.description,
        tags={tag.key: tag.value for tag in body.tags},
    )
    return answer({"model_version": version_json(await versions.create(app_of(request), new))})


async def get(request: Request) -> Response:
    body = await wire.read(request, Version)
    return answer(
        {"model_version": version_json(await versions.get(app_of(request), body.name, body.version))}
    )


async def search(request: Request) -> Response:
    body = await wire.read(request, SearchShape)
    page = page_of(body, MOST, MOST)
    wanted = page._replace(limit=page.limit + 1)
    found = await versions.search(
        app_of(request), body.filter, body.order_by, wanted, access.visible_versions(actor_of(request))
    )
    shown = [version_json(version, aliases=False) for version in found]
    return answer(found_json("model_versions", shown, page))


async def update(request: Request) -> Response:
    body = await wire.read(request, UpdateModelVersion)
    version = await versions.describe(app_of(request), body.name, body.version, body.description)
    return answer({"model_version": version_json(version)})


async def transition_stage(request: Request) -> Response:
    body = await wire.read(request, TransitionStage)
    version = await versions.transition(
        app_of(request),
        body.name,
        body.version,
        body.stage,
        archive_others=body.archive_existing_versions,
    )
    return answer({"model_version": version_json(version)})


async def delete(request: Request) -> Response:
    body = await wire.read(request, Version)
    await versions.delete(app_of(request), body.name, body.version)
    return answer({})


async def download_uri(request: Request) -> Response:
    body = await wire.read(request, DownloadUri)
    return answer({"artifact_uri": await versions.download_uri(app_of(request), body.name, body.version)})


async def set_tag(request: Request) -> Response:
    body = await wire.read(request, SetVersionTag)
    await versions.set_tag(app_of(request), body.name, body.version, body.key, body.value)
    return answer({})


async def delete_tag(request: Request) -> Response:
    body = await wire.read(request, DeleteVersionTag)
    await versions.delete_tag(app_of(request), body.name, body.version, body.key)
    return answer({})


async def get_artifact(request: Request) -> Response:
    body = await wire.read(request, VersionFile)
    root_uri = await versions.artifact_root(app_of(request), body.name, body.version)
    return await file_answer(request, root_uri, body.path)


_AT = "/api/2.0/mlflow/model-versions"
routes = [
    Route("POST", f"{_AT}/create", create, guards.creates_version),
    Route("GET", f"{_AT}/get", get, guards.version("read")),
    Route("GET", f"{_AT}/search", search, signed_in),
    Route("PATCH", f"{_AT}/update", update, guards.version("update")),
    Route("POST", f"{_AT}/transition-stage", transition_stage, guards.version("update")),
    Route("DELETE", f"{_AT}/delete", delete, guards.version("delete")),
    Route("GET", f"{_AT}/get-download-uri", download_uri, guards.version("read")),
    Route("POST", f"{_AT}/set-tag", set_tag, guards.version("update")),
    Route("DELETE", f"{_AT}/delete-tag", delete_tag, guards.version("delete")),
    Route("GET", "/model-versions/get-artifact", get_artifact, guards.version("read"), streams=True),
]
