"""The web UI in a real browser, on a real server that the real mlflow client has filled."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "ui"
BUDGET_S = 600

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(BUDGET_S + 120),
    pytest.mark.filterwarnings("default:passed only"),
]


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """Address of a server with its data in a folder."""
    command = [
        sys.executable,
        "-m",
        "trackside",
        "server",
        "--port",
        "0",
        "--data-dir",
        str(folder),
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://[\d.]+:\d+[\w/]*", line)
        assert found, f"the server said: {line!r}"
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("ui")) as url:
        yield url


LOG_BEHIND_A_PREFIX = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("behind a prefix")
mlflow.start_run(run_name="first run")
for step in range(5):
    mlflow.log_metric("loss", 1 / (step + 1), step)
mlflow.log_text("hello", "notes/a.txt")
client, run = mlflow.MlflowClient(), mlflow.active_run().info.run_id
assert [point.step for point in client.get_metric_history(run, "loss")] == [0, 1, 2, 3, 4]
assert mlflow.artifacts.load_text(f"runs:/{run}/notes/a.txt") == "hello"
import os; os._exit(0)  # the run stays live
"""


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server with a prefix, on which the real client has started a run."""
    with serving(tmp_path_factory.mktemp("prefixed"), "--static-prefix", "/lab/mlflow") as url:
        assert url.endswith("/lab/mlflow")
        command = [sys.executable, "-c", LOG_BEHIND_A_PREFIX, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        yield url


PASSWORD = "purple-otter-29-lamp"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that asks everybody to sign in; its admin has PASSWORD."""
    folder = tmp_path_factory.mktemp("guarded")
    password = folder / "password"
    password.write_text(PASSWORD)
    with serving(folder / "data", "--auth", "--admin-password-file", str(password)) as url:
        yield url


@pytest.fixture(scope="module")
def seed(server: str) -> str:
    """What `seed.py` put there, as JSON."""
    command = [sys.executable, str(Path(__file__).with_name("seed.py")), server]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def built() -> None:
    """The UI as the sources are now."""
    subprocess.run([ROOT / "scripts/ui"], check=True)


def test_journeys(built: None, server: str, seed: str, prefixed: str, guarded: str) -> None:
    """Every journey of ui/tests/journeys."""
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert browser, "the browser tests need Chromium: apt-get install chromium, or set CHROMIUM"
    assert json.loads(seed)["run"]
    environment = {
        **os.environ,
        "CHROMIUM": browser,
        "TRACKSIDE_URL": server,
        "TRACKSIDE_PREFIXED_URL": prefixed,
        "TRACKSIDE_GUARDED_URL": guarded,
        "TRACKSIDE_GUARDED_PASSWORD": PASSWORD,
        "TRACKSIDE_SEED": seed,
        "TRACKSIDE_PYTHON": sys.executable,
    }
    command = ["npx", "--no-install", "playwright", "test"]
    done = subprocess.run(command, cwd=UI, env=environment, timeout=BUDGET_S, check=False)
    flaky, failed = outcomes(json.loads((UI / "test-results/report.json").read_text()))
    for title in flaky:
        warnings.warn(f"passed only when tried again: {title}", stacklevel=1)
    assert not failed, "\n\n".join(f"{title}\n{why}" for title, why in failed.items())
    assert done.returncode == 0


def outcomes(report: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Of Playwright's report: what passed at its second attempt, and what failed, with its first error."""
    flaky: list[str] = []
    failed: dict[str, str] = {}
    suites = list(report["suites"])
    for suite in suites:
        suites += suite.get("suites", [])
        for spec in suite.get("specs", []):
            for attempted in spec["tests"]:
                title = f"{spec['file']}:{spec['line']} {spec['title']}"
                errors = [each["error"]["message"] for each in attempted["results"] if "error" in each]
                if attempted["status"] == "flaky":
                    flaky.append(f"{title}: {errors[0]}")
                elif attempted["status"] == "unexpected":
                    failed[title] = errors[0] if errors else "no error was reported"
    return flaky, failed
