"""Prints every endpoint of the installed MLflow's server, `METHOD /path` a line, to compare releases by.

    .venvs/mlflow-3.17.2/bin/python scripts/mlflow_endpoints.py > tests/protocol/mlflow-3.17.2-endpoints.txt

Run by the Python of an environment with that release and Flask-WTF (`mlflow[auth]`); nothing is started.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def flask_rules(app: Any) -> Iterator[tuple[str, str]]:
    """(method, path) of a Flask application."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            yield method, rule.rule


def fastapi_routes(app: Any) -> Iterator[tuple[str, str]]:
    """(method, path) of a FastAPI application, in Flask's spelling of parameters."""
    for route in app.routes:
        # Newer releases keep included routers as they are and join them at the first request.
        parts = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else [route]
        for part in parts:
            path = re.sub(r"\{(\w+):path\}", r"<path:\1>", getattr(part, "path", "") or "")
            for method in (getattr(part, "methods", None) or set()) - {"HEAD", "OPTIONS"}:
                yield method, path.replace("{", "<").replace("}", ">")


def endpoints() -> set[tuple[str, str]]:
    """All of them: tracking, registry, artifacts, GenAI, and those of the sign-in application."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/a.db",
            "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/a.db",
            "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{folder}/a.db",
            "_MLFLOW_SERVER_ARTIFACT_ROOT": folder,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "not used",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with contextlib.redirect_stdout(sys.stderr):
            from mlflow.server import app  # noqa: PLC0415 - reads the variables above when it is imported
            from mlflow.server.fastapi_app import create_fastapi_app  # noqa: PLC0415

            found = {*flask_rules(app), *fastapi_routes(create_fastapi_app(app))}
            return found | auth_rules(app, folder)


def auth_rules(app: Any, folder: str) -> set[tuple[str, str]]:
    """What the sign-in application adds."""
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = f"{folder}/auth.ini"
    Path(folder, "auth.ini").write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = admin\nadmin_password = a-password-1234\n"
        f"database_uri = sqlite:///{folder}/auth.db\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    from mlflow.server.auth import create_app  # noqa: PLC0415

    made = create_app(app)
    inner = [each for each in (getattr(made, "app", None), app) if hasattr(each, "url_map")]
    found = {pair for each in inner for pair in flask_rules(each)}
    return found | (set(fastapi_routes(made)) if hasattr(made, "routes") else set())


if __name__ == "__main__":
    for method, path in sorted(endpoints(), key=lambda pair: (pair[1], pair[0])):
        print(method, path)
