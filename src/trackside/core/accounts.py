"""Users: make, list, change, delete; their personal tokens and the sessions of their browsers."""

from __future__ import annotations

import secrets

import msgspec

from trackside.core import passwords
from trackside.core.app import App
from trackside.core.identity import Proved, hash_of
from trackside.core.names import now_ms
from trackside.core.permissions import SCOPES, Actor, own_role_name
from trackside.errors import AlreadyExists, BadRequest, Forbidden, InvalidParameter, NotFound, Unauthenticated
from trackside.model import Account, Token
from trackside.store.database import Row, Transaction

ADMIN = "admin"  # what the first admin is called unless it is said
NAME_LENGTH = 255
TOKEN_PREFIX = "tsk_"  # noqa: S105 - tells tokens from passwords, and to scanners for leaked secrets
SESSION_MS = 14 * 24 * 3600 * 1000
DAY_MS = 24 * 3600 * 1000
LONGEST_TOKEN_DAYS = 3650


def check_name(name: str) -> None:
    if not name:
        raise InvalidParameter("Username cannot be empty.")
    if len(name) > NAME_LENGTH:
        raise InvalidParameter(f"Username must be at most {NAME_LENGTH} characters.")
    if ":" in name or any(ord(character) < 32 for character in name):
        # Basic authentication ends the name at the first colon: nobody could sign in with it.
        raise InvalidParameter("Username cannot contain colons or control characters.")


async def create(app: App, name: str, password: str, *, is_admin: bool = False) -> Account:
    """Make a user. Raises AlreadyExists, InvalidParameter."""
    check_name(name)
    passwords.check(password, name)
    password_hash = await app.identities.hashing.hashed(password)

    async def job(tx: Transaction) -> Account:
        return await _add(tx, name, password_hash, is_admin=is_admin)

    return await app.db.write(job)


async def _add(tx: Transaction, name: str, password_hash: str, *, is_admin: bool) -> Account:
    if await tx.one("account_by_name", name=name):
        raise AlreadyExists(f"User (username={name}) already exists.")
    row = await tx.insert(
        "add_account", name=name, password_hash=password_hash, is_admin=int(is_admin), now_ms=now_ms()
    )
    return account(row)


async def create_first(app: App, name: str, password: str) -> Proved:
    """Make the first admin, proved by this password. Raises Forbidden when there is one."""
    check_name(name)
    passwords.check(password, name)
    password_hash = await app.identities.hashing.hashed(password)

    async def job(tx: Transaction) -> Account:
        if await _admins(tx):
            raise Forbidden("This server has an admin already.")
        return await _add(tx, name, password_hash, is_admin=True)

    made = await app.db.write(job)
    app.identities.setup_code = ""
    return Proved(made.id, "admin", "password", password_hash)


async def recover(app: App, name: str, password: str) -> bool:
    """Set a password for whoever has the store in hand, and need not prove who it is: the way back to a lost one.

    Where there is no admin yet, makes the first; whether it did. A server that runs on the store notices: it
    looks up every few seconds whether what was proved holds. Raises NotFound, InvalidParameter.
    """
    try:
        await set_password(app, name, password)
    except NotFound:
        admins = [each.name for each in await listed(app) if each.is_admin]
        if admins:
            raise NotFound(f"There is no user '{name}'. The admins are: {', '.join(admins)}.") from None
        await create_first(app, name, password)
        return True
    return False


async def has_admin(app: App) -> bool:
    async def job(tx: Transaction) -> bool:
        return await _admins(tx) > 0

    return await app.db.read(job)


async def _admins(tx: Transaction) -> int:
    row = await tx.one("admin_count")
    return int(row["n"]) if row else 0


async def get(app: App, name: str) -> Account:
    """One user. Raises NotFound."""

    async def job(tx: Transaction) -> Account:
        return account(await row_of(tx, name))

    return await app.db.read(job)


async def listed(app: App) -> list[Account]:
    """All users, in the order they were made."""

    async def job(tx: Transaction) -> list[Account]:
        return [account(row) for row in await tx.all("accounts")]

    return await app.db.read(job)


async def set_password(app: App, name: str, password: str, by: Proved | None = None) -> None:
    """Change a password; whoever is signed in with the old one, or by a session, is not any more.

    Raises NotFound, InvalidParameter, and Unauthenticated when what proved the sender ended meanwhile.
    """
    passwords.check(password, name)
    password_hash = await app.identities.hashing.hashed(password)

    async def job(tx: Transaction) -> None:
        await _check_proof(tx, by)
        row = await row_of(tx, name)
        await tx.run("set_password", id=row["id"], password_hash=password_hash)
        await tx.run("delete_sessions_of_account", account_id=row["id"])

    await app.db.write(job)
    _signed_out(app)


async def set_admin(app: App, name: str, *, is_admin: bool) -> None:
    """Make a user an admin, or no longer one. The last admin stays one."""

    async def job(tx: Transaction) -> None:
        row = await row_of(tx, name)
        if row["is_admin"] and not is_admin and await _admins(tx) == 1:
            raise BadRequest(f"User '{name}' is the only admin: make another one first.")
        await tx.run("set_admin", id=row["id"], is_admin=int(is_admin))

    await app.db.write(job)
    _signed_out(app)


