"""The web UI's files: built into `static/` by the wheel's hook, never in git."""

from __future__ import annotations

import json
import mimetypes
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response

from trackside.server.guards import open_to_all
from trackside.server.routing import Route, app_of
from trackside.server.signin import is_signed_in, to_signin

STATIC = Path(__file__).with_name("static")
_ASSET = re.compile(r"[\w-][\w.-]{0,200}", re.ASCII)
_NO_UI = (
    "This installation has no web UI. Build it with `make ui`, or install Trackside's wheel. The API works."
)


async def asset(request: Request) -> Response:
    """One built file; its name has a hash of its content, so it never changes."""
    name = request.path_params["path"]
    path = STATIC / "assets" / name
    if not _ASSET.fullmatch(name) or not path.is_file():
        return PlainTextResponse("Not Found", 404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    packed = path.with_name(f"{path.name}.gz")
    if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
        kind = mimetypes.guess_type(path.name)[0]
        return FileResponse(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=kind)
    return FileResponse(path, headers=headers)


async def page(request: Request) -> Response:
    """The UI's page for every path that a browser asks to see; for all else, plain 404.

    Not JSON: MLflow's client takes a non-JSON 404 as "this server lacks the endpoint".
    """
    path = request.url.path
    wants_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    if path.startswith(("/api/", "/ajax-api/")) or not (wants_page or path == "/"):
        return PlainTextResponse("Not Found", 404)
    if not await is_signed_in(request):
        return to_signin(request)
    index = STATIC / "index.html"
    if not index.is_file():
        return PlainTextResponse(_NO_UI, 404)
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": _policy()}
    prefix = app_of(request).settings.static_prefix
    if prefix:  # every link of the UI is relative to its <base>
        return HTMLResponse(_based(index, prefix), headers=headers)
    return FileResponse(index, headers=headers)


async def licenses(request: Request) -> Response:
    """Licence texts of the packages that are bundled into the UI."""
    path = STATIC / "licenses.txt"
    if not path.is_file():
        return PlainTextResponse(_NO_UI, 404)
    return FileResponse(path, headers={"Cache-Control": "no-cache"}, media_type="text/plain; charset=utf-8")


@cache
def _based(index: Path, prefix: str) -> str:
    return index.read_text("utf-8").replace('<base href="/"', f'<base href="{prefix}/"')


@cache
def _policy() -> str:
    hashes = STATIC / "csp.json"
    inline = json.loads(hashes.read_text())["script_hashes"] if hashes.is_file() else []
    scripts = " ".join(["script-src 'self'", *(f"'{each}'" for each in inline)])
    return (
        f"default-src 'self'; {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        " object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
    )


routes = [
    Route("GET", "/", page, open_to_all),
    Route("GET", "/assets/{path:path}", asset, open_to_all),
    Route("GET", "/licenses.txt", licenses, open_to_all),
]
