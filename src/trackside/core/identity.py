"""What a running server remembers of who is who: kept in memory, dropped whenever it changes.

Verifying a password takes 80 ms on purpose, so who has proved who it is stays known for a few
minutes, by a keyed hash of what proved it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from trackside.core.passwords import Hashing
from trackside.core.permissions import Actor, Scope
from trackside.core.recent import Recent
from trackside.core.tries import Tries

REMEMBERED_SECONDS = 300.0
# How long what is remembered counts without a look into the store, where another process may have changed it.
FRESH_SECONDS = 2.0


class Proved(NamedTuple):
    """Whose credentials these are, what they allow, and what proved it, as the store had it then."""

    account_id: int
    scope: Scope
    kind: Literal["password", "token", "session"]
    hash: str  # of the password, token or session; when the store has another, this proves nothing any more
    expires_ms: int | None = None  # Unix; None: never


class Identities:
    """The memory of one server."""

    def __init__(self) -> None:
        self.hashing = Hashing()
        self.tries = Tries()
        self.actors: Recent[int, Actor] = Recent(10_000, REMEMBERED_SECONDS)
        # Runs and logged models never move to another experiment.
        self.experiment_of: Recent[str, int] = Recent(200_000, 24 * 3600.0)
        self.setup_code = ""  # lets its holder make the first admin; empty when there is one
        self._proved: Recent[bytes, Proved] = Recent(10_000, REMEMBERED_SECONDS)
        self._fresh: Recent[bytes, bool] = Recent(10_000, FRESH_SECONDS)
        self._proving: dict[tuple[bytes, int], asyncio.Future[Proved]] = {}
        self._key = secrets.token_bytes(32)
        self._epoch = 0
        self.is_blind = False  # nobody tells of changes: nothing is remembered

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

    def is_fresh(self, digest: bytes) -> bool:
        """Whether the store was asked lately if what proved these credentials is still there."""
        return self._fresh.get(digest) is not None

    def remember(self, digest: bytes, proved: Proved, epoch: int) -> None:
        """They were proved now, from the store."""
        if epoch == self._epoch and not self.is_blind:
            self._proved.put(digest, proved)
            self._fresh.put(digest, True)

    def still_holds(self, digest: bytes, epoch: int) -> None:
        """The store has what proved them still."""
        if epoch == self._epoch and not self.is_blind:
            self._fresh.put(digest, True)

    def remember_actor(self, actor: Actor, epoch: int) -> None:
        if epoch == self._epoch and not self.is_blind:
            self.actors.put(actor.id, actor)

    def forget(self, digest: bytes, proved: Proved) -> None:
        """The store has it no longer. What else is remembered of the user is looked up again in its turn."""
        self._proved.drop(digest)
        self.actors.drop(proved.account_id)

    def forget_credentials(self) -> None:
        """Passwords, tokens or sessions have changed."""
        self._epoch += 1
        self._proved.clear()
        self.actors.clear()

    def forget_grants(self, account_id: int | None = None) -> None:
        """What a user may do has changed; of all users, without an id."""
        self._epoch += 1
        if account_id is None:
            self.actors.clear()
        else:
            self.actors.drop(account_id)


def hash_of(secret: str) -> str:
    """How tokens, session ids and setup codes are kept: they are long and random, so one round is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
