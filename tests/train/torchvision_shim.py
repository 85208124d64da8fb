"""Lets torchvision be imported beside a CPU-only torch, and runs a script with it.

    python tests/train/torchvision_shim.py examples/food11/train.py --epochs 1

torchvision's wheel links to CUDA's part of torch. Beside a CPU-only torch its compiled
operators do not load, and the import stops where their schemas are missing. With the two
schemas defined first, models, datasets and transforms work; only box operators and
torchvision.io do not. Where torchvision is whole, this does nothing.
"""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path
from types import ModuleType

import torch


def load() -> ModuleType:
    """torchvision, imported with the schemas of its missing operators if need be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about image decoders that cannot be loaded either
        try:
            import torchvision
        except RuntimeError as error:
            if "torchvision::nms does not exist" not in str(error):
                raise
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[name]  # what the import left behind
            _define_schemas()
            import torchvision
    return torchvision


def _define_schemas() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _keep.append(library)  # its definitions go when it is collected


_keep: list[torch.library.Library] = []

if __name__ == "__main__":
    load()
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")
