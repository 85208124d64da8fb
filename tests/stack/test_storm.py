"""Parts of a stack are killed at random, again and again, while the unmodified client writes: what it was told is kept."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator

import mlflow
import pytest
from lab import Lab, kill
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

KILLS = int(os.environ.get("TRACKSIDE_TEST_KILLS", "5"))
SEED = int(os.environ.get("TRACKSIDE_TEST_SEED", str(random.SystemRandom().randrange(10**6))))
VICTIMS = ("server", "postgres", "s3", "supervisor")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.filterwarnings("ignore:::mlflow"),
]


class Writer(threading.Thread):
    """Logs points and files of one run, and keeps what was acknowledged."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(daemon=True)
        self.client = MlflowClient(url)
        self.run_id = self.client.create_run("0", run_name=f"writer {number}").info.run_id
        self.points: list[tuple[int, float]] = []
        self.files: dict[str, str] = {}
        self.refused = 0
        self.done = threading.Event()

    def run(self) -> None:
        step = 0
        while not self.done.is_set():
            value = random.random()  # the client retries what is answered with 5xx, and lost connections
            try:
                self.client.log_metric(self.run_id, "loss", value, step=step, timestamp=step)
                self.points.append((step, value))
                if step % 20 == 0:
                    self.client.log_text(self.run_id, f"at {step}", f"{step}.txt")
                    self.files[f"{step}.txt"] = f"at {step}"
            except MlflowException:  # it gave up: nothing was promised
                self.refused += 1
            step += 1


@pytest.fixture
def writers(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Writer]]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
    lab.up("--without", "jupyter", "--without", "s3-console")
    mlflow.set_tracking_uri(lab.url("server"))
    made = [Writer(lab.url("server"), number) for number in range(3)]
    for writer in made:
        writer.start()
    yield made
    mlflow.set_tracking_uri(None)


def test_nothing_acknowledged_is_lost(lab: Lab, writers: list[Writer]) -> None:
    chosen = random.Random(SEED)
    for _ in range(KILLS):
        time.sleep(chosen.uniform(0, 3))
        victim = chosen.choice(VICTIMS)
        if victim == "supervisor":
            kill(lab.supervisor())
            lab.up("--without", "jupyter", "--without", "s3-console")
        elif pid := lab.parts()[victim]["pid"]:
            kill(pid)
    lab.all_ready()
    for writer in writers:
        writer.done.set()
        writer.join(300)
    for writer in writers:
        stored = {(p.step, p.value) for p in writer.client.get_metric_history(writer.run_id, "loss")}
        assert set(writer.points) <= stored, f"seed {SEED}"
        for name, text in writer.files.items():
            assert mlflow.artifacts.load_text(f"runs:/{writer.run_id}/{name}") == text, f"seed {SEED}"
    points, files = sum(len(w.points) for w in writers), sum(len(w.files) for w in writers)
    refused = sum(w.refused for w in writers)
    print(f"seed {SEED}: {KILLS} kills, {points} points, {files} files, {refused} given up")  # noqa: T201
