"""SIGKILL to every part and to the supervisor itself: it comes back, or is taken over, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import pytest
from lab import Lab, gone, kill, wait_gone
from mlflow.tracking import MlflowClient

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore:::mlflow")]


def test_each_part_comes_back_after_a_kill(running: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    # The unmodified client, told to try again for as long as a part may take to come back.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "8")
    client = MlflowClient(running.url("server"))
    run = client.create_run(client.create_experiment("killed"))
    run_id, logged = run.info.run_id, 0
    for victim in ("server", "postgres", "s3", "s3-console", "jupyter"):
        before = running.parts()[victim]
        kill(before["pid"])
        for _ in range(5):
            client.log_metric(run_id, "loss", 1 / (logged + 1), step=logged)
            logged += 1
        client.log_text(run_id, victim, f"{victim}.txt")
        after = running.until(lambda parts, was=before: came_back(parts[was["name"]], was))
        assert after[victim]["pid"] != before["pid"]
        assert after[victim]["restarts"] == before["restarts"] + 1
        assert after[victim]["url"] == before["url"]
        assert "SIGKILL" in running.call("logs", "stack").stdout
    history = client.get_metric_history(run_id, "loss")
    assert [point.step for point in history] == list(range(logged))
    for victim in ("server", "postgres", "s3", "s3-console", "jupyter"):
        assert mlflow.artifacts.load_text(f"runs:/{run_id}/{victim}.txt") == victim


@pytest.fixture(autouse=True)
def _tracking(running: Lab) -> Any:
    mlflow.set_tracking_uri(running.url("server"))
    yield
    mlflow.set_tracking_uri(None)


def test_a_killed_supervisor_is_followed_by_another_that_takes_over(running: Lab) -> None:
    pids, first = running.pids(), running.supervisor()
    kill(first)
    parts = running.parts()
    assert {row["state"] for row in parts.values()} == {"unsupervised"}
    assert {name: row["pid"] for name, row in parts.items()} == pids
    running.up()
    assert running.pids() == pids
    assert running.supervisor() != first
    assert {row["state"] for row in running.parts().values()} == {"ready"}
    # What was taken over is looked after like what was started.
    before = running.parts()["s3-console"]
    kill(pids["s3-console"])
    running.until(lambda parts: came_back(parts["s3-console"], before))


def came_back(now: dict[str, Any], before: dict[str, Any]) -> bool:
    return now["state"] == "ready" and now["restarts"] > before["restarts"] and now["pid"] != before["pid"]


def test_parts_that_died_with_their_supervisor_are_started_again(running: Lab) -> None:
    pids = running.pids()
    kill(running.supervisor())
    for name in ("server", "postgres"):
        kill(pids[name])
    running.up()
    after = running.pids()
    assert {name for name in after if after[name] != pids[name]} == {"server", "postgres"}


def test_down_ends_what_a_killed_supervisor_left(lab: Lab) -> None:
    lab.up("--without", "jupyter")
    pids = lab.pids()
    kill(lab.supervisor())
    lab.down()
    wait_gone(*pids.values())
    assert {row["state"] for row in lab.parts().values()} == {"stopped"}


def test_other_settings_after_a_kill_end_what_no_longer_fits(lab: Lab) -> None:
    lab.up("--without", "jupyter")
    before = lab.pids()
    kill(lab.supervisor())
    lab.up("--without", "jupyter", "--without", "s3-console", "--auth")
    after = lab.pids()
    assert gone(before["s3-console"])
    assert after["postgres"] == before["postgres"]
    assert after["s3"] == before["s3"]
    assert gone(before["server"])
    request = f"{lab.url('server')}/api/2.0/mlflow/experiments/get?experiment_id=0"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=10)


def test_a_state_that_somebody_damages_is_written_again(running: Lab) -> None:
    pids, state = running.pids(), running.folder / "stack/state.json"
    for damage in (lambda: state.write_text('{"sup'), state.unlink):
        damage()
        time.sleep(1)
        assert running.pids() == pids


def test_a_process_with_a_number_of_ours_is_left_alone(lab: Lab) -> None:
    """After a reboot the numbers in the file may be anybody's."""
    lab.up("--with", "server")
    lab.down()
    with subprocess.Popen(["sleep", "60"]) as innocent:
        path = lab.folder / "stack/state.json"
        state = json.loads(path.read_text())
        state["supervisor"] = {"pid": innocent.pid, "birth": "another boot:1"}
        state["parts"][0]["process"] = {"pid": innocent.pid, "birth": "another boot:1"}
        path.write_text(json.dumps(state))
        assert lab.parts()["server"]["pid"] is None
        lab.down()
        lab.up("--with", "server")
        assert innocent.poll() is None
        innocent.terminate()


def test_a_part_that_hangs_is_told(running: Lab) -> None:
    pid = running.pids()["s3-console"]
    os.kill(pid, signal.SIGSTOP)
    try:
        running.until(lambda parts: parts["s3-console"]["state"] == "not answering", 90)
    finally:
        os.kill(pid, signal.SIGCONT)
    running.all_ready()


def test_an_interrupted_up_leaves_nothing(lab: Lab) -> None:
    command = lab.command(*lab.up_arguments())
    with subprocess.Popen(command, env=lab.environment, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 30
        while not (lab.folder / "stack/state.json").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "Interrupted" in said
    assert all(row["pid"] is None for row in lab.parts().values())
    assert programs_naming(lab.folder) == []


def programs_naming(folder: Path) -> list[str]:
    """Commands of running programs that name a folder."""
    commands = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(file.read_text().replace("\0", " "))
        except OSError:
            continue
    return [command for command in commands if str(folder) in command]
