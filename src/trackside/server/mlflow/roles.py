"""MLflow's endpoints for roles, their permissions and members."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import roles
from trackside.core.grants import DEFAULT_WORKSPACE
from trackside.core.permissions import OWN_ROLE_PREFIX, Actor, own_role_name
from trackside.errors import InvalidParameter, NotFound
from trackside.model import Role, RoleMember
from trackside.server.guards import Check, Guard, actor_of, guard
from trackside.server.mlflow import wire
from trackside.server.routing import Route, answer, app_of

Id = wire.Int | str


class NewRole(wire.Shape):
    name: str | None = None
    workspace: str | None = None
    description: str | None = None


class OfRole(wire.Shape):
    role_id: Id | None = None


class Workspaces(wire.Shape):
    workspace: list[str] = []


class RolePatch(OfRole):
    name: str | None = None
    description: str | None = None


class NewPermission(OfRole):
    resource_type: str = ""
    resource_pattern: str = ""
    permission: str = ""
    required: ClassVar[tuple[str, ...]] = ("role_id", "resource_type", "resource_pattern", "permission")


class OfPermission(wire.Shape):
    role_permission_id: Id | None = None


class PermissionPatch(OfPermission):
    permission: str = ""
    required: ClassVar[tuple[str, ...]] = ("role_permission_id", "permission")


class Membership(OfRole):
    username: str = ""
    required: ClassVar[tuple[str, ...]] = ("username", "role_id")


class OfUser(wire.Shape):
    username: str = ""
    required: ClassVar[tuple[str, ...]] = ("username",)


async def _of_role(request: Request) -> str | None:
    """The workspace of the role that a request names; None when there is no such role."""
    try:
        return (await roles.get(app_of(request), await _role_id(request))).workspace
    except NotFound:
        return None


async def _of_permission(request: Request) -> str | None:
    """The same of the role whose permission it names: another role's number beside it makes no difference."""
    app = app_of(request)
    try:
        held = await roles.get_permission(app, await _permission_id(request))
        return (await roles.get(app, held.role_id)).workspace
    except NotFound:
        return None


async def _of_new(request: Request) -> str | None:
    """The workspace that a new role is to be in."""
    named = (await wire.read(request, NewRole)).workspace
    if named is None:
        raise wire.missing("workspace")
    return named


def _manages(workspace: Callable[[Request], Awaitable[str | None]]) -> Check:
    """Whether the sender manages the workspace that the endpoint will act in."""

    async def check(request: Request, actor: Actor) -> bool:
        asked = await workspace(request)
        return actor.sees_all and (actor.is_admin or asked == DEFAULT_WORKSPACE)

    return check


def _changes(workspace: Callable[[Request], Awaitable[str | None]]) -> Guard:
    manages = _manages(workspace)

    async def check(request: Request, actor: Actor) -> bool:
        return actor.scope == "admin" and await manages(request, actor)

    return Guard(_MANAGING, check, audited=True)


_MANAGING = "managing the workspace, or being an admin"
changes_role, changes_permission, creates_role = (
    _changes(_of_role),
    _changes(_of_permission),
    _changes(_of_new),
)
lists_members = Guard(_MANAGING, _manages(_of_role))


def _may_be_shown(actor: Actor, role: Role) -> bool:
    """What is granted to another user alone names things that the sender may not read."""
    is_anothers = role.name.startswith(OWN_ROLE_PREFIX) and role.name != own_role_name(actor.id)
    return actor.sees_all or not is_anothers


@guard("having a role in that workspace, or being an admin")
async def sees_roles(request: Request, actor: Actor) -> bool:
    if actor.is_admin:
        return True
    try:
        asked = await roles.get(app_of(request), await _role_id(request))
    except NotFound:
        return False
    held = {role.workspace for role in (await roles.of_user(app_of(request), actor.name)).roles}
    return asked.workspace in held and _may_be_shown(actor, asked)


@guard("having a role in the workspaces named, or being an admin")
async def lists_roles(request: Request, actor: Actor) -> bool:
    asked = set((await wire.read(request, Workspaces)).workspace)
    held = {role.workspace for role in (await roles.of_user(app_of(request), actor.name)).roles}
    return actor.is_admin or (bool(asked) and asked <= held)


@guard("being that user, or managing the workspace")
async def sees_roles_of_user(request: Request, actor: Actor) -> bool:
    return actor.sees_all or (await wire.read(request, OfUser)).username == actor.name


async def create(request: Request) -> Response:
    body = await wire.read(request, NewRole)
    for name in ("name", "workspace"):
        if getattr(body, name) is None:
            raise wire.missing(name)
    made = await roles.create(app_of(request), body.workspace or "", body.name or "", body.description)
    return answer({"role": role_json(made)})