async def delete(app: App, name: str) -> None:
    """Delete a user with tokens, sessions and grants. What the user logged stays."""

    async def job(tx: Transaction) -> None:
        row = await row_of(tx, name)
        if row["is_admin"] and await _admins(tx) == 1:
            raise BadRequest(f"User '{name}' is the only admin: make another one first.")
        await tx.run("delete_own_roles", name=own_role_name(row["id"]))
        await tx.run("delete_account", id=row["id"])

    await app.db.write(job)
    _signed_out(app)


def _signed_out(app: App) -> None:
    app.identities.forget_credentials()
    app.events.close()  # listeners come back, and are asked again who they are


async def row_of(tx: Transaction, name: str) -> Row:
    """A user's row. Raises NotFound."""
    row = await tx.one("account_by_name", name=name)
    if row is None:
        raise NotFound(f"User with username={name} not found")
    return row


def account(row: Row) -> Account:
    return Account(row["id"], row["name"], bool(row["is_admin"]))


# --- what proves who one is


async def holds(tx: Transaction, proved: Proved) -> bool:
    """Is what proved this in the store as it was then? Not after a change of password, a sign-out, a revocation."""
    if proved.kind == "password":
        row = await tx.one("account_by_id", id=proved.account_id)
        return row is not None and row["password_hash"] == proved.hash
    return await tx.one(f"{proved.kind}_by_hash", hash=proved.hash) is not None


async def _check_proof(tx: Transaction, proved: Proved | None) -> None:
    """In the transaction that makes new credentials by old ones: there is no gap for a change between them."""
    if proved is not None and not await holds(tx, proved):
        raise Unauthenticated


# --- tokens


async def create_token(
    app: App, owner: str, name: str, scope: str, days: float | None, by: Proved | None = None
) -> tuple[Token, str]:
    """A new token of a user and its text, which is nowhere kept. `days` None: it never expires.

    Raises Unauthenticated when what proved the sender ended meanwhile.
    """
    if scope not in SCOPES:
        raise InvalidParameter(f"Invalid scope '{scope}'. Valid scopes are: {SCOPES}")
    if not name or len(name) > NAME_LENGTH:
        raise InvalidParameter(f"A token needs a name of at most {NAME_LENGTH} characters.")
    if days is not None and not 0 < days <= LONGEST_TOKEN_DAYS:
        raise InvalidParameter(f"A token lives for at most {LONGEST_TOKEN_DAYS} days, and more than none.")
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    expires = None if days is None else now_ms() + int(days * DAY_MS)

    async def job(tx: Transaction) -> Token:
        await _check_proof(tx, by)
        of = await row_of(tx, owner)
        row = await tx.insert(
            "add_token",
            account_id=of["id"],
            name=name,
            scope=scope,
            hash=hash_of(text),
            now_ms=now_ms(),
            expires_ms=expires,
        )
        return _token({**dict(row), "account_name": owner})

    return await app.db.write(job), text


async def tokens(app: App, owner: str | None = None) -> list[Token]:
    """The tokens of a user; of all users, without a name. Raises NotFound."""

    async def job(tx: Transaction) -> list[Token]:
        if owner is None:
            return [_token(row) for row in await tx.all("tokens")]
        of = await row_of(tx, owner)
        return [_token(row) for row in await tx.all("tokens_of_account", account_id=of["id"])]

    return await app.db.read(job)


async def revoke_token(app: App, token_id: int, actor: Actor) -> None:
    """End a token, one's own or, for admins, anybody's. Raises NotFound."""

    async def job(tx: Transaction) -> None:
        token = await tx.one("token_by_id", id=token_id)
        if token is None or not (actor.administers or token["account_id"] == actor.id):
            raise NotFound(f"Token with id={token_id} not found")
        await tx.run("delete_token", id=token_id)

    await app.db.write(job)
    _signed_out(app)


def _token(row: Row | dict[str, object]) -> Token:
    return msgspec.convert({name: row[name] for name in Token.__struct_fields__}, Token)


# --- sessions of browsers


async def open_session(app: App, proved: Proved) -> str:
    """The text of a new session's cookie. Raises Unauthenticated when what proved the sender ended meanwhile."""
    text = secrets.token_urlsafe(32)

    async def job(tx: Transaction) -> None:
        await _check_proof(tx, proved)
        now = now_ms()
        await tx.run("delete_old_sessions", now_ms=now)
        await tx.run(
            "add_session",
            hash=hash_of(text),
            account_id=proved.account_id,
            now_ms=now,
            expires_ms=now + SESSION_MS,
        )

    await app.db.write(job)
    return text


async def close_session(app: App, text: str) -> None:
    """Sign a browser out."""

    async def job(tx: Transaction) -> int:
        return await tx.run("delete_session", hash=hash_of(text))

    # Only a real session's end concerns anybody: a stranger's sign-out must not.
    if await app.db.write(job):
        _signed_out(app)
