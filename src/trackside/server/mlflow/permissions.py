"""MLflow's endpoints for what single users may do: those of 3.13 and later, and those of earlier clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import grants, roles
from trackside.core.grants import Target, target
from trackside.core.permissions import Actor, allows_use
from trackside.server.guards import Guard, actor_of, guard, signed_in
from trackside.server.mlflow import guards, wire
from trackside.server.mlflow.users import Username, is_self
from trackside.server.routing import Route, answer, app_of


class OnResource(wire.Shape):
    username: str = ""
    resource_type: str = ""
    resource_id: str = ""
    required: ClassVar[tuple[str, ...]] = ("username", "resource_type", "resource_id")


class NewGrant(OnResource):
    permission: str = ""
    required: ClassVar[tuple[str, ...]] = ("username", "resource_type", "resource_id", "permission")


@guard("manage what the grant is on", audited=True)
async def manages(request: Request, actor: Actor) -> bool:
    body = await wire.read(request, OnResource)
    on = target(body.resource_type, body.resource_id)
    grants.check_target(on)
    if on.name == "*":
        return actor.sees_all and actor.scope == "admin"
    return actor.may("manage", on.kind, on.name)


@guard("being that user, or an admin")
async def asks_for_itself(request: Request, actor: Actor) -> bool:
    body = await wire.read(request, OnResource)
    grants.check_target(target(body.resource_type, body.resource_id))
    return actor.sees_all or body.username == actor.name


async def grant(request: Request) -> Response:
    body = await wire.read(request, NewGrant)
    on = target(body.resource_type, body.resource_id)
    await grants.grant(app_of(request), body.username, on, body.permission)
    return answer({})


async def revoke(request: Request) -> Response:
    body = await wire.read(request, OnResource)
    await grants.revoke(app_of(request), body.username, target(body.resource_type, body.resource_id))
    return answer({})


async def get(request: Request) -> Response:
    body = await wire.read(request, OnResource)
    app = app_of(request)
    on = target(body.resource_type, body.resource_id)
    permission = await grants.effective(app, body.username, on, app.settings.default_permission)
    return answer({"allowed": allows_use(permission), "permission": permission})


async def listed(request: Request) -> Response:
    return await _list(request, (await wire.read(request, Username)).username)


async def of_sender(request: Request) -> Response:
    return await _list(request, actor_of(request).name)


async def _list(request: Request, username: str) -> Response:
    if not app_of(request).settings.auth and not username:
        return answer({"is_admin": True, "permissions": []})
    found = await roles.of_user(app_of(request), username)
    rows = [
        {
            "role_id": role.id,
            "role_name": role.name,
            "workspace": role.workspace,
            "resource_type": held.resource_type,
            "resource_pattern": held.resource_pattern,
            "permission": held.permission,
        }
        for role in found.roles
        for held in role.permissions
    ]
    return answer({"is_admin": found.user.is_admin, "permissions": rows})


# --- clients up to 3.12: one set of endpoints for experiments, one for registered models


class OnExperiment(Username):
    experiment_id: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_id", "username")


class NewOnExperiment(OnExperiment):
    permission: str = ""
    required: ClassVar[tuple[str, ...]] = ("experiment_id", "username", "permission")


class OnModel(Username):
    name: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "username")


class NewOnModel(OnModel):
    permission: str = ""
    required: ClassVar[tuple[str, ...]] = ("name", "username", "permission")


def _older(kind: str, name: str, username: str) -> tuple[Target, str, str]:
    """The target, what is said when the grant is there already, and when there is none."""
    if kind == grants.EXPERIMENT:
        where = f"experiment_id={name}"
        return (
            target(kind, name),
            f"Experiment permission ({where}, username={username}) already exists.",
            f"Experiment permission with {where} and username={username} not found",
        )
    return (
        target(kind, name),
        f"Registered model permission (name={name}, username={username}) already exists.",
        f"Registered model permission with name={name} and username={username} not found",
    )


def _older_json(on: Target, user_id: int, permission: str) -> dict[str, Any]:
    if on.kind == grants.EXPERIMENT:
        found = {"experiment_id": on.name, "user_id": user_id, "permission": permission}
        return {"experiment_permission": found}
    return {"registered_model_permission": {"name": on.name, "user_id": user_id, "permission": permission}}


def _name(body: Any) -> str:
    name: str = body.experiment_id if isinstance(body, OnExperiment) else body.name
    return name


def _older_endpoints(
    kind: str, shape: type[Any], new: type[Any]
) -> list[Callable[[Request], Awaitable[Response]]]:
    """create, get, update and delete."""

    async def create(request: Request) -> Response:
        body = await wire.read(request, new)
        on, taken, _ = _older(kind, _name(body), body.username)
        user_id = await grants.older_grant(app_of(request), body.username, on, body.permission, taken)
        return answer(_older_json(on, user_id, body.permission))

    async def get(request: Request) -> Response:
        body = await wire.read(request, shape)
        on, _, missing = _older(kind, _name(body), body.username)
        return answer(_older_json(on, *await grants.older_get(app_of(request), body.username, on, missing)))

    async def update(request: Request) -> Response:
        body = await wire.read(request, new)
        on, _, missing = _older(kind, _name(body), body.username)
        await grants.older_change(app_of(request), body.username, on, body.permission, missing)
        return answer({})

    async def delete(request: Request) -> Response:
        body = await wire.read(request, shape)
        on, _, missing = _older(kind, _name(body), body.username)
        await grants.older_change(app_of(request), body.username, on, None, missing)
        return answer({})

    return [create, get, update, delete]


def _older_routes(at: str, kind: str, manages_it: Guard, shape: type[Any], new: type[Any]) -> list[Route]:
    endpoints = _older_endpoints(kind, shape, new)
    named = zip(
        ("POST", "GET", "PATCH", "DELETE"), ("create", "get", "update", "delete"), endpoints, strict=True
    )
    return [Route(method, f"{at}/{name}", endpoint, manages_it) for method, name, endpoint in named]


_AT = "/api/3.0/mlflow/users"
routes = [
    Route("POST", f"{_AT}/permissions/grant", grant, manages),
    Route("POST", f"{_AT}/permissions/revoke", revoke, manages),
    Route("GET", f"{_AT}/permissions/get", get, asks_for_itself),
    Route("GET", f"{_AT}/permissions/list", listed, is_self),
    Route("GET", f"{_AT}/current/permissions", of_sender, signed_in),
    *_older_routes(
        "/api/2.0/mlflow/experiments/permissions",
        grants.EXPERIMENT,
        guards.experiment("manage"),
        OnExperiment,
        NewOnExperiment,
    ),
    *_older_routes(
        "/api/2.0/mlflow/registered-models/permissions",
        grants.MODEL,
        guards.model("manage"),
        OnModel,
        NewOnModel,
    ),
]
