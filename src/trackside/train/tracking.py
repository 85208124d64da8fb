"""What the loop tells a tracker, and the tracker that tells nobody. The one for MLflow is in `mlflow_run`."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trackside.train.errors import TrainingError
from trackside.train.mobilenet import Classifier


def sign_in(tracking_uri: str) -> str:
    """The URI without a user and password, which go to where MLflow's client looks for them.

    So nothing can print or record them. Raises TrainingError if the URI is malformed.
    """
    try:
        parts = urllib.parse.urlsplit(tracking_uri)
    except ValueError as error:
        raise TrainingError(f"the tracking URI is no valid address: {error}") from error
    sign, at, host = parts.netloc.rpartition("@")
    if not at or parts.scheme not in ("http", "https"):
        return tracking_uri
    user, _, password = sign.partition(":")
    plain = parts._replace(netloc=host).geturl()
    os.environ["MLFLOW_TRACKING_USERNAME"] = urllib.parse.unquote(user)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = urllib.parse.unquote(password)
    os.environ["MLFLOW_TRACKING_URI"] = plain
    return plain


@contextmanager
def tracking_to(uri: str) -> Iterator[None]:
    """MLflow's calls go there; afterwards to where they went before."""
    import mlflow  # noqa: PLC0415  # an untracked run needs none

    is_set = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    before: Any = mlflow.get_tracking_uri() if is_set else None
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


@dataclass(frozen=True)
class DatasetUse:
    """One split of a data set and what it was used for."""

    name: str
    context: str  # training, validation, evaluation
    folder: Path
    digest: str
    images: int
    classes: int


class Tracker(Protocol):
    """Keeps what a run tells about itself."""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Values fixed for the whole run."""

    def log_datasets(self, datasets: list[DatasetUse]) -> None:
        """The data the run works on."""

    def log_text(self, text: str, path: str) -> None:
        """A text file among the run's artifacts."""

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Values measured after `step` epochs."""

    def log_model(self, model: Classifier, image_size: int) -> None:
        """The trained model."""

    def keep_weights(self, model: Classifier) -> None:
        """The best model of a run that is broken off."""


class NoTracking:
    """Keeps nothing."""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Do nothing."""

    def log_datasets(self, datasets: list[DatasetUse]) -> None:
        """Do nothing."""

    def log_text(self, text: str, path: str) -> None:
        """Do nothing."""

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Do nothing."""

    def log_model(self, model: Classifier, image_size: int) -> None:
        """Do nothing."""

    def keep_weights(self, model: Classifier) -> None:
        """Do nothing."""
