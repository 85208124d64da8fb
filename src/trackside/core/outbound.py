"""One signed POST to an address that a user named, without giving away what only this machine can reach.

A name is looked up once, all of its addresses are checked, and the connection is made to one of
those: a name that answers differently a moment later gains nothing. Redirects are not followed,
proxies are not used, and neither a slow nor an endless answer holds anything for long.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import httptools

from trackside import __version__
from trackside.config import ServerSettings
from trackside.errors import InvalidParameter, TracksideError

LOOKUP_SECONDS = 5.0
ANSWER_BYTES = 64 * 1024  # of an answer's body; the rest is not read
HEAD_BYTES = 64 * 1024  # of an answer's status line and headers, and of a body's framing
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out for the public internet
# Protocols' own, relays, examples: Python's list differs by its release.
_SPECIAL = [
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20")
]
_lookups = threading.BoundedSemaphore(8)  # threads that wait for a name server that does not answer


class NotAllowed(InvalidParameter):
    """This address must not be sent to."""


class Unresolvable(InvalidParameter):
    """This host name has no address."""


class Unreachable(TracksideError):
    """The receiver did not answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    retry_after_seconds: float | None = None


class _Target(NamedTuple):
    scheme: str
    host: str  # ASCII
    port: int
    path: str  # with the query
    credentials: str  # user:password

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS.get(self.scheme) else f"{host}:{self.port}"


async def check(url: str, settings: ServerSettings) -> None:
    """Refuse a URL that must not be sent to. Raises InvalidParameter in MLflow's words."""
    target = _parsed(url, settings)
    if not settings.webhook_private_addresses:
        await _addresses(target, settings)


