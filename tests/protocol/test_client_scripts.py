"""What users' scripts do with the real client beyond the story: prompts, webhooks, large files where parts are asked for."""

import subprocess
from pathlib import Path

import pytest
import servers
from servers import Server

SCRIPTS = Path(__file__).with_name("client_scripts")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def tell(version: str, script: str, *arguments: str) -> None:
    """Run a script with a release of the client; it fails by an assertion of its own."""
    command = [servers.client_python(version), SCRIPTS / script, *arguments]
    environment = servers.client_environment()
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("mode", ["auto", "forced"])
@pytest.mark.parametrize("version", ["2.20.2", servers.AUTHORITY])
def test_a_client_that_asks_for_parts_does_without(server: Server, version: str, mode: str) -> None:
    tell(version, "large_files.py", server.url, mode)


def test_prompts_are_models_that_are_not_seen_as_models(server: Server) -> None:
    tell(servers.AUTHORITY, "prompts.py", server.url)


@pytest.mark.parametrize("kind", ["trackside", "mlflow"])
def test_webhooks_tell_a_receiver(tmp_path: Path, kind: str) -> None:
    server = (servers.trackside if kind == "trackside" else servers.mlflow)(tmp_path)
    server.environment |= {
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    }
    with server:
        tell(servers.AUTHORITY, "webhooks.py", server.url)
