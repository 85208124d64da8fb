"""The `trackside` command: one module per command group, each parses, calls one function, prints.

Modules here import only Typer and the standard library at the top; what a command needs
is imported inside its function, so that `trackside --help` stays quick and the base
install can show it.
"""

from __future__ import annotations

import typer

from trackside.cli import data, server, train

app = typer.Typer(
    name="trackside",
    help="Record every training run, see it live, keep the model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("server")(server.server)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")


def main() -> None:
    """Entry point of the `trackside` script."""
    app()