def headers(delivery_id: str, body: bytes, secret: str | None) -> dict[str, str]:
    """What identifies a delivery and, if there is a secret, proves who sent it and when."""
    timestamp = str(int(time.time()))
    found = {"X-MLflow-Delivery-Id": delivery_id, "X-MLflow-Timestamp": timestamp}
    if secret:
        signed = f"{delivery_id}.{timestamp}.".encode() + body
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        found["X-MLflow-Signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return found


async def post(url: str, body: bytes, more: Mapping[str, str], settings: ServerSettings) -> Answer:
    """Send JSON; the answer. Raises Unreachable, NotAllowed, Unresolvable, InvalidParameter for a bad URL."""
    target = _parsed(url, settings)
    try:
        async with asyncio.timeout(settings.webhook_seconds):
            return await _exchange(target, await _addresses(target, settings), _request(target, body, more))
    except TimeoutError:
        raise Unreachable(
            f"{target.authority} did not answer within {settings.webhook_seconds:g} s"
        ) from None
    except (OSError, EOFError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise Unreachable(f"{target.authority}: {str(error) or type(error).__name__}") from error


def _parsed(url: str, settings: ServerSettings) -> _Target:
    if not url.strip():
        raise InvalidParameter(f"Webhook URL cannot be empty or just whitespace: {url!r}")
    try:
        parts = urlsplit(url)
        scheme, port = parts.scheme, parts.port or _PORTS.get(parts.scheme, 0)
        if scheme not in settings.webhook_schemes or scheme not in _PORTS:
            allowed = ", ".join(settings.webhook_schemes)
            raise InvalidParameter(f"Invalid webhook URL scheme: {scheme!r}. Allowed schemes are: {allowed}.")
        if not parts.hostname:
            raise InvalidParameter(f"Webhook URL must include a hostname: {url!r}")
        host = parts.hostname.encode("idna").decode()
    except ValueError as error:
        raise InvalidParameter(f"Invalid webhook URL {url!r}: {error!r}") from None
    if set(host) & set(" \t\r\n\0/\\"):
        raise InvalidParameter(f"Invalid webhook URL {url!r}: its host has characters that no host has")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    credentials = ""
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return _Target(scheme, host, port, f"{path}?{query}" if query else path, credentials)


async def _addresses(target: _Target, settings: ServerSettings) -> list[str]:
    """Where the host is. Raises NotAllowed if any of its addresses is not public, Unresolvable if it has none."""
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            found = await _looked_up(target.host)
    except TimeoutError:
        message = f"Timed out resolving Webhook URL hostname {target.host!r} after {LOOKUP_SECONDS:g} seconds"
        raise Unresolvable(message) from None
    except (OSError, UnicodeError, ValueError) as error:
        raise Unresolvable(f"Cannot resolve Webhook URL hostname {target.host!r}: {error}") from None
    for address in found:
        if not settings.webhook_private_addresses and not _is_public(address):
            raise NotAllowed(
                f"Webhook URL must not resolve to a non-public IP address. {target.host!r} resolves to {address}."
            )
    return found


async def _looked_up(host: str) -> list[str]:
    """In a thread of its own: a name server that hangs must not hold the threads of others, nor the server's end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()
    if not _lookups.acquire(blocking=False):
        raise OSError("too many host names are being resolved just now")

    def settle(found: list[str], error: Exception | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(found)

    def look() -> None:
        found: list[str] = []
        failure: Exception | None = None
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except Exception as error:  # noqa: BLE001 - handed over to the one who waits
            failure = error
        finally:
            _lookups.release()
        with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
            loop.call_soon_threadsafe(settle, found, failure)

    threading.Thread(target=look, name="webhook-lookup", daemon=True).start()
    return await answer


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # Ways to write an IPv4 address, which may be a private one, as an IPv6 address.
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
        elif ip not in _UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _SPECIAL)


def _request(target: _Target, body: bytes, more: Mapping[str, str]) -> bytes:
    lines = {
        "Host": target.authority,
        "User-Agent": f"trackside/{__version__}",
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **more,
    }
    if target.credentials:
        lines["Authorization"] = f"Basic {base64.b64encode(target.credentials.encode()).decode()}"
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


async def _exchange(target: _Target, addresses: list[str], request: bytes) -> Answer:
    reader, writer = await _connected(target, addresses)
    try:
        writer.write(request)
        await writer.drain()
        return await _read(reader)
    finally:
        writer.transport.abort()


async def _connected(
    target: _Target, addresses: list[str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one; the certificate must be the host's."""
    tls: dict[str, Any] = {}
    if target.scheme == "https":
        tls = {"ssl": _tls(), "server_hostname": target.host}
    for number, address in enumerate(addresses, start=1):
        try:
            return await asyncio.open_connection(address, target.port, **tls)
        except OSError:
            if number == len(addresses):
                raise
    raise OSError("no address")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Reading:
    """What httptools calls with the pieces of an answer."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.head_done = self.done = False
        self.body = bytearray()
        self.retry_after = ""

    def on_message_begin(self) -> None:
        self.head_done = self.done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self.retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.head_done = True

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.done = self.parser.get_status_code() >= 200  # before the answer there may be a 100

    @property
    def status(self) -> int:
        return self.parser.get_status_code()


async def _read(reader: asyncio.StreamReader) -> Answer:
    reading = _Reading()
    received = 0
    while not reading.done and len(reading.body) < ANSWER_BYTES and received < ANSWER_BYTES + HEAD_BYTES:
        piece = await reader.read(16 * 1024)
        if not piece:
            break
        received += len(piece)
        reading.parser.feed_data(piece)
    if not reading.head_done or reading.status < 200:
        raise EOFError("the connection ended before the answer")
    body = bytes(reading.body[:ANSWER_BYTES])
    return Answer(reading.status, body.decode("utf-8", "replace"), _seconds(reading.retry_after))


def _seconds(retry_after: str) -> float | None:
    """What `Retry-After` says, a number of seconds or a date (a past one is now); None where it says nothing."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)  # the oldest way to write it names no zone
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
