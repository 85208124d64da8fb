"""What a user's script does with sign-in, run by the real mlflow client: the caller says as whom by the environment.

access_client.py admin|user|refused NAME PASSWORD
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import mlflow
import sqlalchemy.pool
from mlflow.exceptions import MlflowException
from mlflow.server import get_app_client

# mlflow 2.20 imports its auth server with its auth client, and that fails with SQLAlchemy 2.1, which it allows.
if not hasattr(sqlalchemy.pool, "FallbackAsyncAdaptedQueuePool"):
    sqlalchemy.pool.FallbackAsyncAdaptedQueuePool = sqlalchemy.pool.AsyncAdaptedQueuePool

NAME, PASSWORD = sys.argv[2:4]
IS_3 = int(mlflow.__version__.partition(".")[0]) >= 3


def as_admin() -> dict:
    """Make a user, an experiment that only some may change, and grant."""
    auth = get_app_client("basic-auth", tracking_uri=os.environ["MLFLOW_TRACKING_URI"])
    made = auth.create_user(NAME, PASSWORD)
    shared = mlflow.create_experiment(f"shared with {NAME}")
    closed = mlflow.create_experiment(f"closed to {NAME}")
    mlflow.create_experiment(f"left to {NAME}")
    if IS_3:
        auth.grant_user_permission(NAME, "experiment", shared, "EDIT")
        auth.grant_user_permission(NAME, "experiment", closed, "DENY")
        granted = auth.get_user_permission(NAME, "experiment", shared).permission
        role = auth.create_role("default", f"role of {NAME}")
        auth.add_role_permission(role.id, "registered_model", "*", "READ")
        auth.assign_role(NAME, role.id)
        roles = [each.name for each in auth.list_user_roles(NAME)]
    else:
        auth.create_experiment_permission(shared, NAME, "READ")
        auth.update_experiment_permission(shared, NAME, "EDIT")
        auth.create_experiment_permission(closed, NAME, "NO_PERMISSIONS")
        granted = auth.get_experiment_permission(shared, NAME).permission
        roles = [p.permission for p in auth.get_user(NAME).experiment_permissions]
    return {
        "user": made.username,
        "is_admin": auth.get_user(NAME).is_admin,
        "granted": granted,
        "roles": roles,
    }


def as_user() -> dict:
    """Train in the shared experiment; be refused elsewhere."""
    mlflow.set_experiment(f"shared with {NAME}")
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        mlflow.log_param("lr", 0.1)
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        file = Path(folder) / "notes.txt"
        file.write_text("notes")
        mlflow.log_artifact(str(file))
    client = mlflow.MlflowClient()
    client.create_registered_model(f"model of {NAME}")
    version = client.create_model_version(
        f"model of {NAME}", f"runs:/{run.info.run_id}/notes.txt", run.info.run_id
    )
    left = mlflow.get_experiment_by_name(f"left to {NAME}")
    return {
        "steps": len(client.get_metric_history(run.info.run_id, "loss")),
        "artifacts": [each.path for each in client.list_artifacts(run.info.run_id)],
        "version": str(version.version),
        "experiments": sorted(e.name for e in client.search_experiments() if NAME in e.name),
        "left": refusal(lambda: client.create_run(left.experiment_id)),
        "closed": refusal(lambda: mlflow.get_experiment_by_name(f"closed to {NAME}")),
        "deletion": refusal(lambda: client.delete_run(run.info.run_id)),
        "users": refusal(
            lambda: get_app_client("basic-auth", mlflow.get_tracking_uri()).create_user("x", "y" * 12)
        ),
    }


def refused() -> dict:
    return {"search": refusal(mlflow.search_experiments)}


def refusal(call) -> str:
    try:
        call()
    except MlflowException as error:
        return str(error)
    return ""


sys.stdout.write(json.dumps({"admin": as_admin, "user": as_user, "refused": refused}[sys.argv[1]]()))
