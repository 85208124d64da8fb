"""`trackside up`, `down`, `status`, `logs`: the whole lab on this machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from trackside.cli.places import HERE
from trackside.cli.remote import AsJson, fail

if TYPE_CHECKING:
    from trackside.stack.settings import Places, StackSettings


class PartName(StrEnum):
    """What a stack is made of."""

    POSTGRES = "postgres"
    S3 = "s3"
    S3_CONSOLE = "s3-console"
    SERVER = "server"
    JUPYTER = "jupyter"


StackDir = Annotated[
    Path, typer.Option(envvar="TRACKSIDE_STACK_DIR", help="Folder of everything the stack keeps.")
]


def _port(variable: str, what: str) -> Any:
    return typer.Option(envvar=variable, min=1, max=65535, help=f"Port of {what}.")


@contextmanager
def _problems_told() -> Iterator[None]:
    """Ends the command with what is wrong."""
    from trackside.stack.settings import CannotStart

    try:
        yield
    except CannotStart as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'The disk'}: {error.strerror or error}")
    except ModuleNotFoundError as missing:
        fail(f"The stack needs {missing.name}: pip install 'trackside[stack]'")


def _address(schemes: tuple[str, ...]) -> Any:
    def check(value: str) -> str:
        from trackside.stack.external import wrong_with

        if value and not value.startswith(schemes):
            raise typer.BadParameter(f"it must begin with {' or '.join(schemes)}.")
        if value and (wrong := wrong_with(value)):
            raise typer.BadParameter(wrong)
        if value.startswith("http") and "@" in value:
            raise typer.BadParameter("keys go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        parts = urlsplit(value)
        if value.startswith("http") and not parts.path.strip("/"):
            raise typer.BadParameter(f"it names no bucket: write {parts.scheme}://{parts.netloc}/BUCKET.")
        return value

    return check


def up(
    data_dir: StackDir = HERE,
    host: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_HOST",
            help="Address that the server, S3 and JupyterLab listen on. 0.0.0.0: all of this machine's, with sign-in.",
        ),
    ] = "127.0.0.1",
    with_: Annotated[
        list[PartName] | None,
        typer.Option("--with", envvar="TRACKSIDE_WITH", help="Only these parts. Repeatable."),
    ] = None,
    without: Annotated[
        list[PartName] | None,
        typer.Option(envvar="TRACKSIDE_WITHOUT", help="Not this part. Repeatable."),
    ] = None,
    server_port: Annotated[int, _port("TRACKSIDE_SERVER_PORT", "the tracking server and its web app")] = 8000,
    s3_port: Annotated[int, _port("TRACKSIDE_S3_PORT", "S3")] = 9000,
    s3_console_port: Annotated[int, _port("TRACKSIDE_S3_CONSOLE_PORT", "S3's web page")] = 9001,
    jupyter_port: Annotated[int, _port("TRACKSIDE_JUPYTER_PORT", "JupyterLab")] = 8888,
    postgres_port: Annotated[
        int,
        typer.Option(
            envvar="TRACKSIDE_POSTGRES_PORT",
            min=0,
            max=65535,
            help="Port of PostgreSQL, always on 127.0.0.1; 0: one that is free at the first start.",
        ),
    ] = 0,
    external_postgres: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_EXTERNAL_POSTGRES",
            callback=_address(("postgresql://", "postgres://")),
            help="postgresql://USER:PASSWORD@HOST/DATABASE that runs already, instead of starting one.",
        ),
    ] = "",
    external_s3: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_EXTERNAL_S3",
            callback=_address(("https://", "http://", "s3://")),
            help="http(s)://HOST:PORT/BUCKET/PREFIX, or s3://BUCKET/PREFIX at AWS, instead of starting S3. Keys as for"
            " `trackside server`.",
        ),
    ] = "",
    s3_allow_http: Annotated[
        bool,
        typer.Option(
            "--s3-allow-http",
            envvar="TRACKSIDE_S3_ALLOW_HTTP",
            help="Let --external-s3 be http:// beyond this machine: files go unencrypted.",
        ),
    ] = False,
    direct_s3: Annotated[
        bool,
        typer.Option(
            "--direct-s3",
            envvar="TRACKSIDE_DIRECT_S3",
            help="Give JupyterLab the keys of S3, and let clients move large files to and from it directly.",
        ),
    ] = False,
    auth: Annotated[
        bool,
        typer.Option("--auth", envvar="TRACKSIDE_AUTH", help="Sign in to the server on this machine too."),
    ] = False,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            envvar="TRACKSIDE_ALLOWED_HOST",
            help="A host name by which the server may be asked, beside addresses and this machine's name. Repeatable.",
        ),
    ] = None,
    food11_dir: Annotated[
        Path | None,
        typer.Option(
            envvar=["TRACKSIDE_FOOD11_DIR", "FOOD11_DATA_DIR"],
            help="The prepared Food-11, told to notebooks.",
        ),
    ] = None,
    notebooks: Annotated[
        Path | None,
        typer.Option(
            envvar="TRACKSIDE_NOTEBOOKS", help="The folder JupyterLab shows; else one of the data folder."
        ),
    ] = None,
    foreground: Annotated[
        bool,
        typer.Option(
            "--foreground", envvar="TRACKSIDE_FOREGROUND", help="Stay, and end everything with Ctrl-C."
        ),
    ] = False,
) -> None:
    """Start PostgreSQL, S3, the tracking server and JupyterLab, and keep them running.

    Returns when all answer; a second call finds them running. Data are kept: `trackside down` ends everything.
    """
    from trackside.stack.settings import Ports, StackSettings

    with _problems_told():
        from trackside.stack import ports
        from trackside.stack.settings import check_names

        settings = StackSettings(
            data_dir=str(data_dir.resolve()),
            parts=_chosen(with_, without, own_s3=not external_s3),
            host=host,
            ports=Ports(server_port, s3_port, s3_console_port, jupyter_port, postgres_port),
            auth=auth,
            direct_s3=direct_s3,
            external_postgres=external_postgres,
            external_s3=external_s3,
            s3_allow_http=s3_allow_http,
            food11_dir=str(food11_dir.resolve()) if food11_dir else "",
            notebooks=str(notebooks.resolve()) if notebooks else "",
            allowed_hosts=tuple(allowed_host or ()),
        )
        check_names(settings)
        ports.check_different(settings)
        _run(settings, foreground=foreground)


def _chosen(only: list[PartName] | None, without: list[PartName] | None, *, own_s3: bool) -> tuple[str, ...]:
    """The parts, in the order of their start. S3's page is that of our own S3."""
    from trackside.stack.settings import PARTS

    names = {each.value for each in only} if only else set(PARTS)
    names -= {each.value for each in without or ()}
    if "s3" not in names or not own_s3:
        names.discard("s3-console")
    if not names:
        raise typer.BadParameter("no part is left to start.", param_hint="--without")
    return tuple(each for each in PARTS if each in names)


