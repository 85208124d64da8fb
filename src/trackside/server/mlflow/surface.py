"""All of MLflow's routes."""

from __future__ import annotations

from trackside.server.mlflow import (
    artifacts,
    experiments,
    inputs,
    logged_models,
    logging,
    permissions,
    proxy,
    registry,
    roles,
    runs,
    service,
    users,
    versions,
    webhooks,
)
from trackside.server.routing import twins

routes = [
    *twins(
        [
            *experiments.routes,
            *runs.routes,
            *logging.routes,
            *artifacts.routes,
            *proxy.routes,
            *service.routes,
            *inputs.routes,
            *logged_models.routes,
            *registry.routes,
            *versions.routes,
            *users.routes,
            *permissions.routes,
            *roles.routes,
            *webhooks.routes,
        ]
    ),
]
