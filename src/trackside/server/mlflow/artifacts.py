"""MLflow's artifact endpoints that go by run: listing, download, upload from a UI."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import artifacts
from trackside.errors import InvalidParameter, NotServed
from trackside.server.body import body_stream
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
    uuid, path = query.get("run_uuid") or query.get("run_id"), query.get("path")
    if not uuid or not path:
        raise InvalidParameter("Request must specify run_uuid and path.")
    root = artifacts.inside(app_of(request), await artifacts.root_of_run(app_of(request), uuid))
    await artifacts.put(
        app_of(request), f"{root}/{artifacts.safe_path(path)}", body_stream(request, UPLOAD_BYTES)
    )
    return answer({})


async def no_presigned(request: Request) -> Response:
    raise NotServed(
        "Presigned URLs are not supported for the current artifact store: files go through the server."
    )


_AT = "/api/2.0/mlflow/artifacts"
routes = [
    Route("GET", f"{_AT}/list", list_artifacts, guards.run("read")),
    Route("POST", f"{_AT}/presigned-download-url", no_presigned, guards.presigned("read")),
    Route("POST", f"{_AT}/presigned-upload-url", no_presigned, guards.presigned("update")),
    Route("GET", "/get-artifact", get_artifact, guards.run("read"), streams=True),
    Route(
        "POST", "/ajax-api/2.0/mlflow/upload-artifact", upload_artifact, guards.uploads_to_run, streams=True
    ),
]
