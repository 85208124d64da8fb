"""`trackside import` and `trackside export`: moving in from MLflow, and between stores."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from trackside.cli.places import (
    HERE,
    ArtifactsUrl,
    DataDir,
    S3Addressing,
    S3AllowHttp,
    S3Endpoint,
    StoreUrl,
    storage_at,
)
from trackside.cli.remote import AsJson, fail

if TYPE_CHECKING:
    from trackside.config import ServerSettings
    from trackside.importers.report import Report
    from trackside.importers.source import Source

T = TypeVar("T")
app = typer.Typer(help="Move in: from MLflow, or from what `trackside export` wrote.", no_args_is_help=True)


class FilesMode(StrEnum):
    """What becomes of artifacts."""

    COPY = "copy"
    REFERENCE = "reference"
    NONE = "none"


Experiments = Annotated[
    list[str] | None,
    typer.Option(
        "--experiment",
        envvar="TRACKSIDE_MOVE_EXPERIMENT",
        help="Only the experiment of this name. Repeatable.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", envvar="TRACKSIDE_IMPORT_DRY_RUN", help="Read everything, write nothing, and count."
    ),
]


@app.command("mlflow")
def from_mlflow(
    source: Annotated[
        str,
        typer.Argument(
            help="http(s)://… of a running server, sqlite:///FILE or postgresql://… of its database, or a folder `mlruns`."
        ),
    ],
    files: Annotated[
        FilesMode,
        typer.Option(
            envvar="TRACKSIDE_IMPORT_FILES",
            help="Artifacts: copy them, leave them where they are and refer to them, or leave them behind.",
        ),
    ] = FilesMode.COPY,
    files_from: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_IMPORT_FILES_FROM",
            metavar="PLACE",
            help="Where the source's mlflow-artifacts:/ leads, if the source is no server: a folder, s3://…, or http://…"
            " of the server.",
        ),
    ] = "",
    experiment: Experiments = None,
    dry_run: DryRun = False,
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
    artifacts: ArtifactsUrl = "",
    s3_endpoint: S3Endpoint = "",
    s3_addressing: S3Addressing = None,
    s3_allow_http: S3AllowHttp = False,
    as_json: AsJson = False,
) -> None:
    """Import experiments, runs, metrics, artifacts and models from MLflow, under the ids they have.

    Broken off at any moment, the same command goes on where it stood. At the end what was written is read back and
    counted, and what was left out is named. Exit code 1 if anything differs. On SQLite the server must not be running.
    """
    settings = _settings(data_dir, store, artifacts, s3_endpoint, s3_addressing, s3_allow_http, as_json)
    if files_from and "://" not in files_from:
        files_from = str(Path(files_from).resolve())  # a source's own relative paths begin elsewhere

    async def work() -> Report:
        from trackside.importers.session import Wanted, moved

        beside = _beside(source)
        server = source if source.startswith(("http://", "https://")) else files_from
        wanted = Wanted(files.value, experiment or (), dry_run, server, beside)
        return await moved(settings, await _mlflow(source, files_from, beside), wanted)

    _finish(_try(work(), as_json), as_json)


@app.command("folder")
def from_folder(
    path: Annotated[Path, typer.Argument(help="A folder that `trackside export` wrote.")],
    experiment: Experiments = None,
    keep_references: Annotated[
        bool,
        typer.Option(
            "--keep-references",
            envvar="TRACKSIDE_IMPORT_KEEP_REFERENCES",
            help="Keep what the export says of files that are not in it, wherever that leads. Only for one you trust.",
        ),
    ] = False,
    dry_run: DryRun = False,
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
    artifacts: ArtifactsUrl = "",
    s3_endpoint: S3Endpoint = "",
    s3_addressing: S3Addressing = None,
    s3_allow_http: S3AllowHttp = False,
    as_json: AsJson = False,
) -> None:
    """Import what `trackside export` wrote, bit for bit.

    Broken off at any moment, the same command goes on where it stood. Exit code 1 if anything differs from the export.
    On SQLite the server must not be running.
    """
    settings = _settings(data_dir, store, artifacts, s3_endpoint, s3_addressing, s3_allow_http, as_json)

    async def work() -> Report:
        from trackside.importers.portable import PortableSource
        from trackside.importers.session import Wanted, moved

        wanted = Wanted("copy", experiment or (), dry_run, keep_references=keep_references)
        return await moved(settings, PortableSource(path), wanted)

    _finish(_try(work(), as_json), as_json)


def export(
    path: Annotated[Path, typer.Argument(help="The folder to write; it must not exist yet, or be empty.")],
    experiment: Experiments = None,
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
    artifacts: ArtifactsUrl = "",
    s3_endpoint: S3Endpoint = "",
    s3_addressing: S3Addressing = None,
    s3_allow_http: S3AllowHttp = False,
    as_json: AsJson = False,
) -> None:
    """Write experiments, runs, metrics, artifacts and models to a folder of JSON, Parquet and files.

    Servers may go on meanwhile. `trackside import folder` reads it back.
    """

    async def work() -> dict[str, int]:
        from trackside.importers.export import exported

        return await exported(settings, path, experiment or ())

    settings = _settings(data_dir, store, artifacts, s3_endpoint, s3_addressing, s3_allow_http, as_json)
    counts = _try(work(), as_json)
    told = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts.items())
    typer.echo(json.dumps({"folder": str(path), **counts}) if as_json else f"Wrote {told} to {path}.")


async def _mlflow(url: str, files_from: str, beside: Path) -> Source:
    """The reader of a source."""
    if url.startswith(("http://", "https://")):
        from trackside.importers.rest import RestSource

        return RestSource(url)
    from trackside.importers.places import Places

    places = Places(files_from, beside)
    if "://" in url and not url.startswith("file:"):
        from trackside.importers.database import DatabaseSource

        return await DatabaseSource.open(url, places)
    from trackside.importers.folder import FolderSource

    return FolderSource(Path(url.removeprefix("file://")), places)


def _beside(source: str) -> Path:
    """Where relative paths of a source begin: MLflow's server was started beside its file or folder, most often."""
    if source.startswith("sqlite:///"):
        return Path(source.removeprefix("sqlite:///")).resolve().parent
    return Path(source.removeprefix("file://")).resolve().parent if "://" not in source else Path.cwd()


