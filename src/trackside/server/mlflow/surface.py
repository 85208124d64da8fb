"""All of MLflow's routes."""

from __future__ import annotations

from trackside.server.mlflow import artifacts, experiments, logging, proxy, runs, service
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
        ]
    ),
]
