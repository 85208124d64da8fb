"""All commands together, and the entry point of the script."""

from __future__ import annotations

from typing import Annotated

import typer

from trackside import __version__
from trackside.cli import data, db, gc, moving, server, stack, storage, token, train, user

app = typer.Typer(
    name="trackside",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("server")(server.server)
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("logs")(stack.logs)
app.add_typer(data.app, name="data")
app.add_typer(db.app, name="db")
app.add_typer(train.app, name="train")
app.add_typer(storage.app, name="storage")
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.command("audit")(token.audit)
app.command("gc")(gc.gc)
app.add_typer(moving.app, name="import")
app.command("export")(moving.export)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"trackside {__version__}")
        raise typer.Exit


@app.callback()
def trackside(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Record every training run, see it live, keep the model."""


def main() -> None:
    """Entry point of the `trackside` script."""
    app()
