"""`trackside db`: save, put back, check and migrate a store's database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from trackside.cli.places import HERE, DataDir, StoreUrl
from trackside.cli.remote import AsJson, fail

if TYPE_CHECKING:
    from trackside.config import ServerSettings
    from trackside.store.backup import Contents

T = TypeVar("T")
app = typer.Typer(
    help="A store's database: save it while it is served, put it back, check it, migrate it.",
    no_args_is_help=True,
)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Save the database to a file and verify the copy. The server may go on; artifacts are not in it."""
    if store:
        contents = _try(lambda: _dumps().backup(store, target))
    else:
        from trackside.store import backup as backups

        contents = _try(lambda: backups.backup(_database(data_dir), target))
    _tell(as_json, {"file": str(target), **contents._asdict()}, f"Saved {_told(contents)} in {target}.")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `trackside db backup` wrote.")],
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            envvar="TRACKSIDE_DB_REPLACE",
            help="Put it in the place of the database that is there, which gets another name.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify a backup and make it the database of a data folder, or fill an empty one of PostgreSQL with it.

    No server must be running on it.
    """
    if store:
        contents, former = _try(lambda: _dumps().restore(source, store)), None
    else:
        from trackside.store import backup as backups

        contents, former = _try(lambda: backups.restore(source, _database(data_dir), replace=replace))
    aside = f" The former database is {former}." if former else ""
    fields = {**contents._asdict(), "former": str(former) if former else None}
    _tell(as_json, fields, f"Restored {_told(contents)}.{aside}")


@app.command()
def check(data_dir: DataDir = HERE, store: StoreUrl = "", as_json: AsJson = False) -> None:
    """Look for damage: the file's structure, rows that refer to nothing, every metric point against its checksum
    and its statistics, and each metric's latest, least and greatest value against its points. Servers may go on.
    Exit code 1 if there is any.
    """
    from trackside.config import ServerSettings

    settings = ServerSettings(data_dir=data_dir.resolve(), store=store)
    found = _try(lambda: _damages(settings))
    what = "The database" if store else str(settings.database_path)
    lines = [f"{what}: {line}" for line in found] or [f"{what} is sound."]
    _tell(as_json, {"damages": found}, "\n".join(lines))
    if found:
        typer.echo("Restore a backup: trackside db restore FILE", err=True)
        raise typer.Exit(1)


def _damages(settings: ServerSettings) -> list[str]:
    import asyncio

    from trackside.core.app import App
    from trackside.errors import NotFound
    from trackside.store import backup as backups
    from trackside.store.series import check as points

    async def of_points() -> list[str]:
        app = App.open_beside(settings)
        try:
            return await points.told(app.db, await points.check(app.db))
        finally:
            await app.close()

    if not settings.store:
        if not settings.database_path.exists():
            raise NotFound(f"There is no database at {settings.database_path}.")
        if found := backups.damages(settings.database_path):
            return found
    return asyncio.run(of_points())


@app.command()
def migrate(
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
) -> None:
    """Bring the database to this release's schema.

    A server does so with SQLite at its start; a backup is made first. On PostgreSQL, which other servers may
    be at work on, only this does.
    """
    if store:
        _try(lambda: _migrate_postgres(store))
        return
    from trackside.store.sqlite import SqliteDatabase

    database = _database(data_dir)
    if not database.exists():
        fail(f"There is no database at {database}.")

    def work() -> None:
        import asyncio

        async def opened() -> None:
            await SqliteDatabase(database).close()

        asyncio.run(opened())

    _try(work)
    typer.echo(f"{database} has this release's schema.")


def _migrate_postgres(store: str) -> None:
    import asyncio

    from trackside.store import postgres

    done = asyncio.run(postgres.prepare(store, migrate=True))
    numbers = ", ".join(str(number) for number in done)
    typer.echo(f"The database has this release's schema{f'; migrations applied: {numbers}' if done else ''}.")


def _dumps() -> ModuleType:
    """How PostgreSQL is saved: its driver is an extra."""
    try:
        from trackside.store.postgres import backup as dumps
    except ModuleNotFoundError as missing:
        fail(f"PostgreSQL needs {missing.name}: pip install 'trackside[server,team]'")
    return dumps


def _database(data_dir: Path) -> Path:
    from trackside.config import ServerSettings

    return ServerSettings(data_dir=data_dir).database_path


def _try(work: Callable[[], T]) -> T:
    from trackside.errors import TracksideError

    try:
        return work()
    except TracksideError as error:
        fail(error.message)
    except OSError as error:
        fail(f"{error.filename or 'The file'}: {error.strerror or error}.")


def _told(contents: Contents) -> str:
    from trackside.words import in_units

    return (
        f"{contents.experiments:,} experiments, {contents.runs:,} runs, {contents.logged_models:,} logged models and"
        f" {contents.registered_models:,} registered models ({in_units(contents.size_bytes)}, verified)"
    )


def _tell(as_json: bool, fields: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(fields) if as_json else text)
