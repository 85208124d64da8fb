"""What a training run can be told: one frozen value, checked once, recorded whole with the run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from trackside.train.errors import SettingsError

BatchNormMode = Literal["frozen", "train"]
Precision = Literal["float32", "bfloat16"]
MemoryFormat = Literal["contiguous", "channels_last"]

# MobileNetV2 halves an image five times; below this, BatchNorm would see a single pixel.
SMALLEST_IMAGE = 48
SEEDS = 2**64  # that torch tells apart


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one training run; the defaults are the recipe. Raises SettingsError when one is not valid."""

    data: Path  # holds training, validation and evaluation
    weights: str = "imagenet"  # see `weights.load_weights`
    weights_sha256: str | None = None  # what the weights file must hash to
    image_size: int = 224  # pixels, height and width
    batch_size: int = 32  # images
    epochs: int = 20  # at most, of both phases together
    head_epochs: int = 5  # of these, with the backbone frozen
    head_lr: float = 1e-4  # learning rate (Adam) while only the head learns
    lr: float = 1e-5  # learning rate (Adam) of the whole network
    patience: int = 5  # epochs of the second phase without a better val_loss before stopping
    dropout: float = 0.5  # before the head
    # BatchNorm of the frozen backbone: "frozen" uses the pretrained statistics and leaves them alone,
    # "train" uses each batch's own and lets the running ones move.
    head_batchnorm: BatchNormMode = "frozen"
    precision: Precision = "float32"
    memory_format: MemoryFormat = "contiguous"
    num_workers: int = 0  # processes that load images; 0 loads in the training process
    seed: int = 42
    deterministic: bool = False  # refuse operations that may differ between two runs
    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps

    def __post_init__(self) -> None:
        at_least = {"image_size": SMALLEST_IMAGE, "batch_size": 1, "epochs": 1, "head_epochs": 0}
        at_least |= {"patience": 1, "num_workers": 0}
        for name, least in at_least.items():
            _require(getattr(self, name) >= least, name, getattr(self, name), f"at least {least}")
        _require(0 <= self.seed < SEEDS, "seed", self.seed, f"from 0 to {SEEDS - 1}")
        for name in ("head_lr", "lr"):
            _require(0 < getattr(self, name) < float("inf"), name, getattr(self, name), "above 0")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 to below 1")
        for name, kind in (
            ("head_batchnorm", BatchNormMode),
            ("precision", Precision),
            ("memory_format", MemoryFormat),
        ):
            value, allowed = getattr(self, name), get_args(kind)
            _require(value in allowed, name, value, "one of " + ", ".join(allowed))
        if self.weights_sha256 and self.weights == "none":
            raise SettingsError("--weights-sha256 has nothing to check with --weights none: leave one out")

    def params(self) -> dict[str, Any]:
        """Every setting by name, for the run's parameters."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise SettingsError(f"--{name.replace('_', '-')} is {value}; it must be {wanted}")
