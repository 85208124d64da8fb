"""Answering with an artifact's bytes: always streamed, never executed, ranges understood."""

from __future__ import annotations

import mimetypes
import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trackside.core import artifacts
from trackside.server.routing import app_of

# What MLflow's server gives as plain text, whatever else the standard library knows of it.
_TEXT_SUFFIXES = (
    *(".txt", ".log", ".err", ".md", ".rst", ".csv", ".tsv", ".jsonl"),
    *(".cfg", ".conf", ".cnf", ".cf", ".ini", ".properties", ".prop", ".hocon", ".toml", ".yaml", ".yml"),
    *(".json", ".xml", ".js", ".py", ".py3", ".ipynb"),
)
_TEXT_NAMES = ("MLmodel", "MLproject")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
# Nothing that was uploaded may act as a page of this server.
SANDBOX = "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; media-src 'self'"


def media_type(path: str) -> str:
    """By the file's name; bytes where it is unknown."""
    name = path.rsplit("/", 1)[-1]
    if name in _TEXT_NAMES or name.endswith(_TEXT_SUFFIXES):
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


async def file_answer(request: Request, root_uri: str, path: str, *, attachment: bool = True) -> Response:
    """One file below an artifact URI; a part of it when the request asks for a range. Raises NotFound."""
    start, end = _wanted(request.headers.get("range", ""))
    blob = await artifacts.open_below(app_of(request), root_uri, path)
    size = blob.size_bytes
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{blob.modified_ns:x}-{size:x}"',
        "Content-Security-Policy": SANDBOX,
        "Content-Disposition": disposition(path.rsplit("/", 1)[-1], attachment=attachment),
        "Cache-Control": "no-cache",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    status = 200
    if start is not None or end is not None:
        first, last = _resolved(start, end, size)
        if first >= size or first > last:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        status = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        blob = await artifacts.open_below(app_of(request), root_uri, path, first, last + 1)
        size = last + 1 - first
    headers["Content-Length"] = str(size)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type(path))
    return StreamingResponse(blob.chunks, status, headers, media_type(path))


def _wanted(header: str) -> tuple[int | None, int | None]:
    """The first and last byte asked for; a header that is not one plain range is ignored, as HTTP allows."""
    match = _RANGE.fullmatch(header.strip())
    if not match:
        return None, None
    return (int(match[1]) if match[1] else None), (int(match[2]) if match[2] else None)


def _resolved(start: int | None, end: int | None, size: int) -> tuple[int, int]:
    if start is None:  # the last `end` bytes
        return max(0, size - (end or 0)), size - 1
    return start, size - 1 if end is None else min(end, size - 1)


def disposition(name: str, *, attachment: bool) -> str:
    """RFC 6266: a plain name for old readers, the true one percent-encoded."""
    plain = re.sub(r"[^\w. -]", "_", name, flags=re.ASCII)
    true = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{"attachment" if attachment else "inline"}; filename="{plain}"{true}'
