"""Searches for runs on a store: what each comparison finds, in which order."""

from __future__ import annotations

import math

import pytest
from filter_store import ENGINE, Store, count_runs, search_runs

from trackside.errors import InvalidParameter

INF, NAN = math.inf, math.nan


@pytest.fixture(scope="module")
def runs() -> Store:
    store = Store()
    store.experiment(1)
    store.experiment(2)
    store.run(
        "a",
        name="Alpha",
        start_ms=40,
        end_ms=100,
        metrics={"loss": 0.1, "a b": 1.0, "top": INF},
        params={"lr": "0.1", "note": "it''s"},
        tags={"team": "ann", "path": r"c:\x"},
        datasets=[("food", "d1", "train"), ("toys", "d2", "eval")],
    )
    store.run(
        "b",
        name="beta",
        start_ms=30,
        status="RUNNING",
        metrics={"loss": 0.5, "a b": NAN, "top": 1e308},
        params={"lr": " 1e-2 ", "note": "50%"},
        tags={"team": "Ann", "path": "é*[x]?"},
        datasets=[("food", "d3", None)],
    )
    store.run(
        "c",
        name="gamma_1",
        start_ms=20,
        end_ms=20,
        user_id="bob",
        metrics={"loss": NAN, "top": -INF},
        params={"lr": "adam", "note": ""},
        tags={"team": ""},
    )
    fill_others(store)
    return store


def fill_others(store: Store) -> None:
    """A run with little, and runs that are not among the active ones of experiment 1."""
    store.run(
        "d",
        name="delta",
        start_ms=10,
        end_ms=15,
        status="FAILED",
        metrics={"loss": -2.0},
        params={"lr": "nan"},
    )
    store.run("gone", lifecycle="deleted", start_ms=50, metrics={"loss": 0.2})
    store.run("other", experiment=2, start_ms=60, metrics={"loss": 9.0})


