"""A server with sign-in, and clients for its users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from live_server import running

from trackside.config import ServerSettings
from trackside.core.app import App

ADMIN_PASSWORD = "purple-otter-29-lamp"
API = "/api/2.0/mlflow"
API3 = "/api/3.0/mlflow"
NATIVE = "/api/trackside/v1"


class Guarded:
    """The server, with an admin."""

    def __init__(self, url: str, app: App) -> None:
        self.url = url
        self.app = app
        self._clients: list[httpx.Client] = []
        self.code = app.identities.setup_code
        form = {"code": self.code, "username": "admin", **twice(ADMIN_PASSWORD)}
        assert httpx.post(f"{url}/setup", data=form).status_code == 303
        self.admin = self.client("admin", ADMIN_PASSWORD)

    def client(self, name: str = "", password: str = "", **options: Any) -> httpx.Client:
        auth = (name, password) if name else None
        made = httpx.Client(base_url=self.url, auth=auth, timeout=20, **options)
        self._clients.append(made)
        return made

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def bearer(self, token: str) -> httpx.Client:
        return self.client(headers={"Authorization": f"Bearer {token}"})

    def user(self, name: str, password: str = "") -> httpx.Client:
        password = password or f"blue-heron-{name}-57-x"
        body = {"username": name, "password": password}
        assert self.admin.post(f"{API}/users/create", json=body).status_code == 200
        return self.client(name, password)

    def grant(self, name: str, kind: str, on: str, permission: str) -> None:
        body = {"username": name, "resource_type": kind, "resource_id": on, "permission": permission}
        answer = self.admin.post(f"{API3}/users/permissions/grant", json=body)
        assert answer.status_code == 200, answer.text


def twice(password: str) -> dict[str, str]:
    """A new password as the form has it."""
    return {"password": password, "again": password}


def tokens(client: httpx.Client, **fields: Any) -> httpx.Response:
    """Ask for a personal token."""
    return client.post(f"{NATIVE}/tokens", json=fields)


@contextmanager
def guarded(folder: Path, **settings: Any) -> Iterator[Guarded]:
    with running(ServerSettings(data_dir=folder, port=0, auth=True, **settings)) as (url, app):
        server = Guarded(url, app)
        try:
            yield server
        finally:
            server.close()
