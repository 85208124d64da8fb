"""Answering with an artifact's bytes: always streamed, never executed, ranges understood."""

from __future__ import annotations

import base64
import logging
import mimetypes
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from trackside.core import artifacts
from trackside.errors import TracksideError
from trackside.server.routing import app_of

log = logging.getLogger("trackside.server")
# What MLflow's server gives as plain text, whatever else the standard library knows of it.
_TEXT_SUFFIXES = (
    *(".txt", ".log", ".err", ".md", ".rst", ".csv", ".tsv"),
    *(".cfg", ".conf", ".cnf", ".cf", ".ini", ".properties", ".prop", ".hocon", ".toml", ".yaml", ".yml"),
    *(".json", ".xml", ".js", ".py", ".py3", ".ipynb"),
)
_TEXT_NAMES = ("MLmodel",)
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
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
    blob, sha256 = await artifacts.open_below(app_of(request), root_uri, path)
    size = blob.size_bytes
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{blob.version}"',
        "Content-Security-Policy": SANDBOX,
        "Content-Disposition": disposition(path.rsplit("/", 1)[-1], attachment=attachment),
        "Cache-Control": "no-cache",
    }
    if sha256 is not None:
        headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(sha256).decode()}:"
    status, first, end = _part(request.headers, headers["ETag"], size)
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    if status == 416:
        headers["Content-Range"] = f"bytes */{size}"
    if status in (304, 416) or request.method == "HEAD":
        blob.close()
        length = {} if status == 304 else {"Content-Length": str(end - first)}
        return Response(status_code=status, headers={**headers, **length}, media_type=media_type(path))
    headers["Content-Length"] = str(end - first)
    described = {"status_code": status, "headers": headers, "media_type": media_type(path)}
    chunks = blob.chunks(first, end)
    try:
        # Read before the head is sent: a small file that is damaged is answered with an error that says so.
        begun = await anext(chunks, b"")
    except BaseException:
        blob.close()
        raise
    return FileAnswer(begun, chunks, blob.close, **described)


class FileAnswer(StreamingResponse):
    """Streams a part of a file and closes it, whatever becomes of the client."""

    def __init__(
        self, begun: bytes, rest: AsyncIterator[bytes], close: Callable[[], None], **described: Any
    ) -> None:
        super().__init__(_joined(begun, rest), **described)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except TracksideError as error:
            # The head is sent: only a connection that ends too early can say that this is not the file.
            log.warning("%s ends early: %s", scope["path"], error.message)
        finally:
            self._close()


async def _joined(begun: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for piece in rest:
        yield piece


def _part(headers: Headers, etag: str, size: int) -> tuple[int, int, int]:
    """Status, first byte and end of what is asked for."""
    if headers.get("if-none-match") == etag:
        return 304, 0, 0
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    # A header that is not one plain range, or a range of an older version of the file, asks for all of it.
    if not match or match[0] == "bytes=-" or headers.get("if-range", etag) != etag:
        return 200, 0, size
    if not match[1]:  # the last so many bytes
        first, end = max(0, size - int(match[2])), size
    else:
        first, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    return (206, first, end) if first < end else (416, 0, 0)


def disposition(name: str, *, attachment: bool) -> str:
    """RFC 6266: a plain name for old readers, the true one percent-encoded."""
    plain = re.sub(r"[^\w. -]", "_", name, flags=re.ASCII)
    true = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{"attachment" if attachment else "inline"}; filename="{plain}"{true}'
