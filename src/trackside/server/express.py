"""The short way for what trainers send thousands of times a second: read, stored, answered in one write.

Between the parser and an endpoint stand ASGI messages, the checks of `security`, a Request and a
Response: well made for everything, and a fifth to a third of the time that the server's thread has for
a logged metric. A request that is plain in every respect goes around them. Whatever is not, and whatever ends in an error, goes the long
way, which alone knows what to say then; so there is one error table, and one meaning of each request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from trackside.core.app import App
from trackside.server.routing import FAILED, Quick, Route
from trackside.server.security import ANSWER_HEADERS, Security

# Headers that no plain request has, or whose value decides whether it is one. All others say nothing here.
_WATCHED = frozenset({b"host", b"content-type", b"origin", b"expect", b"x-mlflow-workspace"})


class Express:
    """Answers requests of routes that have a `quick`, on a server where everybody may send them."""

    def __init__(self, app: App, security: Security, routes: Iterable[Route]) -> None:
        settings = app.settings
        self._app = app
        self._security = security
        self._quick: dict[bytes, Quick] = {}  # by the path as it is sent
        if not settings.auth:
            self._quick = {
                f"{settings.static_prefix}{route.path}".encode(): route.quick
                for route in routes
                if route.quick is not None and route.method == "POST"
            }
        self._head = b"".join(b"%b: %b\r\n" % header for header in ANSWER_HEADERS)

    def takes(self, scope: HTTPScope) -> bool:
        """Whether it is plain, as far as its head tells."""
        if (
            scope["raw_path"] not in self._quick
            or scope["method"] != "POST"
            or scope["http_version"] != "1.1"
        ):
            return False
        watched = [header for header in scope["headers"] if header[0] in _WATCHED]
        if len(watched) != 2:
            return False
        found = dict(watched)
        return found.get(b"content-type") == b"application/json" and self._security.has_seen(
            found.get(b"host")
        )

    async def answer(self, cycle: RequestResponseCycle, long_way: ASGIApp) -> None:
        """Answer what `takes` took; by the application `long_way` if its body is not plain, or for an error."""
        try:
            async with asyncio.timeout(self._app.settings.handler_seconds):
                content = await self._content(cycle)
        except BaseException as error:  # noqa: BLE001 - the error table knows them all
            cast("dict[str, Any]", cycle.scope)[FAILED] = error
            content = None
        if content is None:
            await cycle.run_asgi(long_way)  # type: ignore[arg-type]
            return
        await self._send(cycle, content)

    async def _content(self, cycle: RequestResponseCycle) -> bytes | None:
        """What to answer with; None if the body is not plain, of which nothing was taken then."""
        limit = self._app.settings.body_limit_bytes
        while cycle.more_body and not cycle.disconnected and len(cycle.body) <= limit:
            cycle.flow.resume_reading()
            await cycle.message_event.wait()
            cycle.message_event.clear()
        cycle.message_event.set()  # for whoever reads it the long way
        if cycle.more_body or len(cycle.body) > limit:
            return None
        quick = self._quick[cycle.scope["raw_path"]]
        fields = quick.read(cycle.body)
        return None if fields is None else await quick.do(self._app, fields)

    async def _send(self, cycle: RequestResponseCycle, content: bytes) -> None:
        """What the cycle's own `send` does with an answer of ASGI, in one write."""
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        default = b"".join([b"%b: %b\r\n" % header for header in cycle.default_headers])
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(
            b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\ncontent-type: application/json\r\n%b%b\r\n%b"
            % (default, len(content), self._head, close, content)
        )
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
