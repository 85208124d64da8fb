"""Roles, their permissions and their members. What is granted to single users is in `core.grants`."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from trackside.core import accounts
from trackside.core.app import App
from trackside.core.permissions import OWN_ROLE_PREFIX, check_pattern, check_permission, one_spelling
from trackside.errors import AlreadyExists, InvalidParameter, NotFound
from trackside.model import Account, Role, RoleMember, RolePermission
from trackside.store.database import Job, Row, T, Transaction


def _check_name(name: str) -> None:
    if not name.strip():
        raise InvalidParameter("Role name cannot be empty.")
    if name.startswith(OWN_ROLE_PREFIX):
        raise InvalidParameter(
            f"Role name {name!r} uses the reserved '__user_' prefix, which is held for the per-user permission"
            " representation. Choose a different name."
        )


async def create(app: App, workspace: str, name: str, description: str | None) -> Role:
    if not name.strip():
        raise InvalidParameter("Role name cannot be empty.")
    if not workspace.strip():
        raise InvalidParameter("Workspace cannot be empty.")
    _check_name(name)

    async def job(tx: Transaction) -> Role:
        if await tx.one("role_by_name", workspace=workspace, name=name):
            raise AlreadyExists(f"Role (name={name}, workspace={workspace}) already exists.")
        return await _role(
            tx, await tx.insert("add_role", workspace=workspace, name=name, description=description)
        )

    return await app.db.write(job)


async def get(app: App, role_id: int) -> Role:
    async def job(tx: Transaction) -> Role:
        return await _role(tx, await _row(tx, role_id))

    return await app.db.read(job)


async def listed(app: App, workspaces: list[str]) -> list[Role]:
    """The roles of these workspaces, or of all; those that belong to single users too."""

    async def job(tx: Transaction) -> list[Role]:
        rows = await tx.all("roles")
        return [await _role(tx, row) for row in rows if not workspaces or row["workspace"] in workspaces]

    return await app.db.read(job)


async def update(app: App, role_id: int, name: str | None, description: str | None) -> Role:
    """Change what is not None."""
    if name is not None:
        _check_name(name)

    async def job(tx: Transaction) -> Role:
        row = await _row(tx, role_id)
        if name is not None:
            known = await tx.one("role_by_name", workspace=row["workspace"], name=name)
            if known and known["id"] != role_id:
                raise AlreadyExists(f"Role with name={name} already exists in workspace={row['workspace']}")
        values = {
            "name": row["name"] if name is None else name,
            "description": row["description"] if description is None else description,
        }
        await tx.run("update_role", id=role_id, **values)
        return await _role(tx, {**dict(row), **values})

    return await app.db.write(job)


async def delete(app: App, role_id: int) -> None:
    async def job(tx: Transaction) -> None:
        await _row(tx, role_id)
        await tx.run("delete_role", id=role_id)

    await changed(app, job)


# --- permissions of a role


async def add_permission(app: App, role_id: int, kind: str, pattern: str, permission: str) -> RolePermission:
    check_permission(permission, kind)
    check_pattern(pattern, kind)
    if kind == "experiment":
        pattern = one_spelling(pattern)

    async def job(tx: Transaction) -> RolePermission:
        await _row(tx, role_id)
        at = {"role_id": role_id, "resource_type": kind, "resource_pattern": pattern}
        if await tx.one("permission_of_role", **at):
            raise AlreadyExists(
                f"Role permission (role_id={role_id}, resource_type={kind}, resource_pattern={pattern})"
                " already exists."
            )
        return _permission(await tx.insert("add_permission", **at, permission=permission))

    return await changed(app, job)


async def permissions(app: App, role_id: int) -> list[RolePermission]:
    return (await get(app, role_id)).permissions


async def get_permission(app: App, permission_id: int) -> RolePermission:
    async def job(tx: Transaction) -> RolePermission:
        return _permission(await _permission_row(tx, permission_id))

    return await app.db.read(job)


async def set_permission(app: App, permission_id: int, permission: str) -> RolePermission:
    async def job(tx: Transaction) -> RolePermission:
        row = await _permission_row(tx, permission_id)
        check_permission(permission, row["resource_type"])
        await tx.run("set_permission", id=permission_id, permission=permission)
        return _permission({**dict(row), "permission": permission})

    return await changed(app, job)


async def remove_permission(app: App, permission_id: int) -> None:
    async def job(tx: Transaction) -> None:
        await _permission_row(tx, permission_id)
        await tx.run("delete_permission", id=permission_id)

    await changed(app, job)


# --- members


async def assign(app: App, username: str, role_id: int) -> RoleMember:
    async def job(tx: Transaction) -> RoleMember:
        user = await accounts.row_of(tx, username)
        await _row(tx, role_id)
        if await tx.one("member", account_id=user["id"], role_id=role_id):
            raise AlreadyExists(
                f"User role assignment (user_id={user['id']}, role_id={role_id}) already exists"
            )
        return _member(await tx.insert("add_member", account_id=user["id"], role_id=role_id))

    return await changed(app, job)


async def unassign(app: App, username: str, role_id: int) -> None:
    async def job(tx: Transaction) -> None:
        user = await accounts.row_of(tx, username)
        member = await tx.one("member", account_id=user["id"], role_id=role_id)
        if member is None:
            raise NotFound(f"User role assignment (user_id={user['id']}, role_id={role_id}) not found")
        await tx.run("delete_member", id=member["id"])

    await changed(app, job)


async def members(app: App, role_id: int) -> list[RoleMember]:
    async def job(tx: Transaction) -> list[RoleMember]:
        await _row(tx, role_id)
        return [_member(row) for row in await tx.all("members_of_role", role_id=role_id)]

    return await app.db.read(job)


class UserRoles(NamedTuple):
    user: Account
    roles: list[Role]


async def of_user(app: App, username: str) -> UserRoles:
    """A user with all its roles, the one that is its own too. Raises NotFound."""

    async def job(tx: Transaction) -> UserRoles:
        return await _of_row(tx, await accounts.row_of(tx, username))

    return await app.db.read(job)


async def of_all_users(app: App, only: str | None = None) -> list[UserRoles]:
    """All users with their roles, or, with `only`, without those of others: there may be thousands of grants."""

    async def job(tx: Transaction) -> list[UserRoles]:
        return [
            await _of_row(tx, row) if only in (None, row["name"]) else UserRoles(accounts.account(row), [])
            for row in await tx.all("accounts")
        ]

    return await app.db.read(job)


async def _of_row(tx: Transaction, row: Row) -> UserRoles:
    rows = await tx.all("roles_of_account", account_id=row["id"])
    return UserRoles(accounts.account(row), [await _role(tx, role) for role in rows])


async def _row(tx: Transaction, role_id: int) -> Row:
    row = await tx.one("role_by_id", id=role_id)
    if row is None:
        raise NotFound(f"Role with id={role_id} not found")
    return row


async def _permission_row(tx: Transaction, permission_id: int) -> Row:
    row = await tx.one("permission_by_id", id=permission_id)
    if row is None:
        raise NotFound(f"Role permission with id={permission_id} not found")
    return row


async def _role(tx: Transaction, row: Row) -> Role:
    held = await tx.all("permissions_of_role", role_id=row["id"])
    return Role(row["id"], row["workspace"], row["name"], row["description"], [_permission(p) for p in held])


def _permission(row: Row) -> RolePermission:
    return RolePermission(
        row["id"], row["role_id"], row["resource_type"], row["resource_pattern"], row["permission"]
    )


def _member(row: Row) -> RoleMember:
    return msgspec.convert(dict(row), RoleMember)


async def changed(app: App, job: Job[T]) -> T:
    result = await app.db.write(job)
    app.identities.forget_grants()
    app.events.close()  # listeners come back, and are asked again what they may see
    return result
