"""Removing for good what was deleted."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from trackside.core import retention
from trackside.core.names import now_ms
from trackside.errors import InvalidParameter
from trackside.server.guards import admins
from trackside.server.native.bodies import ROOT, read
from trackside.server.routing import Route, answer, app_of


class Purge(msgspec.Struct):
    """POST /gc -> Purged: what was deleted so many days ago or longer; 0 for all that is deleted."""

    older_than_days: float = 30.0
    dry_run: bool = False  # remove nothing, only count


class Purged(msgspec.Struct):
    """What was removed; `more` when there is more to remove than one request does: ask again."""

    runs: int
    logged_models: int
    experiments: int
    artifact_files: int
    artifact_bytes: int
    database_bytes: int  # by which the database's file became smaller
    kept: list[str]  # what was not removed, and why
    more: bool


async def purge(request: Request) -> Response:
    wanted = await read(request, Purge)
    if not 0 <= wanted.older_than_days < 36_500:
        raise InvalidParameter(
            f"older_than_days must be a number of days from 0 on; it is {wanted.older_than_days}."
        )
    before_ms = now_ms() - int(wanted.older_than_days * retention.DAY_MS)
    done = await retention.purge(app_of(request), before_ms, dry_run=wanted.dry_run)
    return answer(Purged(**done.fields()))


routes = [Route("POST", f"{ROOT}/gc", purge, admins, takes=Purge, gives=Purged)]
