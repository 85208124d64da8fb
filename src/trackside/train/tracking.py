"""What the loop tells a tracker, and the tracker that tells nobody. The one for MLflow is in `mlflow_run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trackside.train.mobilenet import Classifier


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
