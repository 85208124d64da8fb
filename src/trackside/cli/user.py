"""`trackside user`: who may sign in to a server."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from trackside.cli.places import HERE, UserStoreUrl
from trackside.cli.remote import DEFAULT_URL, AsJson, ServerUrl, ask, fail

app = typer.Typer(help="Users of a server: add, list, change, delete. For its admins.", no_args_is_help=True)
_AT = "/api/2.0/mlflow/users"
Name = Annotated[str, typer.Argument(help="The user's name.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        envvar="TRACKSIDE_USER_PASSWORD_FILE",
        help="File with the new password; without it you are asked. '-' reads it from standard input.",
    ),
]


@app.command()
def add(
    name: Name,
    password_file: PasswordFile = None,
    admin: Annotated[
        bool, typer.Option("--admin", envvar="TRACKSIDE_USER_ADMIN", help="Make an admin of the user.")
    ] = False,
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """Make a user. The password needs 12 characters and must not be one that everybody would guess."""
    ask(url, "POST", f"{_AT}/create", {"username": name, "password": _new_password(password_file)})
    if admin:
        ask(url, "PATCH", f"{_AT}/update-admin", {"username": name, "is_admin": True})
    typer.echo(f"Made user {name}{' (admin)' if admin else ''}.")


@app.command("list")
def list_users(as_json: AsJson = False, url: ServerUrl = DEFAULT_URL) -> None:
    """List all users and their roles."""
    users = ask(url, "GET", f"{_AT}/list")["users"]
    if as_json:
        typer.echo(json.dumps({"users": users}))
        return
    for user in users:
        roles = [role["name"] for role in user["roles"] if not role["name"].startswith("__user_")]
        typer.echo("  ".join([user["username"], *(["admin"] if user["is_admin"] else []), *roles]))


@app.command()
def password(
    name: Name,
    password_file: PasswordFile = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="TRACKSIDE_USER_DATA_DIR",
            help="Folder of the server's data: change it there, without asking the server or signing in.",
        ),
    ] = None,
    store: UserStoreUrl = "",
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """Change a password. Whoever is signed in with the old one is not any more; tokens stay.

    With --data-dir or --store it works on the store itself, whether its server runs or not: for an admin who lost the
    password. Where there is no admin yet, it makes the first.
    """
    if data_dir is not None or store:
        made = _recover(data_dir or HERE, store, name, _new_password(password_file))
        typer.echo(f"Made the admin {name}." if made else f"Changed the password of {name}.")
        return
    fields = {"username": name, "password": _new_password(password_file)}
    if ask(url, "GET", f"{_AT}/current")["user"]["username"] == name:
        fields["current_password"] = os.environ.get("MLFLOW_TRACKING_PASSWORD") or typer.prompt(
            "Current password", hide_input=True
        )
    ask(url, "PATCH", f"{_AT}/update-password", fields)
    typer.echo(f"Changed the password of {name}.")


@app.command()
def admin(
    name: Name,
    revoke: Annotated[
        bool, typer.Option("--revoke", envvar="TRACKSIDE_USER_REVOKE", help="Make it an admin no longer.")
    ] = False,
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """Make a user an admin, who may do everything; or, with --revoke, no longer."""
    ask(url, "PATCH", f"{_AT}/update-admin", {"username": name, "is_admin": not revoke})
    typer.echo(f"{name} is {'no longer an' if revoke else 'now an'} admin.")


@app.command()
def delete(name: Name, url: ServerUrl = DEFAULT_URL) -> None:
    """Delete a user with tokens and permissions. What the user logged stays."""
    ask(url, "DELETE", f"{_AT}/delete", {"username": name})
    typer.echo(f"Deleted user {name}.")


def _new_password(path: Path | None) -> str:
    if path is None:
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"The password file {path} cannot be read: {error}.")
    return text.rstrip("\r\n")


def _recover(data_dir: Path, store: str, name: str, password: str) -> bool:
    """Whether a first admin was made."""
    import asyncio

    try:
        import argon2  # noqa: F401 - needed later, and then too late to say so

        from trackside.core import accounts, audit
        from trackside.core.app import App
    except ModuleNotFoundError as missing:
        fail(f"Changing it in the store needs {missing.name}: pip install 'trackside[server]'")
    from trackside.config import ServerSettings
    from trackside.errors import TracksideError

    async def run(opened: App) -> bool:
        try:
            made = await accounts.recover(opened, name, password)
            await audit.add(
                opened,
                who=f"(uid {os.getuid()})",
                action=f"trackside user password --{'store' if store else 'data-dir'}",
                detail=f"username={name}",
                address="",
                outcome=200,
            )
        finally:
            await opened.close()
        return made

    try:
        return asyncio.run(run(App.open_beside(ServerSettings(data_dir=data_dir.resolve(), store=store))))
    except TracksideError as error:
        fail(error.message)
    except OSError as error:
        fail(
            f"The store in {data_dir} cannot be opened: {error}. Run this as the user that the server runs as."
        )
