"""Live updates as server-sent events."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trackside.core import access
from trackside.core.events import Event, stream
from trackside.errors import InvalidParameter, TracksideError, Unavailable
from trackside.server.guards import actor_of
from trackside.server.native import guards, shapes
from trackside.server.native.bodies import ROOT, number
from trackside.server.routing import Route, app_of

HEARTBEAT_SECONDS = 15.0
MOST_TOPICS = 200


async def events(request: Request) -> Response:
    topics = request.query_params.getlist("topic")
    if not 1 <= len(topics) <= MOST_TOPICS:
        raise InvalidParameter(f"Name from 1 to {MOST_TOPICS} topics: /events?topic=run:ID&topic=models")
    hub = app_of(request).events
    after = request.headers.get("last-event-id") or request.query_params.get("after")
    actor = actor_of(request)
    listener = hub.listen([topic for topic in topics if access.tells(actor, topic)], after)
    if listener is None:
        raise Unavailable("Too many pages are listening for live updates; try again.")

    async def body() -> AsyncIterator[bytes]:
        try:
            # The first line says from where to resume: a page that saw no event yet misses none either.
            yield f"retry: 2000\nid: {listener.start_id}\n: listening\n\n".encode()
            checked = time.monotonic()
            async for event in stream(listener, HEARTBEAT_SECONDS):
                if event is None or time.monotonic() - checked >= HEARTBEAT_SECONDS:
                    if not await _may_hear(request):
                        return
                    checked = time.monotonic()
                yield _text(event)
        finally:
            hub.leave(listener)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body(), headers=headers, media_type="text/event-stream")


async def _may_hear(request: Request) -> bool:
    """Whether what the stream was opened with has not expired, been revoked or lost what it allowed since."""
    try:
        await guards.hears(request)
    except (HTTPException, TracksideError):
        return False
    return True


def _text(event: Event | None) -> bytes:
    if event is None:
        return b": heartbeat\n\n"
    data = event.data
    if "points" in data:
        data = {
            **data,
            "points": {key: [_point(point) for point in points] for key, points in data["points"].items()},
        }
    return b"id: %b\ndata: %b\n\n" % (event.id.encode(), msgspec.json.encode(data))


def _point(point: tuple[int, int, float]) -> Any:
    return point if math.isfinite(point[2]) else (point[0], point[1], number(point[2]))


routes = [Route("GET", f"{ROOT}/events", events, guards.hears, gives=shapes.Event, streams=True)]
