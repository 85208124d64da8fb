"""Results in words, the same in what commands print and in what the server logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_units(count: float) -> str:
    """A number of bytes as people read it: 200.0 kB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def purged(found: Mapping[str, Any]) -> str:
    """What was removed for good, of the fields of an answer of `POST /gc`: after "Removed" or "Would remove"."""
    return (
        f"{found['runs']:,} runs, {found['logged_models']:,} logged models and {found['experiments']:,} experiments:"
        f" {found['artifact_files']:,} files of {in_units(found['artifact_bytes'])}"
    )


def shrunk(found: Mapping[str, Any]) -> str:
    """By how much the database did, of the same fields: after `purged`."""
    return f"the database became {in_units(found['database_bytes'])} smaller"
