"""The native API: what the UI asks for, live events, errors, and the OpenAPI document."""

from __future__ import annotations

import json
import math
import struct
import threading
import time
import uuid
from contextlib import contextmanager

import msgspec
import pytest

from trackside.server.native import shapes

ROOT = "/api/trackside/v1"
MLFLOW = "/api/2.0/mlflow"


@pytest.fixture
def experiment(client, request):
    made = client.post(f"{ROOT}/experiments", json={"name": request.node.name})
    assert made.status_code == 200, made.text
    return made.json()["experiment_id"]


def new_run(client, experiment, name="r", **tags):
    body = {
        "experiment_id": experiment,
        "run_name": name,
        "start_time": 1_700_000_000_000,
        "tags": [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()],
    }
    return client.post(f"{MLFLOW}/runs/create", json=body).json()["run"]["info"]["run_id"]


def log(client, run_id, metrics=(), params=(), tags=()):
    body = {
        "run_id": run_id,
        "metrics": [{"key": k, "step": s, "timestamp": t, "value": v} for k, s, t, v in metrics],
        "params": [{"key": k, "value": v} for k, v in params],
        "tags": [{"key": k, "value": v} for k, v in tags],
    }
    answer = client.post(f"{MLFLOW}/runs/log-batch", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 200, answer.text


JSON = {"Content-Type": "application/json"}


def as_shape(answer, shape):
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=shape)


def test_experiments(client, experiment):
    run_id = new_run(client, experiment)
    failed = new_run(client, experiment)
    client.post(
        f"{MLFLOW}/runs/update", json={"run_id": failed, "status": "FAILED", "end_time": 1_700_000_009_000}
    )
    listed = as_shape(client.get(f"{ROOT}/experiments"), shapes.ExperimentList).experiments
    found = next(each for each in listed if each.experiment_id == experiment)
    assert (found.runs, found.running, found.failed, found.last_activity_ms) == (2, 1, 1, 1_700_000_009_000)
    renamed = as_shape(
        client.patch(
            f"{ROOT}/experiments/{experiment}", json={"name": f"{found.name}2", "description": "*hi*"}
        ),
        shapes.Experiment,
    )
    assert (renamed.name, renamed.tags["mlflow.note.content"]) == (f"{found.name}2", "*hi*")
    assert client.delete(f"{ROOT}/experiments/{experiment}").status_code == 200
    deleted = as_shape(client.get(f"{ROOT}/experiments?view=deleted"), shapes.ExperimentList).experiments
    assert experiment in [each.experiment_id for each in deleted]
    assert client.post(f"{ROOT}/experiments/{experiment}/restore").status_code == 200
    assert as_shape(client.get(f"{ROOT}/runs/{run_id}"), shapes.Run).lifecycle == "active"


def test_runs_table_by_columns(client, experiment):
    ids = [new_run(client, experiment, f"r{i}") for i in range(5)]
    for i, run_id in enumerate(ids[:4]):
        value = [0.5, math.nan, 0.25, 0.75][i]
        log(client, run_id, [("loss", 1, 1, value)], [("lr", str(i))], [("team", "a")])
    body = {
        "experiment_ids": [experiment],
        "order_by": ["metrics.loss ASC"],
        "columns": ["metrics.loss", "params.lr", "tags.team", "attributes.status", "attributes.duration"],
        "limit": 10,
    }
    page = as_shape(client.post(f"{ROOT}/runs/query", json=body), shapes.RunsPage)
    assert page.run_ids == [ids[2], ids[0], ids[3], ids[1], ids[4]]  # NaN after numbers, missing last
    assert page.cells["metrics.loss"] == [0.25, 0.5, 0.75, "NaN", None]
    assert page.cells["params.lr"] == ["2", "0", "3", "1", None]
    assert page.cells["attributes.status"] == ["RUNNING"] * 5
    assert (page.total, page.total_is_exact) == (5, True)
    second = as_shape(
        client.post(f"{ROOT}/runs/query", json={**body, "limit": 2, "offset": 2}), shapes.RunsPage
    )
    assert second.run_ids == page.run_ids[2:4]
    assert second.total == 5
    columns = as_shape(client.get(f"{ROOT}/experiments/{experiment}/columns"), shapes.RunColumns)
    assert (columns.metrics, columns.params, columns.tags) == (["loss"], ["lr"], ["mlflow.runName", "team"])
    filtered = {**body, "filter": "metrics.loss < 0.6 and params.lr = '0'"}
    assert as_shape(client.post(f"{ROOT}/runs/query", json=filtered), shapes.RunsPage).run_ids == [ids[0]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"filter": "metrics.loss <"}, "filter"),
        ({"columns": ["nonsense"]}, "Unknown column"),
        ({"limit": 0}, "limit"),
        ({"limit": 100_000}, "limit"),
        ({"order_by": ["metrics.loss UP"]}, "order_by"),
        ({"experiment_ids": 7}, "experiment_ids"),
    ],
)
def test_a_bad_query_says_what_is_wrong(client, change, words):
    answer = client.post(f"{ROOT}/runs/query", json={"experiment_ids": ["0"], **change})
    assert answer.status_code == 400
    problem = as_problem(answer)
    assert problem.code == "INVALID_PARAMETER_VALUE"
    assert words in problem.message


