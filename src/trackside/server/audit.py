"""Which requests the audit log keeps, and what it says of them."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from trackside.core import audit
from trackside.core.app import App
from trackside.server.guards import Guard, actor_of, address_of, claimed_name

# What a request is about; never what it proves or sets as a secret.
_SUBJECTS = (
    *("username", "is_admin", "role_id", "role_permission_id", "workspace", "resource_type", "resource_id"),
    *("resource_pattern", "permission", "experiment_id", "experiment_name", "run_id", "run_uuid", "run_ids"),
    *("model_id", "name", "new_name", "version", "alias", "scope", "path", "topic", "webhook_id", "url"),
    *("token_id", "owner"),
)
_LOGGED_BODY = 64 * 1024  # a larger one is not looked at


def is_recorded(request: Request, guard: Guard, status: int) -> bool:
    """Changes of access, deletions, whatever was refused, and failed sign-ins."""
    if status == 401:
        return bool(claimed_name(request))  # somebody tried, rather than just came by
    return status in (403, 429) or (guard.audited and request.method not in ("GET", "HEAD"))


async def record(request: Request, status: int) -> None:
    """Add an entry for a request that was answered."""
    app: App = request.app
    await audit.add(
        app,
        who=actor_of(request).name or claimed_name(request),
        action=f"{request.method} {request.url.path}",
        detail=_subject(request),
        address=address_of(request),
        outcome=status,
    )


def _subject(request: Request) -> str:
    found: dict[str, Any] = {**request.query_params, **_body(request), **request.path_params}
    return " ".join(f"{name}={found[name]}" for name in _SUBJECTS if name in found)


def _body(request: Request) -> dict[str, Any]:
    body = request.scope.get("trackside.body", b"")
    if not body or len(body) > _LOGGED_BODY:
        return {}
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
