"""Grants to single users on experiments, registered models and prompts.

As MLflow has it, what is granted to one user is a permission of a role that only this user has.
"""

from __future__ import annotations

from typing import NamedTuple

from trackside.core import accounts
from trackside.core.app import App
from trackside.core.permissions import (
    WORKSPACE,
    Grant,
    Grants,
    check_older_permission,
    check_pattern,
    check_permission,
    check_type,
    one_spelling,
    own_role_name,
)
from trackside.core.roles import changed
from trackside.errors import AlreadyExists, InvalidParameter, NotFound
from trackside.store.database import Row, Transaction

DEFAULT_WORKSPACE = "default"
EXPERIMENT, MODEL, PROMPT = "experiment", "registered_model", "prompt"
MODEL_TYPES = (MODEL, PROMPT)


class Target(NamedTuple):
    """What a grant is on."""

    kind: str
    name: str


def target(kind: str, name: str) -> Target:
    """What a client names, an experiment by any spelling of its number."""
    return Target(kind, one_spelling(name) if kind == EXPERIMENT else name)


async def grant(app: App, username: str, on: Target, permission: str) -> None:
    """Grant to one user what is not granted yet. Raises AlreadyExists."""
    check_target(on)
    check_pattern(on.name, on.kind)
    check_permission(permission, on.kind)

    async def job(tx: Transaction) -> None:
        user = await accounts.row_of(tx, username)
        if await _own(tx, user["id"], on):
            raise AlreadyExists(
                f"Permission for user={username} on resource_type={on.kind}, resource_id={on.name} already exists."
            )
        await give(tx, user["id"], on, permission)

    await changed(app, job)


async def revoke(app: App, username: str, on: Target) -> None:
    check_target(on)
    check_type(on.kind)

    async def job(tx: Transaction) -> None:
        user = await accounts.row_of(tx, username)
        row = await _own(tx, user["id"], on)
        if row is None:
            raise NotFound(
                f"Permission for user={username} on resource_type={on.kind}, resource_id={on.name} not found."
            )
        await tx.run("delete_permission", id=row["id"])

    await changed(app, job)


async def effective(app: App, username: str, on: Target, default: str) -> str:
    """The permission that decides what a user may do with a thing, admins not told apart, as in MLflow."""
    check_target(on)
    check_type(on.kind)

    async def job(tx: Transaction) -> Grants:
        return await grants_of(tx, (await accounts.row_of(tx, username))["id"], default)

    return (await app.db.read(job)).permission(on.kind, on.name)


def check_target(on: Target) -> None:
    """Raises InvalidParameter, in MLflow's words, for what is granted by roles only."""
    if on.kind == WORKSPACE:
        raise InvalidParameter(
            "resource_type 'workspace' is not supported by the per-user permission convenience APIs. Use"
            " set_workspace_permission / delete_workspace_permission for workspace-wide grants."
        )


async def older_grant(app: App, username: str, on: Target, permission: str, taken: str) -> int:
    """The same as `grant` for older clients, who know NO_PERMISSIONS; the user's number."""
    check_older_permission(permission)

    async def job(tx: Transaction) -> int:
        user = await accounts.row_of(tx, username)
        if await _own(tx, user["id"], on):
            raise AlreadyExists(taken)
        await give(tx, user["id"], on, permission)
        return int(user["id"])

    return await changed(app, job)


async def older_get(app: App, username: str, on: Target, missing: str) -> tuple[int, str]:
    """A user's number and what is granted to it alone on a thing. Raises NotFound."""

    async def job(tx: Transaction) -> tuple[int, str]:
        user = await accounts.row_of(tx, username)
        row = await _own(tx, user["id"], on)
        if row is None:
            raise NotFound(missing)
        return int(user["id"]), str(row["permission"])

    return await app.db.read(job)


async def older_change(app: App, username: str, on: Target, permission: str | None, missing: str) -> None:
    """Change, or with None remove, what is granted to one user."""
    if permission is not None:
        check_older_permission(permission)

    async def job(tx: Transaction) -> None:
        user = await accounts.row_of(tx, username)
        row = await _own(tx, user["id"], on)
        if row is None:
            raise NotFound(missing)
        if permission is None:
            await tx.run("delete_permission", id=row["id"])
        else:
            await tx.run("set_permission", id=row["id"], permission=permission)

    await changed(app, job)


async def give(tx: Transaction, account_id: int, on: Target, permission: str) -> None:
    """Set what a user's own role grants on a thing."""
    known = await _own(tx, account_id, on)
    if known is not None:
        await tx.run("set_permission", id=known["id"], permission=permission)
        return
    name = own_role_name(account_id)
    role = await tx.one("role_by_name", workspace=DEFAULT_WORKSPACE, name=name)
    if role is None:
        role = await tx.insert("add_role", workspace=DEFAULT_WORKSPACE, name=name, description=None)
        await tx.insert("add_member", account_id=account_id, role_id=role["id"])
    await tx.insert(
        "add_permission",
        role_id=role["id"],
        resource_type=on.kind,
        resource_pattern=on.name,
        permission=permission,
    )


async def own(tx: Transaction, account_id: int, kind: str, name: str) -> None:
    """Who makes a thing manages it. Nothing where there is no sign-in (account 0)."""
    if account_id and await tx.one("account_by_id", id=account_id):
        await give(tx, account_id, Target(kind, name), "MANAGE")


async def follow_model(tx: Transaction, name: str, new_name: str | None) -> None:
    """Grants to single users follow a registered model to its new name, and end with it (None).

    Another model may get the name that was given up.
    """
    for kind in MODEL_TYPES:
        if new_name is not None:
            for row in await tx.all("own_permissions_on", resource_type=kind, resource_pattern=new_name):
                await tx.run("delete_permission", id=row["id"])
        for row in await tx.all("own_permissions_on", resource_type=kind, resource_pattern=name):
            if new_name is None:
                await tx.run("delete_permission", id=row["id"])
            else:
                await tx.run("move_permission", id=row["id"], resource_pattern=new_name)


async def grants_of(tx: Transaction, account_id: int, default: str) -> Grants:
    """What all roles of a user grant together."""
    rows = await tx.all("grants_of_account", account_id=account_id)
    return Grants(
        (Grant(row["resource_type"], row["resource_pattern"], row["permission"]) for row in rows), default
    )


async def _own(tx: Transaction, account_id: int, on: Target) -> Row | None:
    role = await tx.one("role_by_name", workspace=DEFAULT_WORKSPACE, name=own_role_name(account_id))
    if role is None:
        return None
    return await tx.one(
        "permission_of_role", role_id=role["id"], resource_type=on.kind, resource_pattern=on.name
    )