def as_problem(answer):
    return msgspec.json.decode(answer.content, type=shapes.Problem)


def test_run_page(client, experiment):
    parent = new_run(client, experiment, "parent")
    run_id = new_run(client, experiment, "child", mlflow__parentRunId=parent)
    log(client, run_id, [("loss", 2, 5, 1.0), ("loss", 1, 9, 3.0), ("loss", 0, 1, math.inf)], [("lr", "0.1")])
    patched = client.patch(f"{ROOT}/runs/{run_id}", json={"description": "# note", "name": "renamed"})
    run = as_shape(patched, shapes.Run)
    assert (run.name, run.description, run.tags["mlflow.runName"]) == ("renamed", "# note", "renamed")
    assert run.parent.run_id == parent
    assert run.metrics == [shapes.MetricSummary("loss", 1.0, 2, 5, 1.0, 3.0)]
    assert client.put(f"{ROOT}/runs/{run_id}/tags/team/a b", json={"value": "x"}).status_code == 200
    assert as_shape(client.get(f"{ROOT}/runs/{run_id}"), shapes.Run).tags["team/a b"] == "x"
    assert client.delete(f"{ROOT}/runs/{run_id}/tags/team/a b").status_code == 200
    assert client.delete(f"{ROOT}/runs/{run_id}/tags/team/a b").status_code == 404
    assert [child.name for child in as_shape(client.get(f"{ROOT}/runs/{parent}"), shapes.Run).children] == [
        "renamed"
    ]
    assert client.patch(f"{ROOT}/runs/{run_id}", json={"name": " "}).status_code == 400
    assert as_problem(client.get(f"{ROOT}/runs/{'0' * 32}")).code == "RESOURCE_DOES_NOT_EXIST"


def series(client, run_id, **query):
    body = {"run_ids": [run_id], "metrics": ["m"], **query}
    return as_shape(client.post(f"{ROOT}/series/query", json=body), shapes.SeriesAnswer).series


def test_series_exact_and_sampled_keep_a_spike(client, experiment):
    run_id = new_run(client, experiment)
    points = [("m", step, 1_700_000_000_000 + step * 10, math.sin(step / 50)) for step in range(5000)]
    points[3210] = ("m", 3210, points[3210][2], 99.0)
    for start in range(0, 5000, 1000):
        log(client, run_id, points[start : start + 1000])
    log(client, run_id, [("m", 100, 1, math.nan), ("m", 200, 1, -math.inf)])
    [line] = series(client, run_id, buckets=100)
    assert (line.points, line.exact) == (5002, False)
    assert len(line.x) <= 100
    assert max(line.max) == 99.0
    assert min(line.min) == min(point[3] for point in points)
    assert [(mark.x, mark.kind) for mark in line.marks] == [(100, "NaN"), (200, "-Infinity")]
    [near] = series(client, run_id, buckets=100, start=3200, end=3220)
    assert near.exact
    assert near.x == list(range(3200, 3221))
    assert near.last[10] == 99.0
    [relative] = series(client, run_id, buckets=4000, axis="relative", start=0, end=100)
    assert relative.x == [step * 10.0 for step in range(11)]
    assert series(client, run_id, metrics=["missing"]) == []