def _run(settings: StackSettings, *, foreground: bool) -> None:
    from trackside.stack import control, gpus, report, state

    gpu = gpus.find()
    report.say(f"Starting the stack in {settings.data_dir}; {gpu}")
    if foreground:
        control.stay(settings, report.ForegroundProgress(settings, gpu))
        return
    try:
        current = control.start(settings, report.Progress())
    except KeyboardInterrupt:
        left = state.load(settings.places)  # ours has ended: another call's goes on
        if left and left.supervised and not left.ending:
            fail("Interrupted: the stack, which another `trackside up` started, goes on.")
        fail("Interrupted: what was started has ended, the data are kept.")
    for line in report.summary(settings, current, gpu):
        typer.echo(line)
    hanging = [f"{part.name} ({part.detail})" for part in current.parts if part.state != "ready"]
    if hanging:
        fail(f"Left running, but not answering: {', '.join(hanging)}.")


def down(
    data_dir: StackDir = HERE,
    delete_data: Annotated[
        bool,
        typer.Option(
            "--delete-data",
            envvar="TRACKSIDE_DELETE_DATA",
            help="Then delete the database, the files of S3 and the secrets; asks first. Notebooks stay.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", envvar="TRACKSIDE_YES", help="Do not ask.")] = False,
) -> None:
    """End everything that `trackside up` started, in order. The data are kept."""
    places = _places(data_dir)
    if delete_data and not yes:
        typer.confirm(f"Delete all runs, models and artifacts of the stack in {places.data_dir}?", abort=True)
    with _problems_told():
        from trackside.stack import control, report

        ran = control.stop(places, report.Progress(), delete=delete_data)
    if not delete_data:
        typer.echo(
            f"Everything has ended. The data are kept in {places.data_dir}."
            if ran
            else "Nothing was running."
        )
        return
    kept = f" Kept: {places.notebooks}." if places.notebooks.exists() else ""
    typer.echo(f"The data are deleted.{kept}")


