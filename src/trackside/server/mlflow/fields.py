"""Fields of requests and answers that several nouns share."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct

from trackside.model import ArtifactEntry
from trackside.server.mlflow import wire


class Tag(Struct):
    key: str = ""
    value: str = ""


class RunId(wire.Shape):
    run_id: str = ""
    required: ClassVar[tuple[str, ...]] = ("run_id",)


def tags_json(tags: dict[str, str]) -> dict[str, Any]:
    """The field `tags`, left out when there are none, as protobuf does."""
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]} if tags else {}


def file_json(entry: ArtifactEntry) -> dict[str, Any]:
    size = {"file_size": entry.size_bytes} if entry.size_bytes else {}  # as MLflow: none for an empty file
    return {"path": entry.path, "is_dir": entry.is_dir, **size}
