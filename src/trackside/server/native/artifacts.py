"""A run's files: listing, preview, download."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import artifacts
from trackside.server.files import file_answer
from trackside.server.native import guards, shapes
from trackside.server.native.bodies import ROOT
from trackside.server.routing import Route, answer, app_of


async def list_below(request: Request, root_uri: str) -> Response:
    """The folder of the query parameter `path` below an artifact URI; folders first."""
    found = await artifacts.entries(app_of(request), root_uri, request.query_params.get("path", ""))
    files = [shapes.ArtifactFile(entry.path, entry.is_dir, entry.size_bytes) for entry in found]
    return answer(shapes.ArtifactList(root_uri, sorted(files, key=lambda file: (not file.is_dir, file.path))))


async def file_below(request: Request, root_uri: str) -> Response:
    """The file of the query parameter `path` below an artifact URI; with `download=1` as an attachment."""
    query = request.query_params
    attachment = query.get("download", "") not in ("", "0", "false")
    return await file_answer(request, root_uri, query.get("path", ""), attachment=attachment)


async def list_files(request: Request) -> Response:
    return await list_below(
        request, await artifacts.root_of_run(app_of(request), request.path_params["run_id"])
    )


async def get_file(request: Request) -> Response:
    return await file_below(
        request, await artifacts.root_of_run(app_of(request), request.path_params["run_id"])
    )


_AT = f"{ROOT}/runs/{{run_id}}/artifacts"
routes = [
    Route("GET", _AT, list_files, guards.run("read"), gives=shapes.ArtifactList),
    Route("GET", f"{_AT}/file", get_file, guards.run("read"), streams=True),
]
