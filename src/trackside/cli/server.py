"""`trackside server`: the tracking server and its UI."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

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
)

_PERMISSIONS = ("READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS")


class LongValues(StrEnum):
    """What becomes of params and tags that are longer than MLflow takes them."""

    TRUNCATE = "truncate"
    KEEP = "keep"
    REFUSE = "refuse"


def _prefix(value: str) -> str:
    if value and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise typer.BadParameter(
            "it must begin with a slash, must not end with one, and may have letters, digits, '.', '_', '~', '-'."
        )
    return value


def _public_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[\w.-]+(:\d{1,5})?(/[A-Za-z0-9._~-]+)*/?", value, re.ASCII):
        raise typer.BadParameter(
            f"it must be like https://lab.example or https://lab.example/path; it is '{value}'."
        )
    return value.rstrip("/")


def server(
    host: Annotated[str, typer.Option(envvar="TRACKSIDE_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="TRACKSIDE_PORT", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8000,
    data_dir: DataDir = HERE,
    store: StoreUrl = "",
    workers: Annotated[
        int,
        typer.Option(
            envvar="TRACKSIDE_WORKERS", min=1, max=64, help="Processes that serve the port; needs PostgreSQL."
        ),
    ] = 1,
    artifacts: ArtifactsUrl = "",
    s3_endpoint: S3Endpoint = "",
    s3_public_endpoint: S3PublicEndpoint = "",
    s3_addressing: S3Addressing = None,
    s3_allow_http: S3AllowHttp = False,
    auth: Annotated[
        bool,
        typer.Option(
            "--auth",
            envvar="TRACKSIDE_AUTH",
            help="Ask everybody to sign in on this machine too; on any other address that is so anyway.",
        ),
    ] = False,
    no_auth: Annotated[
        bool,
        typer.Option(
            "--no-auth",
            envvar="TRACKSIDE_NO_AUTH",
            help="Listen beyond this machine without sign-in: whoever reaches the port can do anything.",
        ),
    ] = False,
    admin_password_file: Annotated[
        Path | None,
        typer.Option(
            envvar="TRACKSIDE_ADMIN_PASSWORD_FILE",
            help="File with the password of the first user, 'admin'. Without it the first start prints a link.",
        ),
    ] = None,
    default_permission: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_DEFAULT_PERMISSION",
            help="What everybody who is signed in may do with everything: READ, USE, EDIT, MANAGE or NO_PERMISSIONS.",
        ),
    ] = "READ",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            envvar="TRACKSIDE_ALLOWED_HOST",
            help="A host name that requests may use, beside IP addresses, localhost and this machine's name. Repeatable.",
        ),
    ] = None,
    static_prefix: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_STATIC_PREFIX",
            callback=_prefix,
            help="Serve everything, API and UI, below this path, such as /mlflow.",
        ),
    ] = "",
    keep_deleted: Annotated[
        float | None,
        typer.Option(
            envvar="TRACKSIDE_KEEP_DELETED",
            min=0,
            help="Days after which deleted runs, logged models and experiments are removed for good with their"
            " files. Without it they stay in the trash until `trackside gc`.",
        ),
    ] = None,
    public_url: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_PUBLIC_URL",
            callback=_public_url,
            help="Address that browsers use when a proxy stands before the server, such as https://lab.example: its"
            " host is allowed, setup's link has it, and with https cookies travel by TLS only.",
        ),
    ] = "",
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            envvar="TRACKSIDE_TRUSTED_PROXY",
            help="Address of the proxy, such as 127.0.0.1: its X-Forwarded-For is believed, so that wrong passwords"
            " count for who sent them. Repeatable.",
        ),
    ] = None,
    long_values: Annotated[
        LongValues | None,
        typer.Option(
            envvar="TRACKSIDE_LONG_VALUES",
            help="Params beyond 6,000 characters and tags beyond 8,000: truncate (as MLflow), keep or refuse them.",
            show_default="truncate",
        ),
    ] = None,
) -> None:
    """Record runs: MLflow's protocol and the web UI on one port.

    Prints one line with its address when it is ready. SIGTERM or Ctrl-C finishes what is in
    flight and exits with 0.
    """
    try:
        from trackside.server import start
    except ModuleNotFoundError as missing:
        typer.echo(f"The server needs {missing.name}: pip install 'trackside[server]'", err=True)
        raise typer.Exit(1) from None
    from trackside.config import ServerSettings, default_long_values, is_loopback

    _check(auth=auth, no_auth=no_auth, default_permission=default_permission)
    try:
        settings = ServerSettings(
            data_dir=data_dir.resolve(),
            store=store,
            workers=workers,
            storage=storage_at(artifacts, s3_endpoint, s3_public_endpoint, s3_addressing, s3_allow_http),
            host=host,
            port=port,
            static_prefix=static_prefix,
            keep_deleted_days=keep_deleted,
            public_url=public_url,
            trusted_proxies=tuple(trusted_proxy or ()),
            long_values=cast("Any", long_values and long_values.value) or default_long_values(),
            allowed_hosts=tuple(allowed_host or ()),
            auth=auth or (not no_auth and not is_loopback(host)),
            default_permission=default_permission,
            admin_password_file=admin_password_file,
        )
    except ValueError as error:
        typer.echo(f"trackside server: {error}", err=True)
        raise typer.Exit(2) from None
    try:
        start.serve(settings)
    except start.CannotStart as error:
        typer.echo(f"trackside server: {error}", err=True)
        raise typer.Exit(1) from None


def _check(*, auth: bool, no_auth: bool, default_permission: str) -> None:
    wrong = ""
    if auth and no_auth:
        wrong = "--auth and --no-auth contradict each other: say one of them."
    if default_permission not in _PERMISSIONS:
        wrong = (
            f"--default-permission must be one of {', '.join(_PERMISSIONS)}; it is '{default_permission}'."
        )
    if wrong:
        typer.echo(f"trackside server: {wrong}", err=True)
        raise typer.Exit(2)
