"""The lab's story through the whole stack: a run of the recipe, watched, compared, registered; nothing of it elsewhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import mlflow
import obstore
import pytest
from lab import TRACKSIDE, Lab
from mlflow.tracking import MlflowClient
from obstore.store import S3Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:::mlflow"),
    pytest.mark.filterwarnings("ignore:::torch"),
]
QUICK = ["--weights", "none", "--image-size", "64", "--epochs", "1", "--head-epochs", "1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "mini"
    options = ["--per-class", "4,2,2", "--size", "96", "--pictures", "shapes"]
    subprocess.run(
        [*TRACKSIDE, "data", "mini", "--to", str(folder), *options], check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def trained(running: Lab, data: Path) -> Iterator[MlflowClient]:
    """Two runs of the recipe, the second registered, by the unmodified client."""
    environment = {
        **running.environment,
        "MLFLOW_TRACKING_URI": running.url("server"),
        "FOOD11_DATA_DIR": str(data),
        "OMP_NUM_THREADS": "1",
        "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1",
    }
    for more in ([], ["--register", "food11"]):
        command = [*TRACKSIDE, "train", "food11", *QUICK, *more]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    mlflow.set_tracking_uri(running.url("server"))
    yield MlflowClient()
    mlflow.set_tracking_uri(None)


def test_the_run_is_whole(trained: MlflowClient) -> None:
    runs = mlflow.search_runs(experiment_names=["food11"], order_by=["start_time ASC"])
    assert list(runs["status"]) == ["FINISHED", "FINISHED"]
    assert runs["metrics.test_accuracy"].between(0, 1).all()
    run = trained.get_run(runs["run_id"][1])
    assert run.data.params["image_size"] == "64"
    assert any(name.startswith("system/") for name in run.data.metrics)
    version = trained.get_model_version("food11", "1")
    assert version.run_id == run.info.run_id


def test_its_files_are_in_the_bucket(running: Lab, trained: MlflowClient) -> None:
    known = running.secrets()
    bucket = S3Store(
        known["S3 bucket"],
        endpoint=running.url("s3"),
        access_key_id=known["S3 access key"],
        secret_access_key=known["S3 secret key"],
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    found = {entry["path"]: entry["size"] for page in obstore.list(bucket) for entry in page}
    run_id = trained.get_model_version("food11", "1").run_id
    files = list(_files(trained, run_id))
    assert files
    for path, size in files:
        stored = [name for name in found if f"/{run_id}/" in f"/{name}" and name.endswith(path)]
        assert [found[name] for name in stored] == [size], path
    assert any(name.endswith(".pth") or "model" in name for name in found)
    assert not [
        path for path in (running.folder / "server").rglob("*") if path.suffix in (".pth", ".png", ".csv")
    ]


def _files(client: MlflowClient, run_id: str, folder: str = "") -> Iterator[tuple[str, int]]:
    for entry in client.list_artifacts(run_id, folder):
        if entry.is_dir:
            yield from _files(client, run_id, entry.path)
        else:
            yield entry.path, entry.file_size


def test_its_metrics_are_in_postgresql(running: Lab, trained: MlflowClient) -> None:
    run_id = trained.get_model_version("food11", "1").run_id
    wanted = trained.get_run(run_id).data.metrics

    async def read() -> dict[str, float]:
        connection = await asyncpg.connect(running.secrets()["PostgreSQL"])
        rows = await connection.fetch(_LATEST, run_id)
        await connection.close()
        return {row["name"]: row["value"] for row in rows}

    assert asyncio.run(read()) == wanted
    assert not (running.folder / "server/trackside.db").exists()


# The latest value of each metric of a run, past the server.
_LATEST = """
SELECT metric_key.name, series.last_value AS value
FROM series JOIN metric_key ON metric_key.id = series.key_id JOIN run ON run.id = series.run_id WHERE run.uuid = $1
"""


def test_the_model_is_there_for_whoever_reaches_the_server(
    running: Lab, trained: MlflowClient, tmp_path: Path
) -> None:
    script = (
        "import mlflow.pytorch, torch\n"
        "model = mlflow.pytorch.load_model('models:/food11/1').eval()\n"
        "print(tuple(model(torch.zeros(1, 3, 64, 64)).shape))\n"
    )
    environment = {**os.environ, "MLFLOW_TRACKING_URI": running.url("server")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "(1, 11)", done.stderr