def found(store: Store, text: str = "", **given) -> str:
    statement = search_runs(ENGINE, **({"experiment_ids": [1], "filter": text, "limit": 100} | given))
    return " ".join(store.column(statement, "uuid"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a b c d"),
        # metrics: NaN satisfies != and nothing else; without the metric nothing holds
        ("metrics.loss < 0.3", "a d"),
        ("metric.loss >= 0.1", "a b"),
        ("metrics.loss = 0.5", "b"),
        ("metrics.loss != 0.5", "a c d"),
        ("metrics.loss != 0", "a b c d"),
        ("metrics.loss = 0", ""),
        ("metrics.loss BETWEEN -2 AND 0.1", "a d"),
        ("metrics.loss NOT BETWEEN -2 AND 0.1", "b c"),
        ("metrics.nothing NOT BETWEEN 0 AND 1", ""),
        ("metrics.`a b` > 0", "a"),
        ('metrics."a b" != 1', "b"),
        ("metrics.`a b` IS NULL", "c d"),
        ("metrics.`a b` IS NOT NULL", "a b"),
        ("metrics.nothing != 0", ""),
        # infinities compare as the largest double, as MLflow stores them
        ("metrics.top = 1.7976931348623157e308", "a"),
        ("metrics.top < 1e400", "a b c"),
        ("metrics.top <= -1.7976931348623157e308", "c"),
        ("metrics.top > 1e308", "a"),
        # the least and greatest of finite values; without any there is none
        ("min(metrics.loss) < -0.6", "a d"),
        ("max(metrics.loss) >= 1.1", "a b"),
        ("min(metrics.loss) IS NULL", "c"),
        ("min(metrics.top) != 7", "b"),
        ("max(metrics.`a b`) IS NOT NULL", "a"),
        ("last(metrics.loss) < 0.3 AND NOT max(metrics.loss) < 0", "a"),
        # text is exact; a pattern knows % and _ only
        ("params.lr = '0.1'", "a"),
        ("params.lr != '0.1'", "b c d"),
        ('param.note = "50%"', "b"),
        ("params.note LIKE '50%'", "b"),
        ("params.note NOT LIKE '50%'", "a c"),
        ("params.note NOT ILIKE '50%'", "a c"),
        ("NOT params.note LIKE '50%'", "a c d"),
        ("params.note = ''", "c"),
        ("params.note LIKE ''", "c"),
        ("params.note = 'it''s'", "a"),
        ("parameter.note LIKE 'it''_'", "a"),
        ("tags.team LIKE 'a%'", "a"),
        ("tags.team LIKE 'A__'", "b"),
        ("tags.team ILIKE 'a%N'", "a b"),
        ("tags.team LIKE '%'", "a b c"),
        (r"tags.path LIKE 'c:\%'", "a"),
        ("tags.path LIKE '_*[x]?'", "b"),
        ("tags.path LIKE '*'", ""),
        ("tags.path LIKE '%[x]%'", "b"),
        ("tags.team IN ('ann', 'Ann')", "a b"),
        ("tags.team NOT IN ('ann')", "b c"),
        ("tags.path IS NULL", "c d"),
        ("params.lr = '0.1' AND tags.team = 'ann'", "a"),
        # attributes
        ("run_id = 'b'", "b"),
        ("attributes.run_id IN ('b', 'd', 'other')", "b d"),
        ("run_id NOT IN ('b', 'd')", "a c"),
        ("run_name LIKE '%a'", "a b d"),
        ("attr.`Run Name` ilike 'ALPHA'", "a"),
        ("run.status != 'FINISHED'", "b d"),
        ("user_id = 'bob'", "c"),
        ("artifact_uri LIKE '%/d'", "d"),
        ("start_time > 20", "a b"),
        ("created <= 20.5", "c d"),
        ("start_time < 99999999999999999999", "a b c d"),
        ("end_time >= 20", "a c"),
        ("end_time != 20", "a d"),
        ("end_time IS NULL", "b"),
        ("attributes.duration > 4", "a d"),
        ("duration = 0", "c"),
        # datasets: one of several suffices, each comparison by itself
        ("dataset.name = 'food'", "a b"),
        ("datasets.name != 'food'", "a"),
        ("dataset.name = 'food' AND dataset.context = 'eval'", "a"),
        ("dataset.digest IN ('d3', 'x')", "b"),
        ("dataset.context LIKE 't%'", "a"),
        ("dataset.context IS NULL", "b c d"),
        # regular expressions, found anywhere; a run that lacks the key matches neither
        ("params.note ~ '^$'", "c"),
        ("run_name ~ 'a$'", "a b d"),
        ("run_name ~ '^(?i)ALPHA$'", "a"),
        ("run_name !~ 'ta$'", "a c"),
        ("tags.team ~ '^[aA]nn'", "a b"),
        ("tags.team !~ 'n'", "c"),
        ("NOT tags.team ~ 'n'", "c d"),
        (r"tags.path ~ 'c:\\x'", "a"),
        (r"tags.path ~ '^é\*\[x\]\?$'", "b"),
        ("params.note ~ \"it''s\"", "a"),
        ("dataset.name ~ 'o{2}' AND NOT dataset.context ~ 'x'", "a b"),
        ("(status !~ 'FIN' OR user_id ~ '.') AND artifact_uri ~ '/[ad]$'", "a d"),
        # numbers in text: others are no number
        ("num(params.lr) <= 0.1", "a b"),
        ("num(params.lr) = 0.01", "b"),
        ("num(params.lr) > 0.01", "a"),
        ("num(params.lr) IS NULL", "c d"),
        ("NOT num(params.lr) > 0.01", "b c d"),
        # a comparison is true or false, never unknown
        ("NOT metrics.loss < 0.3", "b c"),
        ("NOT metrics.nothing = 1", "a b c d"),
        ("NOT end_time > 20", "b c d"),
        ("metrics.loss < 0.3 AND (params.lr = '0.1' OR tags.team LIKE 'A%')", "a"),
        ("metrics.loss = 0.5 OR metrics.loss = -2", "b d"),
    ],
)
def test_runs(runs: Store, text: str, expected: str) -> None:
    assert found(runs, text) == expected
    statement = count_runs(ENGINE, experiment_ids=[1], filter=text, at_most=100)
    assert runs.column(statement, "n") == [len(expected.split())]


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ([], "a b c d"),
        (["start_time"], "d c b a"),
        (["attributes.start_time DESC"], "a b c d"),
        (["Created ASC"], "d c b a"),
        # NaN after numbers, missing last, both ways; then the newest first
        (["metrics.loss"], "d a b c"),
        (["metrics.loss DESC"], "b a d c"),
        (["metrics.`a b`"], "a b c d"),
        (['metrics."a b" desc'], "a b c d"),
        (["metrics.`a b` DESC", "start_time"], "a b d c"),
        (["metrics.top"], "c b a d"),
        (["min(metrics.loss)"], "d a b c"),
        (["max(metrics.top) DESC", "last(metrics.loss) DESC"], "b a d c"),
        (["tags.team"], "c b a d"),
        (["tags.team DESC"], "a b c d"),
        (["params.nothing", "run_id DESC"], "d c b a"),
        (["end_time"], "d c a b"),
        (["end_time DESC"], "a c d b"),
        (["run_name"], "a b d c"),
        (["status", "metrics.loss"], "d a c b"),
        (["num(params.lr)"], "b a c d"),
        (["num(params.lr) DESC"], "a b c d"),
        (["attributes.duration"], "c d a b"),
    ],
)
def test_order_of_runs(runs: Store, order_by: list[str], expected: str) -> None:
    assert found(runs, order_by=order_by) == expected


