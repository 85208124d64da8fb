"""One MLflow run around the training loop, through the ordinary client of any version from 2.9."""

from __future__ import annotations

import http.client
import inspect
import json
import signal
import ssl
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cloudpickle
import mlflow
import mlflow.pytorch
import numpy as np
import torch
from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema, TensorSpec

from trackside.data.layout import CLASSES
from trackside.train import mobilenet
from trackside.train.errors import TrainingError
from trackside.train.mobilenet import Classifier
from trackside.train.tracking import DatasetUse, tracking_to
from trackside.train.weights import CHECKPOINT, save_checkpoint

HEALTH_SECONDS = 5.0  # that a tracking server may take to say it is there
MODEL_NAME = "food11"
POINTS_PER_CALL = 1000  # MLflow's limit for one log-batch


@dataclass(frozen=True)
class RunOptions:
    """How the run is called and where it is kept."""

    tracking_uri: str  # without user and password: see `tracking.sign_in`
    experiment: str = "food11"
    run_name: str | None = None
    register: str | None = None  # name of a registered model that gets a new version


@contextmanager
def mlflow_run(options: RunOptions, say: Callable[[str], None]) -> Iterator[MlflowTracker]:
    """An active run that ends as FINISHED, as KILLED on Ctrl-C, or as FAILED on any other error.

    Raises TrainingError at once if no tracking server answers.
    """
    if reason := unreachable(options.tracking_uri):
        raise TrainingError(
            f"no tracking server answers at {options.tracking_uri} ({reason}). Start one with `trackside server`, "
            "name another with --tracking-uri or MLFLOW_TRACKING_URI, or train without one: --no-track"
        )
    with tracking_to(options.tracking_uri):
        tracker = _begin(options, say)
        status = "FAILED"
        try:
            yield tracker
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            # A second Ctrl-C here would leave the run to MLflow's own exit hook, which marks it FINISHED.
            with _undisturbed():
                tracker.end(status)


def _begin(options: RunOptions, say: Callable[[str], None]) -> MlflowTracker:
    has_monitor = find_spec("psutil") is not None
    if not has_monitor:
        say("system metrics are off: they need psutil (pip install 'trackside[train]')")
    with _clear(f"no run can be started at {options.tracking_uri}, which may be no MLflow server"):
        run = mlflow.start_run(
            experiment_id=_experiment_id(options.experiment),
            run_name=options.run_name,
            nested=mlflow.active_run() is not None,
            log_system_metrics=has_monitor,
        )
    return MlflowTracker(run.info.run_id, run.info.experiment_id, options, say)


