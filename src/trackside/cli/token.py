"""`trackside token`: personal tokens, which scripts sign in with. `trackside audit`: who did what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from trackside.cli.remote import DEFAULT_URL, AsJson, ServerUrl, ask

app = typer.Typer(help="Personal tokens: create, list, revoke.", no_args_is_help=True)
_AT = "/api/trackside/v1/tokens"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        str,
        typer.Option(
            envvar="TRACKSIDE_TOKEN_SCOPE",
            help="read, edit (log and change, not delete), or admin (all that its user may).",
        ),
    ] = "edit",
    days: Annotated[
        float, typer.Option(envvar="TRACKSIDE_TOKEN_DAYS", min=0, help="Days until it expires; 0 for never.")
    ] = 90,
    owner: Annotated[
        str, typer.Option(envvar="TRACKSIDE_TOKEN_OWNER", help="Another user to make it for, by admins.")
    ] = "",
    as_json: AsJson = False,
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """Make a token and print it: it cannot be shown again.

    Use it as MLFLOW_TRACKING_TOKEN, or as the password beside your user name.
    """
    fields = {"name": name, "scope": scope, "days": days or None, "owner": owner}
    made = ask(url, "POST", _AT, fields)
    typer.echo(json.dumps(made) if as_json else made["text"])


@app.command("list")
def list_tokens(
    everybody: Annotated[
        bool, typer.Option("--all", envvar="TRACKSIDE_TOKEN_ALL", help="Those of all users, for admins.")
    ] = False,
    as_json: AsJson = False,
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """List your tokens, without their texts."""
    tokens = ask(url, "GET", _AT, {"owner": "*"} if everybody else None)["tokens"]
    if as_json:
        typer.echo(json.dumps({"tokens": tokens}))
        return
    for token in tokens:
        ends = "never expires" if token["expires_ms"] is None else f"until {_time(token['expires_ms'])}"
        typer.echo(f"{token['token_id']}  {token['owner']}  {token['name']}  {token['scope']}  {ends}")


@app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(help="Its number, as `token list` shows it.")],
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """End a token at once."""
    ask(url, "DELETE", f"{_AT}/{token_id}")
    typer.echo(f"Token {token_id} is revoked.")


def audit(
    limit: Annotated[
        int, typer.Option(envvar="TRACKSIDE_AUDIT_LIMIT", min=1, max=1000, help="How many entries.")
    ] = 100,
    before: Annotated[
        int,
        typer.Option(
            envvar="TRACKSIDE_AUDIT_BEFORE", help="Only entries older than this one; 0 for the newest."
        ),
    ] = 0,
    as_json: AsJson = False,
    url: ServerUrl = DEFAULT_URL,
) -> None:
    """Show who did what, newest first: changes of access, deletions, and what was refused. For admins."""
    fields = {"limit": limit, **({"before": before} if before else {})}
    entries = ask(url, "GET", "/api/trackside/v1/audit", fields)["entries"]
    if as_json:
        typer.echo(json.dumps({"entries": entries}))
        return
    for e in entries:
        who = e["who"] or "-"
        typer.echo(
            f"{e['audit_id']}  {_time(e['time_ms'])}  {e['outcome']}  {who}  {e['address']}  {e['action']}  {e['detail']}"
        )


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
