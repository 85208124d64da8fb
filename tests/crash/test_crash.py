"""SIGKILL at random moments: what was acknowledged is there exactly once, nothing else is, and clients go on.

TRACKSIDE_TEST_KILLS sets how many kills there are (default 6, half as many on PostgreSQL and S3),
TRACKSIDE_TEST_SEED when they are and what is written.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import time

import httpx
import pytest
import servers
from conftest import Lab
from servers import Server
from wire import history, new_experiment
from writer import Writer, violations

KILLS = int(os.environ.get("TRACKSIDE_TEST_KILLS", "6"))
SEED = int(os.environ.get("TRACKSIDE_TEST_SEED", "11"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180 + 10 * KILLS)]


def check(server: Server, writers: list[Writer]) -> None:
    """No writer may move meanwhile: what is acknowledged while it is read would look lost."""
    with contextlib.ExitStack() as held, httpx.Client(base_url=server.url, timeout=30) as http:
        for writer in writers:
            held.enter_context(writer.lock)
        found = [f"{writer.name}: {line}" for writer in writers for line in violations(http, writer.ledger)]
    assert found == []


def damages(lab: Lab) -> list[str]:
    """What `trackside db check` finds."""
    at = ["--store", lab.store] if lab.store else ["--data-dir", str(lab.server.folder / "data")]
    command = [sys.executable, "-m", "trackside", "db", "check", "--json", *at]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    found: list[str] = json.loads(done.stdout)["damages"]
    return found


def test_nothing_acknowledged_is_lost(lab: Lab) -> None:
    dice, server = random.Random(SEED), lab.server
    with httpx.Client(base_url=server.url) as http:
        experiment = new_experiment(http, "crash")
    writers = [Writer(server.url, experiment, 100 * SEED + number) for number in range(3)]
    for writer in writers:
        writer.start()
    # Storage that was killed answers again after some ten seconds.
    for number in range(KILLS if lab.s3 is None else max(3, KILLS // 2)):
        time.sleep(dice.uniform(0.05, 1.2))
        lab.kill(lab.parts[number % len(lab.parts)])
        check(server, writers)
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive()
        writer.http.close()
        assert writer.failure is None, writer.failure
    check(server, writers)
    assert all(writer.ledger.sent == writer.ledger.acknowledged for writer in writers)
    assert sum(writer.repeats for writer in writers) >= lab.killed["server"], (
        "no kill hit a request: the test proves nothing"
    )
    assert damages(lab) == []
    assert server.stop() == 0
    assert damages(lab) == []
    points = sum(len(kept) for writer in writers for kept in writer.ledger.acknowledged.values())
    told = (
        f"killed {lab.killed}, {sum(w.requests for w in writers)} requests, {points} points, 0 lost, 0 twice"
    )
    print(f"\n{told}")  # noqa: T201


def test_the_check_finds_what_is_wrong(sqlite: Lab) -> None:
    server = sqlite.server
    with httpx.Client(base_url=server.url) as http:
        writer = Writer(server.url, new_experiment(http, "check"), seed=1)
        for act in (writer.log_batch, writer.log_metric, writer.put_file, writer.set_tag):
            act()
        writer.http.close()
        ledger = writer.ledger
        assert violations(http, ledger) == []
        ledger.acknowledged["m0"].add((999, 999, 1.0))
        ledger.sent["m1"].pop()
        ledger.params["p7"] = "never stored"
        ledger.tags["t0"] = "another value"
        ledger.files["lost.bin"] = "no such hash"
        ledger.unsure_files.clear()
        found = " | ".join(violations(http, ledger))
    for words in (
        "m0: lost (999",
        "m1: invented",
        "params p7: None",
        "tags t0:",
        "file lost.bin: 404",
        "lost.bin: not in",
    ):
        assert words in found, (words, found)


CLIENT = """
import mlflow, sys
mlflow.set_experiment("survives")
with mlflow.start_run() as run:
    print(run.info.run_id, flush=True)
    for step in range(int(sys.argv[1])):
        mlflow.log_metric("one", step / 3, step=step)
        mlflow.log_metrics({"a": step, "b": -step}, step=step)
        mlflow.log_param(f"p{step}", step)
        if step % 10 == 0:
            mlflow.log_text(f"step {step}", f"notes/{step}.txt")
            print(step, flush=True)
"""


def test_the_real_client_goes_on(sqlite: Lab) -> None:
    """Three kills under a training loop in the unmodified client, with its own settings for retries."""
    steps, server = 400, sqlite.server
    environment = servers.client_environment(MLFLOW_TRACKING_URI=server.url)
    del environment["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
    command = [str(servers.client_python(servers.AUTHORITY)), "-W", "ignore", "-c", CLIENT, str(steps)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        run = client.stdout.readline().strip()
        for _ in range(3):
            for _ in range(6):
                client.stdout.readline()
            server.kill()
            server.start()
        client.communicate(timeout=100)
        assert client.returncode == 0
    with httpx.Client(base_url=server.url) as http:
        seen = http.get("/api/2.0/mlflow/runs/get", params={"run_id": run}).json()["run"]
        assert seen["info"]["status"] == "FINISHED"
        assert {item["key"]: item["value"] for item in seen["data"]["params"]} == {
            f"p{n}": str(n) for n in range(steps)
        }
        for key, value in {"one": 1 / 3, "a": 1.0, "b": -1.0}.items():
            stored = [[step, point] for _, step, point in history(http, run, key)]
            assert sorted(stored) == [[step, pytest.approx(step * value)] for step in range(steps)], key
        notes = http.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run, "path": "notes"}).json()[
            "files"
        ]
        assert len(notes) == steps / 10
