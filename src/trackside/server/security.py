"""What every answer carries, and which requests are refused before they reach a route."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackside.config import ServerSettings

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SEEN_LIMIT = 1000
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
]


class Security:
    """Host and Origin checks against DNS rebinding and foreign pages; two headers on everything."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        own = socket.gethostname().lower()
        self._seen: set[str] = set()  # Host headers that were found good, so that they are parsed once
        self._hosts = frozenset({"localhost", own, *(host.lower() for host in settings.allowed_hosts)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str:
        host = origin = ""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
            elif name == b"origin":
                origin = value.decode("latin-1")
        if host not in self._seen and scope["path"] != "/health":
            if not self._known(host):
                return "Invalid Host header - possible DNS rebinding attack detected"
            if len(self._seen) < _SEEN_LIMIT:
                self._seen.add(host)
        if origin and scope["method"] not in _READS and not self._same(origin, host):
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
