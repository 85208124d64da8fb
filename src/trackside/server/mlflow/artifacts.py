"""MLflow's artifact endpoints that go by run: listing, download, upload from a UI."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import artifacts, logged_models
from trackside.errors import InvalidParameter, NotServed, TooLarge, TracksideError
from trackside.server import body as sent
from trackside.server.files import file_answer
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import RunId, file_json
from trackside.server.routing import Route, answer, app_of

UPLOAD_BYTES = 10 * 1024**2  # what MLflow's UI may upload


class ListArtifacts(RunId):
    path: str = ""
    page_token: str = ""


class RunFile(RunId):
    path: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id", "path")


class UploadUrl(wire.Shape):
    run_id: str = ""
    model_id: str = ""
    path: str = ""
    required: ClassVar[tuple[str, ...]] = ("path",)


async def list_artifacts(request: Request) -> Response:
    body = await wire.read(request, ListArtifacts)
    root_uri = await artifacts.root_of_run(app_of(request), body.run_id)
    found = await artifacts.entries(app_of(request), root_uri, body.path)
    return answer(
        {"root_uri": root_uri, **({"files": [file_json(entry) for entry in found]} if found else {})}
    )


async def get_artifact(request: Request) -> Response:
    body = await wire.read(request, RunFile)
    root_uri = await artifacts.root_of_run(app_of(request), body.run_id)
    return await file_answer(request, root_uri, body.path)


async def upload_artifact(request: Request) -> Response:
    """A file from a web page, by query string: run_uuid (or run_id) and path."""
    query = request.query_params
    uuid, path = query.get("run_uuid") or query.get("run_id", ""), query.get("path", "")
    for name, value in (("run_uuid", uuid), ("path", path)):
        if not value:
            raise InvalidParameter(f"Request must specify {name}.")
    if request.headers.get("content-length") == "0":
        raise InvalidParameter("Request must specify data.")
    app = app_of(request)
    at = f"{artifacts.inside(app, await artifacts.root_of_run(app, uuid))}/{artifacts.safe_path(path)}"
    try:
        await sent.upload(request, lambda chunks: artifacts.put(app, at, chunks), UPLOAD_BYTES)
    except TooLarge:
        raise InvalidParameter("Artifact size is too large. Max size is 10MB.") from None
    return answer({})


async def presigned_download(request: Request) -> Response:
    body = await wire.read(request, RunFile)
    path = artifacts.safe_path(body.path)
    raise _not_presigned("download", await artifacts.root_of_run(app_of(request), body.run_id), path)


async def presigned_upload(request: Request) -> Response:
    body = await wire.read(request, UploadUrl)
    if bool(body.run_id) == bool(body.model_id):
        raise InvalidParameter("Exactly one of run_id and model_id must be provided.")
    path = artifacts.safe_path(body.path)
    if body.run_id:
        root_uri = await artifacts.root_of_run(app_of(request), body.run_id)
    else:
        root_uri = (await logged_models.get(app_of(request), body.model_id)).artifact_location
    raise _not_presigned("upload", root_uri, path)


def _not_presigned(what: str, root_uri: str, path: str) -> TracksideError:
    """MLflow's words where files go through the server; ours where they lie elsewhere."""
    scheme = root_uri.partition(":")[0]
    if scheme not in ("mlflow-artifacts", "http", "https"):
        return NotServed(f"This server cannot make a URL to {what} '{path}': it does not hold {root_uri}.")
    whose, needs = (" runs with", "run with a ") if what == "download" else ("", "")
    return InvalidParameter(
        f"Presigned {what} is not supported for{whose} proxied artifact storage (artifact URI scheme: {scheme})."
        f" This endpoint requires a {needs}direct cloud storage artifact URI."
    )


_AT = "/api/2.0/mlflow/artifacts"
routes = [
    Route("GET", f"{_AT}/list", list_artifacts, guards.run("read")),
    Route("POST", f"{_AT}/presigned-download-url", presigned_download, guards.presigned("read")),
    Route("POST", f"{_AT}/presigned-upload-url", presigned_upload, guards.presigned("update")),
    Route("GET", "/get-artifact", get_artifact, guards.run("read"), streams=True),
    Route(
        "POST", "/ajax-api/2.0/mlflow/upload-artifact", upload_artifact, guards.uploads_to_run, streams=True
    ),
]
