"""MLflow's artifact proxy: clients read and write the artifact store by path, through the server."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import artifacts, transfers
from trackside.server import body
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
    app, path = app_of(request), _path(request)
    await body.upload(request, lambda chunks: artifacts.put(app, path, chunks))
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


class Part(Struct):
    part_number: wire.Int = 0
    etag: str = ""
    url: str = ""


class EndMultipart(OfMultipart):
    is_large: ClassVar[bool] = True  # up to 10,000 parts, each with the URL it was sent to
    parts: list[Part] = []


async def begin_multipart(request: Request) -> Response:
    """URLs to send the parts of a large file to, without this server."""
    body = await wire.read(request, BeginMultipart)
    upload_id, urls = await transfers.begin(app_of(request), _path(request), body.path, body.num_parts or 0)
    credentials = [{"url": url, "part_number": number} for number, url in enumerate(urls, 1)]
    return answer({"upload_id": upload_id, "credentials": credentials})


async def complete_multipart(request: Request) -> Response:
    body = await wire.read(request, EndMultipart)
    etags = [(part.part_number, part.etag) for part in body.parts]
    await transfers.complete(app_of(request), _path(request), body.path, body.upload_id, etags)
    return answer({})


async def abort_multipart(request: Request) -> Response:
    body = await wire.read(request, OfMultipart)
    await transfers.abort(app_of(request), _path(request), body.path, body.upload_id)
    return answer({})


async def presigned(request: Request) -> Response:
    """A URL to fetch one file from, without this server."""
    url, size = await transfers.download_url(app_of(request), _path(request))
    return answer({"url": url, "headers": {}, "file_size": size})


def _path(request: Request) -> str:
    return artifacts.safe_path(request.path_params["path"])


_AT = "/api/2.0/mlflow-artifacts"
routes = [
    Route("GET", f"{_AT}/artifacts", list_files, guards.lists_proxied),
    Route("GET", f"{_AT}/artifacts/{{path:path}}", download, guards.proxied("read"), streams=True),
    Route("PUT", f"{_AT}/artifacts/{{path:path}}", upload, guards.proxied("update"), streams=True),
    Route("DELETE", f"{_AT}/artifacts/{{path:path}}", delete, guards.proxied("manage")),
    Route("POST", f"{_AT}/mpu/create/{{path:path}}", begin_multipart, guards.proxied_file),
    # The storage may take minutes to put the parts together.
    Route("POST", f"{_AT}/mpu/complete/{{path:path}}", complete_multipart, guards.proxied_file, streams=True),
    Route("POST", f"{_AT}/mpu/abort/{{path:path}}", abort_multipart, guards.proxied_file),
    Route("GET", f"{_AT}/presigned/{{path:path}}", presigned, guards.proxied("read")),
]
