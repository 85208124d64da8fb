"""`trackside storage`: the place of artifacts, looked at from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from trackside.cli.places import (
    HERE,
    ArtifactsUrl,
    DataDir,
    S3Addressing,
    S3AllowHttp,
    S3Endpoint,
    S3PublicEndpoint,
    StoreUrl,
    storage_at,
    without_files,
)
from trackside.cli.remote import AsJson, fail

if TYPE_CHECKING:
    from trackside.blobs.check import Step
    from trackside.config import ServerSettings
    from trackside.core.verification import Verification

app = typer.Typer(help="Where artifacts are kept: S3 and the like.", no_args_is_help=True)


@app.callback()
def storage() -> None:
    """Where artifacts are kept: S3 and the like."""


@app.command()
def check(
    artifacts: ArtifactsUrl = "",
    s3_endpoint: S3Endpoint = "",
    s3_public_endpoint: S3PublicEndpoint = "",
    s3_addressing: S3Addressing = None,
    s3_allow_http: S3AllowHttp = False,
    create_bucket: Annotated[
        bool,
        typer.Option(
            "--create-bucket", envvar="TRACKSIDE_CREATE_BUCKET", help="Make the bucket if it is not there."
        ),
    ] = False,
    cors: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_CORS",
            metavar="ORIGIN",
            help="Let web pages of this origin, such as https://lab.example, use signed URLs. Replaces the bucket's rules.",
        ),
    ] = "",
    abort_unfinished: Annotated[
        float | None,
        typer.Option(
            envvar="TRACKSIDE_ABORT_UNFINISHED",
            metavar="HOURS",
            min=0,
            help="Give up uploads by parts that were begun more than so many hours ago. (The server does so after 24.)",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try with a file of its own whether the storage does all that the server asks of it.

    Says in words what is wrong and what to do. Exit code 1 when the server could not work with it.
    """
    try:
        import asyncio

        from trackside.blobs.check import check as run
        from trackside.blobs.objects import ObjectBlobs
    except ModuleNotFoundError as missing:
        fail(f"Object stores need {missing.name}: pip install 'trackside[team]'")
    from trackside.errors import TracksideError

    try:
        settings = storage_at(artifacts, s3_endpoint, s3_public_endpoint, s3_addressing, s3_allow_http)
    except ValueError as error:
        fail(str(error))
    if settings is None:
        fail(
            "Say which storage: --artifacts s3://bucket/prefix. (A folder of the data folder needs no check.)"
        )
    steps = asyncio.run(run(settings, create_bucket=create_bucket, cors=cors))
    good = all(step.ok or not step.needed for step in steps)
    aborted = None
    if good and abort_unfinished is not None:
        try:
            aborted = ObjectBlobs(settings).abort_unfinished(abort_unfinished)
        except TracksideError as error:
            fail(error.message)
    _show(artifacts, steps, good, aborted, as_json)
    raise typer.Exit(0 if good else 1)


def _show(url: str, steps: list[Step], good: bool, aborted: int | None, as_json: bool) -> None:
    if as_json:
        shown = {"artifacts": url, "ok": good, "steps": [step._asdict() for step in steps]}
        typer.echo(json.dumps({**shown, **({} if aborted is None else {"aborted": aborted})}))
        return
    for step in steps:
        mark = "ok" if step.ok else "WRONG" if step.needed else "no"
        typer.echo(f"{step.name:14} {mark}{f': {step.says}' if step.says else ''}")
    if aborted is not None:
        typer.echo(f"Gave up {aborted} unfinished uploads.")
    typer.echo(f"{url} {'can be used' if good else 'cannot be used yet'}.")


@app.command()
def verify(
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
    artifacts: ArtifactsUrl = "",
    s3_endpoint: S3Endpoint = "",
    s3_addressing: S3Addressing = None,
    s3_allow_http: S3AllowHttp = False,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt",
            envvar="TRACKSIDE_ADOPT",
            help="Keep the checksum of each file that has none, such as one that was uploaded directly to S3, and of"
            " each that is named as changed.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read every artifact and compare it with its checksum; names those that are damaged, changed or missing.

    On SQLite the server must not be running; on PostgreSQL it may. Exit code 1 when a file is named.
    """
    import asyncio

    from trackside.config import ServerSettings
    from trackside.errors import TracksideError

    try:
        storage = storage_at(artifacts, s3_endpoint, "", s3_addressing, s3_allow_http)
        settings = ServerSettings(data_dir=data_dir.resolve(), store=store, storage=storage)
        if not store and not settings.database_path.exists():
            fail(f"There is no database in {data_dir}: name the server's with --data-dir, or --store.")
        if wrong := without_files(settings):
            fail(wrong)
        found = asyncio.run(_verified(settings, adopt=adopt))
    except (TracksideError, ValueError) as error:
        fail(str(error))
    except ModuleNotFoundError as missing:
        fail(f"This store needs {missing.name}: pip install 'trackside[server,team]'")
    typer.echo(json.dumps(found._asdict()) if as_json else _named(found))
    raise typer.Exit(0 if found.is_good else 1)


async def _verified(settings: ServerSettings, *, adopt: bool) -> Verification:
    from trackside.core import verification
    from trackside.core.app import App

    # On SQLite not beside a server: what is under way there would look wrong.
    opened = App.open_beside(settings) if settings.store else App.open(settings)
    try:
        return await verification.verify_all(opened, adopt=adopt)
    finally:
        await opened.close()


def _named(found: Verification) -> str:
    lines = [
        f"{word} {path}"
        for word, paths in (
            ("DAMAGED", found.damaged),
            ("CHANGED", found.changed),
            ("MISSING", found.missing),
        )
        for path in paths
    ]
    lines.append(
        f"{found.verified} as they were uploaded, {len(found.damaged)} damaged, {len(found.changed)} changed,"
        f" {len(found.missing)} missing, {found.adopted} adopted, {found.unknown} without a checksum."
    )
    return "\n".join(lines)
