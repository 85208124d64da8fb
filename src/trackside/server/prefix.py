"""Everything below one prefix, for a proxy that passes paths on as they are (`--static-prefix`)."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Prefixed:
    """Takes the prefix off each path, so that nothing behind it knows of it, and puts it before redirects.

    What is not below the prefix is not there: 404, and not JSON, as for every unknown path.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, raw = scope["path"], scope["raw_path"]
        below = f"{self._prefix}/"
        if path == self._prefix and scope["method"] in ("GET", "HEAD"):
            await RedirectResponse(below)(scope, receive, send)
        elif not path.startswith(below) or not raw.startswith(below.encode()):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        else:
            length = len(self._prefix)
            inner = {**scope, "path": path[length:], "raw_path": raw[length:]}

            async def send_prefixed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [self._moved(*header) for header in message["headers"]]
                await send(message)

            await self._app(inner, receive, send_prefixed)

    def _moved(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name.lower() == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
            return name, self._prefix.encode() + value
        return name, value
