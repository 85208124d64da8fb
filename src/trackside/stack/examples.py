"""Where the examples are: in the installed package, or in a checkout."""

from __future__ import annotations

from pathlib import Path


def examples_dir() -> Path:
    """The folder of scripts and notebooks."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "examples"
    return installed if installed.is_dir() else package.parents[1] / "examples"
