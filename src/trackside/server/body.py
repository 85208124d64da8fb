"""Reading request bodies: with a size limit, whole or as a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request

from trackside.errors import InvalidParameter, TooLarge
from trackside.server.routing import app_of


async def whole_body(request: Request) -> bytes:
    """The body, at most the server's limit. Raises TooLarge."""
    limit = app_of(request).settings.body_limit_bytes
    if _declared(request) > limit:
        raise TooLarge(f"The request's body is larger than {limit} bytes.")
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise TooLarge(f"The request's body is larger than {limit} bytes.")
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def body_stream(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. A client that hangs up midway raises ClientDisconnect here."""
    expected = _declared(request)
    received = 0
    async for piece in request.stream():
        received += len(piece)
        if piece:
            yield piece
    if received < expected:
        raise InvalidParameter(f"The upload ended after {received} of {expected} bytes; nothing was stored.")


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() else 0
