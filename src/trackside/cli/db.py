"""`trackside db`: save, put back, check and migrate a store's database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from trackside.cli.remote import AsJson, fail, in_units

if TYPE_CHECKING:
    from trackside.store.backup import Contents

T = TypeVar("T")
app = typer.Typer(
    help="A store's database: save it while it is served, put it back, check it, migrate it.",
    no_args_is_help=True,
)
DataDir = Annotated[
    Path, typer.Option(envvar="TRACKSIDE_DATA_DIR", help="Folder of the database and the artifacts.")
]
_HERE = Path("trackside-data")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    data_dir: DataDir = _HERE,
    as_json: AsJson = False,
) -> None:
    """Save the database to a file and verify the copy. The server may go on; artifacts are not in it."""
    from trackside.store import backup as backups

    contents = _try(lambda: backups.backup(_database(data_dir), target))
    _tell(as_json, {"file": str(target), **contents._asdict()}, f"Saved {_told(contents)} in {target}.")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `trackside db backup` wrote.")],
    data_dir: DataDir = _HERE,
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
    """Verify a backup and make it the database of a data folder. The server must not be running."""
    from trackside.store import backup as backups

    contents, former = _try(lambda: backups.restore(source, _database(data_dir), replace=replace))
    aside = f" The former database is {former}." if former else ""
    fields = {**contents._asdict(), "former": str(former) if former else None}
    _tell(as_json, fields, f"Restored {_told(contents)}.{aside}")


@app.command()
def check(data_dir: DataDir = _HERE, as_json: AsJson = False) -> None:
    """Look for damage: the file's structure, rows that refer to nothing, metric points. Exit code 1 if there is any."""
    from trackside.store import backup as backups

    database = _database(data_dir)
    if not database.exists():
        fail(f"There is no database at {database}.")
    found = _try(lambda: backups.damages(database))
    lines = [f"{database}: {line}" for line in found] or [f"{database} is sound."]
    _tell(as_json, {"damages": found}, "\n".join(lines))
    if found:
        typer.echo("Restore a backup: trackside db restore FILE --replace", err=True)
        raise typer.Exit(1)


@app.command()
def migrate(
    data_dir: DataDir = _HERE,
    store: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_STORE",
            help="postgresql://USER:PASSWORD@HOST/DATABASE, instead of a data folder: save it first, with pg_dump.",
        ),
    ] = "",
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
    return (
        f"{contents.experiments:,} experiments, {contents.runs:,} runs, {contents.logged_models:,} logged models and"
        f" {contents.registered_models:,} registered models ({in_units(contents.size_bytes)}, verified)"
    )


def _tell(as_json: bool, fields: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(fields) if as_json else text)
