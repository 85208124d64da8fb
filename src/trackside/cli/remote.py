"""A small client for commands that ask a running server: the store belongs to the server's process."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from typing import Annotated, Any, NoReturn
from urllib.parse import urlencode

import typer

ServerUrl = Annotated[
    str,
    typer.Option(
        "--url",
        envvar=["TRACKSIDE_URL", "MLFLOW_TRACKING_URI"],
        help="Address of the server. Credentials: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", envvar="TRACKSIDE_JSON", help="Print JSON.")]
DEFAULT_URL = "http://127.0.0.1:8000"
SECONDS = 30


def ask(url: str, method: str, path: str, fields: dict[str, Any] | None = None) -> Any:
    """The server's answer; ends the command with the server's message when it refuses."""
    query = f"?{urlencode(fields)}" if fields and method == "GET" else ""
    body = json.dumps(fields).encode() if fields and method != "GET" else None
    headers = {"Content-Type": "application/json", **_credentials()}
    if not url.startswith(("http://", "https://")):
        fail(f"'{url}' is not the address of a server: it must begin with http:// or https://.")
    request = urllib.request.Request(f"{url.rstrip('/')}{path}{query}", body, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        fail(_message(error))
    except (OSError, ValueError) as error:
        fail(
            f"No answer from {url}: {getattr(error, 'reason', error)}. Is it a Trackside server, and running?"
        )


def fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _credentials() -> dict[str, str]:
    name, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if name and password:
        pair = base64.b64encode(f"{name}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _message(error: urllib.error.HTTPError) -> str:
    text = error.read().decode("utf-8", "replace")
    try:
        said = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        said = text
    if error.code == 401:
        said += " Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
    return said or f"The server answered {error.code}."
