"""Sign-in as mlflow's own client does it: by name and password, by token, and its AuthServiceClient."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import servers
from access_cases import ADMIN_PASSWORD
from servers import Server

pytestmark = pytest.mark.slow

VERSIONS = ["2.20.2", "3.17.2"]
SCRIPT = Path(__file__).with_name("access_client.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("access")
    password = folder / "password"
    password.write_text(ADMIN_PASSWORD)
    with servers.trackside(folder, "--auth", "--admin-password-file", str(password)) as running:
        yield running


def act(
    version: str, server: Server, role: str, name: str, password: str, **environment: str
) -> dict[str, Any]:
    """What the script says when that client release runs it."""
    command = [str(servers.client_python(version)), "-W", "ignore", str(SCRIPT), role, name, password]
    environment = servers.client_environment(
        MLFLOW_TRACKING_URI=server.url, PYTHONPATH=str(servers.basic_auth_extra()), **environment
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("version", VERSIONS)
def test_a_team_shares_a_server(server: Server, version: str) -> None:
    name, password = f"user-{version}", "blue-heron-57-fern"
    admin = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": ADMIN_PASSWORD}
    made = act(version, server, "admin", name, password, **admin)
    assert (made["user"], made["is_admin"], made["granted"]) == (name, False, "EDIT")
    assert set(made["roles"]) & {f"role of {name}", "NO_PERMISSIONS"}

    user = {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password}
    said = act(version, server, "user", name, password, **user)
    assert (said["steps"], said["artifacts"], said["version"]) == (3, ["notes.txt"], "1")
    assert said["experiments"] == [f"left to {name}", f"shared with {name}"]
    for what in ("left", "closed", "deletion", "users"):
        assert "403" in said[what], f"{what}: {said[what]}"
        assert "Permission denied" in said[what]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_token_instead_of_a_password(server: Server, version: str) -> None:
    auth = ("admin", ADMIN_PASSWORD)
    token = {"name": f"ci {version}", "scope": "admin"}
    text = httpx.post(f"{server.url}/api/trackside/v1/tokens", json=token, auth=auth).json()["text"]
    made = act(
        version, server, "admin", f"by-token-{version}", "blue-heron-57-fern", MLFLOW_TRACKING_TOKEN=text
    )
    assert made["granted"] == "EDIT"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "wrong"},
        {"MLFLOW_TRACKING_TOKEN": "no"},
    ],
    ids=["nothing", "wrong password", "wrong token"],
)
def test_who_does_not_sign_in_is_told_how(server: Server, version: str, environment: dict[str, str]) -> None:
    said = act(version, server, "refused", "", "", **environment)["search"]
    assert "401" in said
    assert "You are not authenticated" in said