def status(
    data_dir: StackDir = HERE,
    as_json: AsJson = False,
    secrets: Annotated[
        bool,
        typer.Option(
            "--secrets",
            envvar="TRACKSIDE_SECRETS",
            help="Show the passwords, keys and the token, and addresses that have them in them.",
        ),
    ] = False,
    shell: Annotated[
        bool,
        typer.Option(
            "--shell",
            envvar="TRACKSIDE_SHELL",
            help="With --secrets: as lines for a shell, so that scripts and trackside's other commands find the stack.",
        ),
    ] = False,
) -> None:
    """Show each part: state, address, pid, how long it has run, memory, size of its data."""
    places = _places(data_dir)
    if shell and not secrets:
        raise typer.BadParameter(
            "passwords are among what it prints: say --secrets too.", param_hint="--shell"
        )
    with _problems_told():
        from trackside.stack import control, report

        if shell:
            for name, value in report.environment(places).items():
                typer.echo(f"export {name}={shlex.quote(value)}" if value else f"unset {name}")
            return
        rows = control.status(places)
        logins = report.logins(places) if secrets and rows else {}
    if as_json:
        typer.echo(json.dumps({"parts": rows} | ({"secrets": logins} if secrets else {})))
        return
    if not rows:
        fail(f"There is no stack in {places.data_dir}. `trackside up` starts one.")
    for line in [*report.table(rows), *(f"{name}: {value}" for name, value in logins.items())]:
        typer.echo(line)


def logs(
    part: Annotated[
        str, typer.Argument(help="postgres, s3, s3-console, server, jupyter; or stack, who starts them.")
    ],
    data_dir: StackDir = HERE,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", envvar="TRACKSIDE_FOLLOW", help="Go on as it grows, until Ctrl-C."),
    ] = False,
    lines: Annotated[
        int,
        typer.Option("--lines", "-n", envvar="TRACKSIDE_LINES", min=0, help="How many of the last lines."),
    ] = 100,
) -> None:
    """Show what a part has written."""
    from trackside.stack.settings import PARTS

    if part not in (*PARTS, "stack"):
        raise typer.BadParameter(f"there is no part '{part}': {', '.join((*PARTS, 'stack'))}.")
    path = _places(data_dir).log(part)
    if not path.exists():
        fail(f"There is no {path}: this part has not been started here.")
    with _problems_told(), suppress(KeyboardInterrupt):
        from trackside.stack import control

        for line in control.last_lines(path, lines):
            typer.echo(line)
        for text in control.follow(path) if follow else ():
            typer.echo(text, nl=False)


def _places(data_dir: Path) -> Places:
    from trackside.stack.settings import Places

    return Places(data_dir.resolve())
