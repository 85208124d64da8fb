"""A server of its own for what nobody would send."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import servers
from hypothesis import HealthCheck, Phase, settings
from servers import Server

# About the seconds of the whole suite; TRACKSIDE_TEST_FUZZ_SECONDS=3600 for a night. Hypothesis goes by examples, so that a
# failure can be repeated; 25 examples of each test take about a second on two cores.
SECONDS = int(os.environ.get("TRACKSIDE_TEST_FUZZ_SECONDS", "60"))
GROWTH_BYTES = 300 * 1024**2  # of the server's memory, over the whole suite

fuzzing = settings(
    max_examples=SECONDS * 25,
    derandomize=SECONDS <= 60,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Target:
    """The server, with ids that requests can name."""

    server: Server
    http: httpx.Client
    names: dict[str, str] = field(default_factory=dict)

    def resident_bytes(self) -> int:
        assert self.server.process is not None
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with (
        servers.trackside(tmp_path_factory.mktemp("fuzz")) as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        target = Target(server, http)
        api = "/api/2.0/mlflow"
        run = http.post(f"{api}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        model = http.post(f"{api}/logged-models", json={"experiment_id": "0"}).json()["model"]["info"]
        http.post(f"{api}/registered-models/create", json={"name": "fuzzed"})
        source = {"name": "fuzzed", "source": f"runs:/{run}/m", "run_id": run}
        http.post(f"{api}/model-versions/create", json=source)
        target.names = {
            "run": run,
            "experiment": "0",
            "logged": model["model_id"],
            "model": "fuzzed",
            "unique": "new",
            "named": "Default",
        }
        before = target.resident_bytes()
        yield target
        assert target.resident_bytes() - before < GROWTH_BYTES, "the server keeps what it was sent"
        assert server.process is not None
        assert server.process.poll() is None, server.tail()
        assert "Traceback" not in server.log.read_text(errors="replace"), server.tail()
