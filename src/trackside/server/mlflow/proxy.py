"""MLflow's artifact proxy: clients read and write the artifact store by path, through the server."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import artifacts
from trackside.errors import NotServed
from trackside.server.body import body_stream
from trackside.server.files import file_answer
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.fields import file_json
from trackside.server.routing import Route, answer, app_of


async def list_files(request: Request) -> Response:
    """Entries of a folder, with paths relative to it."""
    app = app_of(request)
    folder = artifacts.safe_path(request.query_params.get("path", ""), folder=True)
    found = await app.blobs.entries(folder)
    files = [{**file_json(entry), "path": entry.path.rsplit("/", 1)[-1]} for entry in found]
    return answer({"files": files} if files else {})


async def download(request: Request) -> Response:
    return await file_answer(request, app_of(request).blobs.uri, _path(request))


async def upload(request: Request) -> Response:
    await artifacts.put(app_of(request), _path(request), body_stream(request))
    return Response()


async def delete(request: Request) -> Response:
    await artifacts.delete(app_of(request), _path(request))
    return answer({})


class BeginMultipart(wire.Shape):
    path: str = ""
    num_parts: wire.Int | None = None
    required: ClassVar[tuple[str, ...]] = ("path", "num_parts")


class OfMultipart(wire.Shape):
    path: str = ""
    upload_id: str = ""
    required: ClassVar[tuple[str, ...]] = ("path",)


async def begin_multipart(request: Request) -> Response:
    await wire.read(request, BeginMultipart)
    raise NotServed("Multipart upload is not supported for the current artifact repository")


async def end_multipart(request: Request) -> Response:
    await wire.read(request, OfMultipart)
    raise NotServed("Multipart upload is not supported for the current artifact repository")


async def no_presigned(request: Request) -> Response:
    raise NotServed("Multipart download is not supported for the current artifact repository")


def _path(request: Request) -> str:
    return artifacts.safe_path(request.path_params["path"])


_AT = "/api/2.0/mlflow-artifacts"
routes = [
    Route("GET", f"{_AT}/artifacts", list_files, guards.proxied("read")),
    Route("GET", f"{_AT}/artifacts/{{path:path}}", download, guards.proxied("read"), streams=True),
    Route("PUT", f"{_AT}/artifacts/{{path:path}}", upload, guards.proxied("update"), streams=True),
    Route("DELETE", f"{_AT}/artifacts/{{path:path}}", delete, guards.proxied("manage")),
    Route("POST", f"{_AT}/mpu/create/{{path:path}}", begin_multipart, guards.proxied("update")),
    Route("POST", f"{_AT}/mpu/complete/{{path:path}}", end_multipart, guards.proxied("update")),
    Route("POST", f"{_AT}/mpu/abort/{{path:path}}", end_multipart, guards.proxied("update")),
    Route("GET", f"{_AT}/presigned/{{path:path}}", no_presigned, guards.proxied("read")),
]
