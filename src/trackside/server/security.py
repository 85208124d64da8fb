"""What every answer carries, and which requests are refused before they reach a route."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from functools import cache
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackside.config import ServerSettings, is_loopback

log = logging.getLogger("trackside.server")
SEND_SECONDS = 60.0  # a reader that takes nothing for so long is dropped
READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SEEN_LIMIT = 1000
ANSWER_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
]


class Security:
    """Host and Origin checks against DNS rebinding and foreign pages; headers on every answer; slow readers dropped."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        own = socket.gethostname().lower()
        self._seen: set[bytes] = set()  # Host headers that were found good, so that they are parsed once
        self._public_url = settings.public_url
        allowed = (*settings.allowed_hosts, *([_name(self._public_url)] if self._public_url else []))
        self._hosts = frozenset({"localhost", own, *(host.lower() for host in allowed)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *ANSWER_HEADERS]
            if message.get("more_body"):
                async with asyncio.timeout(SEND_SECONDS):
                    await send(message)
            else:
                await send(message)

        refusal = self._refusal(scope)
        answer = PlainTextResponse(refusal, 403) if refusal else self._app
        try:
            await answer(scope, receive, send_with_headers)
        except TimeoutError:
            # Of a stream only: routes turn their own into an answer. Returning ends the connection.
            log.info("dropped a client that did not read %s for %.0f s", scope["path"], SEND_SECONDS)

    def has_seen(self, host: bytes | None) -> bool:
        """Whether requests with this Host header were let through before."""
        return host in self._seen

    def _refusal(self, scope: Scope) -> str:
        host = b""
        origin = ""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value.decode("latin-1")
        if host not in self._seen and scope["path"] != "/health":
            if not self._known(host.decode("latin-1")):
                return "Invalid Host header - possible DNS rebinding attack detected"
            if len(self._seen) < _SEEN_LIMIT:
                self._seen.add(host)
        if origin and scope["method"] not in READS and not self._same(origin, host.decode("latin-1")):
            return "Cross-origin request blocked"
        return ""

    def _known(self, host: str) -> bool:
        """An IP address cannot be rebound; of names, localhost, this machine's and those that were allowed."""
        name = _name(f"//{host}")
        return name in self._hosts or _is_address(name) or not host

    def _same(self, origin: str, host: str) -> bool:
        name = _name(origin)
        return is_own(origin, host, self._public_url) or is_loopback(name)


def is_own(origin: str, host: str, public_url: str) -> bool:
    """Does an Origin header name the very host and port that were asked, or those that a proxy answers at?"""
    at = origin.partition("//")[2].lower()
    return at == host.lower() or (bool(public_url) and origin.lower() == _origin(public_url))


@cache
def _origin(url: str) -> str:
    """An address as browsers put it into an Origin header."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"


def _name(address: str) -> str:
    """The host name in `//name:port`; empty when it is none."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
