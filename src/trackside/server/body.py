"""Reading request bodies: with a size limit, whole or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from trackside.errors import InvalidParameter, TooLarge
from trackside.server.routing import app_of

T = TypeVar("T")

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


async def upload(
    request: Request,
    store: Callable[[AsyncIterator[bytes]], Coroutine[Any, Any, T]],
    limit: int | None = None,
) -> T:
    """What `store` makes of the body's stream. It is cancelled when the client hangs up, also when it has sent
    everything and waits for the answer: who is gone must not replace what it sends next. Raises ClientDisconnect,
    and what `body_stream` raises."""
    read = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        async for piece in body_stream(request, limit):
            yield piece
        read.set()

    storing = asyncio.create_task(store(body()))
    gone = asyncio.create_task(_hung_up(request, read))
    try:
        await asyncio.wait({storing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not storing.done():
            raise ClientDisconnect
        return storing.result()
    finally:
        gone.cancel()
        storing.cancel()
        await asyncio.gather(gone, storing, return_exceptions=True)


async def _hung_up(request: Request, read: asyncio.Event) -> None:
    """Returns when the client has gone; until its body is read, who reads that is told."""
    await read.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