def decoded(content):
    """A series answer in its binary form, read as docs/storage.md has it."""
    assert content[:4] == b"TSS1"
    at = 8 + int.from_bytes(content[4:8], "little")
    lines = json.loads(content[8:at])["series"]

    def column(kind, count):
        nonlocal at
        values = struct.unpack_from(f"<{count}{kind}", content, at)
        at += -(-struct.calcsize(f"<{count}{kind}") // 8) * 8
        return list(values)

    for line in lines:
        line |= {name: column("d", line["count"]) for name in ("step", "time_ms", "last")}
        for name in () if line["exact"] else ("min", "max"):
            line[name] = column("d" if line["wide"] else "f", line["count"])
        line["marks"] = list(zip(column("d", line["marks"]), column("B", line["marks"]), strict=True))
    assert at == len(content)
    return lines


def test_series_in_binary_are_those_in_json(client, experiment):
    run_id = new_run(client, experiment)
    log(client, run_id, [("m", step, 1_700_000_000_000 + step, 0.1 * step) for step in range(900)])
    log(
        client,
        run_id,
        [("n", 1, 5, 0.1), ("n", 2, 6, math.inf), ("n", 3, 7, math.nan), ("n", 4, 8, -math.inf)],
    )
    query = {"run_ids": [run_id], "metrics": ["m", "n"], "buckets": 50, "axis": "relative"}
    asked = {"json": query, "headers": {"Accept": "application/vnd.trackside.series"}}
    answer = client.post(f"{ROOT}/series/query", **asked)
    assert answer.headers["content-type"] == "application/vnd.trackside.series"
    plain = client.post(f"{ROOT}/series/query", json=query).json()["series"]
    for line, expected in zip(decoded(answer.content), plain, strict=True):
        assert (line["metric"], line["points"], line["exact"]) == (
            expected["metric"], expected["points"], expected["exact"],
        )  # fmt: skip
        assert line["step"] == expected["step"]
        assert [time - line["origin"] for time in line["time_ms"]] == expected["x"]
        kinds = ["NaN", "Infinity", "-Infinity"]
        assert [{"x": x, "kind": kinds[kind]} for x, kind in line["marks"]] == expected["marks"]
        assert line["last"] == expected["last"]
        if line["exact"]:
            continue
        for low, high, exact_low, exact_high in zip(
            line["min"], line["max"], expected["min"], expected["max"], strict=True
        ):
            assert low <= exact_low <= exact_high <= high
            assert high - low <= exact_high - exact_low + 1e-4


def test_a_series_that_has_not_changed_is_not_sent_again(client, experiment):
    run_id = new_run(client, experiment)
    log(client, run_id, [("m", 1, 1, 1.0)])
    query = {"run_ids": [run_id], "metrics": ["m"]}
    tag = client.post(f"{ROOT}/series/query", json=query).headers["etag"]
    same = {"If-None-Match": tag}
    again = client.post(f"{ROOT}/series/query", json=query, headers=same)
    assert (again.status_code, again.content) == (304, b"")
    other = client.post(f"{ROOT}/series/query", json={**query, "buckets": 7}, headers=same)
    assert other.status_code == 200
    binary = client.post(
        f"{ROOT}/series/query", json=query, headers={**same, "Accept": "application/vnd.trackside.series"}
    )
    assert binary.status_code == 200
    log(client, run_id, [("m", 2, 2, 2.0)])
    assert client.post(f"{ROOT}/series/query", json=query, headers=same).json()["series"][0]["points"] == 2


@contextmanager
def listening(client, *topics, **headers):
    """Events as they come in, collected by a thread."""
    found: list[dict] = []
    ready = threading.Event()

    def listen():
        query = "&".join(f"topic={topic}" for topic in (*topics, "experiments"))
        with client.stream("GET", f"{ROOT}/events?{query}", headers=headers, timeout=20) as answer:
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    found.append({"id": line[4:]})
                    ready.set()
                if line.startswith("data: "):
                    found[-1].update(json.loads(line[6:]))
                if stop.is_set():
                    return

    stop = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(5)
    yield found
    stop.set()
    # One more event, for the thread to see it.
    client.post(f"{ROOT}/experiments", json={"name": uuid.uuid4().hex})
    thread.join(10)
    assert not thread.is_alive()


def wait_for(found, kind):
    for _ in range(200):
        for event in found:
            if event.get("kind") == kind:
                return event
        time.sleep(0.02)
    raise AssertionError(f"no {kind} in {found}")


def test_events_carry_points_and_resume(client, server, experiment):
    run_id = new_run(client, experiment)
    topics = (f"run:{run_id}", f"experiment:{experiment}")
    with listening(client, *topics) as found:
        log(client, run_id, [("loss", 1, 5, 0.5), ("loss", 2, 6, math.nan)])
        points = wait_for(found, "metrics")
        assert points["points"] == {"loss": [[1, 5, 0.5], [2, 6, "NaN"]]}
        assert wait_for(found, "run")["run_id"] == run_id
        client.post(f"{MLFLOW}/runs/set-tag", json={"run_id": run_id, "key": "a", "value": "b"})
        time.sleep(0.5)
    log(client, run_id, [("loss", 3, 7, 0.25)])  # while nobody listens
    with listening(client, *topics, **{"Last-Event-ID": points["id"]}) as found:
        assert wait_for(found, "metrics")["points"] == {"loss": [[3, 7, 0.25]]}
        log(client, run_id, [("loss", 4, 8, 0.125)])
    with listening(client, *topics, **{"Last-Event-ID": "other-17"}) as found:
        wait_for(found, "resync")
        log(client, run_id, [("loss", 5, 8, 0.125)])


def test_a_connection_that_breaks_after_the_greeting_loses_nothing(client, experiment):
    """A browser keeps the greeting's id: it must be where to resume from, not the newest event."""
    run_id = new_run(client, experiment)
    topic = f"run:{run_id}"
    with listening(client, topic) as found:
        log(client, run_id, [("loss", 1, 5, 0.5)])
        seen = wait_for(found, "metrics")["id"]
    log(client, run_id, [("loss", 2, 5, 0.5)])
    with client.stream("GET", f"{ROOT}/events?topic={topic}", headers={"Last-Event-ID": seen}) as broken:
        greeting = next(line[4:] for line in broken.iter_lines() if line.startswith("id: "))
    with listening(client, topic, **{"Last-Event-ID": greeting}) as found:
        assert wait_for(found, "metrics")["points"] == {"loss": [[2, 5, 0.5]]}


def test_a_big_batch_is_announced_without_its_points(client, experiment):
    run_id = new_run(client, experiment)
    with listening(client, f"run:{run_id}") as found:
        log(client, run_id, [("loss", step, 5, 0.5) for step in range(500)])
        assert "points" not in wait_for(found, "metrics-changed")
        log(client, run_id, [("loss", 1000, 5, 0.5)])


def test_events_need_a_topic(client):
    assert client.get(f"{ROOT}/events").status_code == 400


def test_openapi_names_every_route_and_shape(client):
    document = client.get(f"{ROOT}/openapi.json").json()
    assert "post" in document["paths"][f"{ROOT}/runs/query"]
    named = set(document["components"]["schemas"])
    for reference in json.dumps(document).split('"#/components/schemas/')[1:]:
        assert reference.split('"')[0] in named


@pytest.mark.parametrize("path", ["/api/2.0/mlflow/nope", f"{ROOT}/nope", "/ajax-api/3.0/mlflow/traces/x"])
def test_an_unknown_route_is_a_plain_404(client, path):
    answer = client.post(path, json={})
    assert (answer.status_code, answer.text) == (404, "Not Found")


def test_a_wrong_method_is_a_plain_405(client):
    answer = client.delete("/api/2.0/mlflow/runs/create")
    assert (answer.status_code, answer.text, answer.headers["allow"]) == (405, "Method Not Allowed", "POST")


def test_foreign_pages_and_rebound_names_are_refused(client):
    rebound = client.get(f"{ROOT}/info", headers={"Host": "evil.example"})
    assert (rebound.status_code, rebound.text) == (
        403,
        "Invalid Host header - possible DNS rebinding attack detected",
    )
    foreign = client.post(
        f"{ROOT}/experiments", json={"name": "x"}, headers={"Origin": "https://evil.example"}
    )
    assert (foreign.status_code, foreign.text) == (403, "Cross-origin request blocked")
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 200
    own = client.post(
        f"{ROOT}/experiments", json={"name": "own"}, headers={"Origin": "http://localhost:5173"}
    )
    assert own.status_code == 200


def test_a_body_over_the_limit_is_refused(client, server):
    limit = server[1].settings.body_limit_bytes
    answer = client.post(f"{MLFLOW}/runs/log-batch", content=b" " * (limit + 1), headers=JSON)
    assert answer.status_code == 413
    assert str(limit) in answer.json()["message"]


def test_a_connection_goes_on_after_an_error_with_an_unread_body(client):
    for _ in range(3):
        assert client.post("/api/2.0/mlflow/nope", content=b"x" * 100_000).status_code == 404
        assert client.get("/health").text == "OK"
