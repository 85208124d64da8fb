"""All commands together, and the entry point of the script."""

from __future__ import annotations

import typer

from trackside.cli import data, server, token, train, user

app = typer.Typer(
    name="trackside",
    help="Record every training run, see it live, keep the model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("server")(server.server)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.command("audit")(token.audit)


def main() -> None:
    """Entry point of the `trackside` script."""
    app()
