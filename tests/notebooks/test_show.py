"""`trackside.show` against a real server that the real mlflow client fills; IPython's handle is played here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
from conftest import Server
from mlflow.entities import Metric, Param
from shown import SOON_S, Shown, make_run, state_of, view_of

from trackside.notebook import asked, page
from trackside.notebook.client import Client
from trackside.notebook.reading import Reader
from trackside.notebook.state import RunState, SearchState, best_of

# --- a run, live -------------------------------------------------------------


def test_a_run_is_refreshed_until_it_ends(client: mlflow.MlflowClient, server: Server) -> None:
    run_id = make_run(client, "live", loss=[3.25])
    shown, view = Shown(), view_of(run_id, server.url)
    view.start(shown)
    assert "RUNNING" in shown.bundles[0]["text/plain"], "the first picture has the run"
    assert (
        repr(view)
        == f"<trackside.show run {run_id} at {server.url}: refreshed every second; .stop() ends that>"
    )
    client.log_metric(run_id, "loss", 2.125, step=1)
    shown.waits_for("loss 2.125")
    client.set_terminated(run_id)
    assert view.wait(SOON_S)
    assert "FINISHED" in shown.bundles[-1]["text/plain"]
    assert 'class="status good">FINISHED<' in shown.bundles[-1]["text/html"]
    assert "no longer refreshed" in repr(view)


def test_stop_ends_it_and_several_go_on_beside_each_other(
    client: mlflow.MlflowClient, server: Server
) -> None:
    run_id = make_run(client, "several", loss=[3.25])
    first, second = Shown(), Shown()
    views = [view_of(run_id, server.url), view_of("several", server.url)]
    views[0].start(first)
    views[1].start(second)
    views[0].stop()
    assert views[0].wait(SOON_S)
    client.log_metric(run_id, "loss", 1.5, step=1)
    second.waits_for("loss 1.5")
    assert "loss 1.5" not in first.bundles[-1]["text/plain"]
    views[1].stop()
    assert views[1].wait(SOON_S)


def test_a_server_that_goes_away_is_said_and_tried_again(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    client = mlflow.MlflowClient(server.url)
    run_id = make_run(client, "away", loss=[3.25])
    shown, view = Shown(), view_of(run_id, server.url)
    view.start(shown)
    server.stop()
    text = shown.waits_for("No answer from")
    assert "Trying again" in text
    assert "loss 3.25" in text, "what was known stays"
    server.start()
    client.log_metric(run_id, "loss", 0.5, step=1)
    assert "No answer" not in shown.waits_for("loss 0.5")
    server.stop()
    view.stop()
    assert view.wait(SOON_S)


def test_a_server_that_is_away_from_the_start_is_said(tmp_path: Path) -> None:
    shown, view = Shown(), view_of("0" * 32, "http://127.0.0.1:9")
    view.start(shown)
    shown.waits_for("No answer from http://127.0.0.1:9")
    view.stop()
    assert view.wait(SOON_S)


def test_an_interrupt_before_it_is_shown_leaves_no_thread(
    client: mlflow.MlflowClient, server: Server
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    view = view_of(make_run(client, "interrupted", loss=[1.0]), server.url)
    with pytest.raises(KeyboardInterrupt):
        view.start(interrupted)
    assert view.wait(SOON_S)


def test_a_mistake_of_ours_is_said_in_the_view(client: mlflow.MlflowClient, server: Server) -> None:
    shown, view = Shown(), view_of(make_run(client, "broken", loss=[1.0]), server.url)
    view._reader.read = SimpleNamespace
    view.start(shown)
    assert view.wait(SOON_S)
    assert shown.bundles[-1]["text/plain"].startswith("This view broke off: AttributeError")


# --- what it says ------------------------------------------------------------


def test_a_run_with_its_charts_and_progress(client: mlflow.MlflowClient, server: Server) -> None:
    run_id = make_run(
        client,
        "charts",
        train_loss=[3.0, 2.0],
        val_loss=[3.5, 2.5],
        step_time=[1.0, 1.0],
        **{f"system/gpu_{gpu}_utilization_percentage": [50.0, 60.0] for gpu in (0, 1)},
        **{"system/cpu_utilization_percentage": [99.0]},
    )
    client.log_batch(run_id, params=[Param("epochs", "20"), Param("lr", "0.1"), Param("a_long_story", "no")])
    state = state_of(run_id, server.url)
    assert isinstance(state, RunState)
    assert [(each.title, [line.label for line in each.lines]) for each in state.charts] == [
        ("loss", ["train", "val"]),
        ("step_time", ["step_time"]),
    ]
    assert [(each.title, len(each.lines), each.is_percent) for each in state.system] == [
        ("GPU, %", 2, True),
        ("CPU, %", 1, True),
    ]
    text = page.text(state, "https://lab.example")
    assert "epoch 2 of 20" in text
    assert f"https://lab.example/runs/{run_id}" in text
    html = page.page(state, "https://lab.example")
    assert html.index(">epochs<") < html.index(">a_long_story<"), "what is asked for most comes first"
    assert html.count("<svg") == 4


def test_a_single_point_of_an_ended_run_is_a_number(client: mlflow.MlflowClient, server: Server) -> None:
    run_id = make_run(client, "numbers", loss=[3.0, 2.0], test_accuracy=[0.75])
    client.set_terminated(run_id)
    state = state_of(run_id, server.url)
    assert [each.title for each in state.charts] == ["loss"]
    assert state.values == {"test_accuracy": 0.75}


def test_a_run_without_metrics_says_whether_any_may_come(client: mlflow.MlflowClient, server: Server) -> None:
    run_id = make_run(client, "none")
    assert "No metrics yet." in page.page(state_of(run_id, server.url), "")
    client.set_terminated(run_id)
    assert "Logged no metrics." in page.page(state_of(run_id, server.url), "")


def test_a_spike_among_many_points_is_drawn(client: mlflow.MlflowClient, server: Server) -> None:
    values = [1.0] * 5000
    values[3210] = 77.0
    run_id = make_run(client, "spike", loss=values[:0])
    for start in range(0, 5000, 1000):
        batch = [Metric("loss", values[i], 1_000 + i, i) for i in range(start, start + 1000)]
        client.log_batch(run_id, batch)
    (chart,) = state_of(run_id, server.url).charts
    assert len(chart.lines[0].x) < 1000
    assert max(chart.lines[0].high) == 77.0
    assert 'class="band c0"' in page.page(state_of(run_id, server.url), "")


@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        [0.0, 0.0],
        [float("nan")],
        [1.0, float("inf"), float("-inf"), float("nan"), 2.0],
        [1.7e308, -1.7e308],
        [5e-324, 0.0],
        [1e16, 1e16 + 2],
        [-1e-9, -2e-9],
    ],
    ids=str,
)
def test_any_values_make_a_drawing(client: mlflow.MlflowClient, server: Server, values: list[float]) -> None:
    html = page.page(state_of(make_run(client, "values", loss=values), server.url), "")
    drawn = re.findall(r' d="([^"]*)"', html)
    assert drawn
    assert not [path for path in drawn if re.search(r"[^MLHZh\d .-]", path)], drawn
    assert html.count("\u00d7") == sum(value - value != 0 for value in values)


def test_every_word_of_a_user_is_escaped(client: mlflow.MlflowClient, server: Server) -> None:
    bad = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
    experiment = client.create_experiment(bad)
    run_id = client.create_run(experiment, run_name=bad).info.run_id
    client.log_param(run_id, "p", bad)
    client.log_metric(run_id, "loss", 1.0)
    shown = [page.page(state_of(what, server.url), "http://x", problem=bad) for what in (run_id, bad)]
    for html in shown:
        assert "<script" not in html
        assert "<img" not in html
        assert "&lt;script&gt;" in html


# --- several runs ------------------------------------------------------------


@pytest.fixture
def trials(client: mlflow.MlflowClient) -> Iterator[list[str]]:
    """Three runs that ended and one that goes on."""
    ids = []
    for number, peak in enumerate([0.5, 0.9, 0.7, 0.6]):
        run_id = make_run(client, "trials", val_accuracy=[0.1, peak, 0.4], val_loss=[1.0, 0.5])
        client.log_batch(run_id, params=[Param("num_workers", str(number)), Param("same", "always")])
        if number < 3:
            client.set_terminated(run_id, "FAILED" if number == 2 else "FINISHED")
        ids.append(run_id)
    yield ids
    for run_id in ids:
        client.delete_run(run_id)


def test_an_experiment_compares_its_runs(
    client: mlflow.MlflowClient, server: Server, trials: list[str]
) -> None:
    state = state_of("trials", server.url)
    assert isinstance(state, SearchState)
    assert [row.run_id for row in state.rows] == trials[::-1], "the newest first"
    assert (state.metric, state.params) == ("val_accuracy", ["num_workers"])
    best = best_of(state)
    assert best
    assert (best.run_id, best.last, best.best) == (trials[1], 0.4, 0.9)
    assert state.chart
    assert [line.y for line in state.chart.lines][2] == [0.1, 0.9, 0.4]
    html = page.page(state, "http://lab")
    assert f'href="http://lab/runs/{trials[1]}"' in html
    assert html.count("\u2605") == 1
    assert state.is_live


def test_less_is_better_for_a_loss_and_a_filter_chooses(server: Server, trials: list[str]) -> None:
    state = state_of("trials", server.url, "params.num_workers != '3'", "val_loss")
    assert {row.run_id for row in state.rows} == set(trials[:3])
    assert state.best == "min"
    assert {row.best for row in state.rows} == {0.5}
    assert not state.is_live


def test_the_best_is_what_is_asked_for_and_else_nothing_is_guessed(
    client: mlflow.MlflowClient, server: Server
) -> None:
    runs = [make_run(client, "tokens", tokens_seen=[float(size), 5.0]) for size in (1, 9)]
    html = page.page(state_of(runs, server.url), "")
    assert "\u2605" not in html
    assert ">best<" not in html
    for best, expected in (("max", runs[1]), ("min", runs[0])):
        view = Reader(Client(server.url), asked.understood(runs, "", 20), "tokens_seen", best)
        found = best_of(view.read())
        assert found
        assert found.run_id == expected


def test_the_eight_best_of_many_runs_have_colours_and_keep_them(
    client: mlflow.MlflowClient, server: Server
) -> None:
    runs = [make_run(client, "ten runs", accuracy=[0.0, place / 10]) for place in range(10)]
    reader = Reader(Client(server.url), asked.understood("ten runs", "", 20))
    state = reader.read()
    assert set(state.inks) == set(runs[2:])
    assert set(state.inks.values()) == set(range(8))
    html = page.page(state, "")
    assert "in colour: the 8 best; grey: the other 2" in html
    assert [html.count(f'class="{kind} grey"') for kind in ("swatch", "line")] == [2, 2]
    assert html.index('class="line grey"') < html.index('class="line c')
    client.log_metric(runs[0], "accuracy", 2.0, step=2)
    later = reader.read().inks
    assert later == {run: state.inks[run] for run in runs[3:]} | {runs[0]: state.inks[runs[2]]}


def test_the_newest_of_many_runs_have_colours_where_none_is_the_best(
    client: mlflow.MlflowClient, server: Server
) -> None:
    runs = [make_run(client, "many tokens", tokens=[1.0, 2.0]) for _ in range(9)]
    state = state_of("many tokens", server.url)
    assert runs[0] not in state.inks
    assert "in colour: the 8 newest; grey: the other 1<" in page.page(state, "")


def test_runs_of_a_list_keep_their_order(
    client: mlflow.MlflowClient, server: Server, trials: list[str]
) -> None:
    found = client.search_runs([client.get_experiment_by_name("trials").experiment_id], "", max_results=2)
    table = mlflow.search_runs(experiment_names=["trials"])
    for what, expected in (
        ([trials[2], trials[0]], [trials[2], trials[0]]),
        (found, [run.info.run_id for run in found]),
        (table, list(table["run_id"])),
        (client.get_experiment_by_name("trials"), trials[::-1]),
    ):
        assert [row.run_id for row in state_of(what, server.url).rows] == expected


def test_what_is_left_out_is_said(client: mlflow.MlflowClient, server: Server, trials: list[str]) -> None:
    newest = Reader(Client(server.url), asked.understood("trials", "", 2)).read()
    assert page.text(newest, "").startswith("trials: 2 runs (the newest of 4)\n")


def test_runs_that_are_not_there_are_named_beside_the_others(
    client: mlflow.MlflowClient, server: Server, trials: list[str]
) -> None:
    client.delete_run(trials[0])
    deleted = client.get_run(trials[0]).info.run_name
    unknown = "0" * 32
    state = state_of([unknown, *trials], server.url)
    assert [row.run_id for row in state.rows] == trials[1:]
    said = f"3 runs (deleted: {deleted}; not found: {unknown})"
    assert page.text(state, "").startswith(f"Comparison: {said}\n")
    assert said in page.page(state, "")
    html = page.page(state_of([trials[0], unknown], server.url), "")
    assert f"0 runs (deleted: {deleted}; not found: {unknown})" in html
    assert "No runs yet" not in html


def test_an_experiment_without_runs_says_so(client: mlflow.MlflowClient, server: Server) -> None:
    client.create_experiment("empty")
    assert "No runs yet" in page.page(state_of("empty", server.url), "")
