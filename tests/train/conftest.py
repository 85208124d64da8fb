"""A tiny data set in Food-11's layout, drawn here: each class is a pattern that small features can tell apart."""

from __future__ import annotations

import copy
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision_shim
from PIL import Image

from trackside.data.layout import CLASS_FOLDERS, SPLITS
from trackside.train.loop import Result, prepare, train
from trackside.train.settings import Settings
from trackside.train.tracking import NoTracking, Tracker

# Tiny batches gain nothing from more, and lose much where other work wants the cores too.
torch.set_num_threads(1)

TRACKSIDE = str(Path(sys.executable).with_name("trackside"))
IMAGE = 64  # pixels that the tests train on


def draw(label: int, random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Stripes whose direction and width say the class, in random colours, with noise."""
    angle, period = math.pi * (label % 6) / 6, 8 if label < 6 else 20
    y, x = np.mgrid[:height, :width]
    wave = np.sin(2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / period + random.uniform(0, 6))
    light, dark = random.integers(150, 255, 3), random.integers(0, 90, 3)
    pixels = np.where(wave[..., None] > 0, light, dark) + random.normal(0, 8, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def make_data(folder: Path, per_class: Mapping[str, int]) -> Path:
    """Draw so many images of each class into each split."""
    for number, split in enumerate(SPLITS):
        random = np.random.default_rng(number)
        for label, name in enumerate(CLASS_FOLDERS):
            place = folder / split / name
            place.mkdir(parents=True)
            for index in range(per_class[split]):
                width, height = (80, 72) if index % 2 else (70, 90)
                draw(label, random, width, height).save(place / f"{label}_{index}.jpg", quality=90)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """132 + 44 + 55 images."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    return make_data(folder, {"training": 12, "validation": 4, "evaluation": 5})


@pytest.fixture(scope="session")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One image of each class in each split."""
    return make_data(tmp_path_factory.mktemp("data") / "smallest", dict.fromkeys(SPLITS, 1))


@pytest.fixture(scope="session")
def torchvision() -> Any:
    """torchvision, as the judge of parity."""
    if find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    return torchvision_shim.load()


@pytest.fixture(autouse=True)
def _deterministic_algorithms() -> Iterator[None]:
    """The loop sets torch's process-wide switch; the next test starts with it off."""
    yield
    torch.use_deterministic_algorithms(False)


class Recorder(NoTracking):
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.params: dict[str, object] = {}
        self.metrics: dict[str, dict[int, float]] = {}
        self.texts: dict[str, str] = {}
        self.datasets: list[Any] = []
        self.models: list[Any] = []
        self.kept: list[Any] = []

    def log_params(self, params: Mapping[str, object]) -> None:
        self.params |= params

    def log_datasets(self, datasets: list[Any]) -> None:
        self.datasets += datasets

    def log_text(self, text: str, path: str) -> None:
        self.texts[path] = text

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        for name, value in metrics.items():
            self.metrics.setdefault(name, {})[step] = value

    def log_model(self, model: Any, image_size: int) -> None:
        self.models.append(model)

    def keep_weights(self, model: Any) -> None:
        self.kept.append(copy.deepcopy(model))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def settings(data: Path, **given: Any) -> Settings:
    """Settings for seconds."""
    defaults: dict[str, Any] = {"weights": "none", "image_size": IMAGE, "epochs": 2, "head_epochs": 1}
    return Settings(data=data, **(defaults | given))


def run(given: Settings, tracker: Tracker | None = None, save: Path | None = None) -> Result:
    """Prepare and train."""
    return train(prepare(given), tracker, save=save)


@dataclass
class Server:
    """A tracking server of our own, in its own process."""

    folder: Path
    port: int = 0
    url: str = ""

    def start(self) -> None:
        """Start it, on the same port if it ran before, and wait until it is ready."""
        command = [TRACKSIDE, "server", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()  # printed when it is ready
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line + self._process.stdout.read()
        self.url, self.port = found[0], int(found[1])

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()
