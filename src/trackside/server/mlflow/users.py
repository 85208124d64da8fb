"""MLflow's endpoints for users, and the permissions of single users."""

from __future__ import annotations

from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from trackside.core import accounts, grants, roles, signin
from trackside.core.permissions import Actor, own_role_name
from trackside.errors import BadRequest, InvalidParameter, Unauthenticated
from trackside.model import Account, Role
from trackside.server.guards import actor_of, address_of, admins, guard, proof_of, signed_in
from trackside.server.mlflow import wire
from trackside.server.mlflow.roles import role_json
from trackside.server.routing import Route, answer, app_of


class Username(wire.Shape):
    username: str = ""
    required: ClassVar[tuple[str, ...]] = ("username",)


class NewUser(wire.Shape):
    username: str | None = None
    password: str | None = None


class NewPassword(Username):
    password: str = ""
    current_password: str = ""
    required: ClassVar[tuple[str, ...]] = ("username", "password")


class NewAdmin(Username):
    is_admin: bool | None = None
    required: ClassVar[tuple[str, ...]] = ("username", "is_admin")


async def _is_self(request: Request, actor: Actor) -> bool:
    return (await wire.read(request, Username)).username == actor.name


is_self = guard("being that user, or an admin")(_is_self)


@guard("being that user, or an admin", audited=True)
async def changes_self(request: Request, actor: Actor) -> bool:
    """A token that cannot do everything its user may cannot take the account over either."""
    return actor.scope == "admin" and await _is_self(request, actor)


async def create(request: Request) -> Response:
    body = await wire.read(request, NewUser)
    for name in ("username", "password"):
        if getattr(body, name) is None:
            raise wire.missing(name)
    if not body.username or not body.password:
        return PlainTextResponse("Username and password cannot be empty.", 400)
    made = await accounts.create(app_of(request), body.username, body.password)
    return answer({"user": {**user_json(made), **_older_fields(made, [])}})


async def get(request: Request) -> Response:
    body = await wire.read(request, Username)
    found = await roles.of_user(app_of(request), body.username)
    return answer({"user": {**user_json(found.user), **_older_fields(found.user, found.roles)}})


async def listed(request: Request) -> Response:
    """Everybody may see who there is; others' roles only admins."""
    actor = actor_of(request)
    found = await roles.of_all_users(app_of(request), None if actor.sees_all else actor.name)
    users = [{**user_json(user), "roles": [role_json(role) for role in held]} for user, held in found]
    return answer({"users": users})


async def current(request: Request) -> Response:
    actor = actor_of(request)
    return answer(
        {
            "user": {"id": actor.id, "username": actor.name, "is_admin": actor.is_admin},
            "is_basic_auth": True,
        }
    )


async def update_password(request: Request) -> Response:
    body = await wire.read(request, NewPassword)
    app, proved = app_of(request), proof_of(request)
    if body.username == actor_of(request).name:
        if not body.current_password:
            raise InvalidParameter("Current password is required when changing your own password.")
        try:
            proved = await signin.verify(app, body.username, body.current_password, address_of(request))
        except Unauthenticated:
            raise InvalidParameter("Current password does not match.") from None
        if body.password == body.current_password:
            raise InvalidParameter("New password must differ from the current password.")
    await accounts.set_password(app, body.username, body.password, proved)
    return answer({})


async def update_admin(request: Request) -> Response:
    body = await wire.read(request, NewAdmin)
    await accounts.set_admin(app_of(request), body.username, is_admin=bool(body.is_admin))
    return answer({})


async def delete(request: Request) -> Response:
    body = await wire.read(request, Username)
    if body.username == actor_of(request).name:
        raise BadRequest(
            "Users cannot delete their own account. Ask another admin to delete this user instead."
        )
    await accounts.delete(app_of(request), body.username)
    return answer({})


def user_json(user: Account) -> dict[str, Any]:
    return {"id": user.id, "username": user.name, "is_admin": user.is_admin}


def _older_fields(user: Account, held: list[Role]) -> dict[str, Any]:
    """What clients up to 3.12 cannot do without: the user's own grants, by kind."""
    own = [
        permission for role in held if role.name == own_role_name(user.id) for permission in role.permissions
    ]
    return {
        "experiment_permissions": [
            {"experiment_id": each.resource_pattern, "user_id": user.id, "permission": each.permission}
            for each in own
            if each.resource_type == grants.EXPERIMENT
        ],
        "registered_model_permissions": [
            {"name": each.resource_pattern, "user_id": user.id, "permission": each.permission}
            for each in own
            if each.resource_type == grants.MODEL
        ],
    }


_AT = "/api/2.0/mlflow/users"
routes = [
    Route("POST", f"{_AT}/create", create, admins),
    Route("GET", f"{_AT}/get", get, is_self),
    Route("GET", f"{_AT}/list", listed, signed_in),
    Route("GET", f"{_AT}/current", current, signed_in),
    Route("PATCH", f"{_AT}/update-password", update_password, changes_self),
    Route("PATCH", f"{_AT}/update-admin", update_admin, admins),
    Route("DELETE", f"{_AT}/delete", delete, admins),
]
