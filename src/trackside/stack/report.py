"""What a stack's commands print."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from trackside.stack import addresses, keys, sockets
from trackside.stack.control import load_settings
from trackside.stack.gpus import Gpus
from trackside.stack.jupyter import Jupyter
from trackside.stack.parts import Part
from trackside.stack.postgres import Postgres
from trackside.stack.s3 import CONSOLE_USER, S3, S3Console
from trackside.stack.settings import BUCKET, DATABASE, ROLE, CannotStart, Places, StackSettings
from trackside.stack.sockets import bracketed
from trackside.stack.state import PartState, State
from trackside.stack.supervisor import parts_of
from trackside.stack.tracking import ADMIN, TrackingServer, signs_in

_KINDS: tuple[type[Part], ...] = (Postgres, S3, S3Console, TrackingServer, Jupyter)
_TITLES = {kind.name: kind.title for kind in _KINDS}
_QUIET = ("waiting", "starting", "stopping")


def say(text: str) -> None:
    """A line of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


class Progress:
    """One line for each thing that became of a part, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, part: PartState) -> None:
        if part.state not in _QUIET:
            detail = f": {part.detail}" if part.detail else ""
            say(f"{time.monotonic() - self._began:6.1f} s  {_TITLES[part.name]:<14} {part.state}{detail}")


class ForegroundProgress(Progress):
    """The same, and the addresses when every part has become ready for the first time."""

    def __init__(self, settings: StackSettings, gpu: Gpus) -> None:
        super().__init__()
        self._settings, self._gpu = settings, gpu
        self._ready: dict[str, PartState] = {}

    def __call__(self, part: PartState) -> None:
        super().__call__(part)
        if part.state == "ready" and part.name not in self._ready:
            self._ready[part.name] = part
            if len(self._ready) == len(self._settings.parts):
                parts = [self._ready[name] for name in self._settings.parts]
                for line in summary(self._settings, State(parts=parts), self._gpu):
                    say(line)


def summary(settings: StackSettings, current: State, gpu: Gpus) -> Iterator[str]:
    """Where everything is, for whoever called `up`."""
    yield ""
    hosts = addresses.public_addresses(settings.host)
    for part in current.parts:
        for host in hosts if not part.external and part.name != "postgres" else [""]:
            yield f"{_TITLES[part.name]:<14} {_at(part.url, host)}"
    if "jupyter" in settings.parts or signs_in(settings):
        folder = (
            ""
            if settings.data_dir.endswith("/trackside-data")
            else f" --data-dir {shlex.quote(settings.data_dir)}"
        )
        yield f"Passwords and the token: trackside status --secrets{folder}"
    if signs_in(settings) and "server" in settings.parts:
        yield "It goes over the network unencrypted: put a proxy with TLS before it, or reach it by `ssh -L`."
    yield from (f"GPU: {remark}" for remark in gpu.remarks)


def _at(url: str, host: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{bracketed(host)}:{parts.port}").geturl() if host else url


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The rows of `status` for people."""
    heads = ("PART", "STATE", "ADDRESS", "PID", "UP", "MEMORY", "DATA")
    cells = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
    for row in rows:
        if row["detail"]:
            yield f"{row['name']}: {row['detail']}"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    again = f" ({row['restarts']} restarts)" if row["restarts"] else ""
    external = " (external)" if row["external"] else ""
    return (
        row["name"],
        f"{row['state']}{again}{external}",
        row["url"],
        str(row["pid"] or "-"),
        _duration(row["uptime_s"]),
        _bytes(row["memory_bytes"]),
        _bytes(row["data_bytes"]),
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(count: int | None) -> str:
    if count is None:
        return "-"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


# What an earlier stack or another server may have left in a shell, besides what is set anew: addresses, ids there, and
# ways to sign in. How mlflow works (system metrics, retries) and names that people gave stay.
_STALE = (
    "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN", "MLFLOW_ACTIVE_MODEL_ID",
    "MLFLOW_EXPERIMENT_ID", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID", "MLFLOW_S3_ENDPOINT_URL", "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_TRACKING_CLIENT_CERT_PATH", "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_WORKSPACE", "TRACKSIDE_ARTIFACTS", "TRACKSIDE_S3_ENDPOINT", "TRACKSIDE_STORE",
)  # fmt: skip


def _kept(places: Places) -> tuple[StackSettings, keys.Keys, sockets.Inner]:
    """What a stack was started with; only its supervisor makes what is missing. Raises CannotStart."""
    settings = load_settings(places)
    inner = sockets.inner_ports(places.ports)
    if not places.secrets.exists():
        raise CannotStart(
            f"{places.secrets} is missing: `trackside down`, then `trackside up` says what to do."
        )
    return settings, keys.load(places.secrets), inner


def environment(places: Places) -> dict[str, str]:
    """The variables by which scripts find the server, and trackside's own commands its store; empty: to be unset.

    Raises CannotStart.
    """
    settings, own, inner = _kept(places)
    server = TrackingServer(settings, own, inner)
    found = {**dict.fromkeys(_STALE, ""), **server.environment, "TRACKSIDE_DATA_DIR": str(places.server)}
    if "server" in settings.parts:
        found["MLFLOW_TRACKING_URI"] = sockets.reachable(server.url)
        if signs_in(settings):
            found["MLFLOW_TRACKING_TOKEN"] = server.keys.tracking_token
    if server.storage is not None:
        found |= {"TRACKSIDE_ARTIFACTS": server.storage.url, "TRACKSIDE_S3_ENDPOINT": server.storage.endpoint}
    return found


def logins(places: Places) -> dict[str, str]:
    """How to sign in to each part. Raises CannotStart."""
    settings, own, inner = _kept(places)
    found: dict[str, str] = {}
    for part in parts_of(settings, own, inner):
        host = addresses.public_host(settings.host)
        if isinstance(part, Postgres):
            found["PostgreSQL"] = part.store
            found["PostgreSQL, as its administrator"] = part.store.replace(
                f"{ROLE}:{quote(own.postgres, safe='')}@", f"postgres:{quote(own.postgres_admin, safe='')}@"
            ).replace(f"/{DATABASE}", "/postgres")
        elif isinstance(part, S3):
            found["S3 access key"], found["S3 secret key"] = own.s3_access_key, own.s3_secret_key
            found["S3 bucket"] = BUCKET
        elif isinstance(part, S3Console):
            found["S3's web page, user"], found["S3's web page, password"] = CONSOLE_USER, own.s3_console
        elif isinstance(part, TrackingServer) and signs_in(settings):
            found["Trackside, user"], found["Trackside, first password"] = ADMIN, own.admin
        elif isinstance(part, Jupyter):
            found["JupyterLab"] = f"{_at(part.url, host)}/lab?token={own.jupyter}"
    return found
