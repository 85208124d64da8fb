"""Settings as frozen values. The command line fills them; this is the only reader of the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ServerSettings:
    """How one tracking server runs."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[
        str, ...
    ] = ()  # host names, beside IP addresses and localhost, that requests may name
    static_prefix: str = ""
    body_limit_bytes: int = 32 * 1024**2  # of everything but artifacts
    handler_seconds: float = 60.0
    truncate_long_values: bool = True  # long params and tags, as MLflow's MLFLOW_TRUNCATE_LONG_VALUES
    # A regular expression that sources of model versions must match; empty for any.
    model_source_pattern: str = field(
        default_factory=lambda: os.environ.get("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX", "")
    )

    @property
    def database_path(self) -> Path:
        return self.data_dir / "trackside.db"

    @property
    def artifact_dir(self) -> Path:
        return self.data_dir / "artifacts"

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK


def environment_flag(name: str, *, default: bool) -> bool:
    """A true/false variable of the environment."""
    return os.environ.get(name, str(default)).strip().lower() in ("1", "true", "yes", "on")
