"""Settings as frozen values. The command line fills them; this is the only reader of the environment."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

# What becomes of params and tags that are longer than MLflow takes them.
LongValues = Literal["truncate", "keep", "refuse"]


def is_loopback(host: str) -> bool:
    """Is this an address that only this machine can reach?"""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def default_long_values() -> LongValues:
    """MLflow's variable, where nothing else is said."""
    return (
        "refuse" if os.environ.get("MLFLOW_TRUNCATE_LONG_VALUES", "true").lower() == "false" else "truncate"
    )


def _seconds(variable: str, default: float) -> float:
    text = os.environ.get(variable, "")
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise ValueError(f"{variable} must be a number of seconds from 0 to 3600; it is '{text}'.")
    return seconds


@dataclass(frozen=True)
class ServerSettings:
    """How one tracking server runs. Raises ValueError for a variable that cannot be read."""

    data_dir: Path
    # postgresql://…; empty for SQLite below the data folder. Not shown: it may have a password.
    store: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1  # processes that serve; more than one only on PostgreSQL
    # Host names that requests may use, beside IP addresses, localhost and this machine's name.
    allowed_hosts: tuple[str, ...] = ()
    # Whoever sends a request must be signed in; what everybody who is may do with everything.
    auth: bool = False
    default_permission: str = "READ"
    # A file with the password of the first admin, for starts that nobody watches.
    admin_password_file: Path | None = None
    # What was deleted longer ago than this is removed for good; None: only when an admin asks for it.
    keep_deleted_days: float | None = None
    static_prefix: str = (
        ""  # before every path, such as /mlflow; for a proxy that passes paths on as they are
    )
    # The address that browsers use when a proxy stands before the server, such as https://lab.example/mlflow.
    public_url: str = ""
    # Addresses of proxies that are believed when they say, in X-Forwarded-For, where a request came from.
    trusted_proxies: tuple[str, ...] = ()
    body_limit_bytes: int = 4 * 1024**2  # a batch of 1,000 metrics has about 0.2 MB
    large_body_limit_bytes: int = 32 * 1024**2  # of what carries a dataset's profile or a model's signature
    handler_seconds: float = 60.0
    long_values: LongValues = field(default_factory=default_long_values)
    # A regular expression that sources of model versions must match; empty for any.
    model_source_pattern: str = field(
        default_factory=lambda: os.environ.get("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX", "")
    )

    # Webhooks: which URLs may be named, whether private addresses may be sent to, how long an answer may take.
    webhook_schemes: tuple[str, ...] = field(
        default_factory=lambda: tuple(
            part
            for each in os.environ.get("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "https").split(",")
            if (part := each.strip())
        )
    )
    webhook_private_addresses: bool = field(
        default_factory=lambda: (
            os.environ.get("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "").lower() in ("true", "1")
        )
    )
    webhook_seconds: float = field(default_factory=lambda: _seconds("MLFLOW_WEBHOOK_REQUEST_TIMEOUT", 30))

    @property
    def database_path(self) -> Path:
        return self.data_dir / "trackside.db"

    @property
    def artifact_dir(self) -> Path:
        return self.data_dir / "artifacts"
