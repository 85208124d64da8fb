"""A run in MLflow's terms, against a real server: what is recorded, how runs end, what an outage does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch
from conftest import IMAGE, Server, run, settings

from trackside.train.device import describe_gpu
from trackside.train.errors import TrainingError
from trackside.train.mlflow_run import MlflowTracker, RunOptions, mlflow_run
from trackside.train.weights import build_model, load_weights

# What MLflow, or what it imports when a model is logged, warns of is not ours.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*type hint is inferred:UserWarning"),
    pytest.mark.filterwarnings("ignore:::mlflow"),
]

said: list[str] = []


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings from outside, an empty folder to be in, and MLflow's global state put back."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "1")
    monkeypatch.chdir(tmp_path)
    said.clear()
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


def client(server: Server) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(server.url)


@pytest.fixture(scope="module")
def finished(server: Server, smallest: Path) -> tuple[Any, Any]:
    """(result, run) of a whole tracked training."""
    options = RunOptions(server.url, "food11-test", "first", register="food11-test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
        with mlflow_run(options, said.append) as tracker:
            result = run(settings(smallest, epochs=3), tracker)
    assert tracker.model_version == "1"
    return result, client(server).get_run(tracker.run_id)


def test_params_metrics_and_tags(server: Server, finished: tuple[Any, Any]) -> None:
    result, recorded = finished
    assert recorded.info.status == "FINISHED"
    assert recorded.info.run_name == "first"
    assert client(server).get_experiment(recorded.info.experiment_id).name == "food11-test"
    assert recorded.data.params["head_lr"] == "0.0001"
    assert recorded.data.params["weights"] == "none"
    assert recorded.data.params["head_batchnorm"] == "frozen"
    history = client(server).get_metric_history(recorded.info.run_id, "val_loss")
    assert [point.step for point in history] == [1, 2, 3]
    assert recorded.data.metrics["test_accuracy"] == result.test_accuracy
    assert recorded.data.metrics["best_epoch"] == result.best_epoch
    assert "system/cpu_utilization_percentage" in recorded.data.metrics
    assert recorded.data.tags["mlflow.source.type"] == "LOCAL"


def test_data_sets(finished: tuple[Any, Any]) -> None:
    _, recorded = finished
    used = {tag.value: item.dataset for item in recorded.inputs.dataset_inputs for tag in item.tags}
    assert set(used) == {"training", "validation", "evaluation"}
    assert used["training"].name == "smallest"
    assert len(used["training"].digest) == 16
    assert json.loads(used["training"].profile) == {"num_images": 11, "num_classes": 11}


def test_gpu_report(server: Server, finished: tuple[Any, Any]) -> None:
    mlflow.set_tracking_uri(server.url)
    assert mlflow.artifacts.load_text(f"runs:/{finished[1].info.run_id}/gpu-info.txt") == describe_gpu()


def test_the_registered_model_is_the_one_tested(
    server: Server, finished: tuple[Any, Any], smallest: Path
) -> None:
    mlflow.set_tracking_uri(server.url)
    model = mlflow.pytorch.load_model("models:/food11-test/1")
    again = _evaluate(model, smallest)
    assert again == pytest.approx(finished[0].test_loss, rel=1e-5)
    images = np.zeros((3, 3, IMAGE, IMAGE), dtype=np.uint8)
    predicted = mlflow.pyfunc.load_model("models:/food11-test/1").predict(images)
    assert np.array_equal(predicted, model(torch.from_numpy(images)).detach().numpy())


def _evaluate(model: Any, data: Path) -> float:
    from trackside.train.dataset import FoodImages

    split = FoodImages(data / "evaluation", IMAGE)
    images = torch.stack([split[number][0] for number in range(len(split))])
    labels = torch.tensor([label for _, label in split.samples])
    with torch.inference_mode():
        return float(torch.nn.functional.cross_entropy(model(images), labels))


def test_the_model_loads_where_trackside_is_not_installed(server: Server, finished: tuple[Any, Any]) -> None:
    code = (
        "import sys; sys.modules['trackside'] = None\n"
        "import mlflow, torch\n"
        f"mlflow.set_tracking_uri('{server.url}')\n"
        "model = mlflow.pytorch.load_model('models:/food11-test/1').eval()\n"
        f"print(tuple(model(torch.zeros(2, 3, {IMAGE}, {IMAGE}, dtype=torch.uint8)).shape))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert loaded.stdout.strip() == "(2, 11)", loaded.stderr


@pytest.mark.parametrize("uri", ["models:/food11-test/1", "runs:/{run}/food11"])
def test_weights_come_back_from_the_artifact_store(
    server: Server, finished: tuple[Any, Any], smallest: Path, uri: str
) -> None:
    weights = load_weights(uri.format(run=finished[1].info.run_id), tracking_uri=server.url)
    assert weights is not None
    assert weights.has_head
    model = build_model(settings(smallest), weights).eval()
    assert _evaluate(model, smallest) == pytest.approx(finished[0].test_loss, rel=1e-5)


def test_an_artifact_that_is_not_there(server: Server, finished: tuple[Any, Any]) -> None:
    mlflow.set_tracking_uri(server.url)
    with pytest.raises(TrainingError, match="cannot fetch it from"):
        load_weights("models:/nothing-of-this-name/1")
    with pytest.raises(TrainingError, match=r"there is no food11\.pth in it|as tensors only"):
        load_weights(f"runs:/{finished[1].info.run_id}/gpu-info.txt")


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "KILLED"), (ValueError, "FAILED")])
def test_a_run_that_is_broken_off(server: Server, error: type[BaseException], status: str) -> None:
    run_ids = []

    def broken_off() -> None:
        with mlflow_run(RunOptions(server.url, "broken-off"), said.append) as tracker:
            run_ids.append(tracker.run_id)
            tracker.log_metrics({"train_loss": 1.5}, step=1)
            raise error

    with pytest.raises(error):
        broken_off()
    recorded = client(server).get_run(run_ids[0])
    assert recorded.info.status == status
    assert recorded.info.end_time
    assert recorded.data.metrics["train_loss"] == 1.5


def test_a_second_ctrl_c_does_not_change_how_the_run_ends(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, handler = MlflowTracker.end, signal.getsignal(signal.SIGINT)

    def impatient(tracker: MlflowTracker, status: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)  # to be delivered
        end(tracker, status)

    monkeypatch.setattr(MlflowTracker, "end", impatient)
    with (
        pytest.raises(KeyboardInterrupt),
        mlflow_run(RunOptions(server.url, "broken-off"), said.append) as tracker,
    ):
        raise KeyboardInterrupt
    assert client(server).get_run(tracker.run_id).info.status == "KILLED"
    assert signal.getsignal(signal.SIGINT) is handler


def test_it_leaves_mlflows_state_alone(server: Server) -> None:
    users = server.url.replace("127.0.0.1", "localhost")  # an address of their own
    mlflow.set_tracking_uri(users)
    mlflow.set_experiment("of-the-user")
    with mlflow.start_run() as outer:
        with mlflow_run(RunOptions(server.url, "ours"), said.append) as tracker:
            assert mlflow.get_tracking_uri() == server.url
        assert mlflow.get_tracking_uri() == os.environ["MLFLOW_TRACKING_URI"] == users
        assert mlflow.active_run().info.run_id == outer.info.run_id
    inner = client(server).get_run(tracker.run_id)
    assert inner.data.tags["mlflow.parentRunId"] == outer.info.run_id
    with mlflow.start_run() as after:
        assert after.info.experiment_id == outer.info.experiment_id


def test_a_tracking_uri_that_was_not_set_is_not_set_afterwards(server: Server) -> None:
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    with mlflow_run(RunOptions(server.url, "ours"), said.append):
        assert mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    assert not mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]


def test_a_deleted_experiment(server: Server) -> None:
    gone = client(server).create_experiment("gone")
    client(server).delete_experiment(gone)
    with (
        pytest.raises(TrainingError, match="experiment 'gone' is deleted"),
        mlflow_run(RunOptions(server.url, "gone"), said.append),
    ):
        pass


def test_metrics_outlive_an_outage(tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    server.start()
    try:
        with mlflow_run(RunOptions(server.url), said.append) as tracker:
            tracker.log_metrics({"val_loss": 3.0}, step=1)
            server.stop()
            tracker.log_metrics({"val_loss": 2.0}, step=2)
            began = time.monotonic()
            tracker.log_metrics({"val_loss": 1.0}, step=3)
            assert time.monotonic() - began < 5, "no retries for minutes once it is known to be away"
            server.start()
            tracker.log_metrics({"val_loss": 0.5}, step=4)
        assert [line for line in said if "1 metric points wait to be sent" in line]
        history = client(server).get_metric_history(tracker.run_id, "val_loss")
        assert [(point.step, point.value) for point in history] == [(1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5)]
        assert client(server).get_run(tracker.run_id).info.status == "FINISHED"
    finally:
        server.stop()


def described_while_away(tracker: MlflowTracker) -> list[str]:
    """What comes of telling a server that is away about the run."""
    messages = []
    for what in (
        lambda: tracker.log_params({"lr": 1}),
        lambda: tracker.log_datasets([]),
        lambda: tracker.log_text("none", "gpu-info.txt"),
    ):
        with pytest.raises(TrainingError) as caught:
            what()
        messages.append(str(caught.value))
    return messages


def test_without_its_server_a_run_tells_what_is_missing(tmp_path: Path, smallest: Path) -> None:
    server = Server(tmp_path / "server")
    server.start()
    model = build_model(settings(smallest), None)
    with mlflow_run(RunOptions(server.url), said.append) as tracker:
        server.stop()
        messages = described_while_away(tracker)
        with pytest.raises(TrainingError, match="the model could not be recorded at"):
            tracker.log_model(model, IMAGE)
        tracker.keep_weights(model)
    for name, message in zip(("parameters", "data sets", "gpu-info.txt"), messages, strict=True):
        assert message.startswith(f"{name} could not be recorded at {server.url}: ")
        assert "\n" not in message
    (path,) = Path.cwd().glob("food11-*.pth")
    kept = load_weights(str(path))
    assert kept
    assert kept.has_head
    assert f"the best weights so far are in {path}" in said
    assert any("could not be marked FINISHED" in line for line in said)


def test_parameters_that_the_server_refuses(server: Server) -> None:
    with mlflow_run(RunOptions(server.url, "broken-off"), said.append) as tracker:
        tracker.log_params({"lr": 1})
        with pytest.raises(TrainingError, match=r"^parameters could not be recorded at .*lr"):
            tracker.log_params({"lr": 2})


def test_the_best_weights_of_a_broken_off_run_are_kept_with_it(server: Server, smallest: Path) -> None:
    model = build_model(settings(smallest), None)
    with mlflow_run(RunOptions(server.url, "broken-off"), said.append) as tracker:
        tracker.keep_weights(model)
    weights = load_weights(f"runs:/{tracker.run_id}/food11.pth", tracking_uri=server.url)
    assert weights
    again = build_model(settings(smallest), weights).state_dict()
    assert all(torch.equal(again[key], value) for key, value in model.state_dict().items())
    assert list(Path.cwd().glob("*.pth")) == []


def test_ctrl_c_cuts_keeping_short(server: Server, smallest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mlflow.MlflowClient, "log_artifact", interrupted)
    with (
        pytest.raises(KeyboardInterrupt),
        mlflow_run(RunOptions(server.url, "broken-off"), said.append) as tracker,
    ):
        tracker.keep_weights(build_model(settings(smallest), None))
    assert load_weights(f"food11-{tracker.run_id}.pth")


def test_weights_that_can_be_kept_nowhere_do_not_hide_why_the_run_ended(
    smallest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")
    away = RunOptions("http://127.0.0.1:9")
    MlflowTracker("1", "2", away, said.append).keep_weights(build_model(settings(smallest), None))
    assert re.match(r"the best weights so far are lost: cannot write .*gone/food11-1\.pth: ", said[0])