async def get(request: Request) -> Response:
    return answer({"role": role_json(await roles.get(app_of(request), await _role_id(request)))})


async def listed(request: Request) -> Response:
    asked = (await wire.read(request, Workspaces)).workspace
    if not all(name.strip() for name in asked):
        raise InvalidParameter("Parameter 'workspace' must be a non-empty string when provided.")
    found = await roles.listed(app_of(request), asked)
    return answer({"roles": [role_json(role) for role in found if _may_be_shown(actor_of(request), role)]})


async def update(request: Request) -> Response:
    role_id = await _role_id(request)
    body = await wire.read(request, RolePatch)
    if body.name is None and body.description is None:
        raise InvalidParameter("At least one of 'name' or 'description' must be provided to update a role.")
    changed = await roles.update(app_of(request), role_id, body.name, body.description)
    return answer({"role": role_json(changed)})


async def delete(request: Request) -> Response:
    await roles.delete(app_of(request), await _role_id(request))
    return answer({})


async def add_permission(request: Request) -> Response:
    role_id = await _role_id(request)
    body = await wire.read(request, NewPermission)
    added = await roles.add_permission(
        app_of(request), role_id, body.resource_type, body.resource_pattern, body.permission
    )
    return answer({"role_permission": added})


async def remove_permission(request: Request) -> Response:
    await roles.remove_permission(app_of(request), await _permission_id(request))
    return answer({})


async def list_permissions(request: Request) -> Response:
    found = await roles.permissions(app_of(request), await _role_id(request))
    return answer({"role_permissions": found})


async def update_permission(request: Request) -> Response:
    permission_id = await _permission_id(request)
    body = await wire.read(request, PermissionPatch)
    changed = await roles.set_permission(app_of(request), permission_id, body.permission)
    return answer({"role_permission": changed})


async def assign(request: Request) -> Response:
    body = await wire.read(request, Membership)
    member = await roles.assign(app_of(request), body.username, _int("role_id", body.role_id))
    return answer({"assignment": _member_json(member)})


async def unassign(request: Request) -> Response:
    body = await wire.read(request, Membership)
    await roles.unassign(app_of(request), body.username, _int("role_id", body.role_id))
    return answer({})


async def list_members(request: Request) -> Response:
    found = await roles.members(app_of(request), await _role_id(request))
    return answer({"assignments": [_member_json(each) for each in found]})


async def of_user(request: Request) -> Response:
    found = await roles.of_user(app_of(request), (await wire.read(request, OfUser)).username)
    return answer({"roles": [role_json(role) for role in found.roles]})


def role_json(role: Role) -> dict[str, Any]:
    return {
        "id": role.id,
        "name": role.name,
        "workspace": role.workspace,
        "description": role.description,
        "permissions": role.permissions,
    }


def _member_json(member: RoleMember) -> dict[str, Any]:
    return {"id": member.id, "user_id": member.account_id, "role_id": member.role_id}


async def _role_id(request: Request) -> int:
    return _int("role_id", (await wire.read(request, OfRole)).role_id)


async def _permission_id(request: Request) -> int:
    return _int("role_permission_id", (await wire.read(request, OfPermission)).role_permission_id)


def _int(name: str, value: Id | None) -> int:
    if value is None:
        raise wire.missing(name)
    text = str(value)
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise InvalidParameter(f"Parameter '{name}' must be an integer. Got: {value!r}")
    return int(text)


_AT = "/api/3.0/mlflow/roles"
routes = [
    Route("POST", f"{_AT}/create", create, creates_role),
    Route("GET", f"{_AT}/get", get, sees_roles),
    Route("GET", f"{_AT}/list", listed, lists_roles),
    Route("PATCH", f"{_AT}/update", update, changes_role),
    Route("DELETE", f"{_AT}/delete", delete, changes_role),
    Route("POST", f"{_AT}/permissions/add", add_permission, changes_role),
    Route("DELETE", f"{_AT}/permissions/remove", remove_permission, changes_permission),
    Route("GET", f"{_AT}/permissions/list", list_permissions, sees_roles),
    Route("PATCH", f"{_AT}/permissions/update", update_permission, changes_permission),
    Route("POST", f"{_AT}/assign", assign, changes_role),
    Route("DELETE", f"{_AT}/unassign", unassign, changes_role),
    Route("GET", f"{_AT}/users/list", list_members, lists_members),
    Route("GET", "/api/3.0/mlflow/users/roles/list", of_user, sees_roles_of_user),
]
