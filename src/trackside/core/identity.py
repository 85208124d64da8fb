"""What a running server remembers of who is who: kept in memory, dropped whenever it changes.

Verifying a password takes 80 ms on purpose, so who has proved who it is stays known for a few
minutes, by a keyed hash of what proved it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from trackside.core.passwords import Hashing
from trackside.core.permissions import Actor, Scope

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

REMEMBERED_SECONDS = 300.0
FREE_FAILURES = 5  # wrong passwords for a name from one address before it has to wait
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
FORGET_FAILURES_SECONDS = 900.0


class Recent(Generic[K, V]):
    """A bounded dictionary whose entries end after a while."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._entries.get(key)
        if found is None or found[0] < time.monotonic():
            return None
        return found[1]

    def put(self, key: K, value: V) -> None:
        self._entries[key] = (time.monotonic() + self._seconds, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()


class Proved(NamedTuple):
    """Whose credentials these are, what they allow, and until when (Unix ms; None for ever)."""

    account_id: int
    scope: Scope
    expires_ms: int | None = None


class Failures(NamedTuple):
    tries: int
    until: float  # monotonic; earlier tries are refused unread


class Identities:
    """The memory of one server."""

    def __init__(self) -> None:
        self.hashing = Hashing()
        self.actors: Recent[int, Actor] = Recent(10_000, REMEMBERED_SECONDS)
        # Runs and logged models never move to another experiment.
        self.experiment_of: Recent[str, int] = Recent(200_000, 24 * 3600.0)
        self.setup_code = ""  # lets its holder make the first admin; empty when there is one
        self._proved: Recent[bytes, Proved] = Recent(10_000, REMEMBERED_SECONDS)
        self._failures: Recent[tuple[str, str], Failures] = Recent(10_000, FORGET_FAILURES_SECONDS)
        self._proving: dict[tuple[bytes, int], asyncio.Future[Proved]] = {}
        self._key = secrets.token_bytes(32)
        self._epoch = 0
        self.generation = 0  # of passwords, tokens and sessions: who proved an older one proves nothing

    @property
    def epoch(self) -> int:
        """Counts what was forgotten: what was read before a change must not be remembered after it."""
        return self._epoch

    def digest(self, credentials: str) -> bytes:
        """The name under which credentials are remembered; useless to whoever reads our memory later."""
        return hmac.digest(self._key, credentials.encode("utf-8", "surrogateescape"), "sha256")

    def proved(self, digest: bytes) -> Proved | None:
        return self._proved.get(digest)

    async def once(self, digest: bytes, prove: Callable[[], Awaitable[Proved]]) -> Proved:
        """Prove credentials once for all requests that come with them meanwhile: jobs start in swarms.

        Who comes after a change of credentials does not join a proof that began before it.
        """
        at = (digest, self._epoch)
        waiting = self._proving.get(at)
        if waiting is None:
            waiting = self._proving[at] = asyncio.ensure_future(prove())
            waiting.add_done_callback(lambda done: self._done(at, done))
        # Shielded: the first of them may hang up while the others wait.
        return await asyncio.shield(waiting)

    def _done(self, at: tuple[bytes, int], done: asyncio.Future[Proved]) -> None:
        self._proving.pop(at, None)
        if not done.cancelled():
            done.exception()  # seen, though everybody who waited may be gone

    def remember(self, digest: bytes, proved: Proved, epoch: int) -> None:
        if epoch == self._epoch:
            self._proved.put(digest, proved)

    def remember_actor(self, actor: Actor, epoch: int) -> None:
        if epoch == self._epoch:
            self.actors.put(actor.id, actor)

    def forget_credentials(self) -> None:
        """Passwords, tokens or sessions have changed."""
        self._epoch += 1
        self.generation += 1
        self._proved.clear()
        self.actors.clear()

    def forget_grants(self, account_id: int | None = None) -> None:
        """What a user may do has changed; of all users, without an id."""
        self._epoch += 1
        if account_id is None:
            self.actors.clear()
        else:
            self.actors.drop(account_id)

    def wait_seconds(self, name: str, address: str) -> float:
        """How long this name cannot be tried from this address."""
        failures = self._failures.get((name, address))
        return max(0.0, failures.until - time.monotonic()) if failures else 0.0

    def failed(self, name: str, address: str) -> None:
        """A wrong password. Others who use the name, or the address, are not held up."""
        known = self._failures.get((name, address))
        count = (known.tries if known else 0) + 1
        beyond = count - FREE_FAILURES
        wait = min(FIRST_WAIT_SECONDS * 2.0**beyond, LONGEST_WAIT_SECONDS) if beyond >= 0 else 0.0
        self._failures.put((name, address), Failures(count, time.monotonic() + wait))

    def succeeded(self, name: str, address: str) -> None:
        self._failures.drop((name, address))


def hash_of(secret: str) -> str:
    """How tokens, session ids and setup codes are kept: they are long and random, so one round is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
