"""`trackside gc`: remove for good what was deleted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from trackside.cli.remote import DEFAULT_URL, AsJson, ServerUrl, ask, fail, in_units

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
    as_json: AsJson = False,
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """Remove deleted runs, logged models and experiments for good, with their files, and say what that freed.

    What a registered model version needs stays. A running server is asked; for its admins.
    """
    days = _days(older_than)
    found = _offline(data_dir, days, dry_run=dry_run) if data_dir else _asked(url, days, dry_run=dry_run)
    typer.echo(json.dumps(found) if as_json else _told(found, dry_run=dry_run))


def _asked(url: str, days: float, *, dry_run: bool) -> dict[str, Any]:
    total: dict[str, Any] = {}
    while True:
        fields = {"older_than_days": days, "dry_run": dry_run}
        part = ask(url, "POST", "/api/trackside/v1/gc", fields)
        total = {**part, **{name: total.get(name, 0) + part[name] for name in _ADDED}}
        if not part["more"] or dry_run:
            return total


def _offline(data_dir: Path, days: float, *, dry_run: bool) -> dict[str, Any]:
    import asyncio

    from trackside.config import ServerSettings
    from trackside.core import retention
    from trackside.core.app import App
    from trackside.core.names import now_ms
    from trackside.errors import TracksideError

    async def work() -> retention.Purged:
        app = App.open(settings)
        try:
            before = now_ms() - int(days * retention.DAY_MS)
            return await retention.purge(app, before, seconds=float("inf"), dry_run=dry_run)
        finally:
            await app.close()

    settings = ServerSettings(data_dir=data_dir.resolve())
    if not (data_dir / "trackside.db").exists():
        fail(f"There is no store in {data_dir}.")
    try:
        done = asyncio.run(work())
    except TracksideError as error:
        fail(f"{error.message} For a running server leave --data-dir out and name its --url.")
    return {
        "runs": done.runs,
        "logged_models": done.logged_models,
        "experiments": done.experiments,
        "artifact_files": done.artifacts.files,
        "artifact_bytes": done.artifacts.bytes,
        "database_bytes": done.database_bytes,
        "kept": list(done.kept),
        "more": done.more,
    }


def _told(found: dict[str, Any], *, dry_run: bool) -> str:
    least = "at least " if dry_run and found["more"] else ""
    lines = [
        f"{'Would remove' if dry_run else 'Removed'} {least}{found['runs']:,} runs, {found['logged_models']:,}"
        f" logged models and {found['experiments']:,} experiments:"
        f" {found['artifact_files']:,} files of {in_units(found['artifact_bytes'])}"
        + ("." if dry_run else f"; the database became {in_units(found['database_bytes'])} smaller.")
    ]
    lines += [f"Kept {what}." for what in found["kept"]]
    return "\n".join(lines)
