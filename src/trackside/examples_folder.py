"""Where the examples are: in an installed package, or in the checkout that an editable install uses."""

from __future__ import annotations

from pathlib import Path


def examples_dir() -> Path:
    """The folder with `food11/` and `notebooks/`, to be copied from. Raises FileNotFoundError if it is not here."""
    package = Path(__file__).resolve().parent
    places = [package / "examples", package.parents[1] / "examples"]
    for place in places:
        if (place / "notebooks").is_dir():
            return place
    raise FileNotFoundError(
        f"Trackside's examples are missing: neither {places[0]} nor {places[1]} has them. Install it anew."
    )