def _settings(
    data_dir: Path,
    store: str,
    artifacts: str,
    endpoint: str,
    addressing: Any,
    allow_http: bool,
    as_json: bool,
) -> ServerSettings:
    from trackside.config import ServerSettings

    try:
        storage = storage_at(artifacts, endpoint, "", addressing, allow_http)
    except ValueError as error:
        _fail(str(error), as_json)
    return ServerSettings(data_dir=data_dir.resolve(), store=store, storage=storage)


def _try(work: Coroutine[Any, Any, T], as_json: bool) -> T:
    import asyncio

    from trackside.errors import TracksideError

    try:
        return asyncio.run(work)
    except TracksideError as error:
        _fail(error.message, as_json)
    except ModuleNotFoundError as missing:
        _fail(
            f"This needs {missing.name}: pip install 'trackside[server,move]', and 'trackside[team]' for PostgreSQL and S3",
            as_json,
        )
    except OSError as error:
        _fail(f"{error.filename or 'A file'}: {error.strerror or error}.", as_json)
    except KeyboardInterrupt:
        _fail("Broken off. The same command goes on where it stood.", as_json)


def _fail(message: str, as_json: bool) -> NoReturn:
    """For programs on stdout, too."""
    if as_json:
        typer.echo(json.dumps({"ok": False, "error": message}))
    fail(message)


def _finish(report: Report, as_json: bool) -> None:
    typer.echo(json.dumps(report.fields()) if as_json else report.text())
    raise typer.Exit(0 if report.is_good else 1)
