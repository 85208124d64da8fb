"""Wrong passwords are counted, and who sends many has to wait: for a name from one source, and for a source.

A name from a source has a few free mistakes, then waits that double. A source, whatever names it
tries, has many, and gets new ones steadily: a network behind one address makes mistakes every day
and must not be held up for them, while a list of names tried from it is slowed to that pace.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from trackside.core.recent import Recent

FREE_OF_NAME = 5  # wrong passwords for a name from one source before it has to wait
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
FORGET_SECONDS = 900.0
FREE_OF_SOURCE = 100  # wrong passwords from a source, over all names
REFILL_SECONDS = 6.0  # until a source has one more
_KEPT = 10_000


class _Failures(NamedTuple):
    tries: int
    until: float  # monotonic; earlier tries are refused unread


class Tries:
    """What one server remembers of wrong passwords. Names and addresses are kept as digests."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._names: Recent[bytes, _Failures] = Recent(_KEPT, FORGET_SECONDS)
        # When a source has all its tries again (monotonic).
        self._sources: Recent[bytes, float] = Recent(_KEPT, FREE_OF_SOURCE * REFILL_SECONDS)
        # Tells the other servers on the same store, if there can be any: name, source, whether it was right.
        self.relay: Callable[[str, str, bool], None] = lambda _name, _source, _right: None

    def wait_seconds(self, name: str, source: str) -> float:
        """How long this name cannot be tried from this source."""
        failures = self._names.get(self._digest(name, source))
        full_at = self._sources.get(self._digest(source)) or 0.0
        free_at = full_at - (FREE_OF_SOURCE - 1) * REFILL_SECONDS
        return max(0.0, max(failures.until if failures else 0.0, free_at) - time.monotonic())

    def failed(self, name: str, source: str) -> None:
        """A wrong password. Others who use the name, or a few from the source, are not held up."""
        self.relay(name, source, False)
        self.heard(name, source, right=False)

    def succeeded(self, name: str, source: str) -> None:
        """It was right: the name starts anew; the source gets this one try back, not those for other names."""
        self.relay(name, source, True)
        self.heard(name, source, right=True)

    def heard(self, name: str, source: str, right: bool) -> None:
        """Another server says who tried."""
        if right:
            self._succeeded(name, source)
        else:
            self._failed(name, source)

    def _failed(self, name: str, source: str) -> None:
        key, now = self._digest(name, source), time.monotonic()
        known = self._names.get(key)
        count = (known.tries if known else 0) + 1
        beyond = min(count - FREE_OF_NAME, 64)  # 2.0**1024 is an error
        wait = min(FIRST_WAIT_SECONDS * 2.0**beyond, LONGEST_WAIT_SECONDS) if beyond >= 0 else 0.0
        self._names.put(key, _Failures(count, now + wait))
        at = self._digest(source)
        self._sources.put(at, max(self._sources.get(at) or 0.0, now) + REFILL_SECONDS)

    def _succeeded(self, name: str, source: str) -> None:
        self._names.drop(self._digest(name, source))
        at = self._digest(source)
        self._sources.put(at, (self._sources.get(at) or 0.0) - REFILL_SECONDS)

    def _digest(self, *parts: str) -> bytes:
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16, key=self._key).digest()


def source_of(address: str) -> str:
    """Who counts as one: an IPv4 address, or the 64 bits of an IPv6 network, which one host has to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