@contextmanager
def _clear(what: str) -> Iterator[None]:
    """Say in a line what MLflow's client could not do."""
    try:
        yield
    except (mlflow.MlflowException, ParseError, OSError) as error:
        raise TrainingError(f"{what}: {_first_line(error)}") from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that would end the process wait their turn; only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class MlflowTracker:
    """Sends what the loop tells to one run. Metrics that cannot be sent wait for the next call."""

    def __init__(
        self, run_id: str, experiment_id: str, options: RunOptions, say: Callable[[str], None]
    ) -> None:
        self.run_id, self.experiment_id = run_id, experiment_id
        self.model_version: str | None = None  # of the registered model, once there is one
        self._options, self._say = options, say
        self._client = mlflow.MlflowClient(options.tracking_uri)
        self._waiting: list[Metric] = []
        self._is_behind = False

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log all of them in one call. As of all that describes the run, TrainingError if it is not taken."""
        with self._recording("parameters"):
            self._client.log_batch(
                self.run_id, params=[Param(key, str(value)) for key, value in params.items()]
            )

    def log_datasets(self, datasets: list[DatasetUse]) -> None:
        """Log name, digest, place and size of each split as an input of the run."""
        with self._recording("data sets"):
            self._client.log_inputs(self.run_id, [_dataset_input(use) for use in datasets])

    def log_text(self, text: str, path: str) -> None:
        """Log a text file."""
        with self._recording(path):
            self._client.log_text(self.run_id, text, path)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log one point of each metric at the present time."""
        now = int(time.time() * 1000)
        self._waiting += [Metric(key, float(value), now, step) for key, value in metrics.items()]
        self.send_metrics()

    def send_metrics(self) -> None:
        """Send what waits. A server that is away does not stop training: points are kept and sent later."""
        if self._is_behind and unreachable(self._options.tracking_uri):
            return  # the client would retry for minutes
        try:
            while self._waiting:
                self._client.log_batch(self.run_id, metrics=self._waiting[:POINTS_PER_CALL])
                del self._waiting[:POINTS_PER_CALL]
        except mlflow.MlflowException as error:
            self._say(f"tracking: {len(self._waiting)} metric points wait to be sent: {_first_line(error)}")
        self._is_behind = bool(self._waiting)

    def end(self, status: str) -> None:
        """Send what waits and set the run's final status; if the server is away, say what is missing there."""
        self.send_metrics()
        try:
            mlflow.end_run(status)
        except mlflow.MlflowException as error:
            self._say(f"tracking: run {self.run_id} could not be marked {status}: {_first_line(error)}")
        else:
            self._say(f"run {self.run_id} {status}")
        if self._waiting:
            self._say(f"tracking: {len(self._waiting)} metric points were never sent")

    def log_model(self, model: Classifier, image_size: int) -> None:
        """Log the model for MLflow and, inside it, its weights as plain tensors; register it if asked to.

        Raises TrainingError if the server does not take it.
        """
        model.unfreeze()
        model = model.to(device="cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Path(folder) / CHECKPOINT
            save_checkpoint(model, checkpoint)
            with self._recording("the model"):
                info = _log_model(model, checkpoint, image_size, self._options.register)
                self.model_version = _version(info, self._client, self._options.register, self.run_id)

    def keep_weights(self, model: Classifier) -> None:
        """Keep them as the artifact food11.pth; in the current folder if the server does not take them."""
        is_kept = False
        try:
            # Where no server is, the client would retry for minutes.
            is_kept = not unreachable(self._options.tracking_uri) and self._uploads_weights(model)
        finally:  # Ctrl-C may cut the upload short
            if not is_kept:
                self._keep_weights_here(model)

    def _keep_weights_here(self, model: Classifier) -> None:
        path = Path.cwd() / f"food11-{self.run_id}.pth"
        try:
            save_checkpoint(model, path)
        except TrainingError as error:  # what ended the run is the error to end with
            self._say(f"the best weights so far are lost: {error}")
        else:
            self._say(f"the best weights so far are in {path}")

    def _uploads_weights(self, model: Classifier) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Path(folder) / CHECKPOINT
            save_checkpoint(model, checkpoint)
            try:
                self._client.log_artifact(self.run_id, str(checkpoint))
            except (mlflow.MlflowException, OSError):
                return False
        self._say(f"the best weights so far are kept with the run: runs:/{self.run_id}/{CHECKPOINT}")
        return True

    def _recording(self, what: str) -> AbstractContextManager[None]:
        return _clear(f"{what} could not be recorded at {self._options.tracking_uri}")


def unreachable(tracking_uri: str) -> str | None:
    """Why no server answers at an http(s) address, within seconds; None if one does or the URI is no address."""
    if not tracking_uri.startswith(("http://", "https://")):
        return None
    try:
        with urllib.request.urlopen(f"{tracking_uri.rstrip('/')}/health", timeout=HEALTH_SECONDS):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        # Something answered; a proxy that hides /health or asks for a password is the client's business.
        return f"it answers {error.code}" if error.code >= 500 else None
    except urllib.error.URLError as error:
        # Certificates are checked by the client, with the user's own MLFLOW_TRACKING_* settings.
        return None if isinstance(error.reason, ssl.SSLError) else str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _experiment_id(name: str) -> str:
    """The experiment's id; made if it is new. (set_experiment would change it for the whole process.)"""
    client = mlflow.MlflowClient()
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except mlflow.MlflowException:
            found = client.get_experiment_by_name(name)  # another run was quicker
            if found is None:
                raise
    if not found.experiment_id:
        raise mlflow.MlflowException("its answer about an experiment names none")
    if found.lifecycle_stage == "deleted":
        raise TrainingError(
            f"experiment {name!r} is deleted: restore it, or choose another with --experiment"
        )
    return str(found.experiment_id)


def _dataset_input(use: DatasetUse) -> DatasetInput:
    dataset = Dataset(
        name=use.name,
        digest=use.digest,
        source_type="local",
        source=json.dumps({"uri": str(use.folder)}),
        profile=json.dumps({"num_images": use.images, "num_classes": use.classes}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", use.context)])


def _log_model(model: Classifier, checkpoint: Path, image_size: int, register: str | None) -> Any:
    """mlflow.pytorch.log_model, told what it would otherwise spend a minute finding out."""
    accepted = inspect.signature(mlflow.pytorch.log_model).parameters
    arguments: dict[str, Any] = {"name" if "name" in accepted else "artifact_path": MODEL_NAME}
    if "serialization_format" in accepted:
        # The exported graph that newer versions prefer knows no eval(), no other device and, from an
        # example of one image, no other batch size. Plain tensors are beside it for whoever wants no pickle.
        arguments["serialization_format"] = "pickle"
    pixels = TensorSpec(np.dtype(np.uint8), (-1, 3, image_size, image_size))
    logits = TensorSpec(np.dtype(np.float32), (-1, len(CLASSES)))
    versions = {"torch": torch.__version__.partition("+")[0], "cloudpickle": cloudpickle.__version__}
    # By value: the model then loads where Trackside is not installed.
    cloudpickle.register_pickle_by_value(mobilenet)
    try:
        return mlflow.pytorch.log_model(
            model,
            **arguments,
            signature=ModelSignature(Schema([pixels]), Schema([logits])),
            pip_requirements=[f"{name}=={version}" for name, version in versions.items()],
            extra_files=[checkpoint.as_uri()],
            registered_model_name=register,
        )
    finally:
        cloudpickle.unregister_pickle_by_value(mobilenet)


def _version(info: Any, client: mlflow.MlflowClient, register: str | None, run_id: str) -> str | None:
    """The number of the version just registered."""
    if register is None:
        return None
    if number := getattr(info, "registered_model_version", None):
        return str(number)
    mine = [v for v in client.search_model_versions(f"name='{register}'") if v.run_id == run_id]
    return str(max((int(version.version) for version in mine), default=0) or "") or None
