"""All routes of the native API."""

from __future__ import annotations

from trackside.server.native import (
    access,
    artifacts,
    events,
    experiments,
    models,
    openapi,
    retention,
    runs,
    series,
    service,
)

routes = [
    *service.routes,
    *experiments.routes,
    *runs.routes,
    *series.routes,
    *artifacts.routes,
    *models.routes,
    *events.routes,
    *access.routes,
    *retention.routes,
]
routes += openapi.routes(routes)
