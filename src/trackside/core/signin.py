"""Who makes a request: verifies passwords, tokens and sessions, and remembers them for a few minutes."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast

from trackside.core import accounts, grants
from trackside.core.app import App
from trackside.core.identity import Proved, hash_of
from trackside.core.names import now_ms
from trackside.core.permissions import Actor, Scope
from trackside.core.tries import source_of
from trackside.errors import TooManyTries, Unauthenticated
from trackside.store.database import Row, Transaction


class SignedIn(NamedTuple):
    """Who sends a request, and what proved it."""

    actor: Actor
    proved: Proved


async def by_header(app: App, header: str, address: str) -> SignedIn:
    """The sender by the Authorization header: Basic with a password or a token, or Bearer with a token.

    Raises Unauthenticated, or TooManyTries for too many wrong passwords from one address.
    """
    return await _signed_in(app, f"header {header}", lambda: _prove_header(app, header, address))


async def by_session(app: App, cookie: str) -> SignedIn:
    """The sender by the session cookie of a browser. Raises Unauthenticated."""
    return await _signed_in(app, f"session {cookie}", lambda: _prove_session(app, cookie))


async def by_name(app: App, name: str, secret: str, address: str) -> SignedIn:
    """The user by what was typed into a form: name and password, or name and token. Raises as `by_header` does."""
    if secret.startswith(accounts.TOKEN_PREFIX):
        return await _signed_in(app, f"token {name}\0{secret}", lambda: _prove_token(app, secret, owner=name))
    return await _signed_in(app, f"password {name}\0{secret}", lambda: verify(app, name, secret, address))


async def _signed_in(app: App, credentials: str, prove: Callable[[], Awaitable[Proved]]) -> SignedIn:
    known = app.identities
    digest = known.digest(credentials)
    proved = known.proved(digest)
    if proved is not None and not known.is_fresh(digest):
        proved = await _checked(app, digest, proved)
    if proved is None:
        epoch = known.epoch
        proved = await known.once(digest, prove)
        known.remember(digest, proved, epoch)
    if proved.expires_ms is not None and proved.expires_ms < now_ms():
        raise Unauthenticated
    actor = known.actors.get(proved.account_id) or await _load(app, proved.account_id)
    return SignedIn(actor if proved.scope == "admin" else actor.limited(proved.scope), proved)


async def _checked(app: App, digest: bytes, proved: Proved) -> Proved | None:
    """What was remembered, if the store has it still: another process may have changed it (`accounts.recover`)."""
    known = app.identities
    epoch = known.epoch
    if await app.db.read(lambda tx: accounts.holds(tx, proved)):
        known.still_holds(digest, epoch)
        return proved
    known.forget(digest, proved)
    return None


async def _load(app: App, account_id: int) -> Actor:
    epoch = app.identities.epoch

    async def job(tx: Transaction) -> Actor:
        row = await tx.one("account_by_id", id=account_id)
        if row is None:
            raise Unauthenticated
        held = await grants.grants_of(tx, account_id, app.settings.default_permission)
        return Actor(account_id, row["name"], bool(row["is_admin"]), grants=held)

    actor = await app.db.read(job)
    app.identities.remember_actor(actor, epoch)
    return actor


async def _prove_header(app: App, header: str, address: str) -> Proved:
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer":
        return await _prove_token(app, value.strip())
    if kind.lower() != "basic":
        raise Unauthenticated
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Unauthenticated from None
    name, _, password = text.partition(":")
    if password.startswith(accounts.TOKEN_PREFIX):
        return await _prove_token(app, password, owner=name)
    return await verify(app, name, password, address)


async def verify(app: App, name: str, password: str, address: str) -> Proved:
    """Whose password this is. Raises Unauthenticated, TooManyTries, Unavailable."""
    known, source = app.identities, source_of(address)
    if len(name) > accounts.NAME_LENGTH:  # nobody's
        raise Unauthenticated
    wait = known.tries.wait_seconds(name, source)
    if wait:
        raise TooManyTries(wait)
    with known.hashing.place(source):  # who gets none has not tried
        # Before it is verified, so that guesses side by side are counted too.
        known.tries.failed(name, source)

        async def job(tx: Transaction) -> Row | None:
            return await tx.one("account_by_name", name=name)

        row = await app.db.read(job)
        right = await known.hashing.is_right(password, row["password_hash"] if row else None)
    if not right or row is None:
        raise Unauthenticated
    known.tries.succeeded(name, source)
    return Proved(row["id"], "admin", "password", row["password_hash"])


async def _prove_token(app: App, text: str, owner: str | None = None) -> Proved:
    async def job(tx: Transaction) -> Row | None:
        return await tx.one("token_by_hash", hash=hash_of(text))

    row = await app.db.read(job)
    # A token says whose it is; a name beside it must be right, or be left out.
    if row is None or (owner and owner != row["account_name"]):
        raise Unauthenticated
    scope = cast("Scope", row["scope"])
    return Proved(row["account_id"], scope, "token", row["hash"], row["expires_ms"])


async def _prove_session(app: App, text: str) -> Proved:
    async def job(tx: Transaction) -> Row | None:
        return await tx.one("session_by_hash", hash=hash_of(text))

    row = await app.db.read(job)
    if row is None:
        raise Unauthenticated
    return Proved(row["account_id"], "admin", "session", row["hash"], row["expires_ms"])


# --- the first admin


async def prepare(app: App, admin_password: str = "") -> None:
    """Before the first request: without an admin, make one of the password given, or a code to make one with."""
    if not app.settings.auth or await accounts.has_admin(app):
        return
    if admin_password:
        await accounts.create_first(app, accounts.ADMIN, admin_password)
    else:
        # Of the store, so that it is good at every server on it.
        app.identities.setup_code = hash_of(f"setup {await app.db.shared_secret()}")[:32]


async def is_setup_code(app: App, code: str) -> bool:
    """Whether this code makes the first admin: only while there is none, whoever made it."""
    expected = app.identities.setup_code
    right = bool(expected) and secrets.compare_digest(expected.encode(), code.encode("utf-8", "replace"))
    return right and not await accounts.has_admin(app)
