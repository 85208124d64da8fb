"""Reading request bodies: with a size limit, whole or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

from trackside.errors import InvalidParameter, TooLarge
from trackside.server.routing import app_of

_KEPT = "trackside.body"
IDLE_SECONDS = 60.0  # a sender whose machine lost power never hangs up


async def whole_body(request: Request, *, is_large: bool = False, most: int | None = None) -> bytes:
    """The body, at most the server's limit or `most` bytes; a guard may have read it before. Raises TooLarge."""
    settings = app_of(request).settings
    limit = settings.large_body_limit_bytes if is_large else settings.body_limit_bytes
    limit = limit if most is None else most
    kept: bytes | None = request.scope.get(_KEPT)
    if kept is not None:
        if len(kept) > limit:
            raise _too_large(limit)
        return kept
    if _declared(request) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    request.scope[_KEPT] = body
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request's body is larger than {limit} bytes.")


async def body_stream(request: Request, limit: int | None = None) -> AsyncIterator[bytes]:
    """The body as it comes. Raises TooLarge beyond `limit` bytes, InvalidParameter when it ends early or
    nothing comes for a minute; a client that hangs up midway raises ClientDisconnect here."""
    expected = _declared(request)
    received = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                piece = await anext(stream, None)
        except TimeoutError:
            raise InvalidParameter(
                f"The upload stood still for {IDLE_SECONDS:.0f} s; nothing was stored."
            ) from None
        if piece is None:
            break
        received += len(piece)
        if limit is not None and received > limit:
            raise TooLarge(f"The file is larger than {limit} bytes.")
        if piece:
            yield piece
    if received < expected:
        raise InvalidParameter(f"The upload ended after {received} of {expected} bytes; nothing was stored.")


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
