"""Which requests the audit log keeps, and what it says of them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from starlette.requests import Request

from trackside.core import audit
from trackside.core.app import App
from trackside.core.tries import source_of
from trackside.server.floods import Flood
from trackside.server.guards import Guard, actor_of, address_of, claimed_name

# What a request is about; never what it proves or sets as a secret.
_SUBJECTS = (
    *("username", "is_admin", "role_id", "role_permission_id", "workspace", "resource_type", "resource_id"),
    *("resource_pattern", "permission", "experiment_id", "experiment_name", "run_id", "run_uuid", "run_ids"),
    *("model_id", "name", "new_name", "version", "alias", "scope", "path", "topic", "webhook_id", "url"),
    *("token_id", "owner"),
)
MOST_REFUSALS = 20  # of one source that stand in the log by themselves, every few seconds
log = logging.getLogger("trackside.server")
_LOGGED_BODY = 64 * 1024  # a larger one is not looked at


def is_recorded(request: Request, guard: Guard, status: int) -> bool:
    """Changes of access, deletions, whatever was refused, and failed sign-ins."""
    if status == 401:
        return bool(claimed_name(request))  # somebody tried, rather than just came by
    return status in (403, 429) or (guard.audited and request.method not in ("GET", "HEAD"))


class Refusals:
    """Adds what is to be recorded; of one source's refusals, that strangers can make in any number, only some."""

    def __init__(self, app: App, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._flood: Flood[str] = Flood(MOST_REFUSALS, seconds, self._tell)
        self._telling: set[asyncio.Task[None]] = set()

    async def record(self, request: Request, status: int) -> None:
        """Add an entry for a request that was answered."""
        if status >= 400 and not self._flood.passes(source_of(address_of(request))):
            return
        await audit.add(
            self._app,
            who=actor_of(request).name or claimed_name(request),
            action=f"{request.method} {request.url.path}",
            detail=_subject(request),
            address=address_of(request),
            outcome=status,
        )

    def _tell(self, source: str, more: int) -> None:
        detail = f"{more} more refusals within {self._seconds:.0f} s"
        told = audit.add(self._app, who="", action="(flood)", detail=detail, address=source, outcome=429)
        task = asyncio.get_running_loop().create_task(told)
        self._telling.add(task)  # a task that nobody holds may be lost
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("the audit log did not take an entry: %s", error)


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
