"""What every answer carries, and which requests are refused before they reach a route."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackside.config import ServerSettings

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Security:
    """Host and Origin checks against DNS rebinding and foreign pages; two headers on everything."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        own = socket.gethostname().lower()
        self._hosts = frozenset({"localhost", own, *(host.lower() for host in settings.allowed_hosts)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out["X-Content-Type-Options"] = "nosniff"
                out["X-Frame-Options"] = "SAMEORIGIN"
                out["Referrer-Policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> str:
        if scope["path"] != "/health" and not self._known(headers.get("host", "")):
            return "Invalid Host header - possible DNS rebinding attack detected"
        origin = headers.get("origin")
        if origin and scope["method"] not in _READS and not self._same(origin, headers.get("host", "")):
            return "Cross-origin request blocked"
        return ""

    def _known(self, host: str) -> bool:
        """An IP address cannot be rebound; of names, localhost, this machine's and those that were allowed."""
        name = _name(host)
        return name in self._hosts or _is_address(name) or not host

    def _same(self, origin: str, host: str) -> bool:
        name = urlsplit(origin).hostname or ""
        return urlsplit(origin).netloc.lower() == host.lower() or name == "localhost" or _is_loopback(name)


def _name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").rstrip(".") if host else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