def test_view_experiments_and_pages(runs: Store) -> None:
    assert found(runs, view="deleted") == "gone"
    assert found(runs, view="all") == "gone a b c d"
    assert found(runs, experiment_ids=[2, 1, 1, 7]) == "other a b c d"
    assert found(runs, experiment_ids=[]) == ""
    assert found(runs, experiment_ids=[-1, 2**70]) == ""
    assert found(runs, limit=2, offset=1) == "b c"
    assert found(runs, offset=2**70) == ""
    assert runs.column(count_runs(ENGINE, experiment_ids=[1], at_most=3), "n") == [3]


@pytest.mark.parametrize(
    ("order_by", "message"),
    [
        ([""], "Invalid order_by clause ''. Could not be parsed."),
        (["1"], "Invalid order_by clause '1'. Could not be parsed."),
        (["metrics.a, metrics.b"], "Invalid order_by clause 'metrics.a, metrics.b'. Could not be parsed."),
        (["metrics.a DESC x"], "Invalid order_by clause 'metrics.a DESC x'. Could not be parsed."),
        (["metrics.a\0"], "Invalid order_by clause 'metrics.a\0'. Could not be parsed."),
        (["num(params.a"], "Invalid order_by clause 'num(params.a'. Could not be parsed."),
        (["metrics.a up"], "Invalid ordering key in order_by clause 'metrics.a up'."),
        (["dataset.name"], "Invalid identifier type 'dataset'"),
        (["num(metrics.a)"], "Invalid order_by clause 'num(metrics.a)'. num() is for params and tags."),
        (
            ["start_time", "created DESC"],
            "`order_by` contains duplicate fields: ['start_time', 'created DESC']",
        ),
        (["max(params.a)"], "max() is for metrics of runs, not for 'a'"),
        (["max(metrics.a"], "Invalid order_by clause 'max(metrics.a'. Could not be parsed."),
        (["len(metrics.a)"], "Invalid order_by clause 'len(metrics.a)'. Could not be parsed."),
        (
            ["metrics.a", "last(metric.a)"],
            "`order_by` contains duplicate fields: ['metrics.a', 'last(metric.a)']",
        ),
        (["tags.a", "tag.`a`"], "`order_by` contains duplicate fields: ['tags.a', 'tag.`a`']"),
        (["metrics.a"] * 21, "`order_by` may have at most 20 fields; this one has 21."),
    ],
)
def test_orders_that_are_refused(order_by: list[str], message: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        search_runs(ENGINE, experiment_ids=[1], order_by=order_by, limit=1)
    assert error.value.message == message
