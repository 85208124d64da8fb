"""`trackside gc`: remove for good what was deleted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackside.cli.places import (
    HERE,
    ArtifactsUrl,
    GcStoreUrl,
    S3Addressing,
    S3AllowHttp,
    S3Endpoint,
    storage_at,
    without_files,
)
from trackside.cli.remote import DEFAULT_URL, AsJson, ServerUrl, ask, fail

if TYPE_CHECKING:
    from trackside.config import ServerSettings

_UNITS = {"d": 1.0, "h": 1 / 24, "m": 1 / 1440}
_ADDED = ("runs", "logged_models", "experiments", "artifact_files", "artifact_bytes", "database_bytes")


def _days(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([dhm])", text.strip())
    if not match:
        raise typer.BadParameter(f"'{text}' is not an age such as 30d, 12h or 0d.")
    return float(match[1]) * _UNITS[match[2]]


def gc(
    older_than: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_GC_OLDER_THAN",
            help="Only what was deleted this long ago: 30d, 12h, 0d for all.",
        ),
    ] = "30d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", envvar="TRACKSIDE_GC_DRY_RUN", help="Remove nothing, only count.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="TRACKSIDE_GC_DATA_DIR",
            help="The data folder of a server that is not running, instead of --url.",
        ),
    ] = None,
    store: GcStoreUrl = "",
    artifacts: ArtifactsUrl = "",
    s3_endpoint: S3Endpoint = "",
    s3_addressing: S3Addressing = None,
    s3_allow_http: S3AllowHttp = False,
    as_json: AsJson = False,
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """Remove deleted runs, logged models and experiments for good, with their files, and say what that freed.

    What a registered model version needs stays. A running server is asked; for its admins. With --data-dir or
    --store it works on the store itself: name --artifacts too, as for the server, if they are on S3.
    """
    from trackside.config import ServerSettings

    days = _days(older_than)
    if data_dir is None and not store:
        found = _asked(url, days, dry_run=dry_run)
    else:
        try:
            storage = storage_at(artifacts, s3_endpoint, "", s3_addressing, s3_allow_http)
        except ValueError as error:
            fail(str(error))
        settings = ServerSettings(data_dir=(data_dir or HERE).resolve(), store=store, storage=storage)
        found = _offline(settings, days, dry_run=dry_run)
    typer.echo(json.dumps(found) if as_json else _told(found, dry_run=dry_run))


def _asked(url: str, days: float, *, dry_run: bool) -> dict[str, Any]:
    total: dict[str, Any] = {}
    while True:
        fields = {"older_than_days": days, "dry_run": dry_run}
        part = ask(url, "POST", "/api/trackside/v1/gc", fields)
        total = {**part, **{name: total.get(name, 0) + part[name] for name in _ADDED}}
        if not part["more"] or dry_run:
            return total


def _offline(settings: ServerSettings, days: float, *, dry_run: bool) -> dict[str, Any]:
    import asyncio

    from trackside.core import retention
    from trackside.core.app import App
    from trackside.core.names import now_ms
    from trackside.errors import StoreInUse, TracksideError

    async def work() -> retention.Purged:
        # Servers on PostgreSQL may go on; SQLite's has to be stopped.
        app = App.open_beside(settings) if settings.store else App.open(settings)
        try:
            before = now_ms() - int(days * retention.DAY_MS)
            return await retention.purge(app, before, seconds=float("inf"), dry_run=dry_run)
        finally:
            await app.close()

    _check_place(settings)
    try:
        done = asyncio.run(work())
    except StoreInUse as error:
        fail(f"{error.message} For a running server leave --data-dir out and name its --url.")
    except TracksideError as error:
        fail(error.message)
    except ModuleNotFoundError as missing:
        fail(f"This store needs {missing.name}: pip install 'trackside[server,team]'")
    return done.fields()


def _check_place(settings: ServerSettings) -> None:
    if not settings.store and not settings.database_path.exists():
        fail(f"There is no store in {settings.data_dir}.")
    # Rows would go, and the files stay for good where they really are.
    if wrong := without_files(settings):
        fail(wrong)


def _told(found: dict[str, Any], *, dry_run: bool) -> str:
    from trackside import words

    if dry_run:
        removed = f"Would remove {'at least ' if found['more'] else ''}{words.purged(found)}."
    else:
        removed = f"Removed {words.purged(found)}; {words.shrunk(found)}."
    return "\n".join([removed, *(f"Kept {what}." for what in found["kept"])])
