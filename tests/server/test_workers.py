"""Several processes on one port and one PostgreSQL: as one server to everybody outside."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from postgres_server import PASSWORD, VERSIONS, binaries, free_port, server

API = "/api/2.0/mlflow"
NATIVE = "/api/trackside/v1"


@pytest.fixture(scope="module")
def postgres():
    version = next((version for version in VERSIONS if binaries(version)), None)
    if version is None:
        pytest.skip("PostgreSQL is not installed: scripts/setup postgres")
    with server(version) as made:
        yield made


@contextmanager
def serving(store, folder, *options):
    """A server as a user starts it; its process and its address."""
    port = free_port()
    command = [sys.executable, "-m", "trackside", "server", "--port", str(port), "--data-dir", str(folder)]
    process = subprocess.Popen(
        [*command, *options],
        env={**os.environ, "TRACKSIDE_STORE": store},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert "Trackside is at" in line, line + process.stdout.read()
        assert "(database: postgresql://" in line
        assert PASSWORD not in line
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def workers_of(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def post(url, path, **body):
    return httpx.post(f"{url}{API}/{path}", json=body, timeout=60)


def new_run(url, experiment="0"):
    answer = post(url, "runs/create", experiment_id=experiment, start_time=1)
    return answer.json()["run"]["info"]["run_id"]


@pytest.fixture
def two(postgres, tmp_path):
    """Two servers, each of one process, on one database: the addresses."""
    store = postgres.new_database()
    with serving(store, tmp_path / "a") as (_, first), serving(store, tmp_path / "a") as (_, second):
        yield first, second


def everywhere(asks):
    """Ask at the same time; the answers."""
    with ThreadPoolExecutor(len(asks)) as threads:
        return list(threads.map(lambda ask: ask(), asks))


def test_a_dead_worker_is_replaced_and_all_end_in_time(postgres, tmp_path):
    with serving(postgres.new_database(), tmp_path, "--workers", "3") as (process, url):
        first = workers_of(process)
        assert len(first) == 3
        os.kill(first[0], signal.SIGKILL)
        until = time.monotonic() + 20
        while len(set(workers_of(process)) - {first[0]}) < 3:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert all(httpx.get(f"{url}/health").text == "OK" for _ in range(20))
        everybody = workers_of(process)
        with httpx.stream("GET", f"{url}{NATIVE}/events?topic=experiments"):
            began = time.monotonic()
            process.terminate()
            assert process.wait(10) == 0
            assert time.monotonic() - began < 5.5
        assert not any(Path(f"/proc/{pid}").exists() for pid in everybody)


def test_workers_end_when_the_first_process_is_killed(postgres, tmp_path):
    with serving(postgres.new_database(), tmp_path, "--workers", "2") as (process, _):
        everybody = workers_of(process)
        process.kill()
        until = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in everybody):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_sqlite_refuses_workers(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "trackside", "server", "--port", "0", "--data-dir", str(tmp_path), "--workers", "2"],
        env={key: value for key, value in os.environ.items() if key != "TRACKSIDE_STORE"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "SQLite is for one process" in done.stderr


def at_once(urls, path, bodies):
    """Send the bodies to the servers in turn, all at the same time; the answers."""
    return everywhere(
        [partial(post, url, path, **body) for url, body in zip(itertools.cycle(urls), bodies, strict=False)]
    )


def test_one_name_is_given_once(two):
    for number in range(10):
        answers = at_once(two, "experiments/create", [{"name": f"e{number}"}] * 6)
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]
        refused = {answer.json()["error_code"] for answer in answers if answer.status_code == 400}
        assert refused == {"RESOURCE_ALREADY_EXISTS"}


def test_of_two_values_of_a_param_one_wins(two):
    for _ in range(10):
        run = new_run(two[0])
        bodies = [{"run_id": run, "key": "lr", "value": str(value)} for value in range(6)]
        answers = at_once(two, "runs/log-parameter", bodies)
        won = [
            body["value"] for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 200
        ]
        assert len(won) == 1
        assert {answer.status_code for answer in answers} == {200, 400}
        stored = httpx.get(f"{two[1]}{API}/runs/get", params={"run_id": run}).json()["run"]["data"]["params"]
        assert stored == [{"key": "lr", "value": won[0]}]


def test_two_servers_log_to_one_run_at_once_and_nothing_is_missing_or_twice(two):
    run = new_run(two[0])

    def log(part):
        url = two[part % 2]
        with httpx.Client(base_url=f"{url}{API}", timeout=60) as client:
            for batch in range(20):
                points = [
                    {
                        "key": f"m{key}",
                        "value": batch,
                        "timestamp": part * 1000 + batch,
                        "step": part * 1000 + batch,
                    }
                    for key in (range(10) if part % 2 else reversed(range(10)))
                ]
                body = {
                    "run_id": run,
                    "metrics": points,
                    "params": [{"key": f"p{part}-{batch}", "value": "1"}, {"key": "shared", "value": "same"}],
                    "tags": [{"key": "last", "value": f"{part}-{batch}"}],
                }
                assert client.post("/runs/log-batch", json=body).status_code == 200

    everywhere([lambda part=part: log(part) for part in range(6)])
    data = httpx.get(f"{two[0]}{API}/runs/get", params={"run_id": run}).json()["run"]["data"]
    assert len(data["params"]) == 6 * 20 + 1
    assert {metric["step"] for metric in data["metrics"]} == {5 * 1000 + 19}
    for url in two:
        history = httpx.get(
            f"{url}{API}/metrics/get-history", params={"run_id": run, "metric_key": "m3"}
        ).json()
        steps = [metric["step"] for metric in history["metrics"]]
        assert steps == [part * 1000 + batch for part in range(6) for batch in range(20)]


def test_versions_of_a_model_are_numbered_without_gaps_or_doubles(two):
    assert post(two[0], "registered-models/create", name="m").status_code == 200
    answers = at_once(two, "model-versions/create", [{"name": "m", "source": "s3://b/x"}] * 16)
    assert sorted(int(answer.json()["model_version"]["version"]) for answer in answers) == list(range(1, 17))


def listened(url, topic, count, do):
    """Events that reach a page at this server after something was done; the data."""

    async def hear():
        async with httpx.AsyncClient(timeout=30) as client:
            params = {"topic": topic}
            async with client.stream("GET", f"{url}{NATIVE}/events", params=params) as answer:
                lines = answer.aiter_lines()
                async for line in lines:
                    if line.startswith(": listening"):
                        break
                await asyncio.to_thread(do)
                found = []
                async for line in lines:
                    if line.startswith("data:"):
                        found.append(json.loads(line[5:]))
                        if len(found) == count:
                            break
                return found

    return asyncio.run(asyncio.wait_for(hear(), 30))


def test_events_of_one_server_reach_pages_at_the_other_in_order(two):
    run = new_run(two[0])

    def log():
        for step in range(30):
            post(two[0], "runs/log-metric", run_id=run, key="loss", value=step / 7, timestamp=step, step=step)

    heard = listened(two[1], f"run:{run}", 30, log)
    points = [event["points"]["loss"][0] for event in heard]
    assert points == [[step, step, step / 7] for step in range(30)]


def test_a_value_that_is_no_number_comes_over(two):
    run = new_run(two[0])
    [event] = listened(
        two[1],
        f"run:{run}",
        1,
        lambda: post(two[0], "runs/log-metric", run_id=run, key="loss", value="NaN", timestamp=1, step=1),
    )
    assert event["points"]["loss"][0][2] == "NaN"


def test_permissions_taken_at_one_server_are_gone_at_the_other(postgres, tmp_path):
    store = postgres.new_database()
    password = tmp_path / "password"
    password.write_text("correct horse battery")
    options = ("--auth", "--admin-password-file", str(password), "--default-permission", "NO_PERMISSIONS")
    with (
        serving(store, tmp_path, *options) as (_, one),
        serving(store, tmp_path, *options) as (_, two),
        httpx.Client(auth=("admin", "correct horse battery"), timeout=30) as admin,
        httpx.Client(auth=("ann", "a long password 1"), timeout=30) as ann,
    ):
        made = admin.post(
            f"{one}{API}/users/create", json={"username": "ann", "password": "a long password 1"}
        )
        assert made.status_code == 200, made.text
        experiment = admin.post(f"{one}{API}/experiments/create", json={"name": "e"}).json()["experiment_id"]
        grant = {"experiment_id": experiment, "username": "ann", "permission": "READ"}
        assert admin.post(f"{one}{API}/experiments/permissions/create", json=grant).status_code == 200
        wanted = {"experiment_id": experiment}

        def status(url):
            return ann.get(f"{url}{API}/experiments/get", params=wanted).status_code

        assert within_a_second(lambda: status(two) == 200)
        gone = admin.request(
            "DELETE", f"{one}{API}/experiments/permissions/delete", json=wanted | {"username": "ann"}
        )
        assert gone.status_code == 200
        assert within_a_second(lambda: status(two) == 403)
        assert status(one) == 403
        changed = {"username": "ann", "password": "a long password 2"}
        assert admin.patch(f"{one}{API}/users/update-password", json=changed).status_code == 200
        assert within_a_second(lambda: status(two) == 401)


def within_a_second(condition):
    until = time.monotonic() + 1.5
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_all_servers_on_a_store_have_one_code_for_the_first_admin(postgres, tmp_path):
    store = postgres.new_database()
    with serving(store, tmp_path, "--auth") as (one, _), serving(store, tmp_path, "--auth") as (two, _):
        links = [process.stdout.readline().partition("code=")[2] for process in (one, two)]
    assert links[0] == links[1]
    assert len(links[0]) > 30


def test_what_is_wrong_with_a_store_is_one_line_without_the_password(postgres, tmp_path):
    good = postgres.new_database()
    at = f"127.0.0.1:{postgres.port}"
    cases = {
        f"postgresql://trackside:hush@{at}/postgres": "password authentication failed",
        good.rpartition("/")[0] + "/nowhere": "createdb nowhere",
        "postgresql://u:hush@127.0.0.1:1/x": "cannot be reached at postgresql://u@127.0.0.1:1/x",
        "postgresql://u:hu/sh@127.0.0.1/x": "address cannot be read",
        "postgresql://u:hu#sh@127.0.0.1/x": "address cannot be read",
        good.rpartition("/")[0] + "/postgres": "Make it the database's owner",
        "mysql://u:hush@h/x": "must begin with postgresql://",
    }
    for store, words in cases.items():
        done = subprocess.run(
            [sys.executable, "-m", "trackside", "server", "--port", "0", "--data-dir", str(tmp_path)],
            env={**os.environ, "TRACKSIDE_STORE": store, "COLUMNS": "300"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0
        assert words in said, said
        assert not any(secret in said for secret in ("hush", "hu/sh", "hu#sh", "p@ss", "p%40ss", "w:rd"))
        assert "Traceback" not in said
