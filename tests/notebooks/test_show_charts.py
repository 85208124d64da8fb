"""Where a chart of `trackside.show` begins and ends, and how far a run is said to be."""

from __future__ import annotations

import math
import re
import time

import mlflow
import pytest
from conftest import Server
from mlflow.entities import Metric, Param
from shown import make_run, state_of

from trackside.notebook import page

NAN, INF = math.nan, math.inf


def foot(html: str) -> list[str]:
    """What stands below the first chart."""
    found = re.search(r'<div class="x( one)?">(.*?)</div>', html)
    assert found
    return re.findall(r"<span>(.*?)</span>", found[2])


def crosses(html: str) -> list[str]:
    return re.findall(r'style="left:([\d.]+%)" title="([^"]*)"', html)


def drawn(what: str, server: Server) -> str:
    return page.page(state_of(what, server.url), "")


def test_a_metric_of_nothing_but_nan_has_its_steps(client: mlflow.MlflowClient, server: Server) -> None:
    html = drawn(make_run(client, "all nan", loss=[NAN] * 5), server)
    assert foot(html) == ["0", "step 4"]
    assert [at for at, _ in crosses(html)] == ["0.0%", "25.0%", "50.0%", "75.0%", "100.0%"]
    assert 'class="y"' not in html, "no value, no axis of values"


def test_a_cross_stands_at_its_own_step(client: mlflow.MlflowClient, server: Server) -> None:
    html = drawn(make_run(client, "crosses", loss=[NAN, 1.0, 2.0, 3.0, -INF]), server)
    assert foot(html) == ["0", "step 4"]
    assert crosses(html) == [("0.0%", "loss: NaN at step 0"), ("100.0%", "loss: -Infinity at step 4")]


def test_a_single_step_has_one_label(client: mlflow.MlflowClient, server: Server) -> None:
    assert foot(drawn(make_run(client, "begins", loss=[1.0]), server)) == ["step 0"]


def test_points_without_steps_are_drawn_by_time(client: mlflow.MlflowClient, server: Server) -> None:
    run_id = client.create_run(client.create_experiment("no steps")).info.run_id
    begun = client.get_run(run_id).info.start_time
    points = [Metric("loss", 1.0 / n, begun + n * 20_000, 0) for n in (1, 2, 3)]
    client.log_batch(run_id, points, [Param("epochs", "10")])
    state = state_of(run_id, server.url)
    assert state.charts[0].lines[0].x == [20_000, 40_000, 60_000]
    assert foot(page.page(state, "")) == ["20s", "1m 00s"]
    assert state.progress is None, "no steps were given, so none are counted"
    compared = state_of("no steps", server.url)
    assert compared.chart.axis == "relative"


def test_many_points_begin_where_the_first_is(client: mlflow.MlflowClient, server: Server) -> None:
    run_id = make_run(client, "many")
    now = int(time.time() * 1000)
    for start in range(0, 20_000, 1000):
        client.log_batch(run_id, [Metric("loss", 1.0, now + i, i) for i in range(start, start + 1000)])
    assert foot(drawn(run_id, server)) == ["0", "step 19\u2009999"]
    assert foot(drawn("many", server)) == ["0", "step 19\u2009999"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([0], "epoch 1 of 10"),
        ([1], "epoch 1 of 10"),
        (range(10), "epoch 10 of 10"),
        (range(1, 11), "epoch 10 of 10"),
        (range(11), "epoch 10 of 10"),
        (range(50), "step 49"),
    ],
    ids=str,
)
def test_epochs_are_counted_from_their_first(
    client: mlflow.MlflowClient, server: Server, steps: list[int], said: str
) -> None:
    run_id = make_run(client, "counted")
    client.log_batch(run_id, [Metric("loss", 1.0, 1_000 + i, i) for i in steps], [Param("epochs", "10")])
    client.set_terminated(run_id)
    assert said in page.text(state_of(run_id, server.url), "").splitlines()[0]
