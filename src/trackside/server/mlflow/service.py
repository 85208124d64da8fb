"""Health, version, and what this server can do."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from trackside import __version__
from trackside.server.guards import open_to_all, signed_in
from trackside.server.routing import Route, answer, app_of

# What MLflow's client reads before it uses workspaces or large proxied files.
SERVER_INFO = {
    "store_type": "SqlStore",
    "workspaces_enabled": False,
    "presigned_upload_run_id_supported": False,
    "presigned_upload_model_id_supported": False,
    "trace_archival_enabled": False,
    "features_enabled": {},
}


async def health(request: Request) -> Response:
    return PlainTextResponse("OK")


async def version(request: Request) -> Response:
    return HTMLResponse(__version__)


async def server_info(request: Request) -> Response:
    direct = app_of(request).blobs.direct
    offered = direct is not None and direct.offered
    return answer(
        {**SERVER_INFO, "multipart_uploads_enabled": offered, "multipart_downloads_enabled": offered}
    )


routes = [
    Route("GET", "/health", health, open_to_all),
    Route("GET", "/version", version, signed_in),
    Route("GET", "/api/3.0/mlflow/server-info", server_info, open_to_all),
]
