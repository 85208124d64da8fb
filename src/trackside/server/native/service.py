"""What this server is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackside import __version__
from trackside.server.guards import open_to_all
from trackside.server.native import shapes
from trackside.server.native.bodies import ROOT
from trackside.server.routing import Route, answer, app_of


async def info(request: Request) -> Response:
    return answer(
        shapes.ServerInfo(
            version=__version__, store=app_of(request).db.engine, auth=app_of(request).settings.auth
        )
    )


routes = [Route("GET", f"{ROOT}/info", info, open_to_all, gives=shapes.ServerInfo)]
