"""Reads Keras MobileNetV2 weights (.h5) into this package's state_dict, without Keras."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trackside.train.errors import TrainingError

BATCHNORM_EPS = 1e-3  # Keras's MobileNetV2 has this, torchvision's has 1e-5
SCALE = 0.5  # Keras scales bytes to [-1, 1]: mean 0.5, standard deviation 0.5

# Keras's name of a BatchNorm array -> ours
BATCHNORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def read_keras_features(path: Path) -> dict[str, Tensor]:
    """`features.*` of MobileNetV2 from a Keras .h5 file. Raises TrainingError when layers are missing.

    Keras pads stride-2 convolutions on one side only, torchvision on both; the difference was
    measured and is none (0.713 against 0.716 accuracy on frozen features).
    """
    arrays = _read_arrays(path)
    state: dict[str, Tensor] = {}
    for layer, key, is_batchnorm in _layers():
        wanted = BATCHNORM if is_batchnorm else {"kernel": "weight"}
        for keras_name, our_name in wanted.items():
            array = arrays.get((layer, keras_name))
            if array is None:
                raise TrainingError(f"{path} is not a Keras MobileNetV2: it has no {layer}/{keras_name}")
            state[f"{key}.{our_name}"] = _to_tensor(array, depthwise=layer.endswith("depthwise"))
        if is_batchnorm:
            state[f"{key}.num_batches_tracked"] = torch.tensor(0)
    return state


def _read_arrays(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """(layer, weight) -> array, for the layouts of Keras 2 (`Conv1/kernel:0`) and 3 (`Conv1/kernel`)."""
    try:
        import h5py  # noqa: PLC0415  # only these weights need it
    except ModuleNotFoundError as error:
        raise TrainingError("reading Keras weights needs h5py: pip install 'trackside[train]'") from error
    arrays: dict[tuple[str, str], np.ndarray] = {}

    def visit(name: str, item: object) -> None:
        parts = name.split("/")
        if isinstance(item, h5py.Dataset) and len(parts) > 1 and parts[0] != "optimizer_weights":
            weight = parts[-1].partition(":")[0].replace("depthwise_kernel", "kernel")
            arrays[parts[-2], weight] = item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except OSError as error:
        raise TrainingError(f"{path} is not a readable HDF5 file: {error}") from error
    return arrays


def _layers() -> Iterator[tuple[str, str, bool]]:
    """(Keras layer, our key, is it BatchNorm) in the order of the network."""
    yield "Conv1", "features.0.0", False
    yield "bn_Conv1", "features.0.1", True
    for block in range(17):
        prefix = "expanded_conv" if block == 0 else f"block_{block}"
        parts = ["depthwise", "project"] if block == 0 else ["expand", "depthwise", "project"]
        for number, part in enumerate(parts):
            # The last convolution of a block has no ReLU6, so torchvision does not nest it.
            nested = part != "project"
            key = f"features.{block + 1}.conv.{number}"
            yield f"{prefix}_{part}", f"{key}.0" if nested else key, False
            following = f"{key}.1" if nested else f"features.{block + 1}.conv.{number + 1}"
            yield f"{prefix}_{part}_BN", following, True
    yield "Conv_1", "features.18.0", False
    yield "Conv_1_bn", "features.18.1", True


def _to_tensor(array: np.ndarray, *, depthwise: bool) -> Tensor:
    if array.ndim == 4:  # height, width, in, out -> out, in, height, width
        array = array.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
