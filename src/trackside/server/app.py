"""The ASGI application: routes, security headers, start and stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from trackside.core import artifacts, at_start, experiments, retention
from trackside.core import signin as access
from trackside.core.app import App
from trackside.core.compaction import Compactor
from trackside.core.deliveries import Deliveries
from trackside.core.peers import Neighbourhood
from trackside.server import signin, ui
from trackside.server.express import Express
from trackside.server.mlflow import surface as mlflow_surface
from trackside.server.native import surface as native_surface
from trackside.server.prefix import Prefixed
from trackside.server.routing import Route, Table
from trackside.server.security import Security

log = logging.getLogger("trackside.server")


def routes() -> list[Route]:
    """Every route of the server."""
    return [*mlflow_surface.routes, *native_surface.routes, *signin.routes, *ui.routes]


class Server:
    """Serves one App. Also answers ASGI's lifespan: makes the default experiment, closes the store."""

    def __init__(self, app: App, admin_password: str = "") -> None:
        self._app = app
        self._admin_password = admin_password  # of the first admin, if there is none yet
        served = routes()
        security = Security(Table(app, served, ui.page), app.settings)
        self.express = Express(app, security, served)
        self._table: ASGIApp = security
        if app.settings.static_prefix:
            self._table = Prefixed(self._table, app.settings.static_prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._table(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        Neighbourhood(self._app).start()
        await experiments.create_default(self._app)
        await access.prepare(self._app, self._admin_password)
        if self._app.settings.auth:
            for each in await at_start.warnings(self._app):
                log.warning("%s", each)
        beside = [
            asyncio.create_task(_logged(name, work))
            for name, work in (
                ("sending to webhooks", Deliveries(self._app).run()),
                ("compaction", Compactor(self._app).run()),
                ("removing unfinished uploads", artifacts.tidy_for_ever(self._app)),
                ("purging what was deleted", retention.keep_purging(self._app)),
            )
        ]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._app.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _logged(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Work beside the server: an error that ends it is told when it does, not when the server stops."""
    try:
        await work
    except Exception:
        log.exception("%s has ended by a mistake, and goes on when the server is started again", name)
