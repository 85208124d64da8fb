"""Metrics: points as they come in, latest values, histories whole, paged, in bulk and sampled."""

import pytest
from asks import Ask, get, post
from pair import Pair

UNKNOWN = "f" * 32
SEEN = get("runs/get", {"run_id": "{run}"})
BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"


def log(**fields: object) -> Ask:
    return post("runs/log-metric", {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1, **fields})


def history(key: str = "m", **query: object) -> Ask:
    return get("metrics/get-history", {"run_id": "{run}", "metric_key": key, **query})


def raw(text: str) -> Ask:
    return Ask("POST", "runs/log-metric", '{"run_id": "{run}", "key": "m", ' + text + "}")


BOTH = [history(), SEEN]
VALUES: list[object] = [
    0, 1, -1, 0.5, 1e300, 5e-324, -0.0, 1.7976931348623157e308, 123456789012345678, 0.1, 1 / 3, True, False,
    "NaN", "Infinity", "-Infinity", "nan", "inf", "-inf", "INFINITY", "1e3", "0.5", "-7", " 1 ", "1_0", "", "abc", "1e9x",
    "0x10", None, [], [1], {}, "1e400",
]  # fmt: skip
TIMES: list[object] = [
    0, 1, -1, "5", 1.0, 1.5, "1.0", 2**53, 2**63 - 1, 2**63, -(2**63), True, None, "", "abc", [], 1700000000000,
]  # fmt: skip
STEPS: list[object] = [
    0, 1, -1, "7", 3.0, 1.5, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, True, None, "", "abc", [], "1e3",
]  # fmt: skip
KEYS: list[object] = [
    "a/b", "a b", "a.b", "a:b", "a-b", "a_b", "val/acc-top 5.x:y", "é", "好", "", None, 5, "/a", "a/", "a//b", "..", ".",
    "../x", "a(b)", "a,b", "a\nb", "a\\b", "a%b", "k" * 250, "k" * 251, "system/cpu", "a\u0000",
]  # fmt: skip
BARE = ["NaN", "Infinity", "-Infinity", "1E3", "1.0e-5", "-0", "01", "+1", ".5", "1.", "1e999", "null", "tru"]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_value(pair: Pair, value: object) -> None:
    pair.play([log(value=value), *BOTH])


@pytest.mark.parametrize("timestamp", TIMES, ids=repr)
def test_timestamp(pair: Pair, timestamp: object) -> None:
    pair.play([log(timestamp=timestamp), *BOTH])


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_step(pair: Pair, step: object) -> None:
    pair.play([log(step=step), *BOTH])


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_key(pair: Pair, key: object) -> None:
    pair.play([log(key=key), SEEN])


@pytest.mark.parametrize("text", BARE)
def test_bare_token(pair: Pair, text: str) -> None:
    pair.play([raw(f'"value": {text}, "timestamp": 1'), *BOTH])


POINTS = {
    "by step": [(1, 1, 1), (2, 2, 2), (3, 3, 3)],
    "by step, not by time": [(1, 9, 1), (2, 5, 2), (3, 1, 3)],
    "same step, other times": [(1, 5, 1), (1, 9, 2), (1, 7, 3)],
    "same step and time": [(1, 1, 5), (1, 1, 9), (1, 1, 7)],
    "negative values at one place": [(1, 1, -5), (1, 1, -9)],
    "NaN at one place": [(1, 1, "NaN"), (1, 1, 5)],
    "NaN at one place, later": [(1, 1, 5), (1, 1, "NaN")],
    "NaN last": [(1, 1, 5), (2, 2, "NaN")],
    "NaN first": [(1, 1, "NaN"), (2, 2, 5)],
    "infinite": [(1, 1, "Infinity"), (1, 1, 5), (1, 1, "-Infinity")],
    "the same again": [(1, 1, 5), (1, 1, 5), (1, 1, 5.0)],
    "the same NaN again": [(1, 1, "NaN"), (1, 1, "NaN")],
    "negative steps": [(-1, 1, 1), (-5, 2, 2), (0, 3, 3)],
    "step 0 and none": [(0, 1, 1), (0, 2, 2)],
    "zero and minus zero": [(0, 1, 0.0), (0, 1, -0.0)],
    "backwards": [(3, 3, 3), (2, 2, 2), (1, 1, 1)],
    "huge steps": [(2**62, 1, 1), (2**63 - 1, 1, 2), (-(2**63), 1, 3)],
}


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("how", ["one by one", "batch"])
def test_order_and_latest(pair: Pair, name: str, how: str) -> None:
    points = [{"step": step, "timestamp": time, "value": value} for step, time, value in POINTS[name]]
    if how == "batch":
        body = {"run_id": "{run}", "metrics": [{"key": "m", **point} for point in points]}
        pair.ask(post("runs/log-batch", body))
    else:
        pair.play(log(**point) for point in points)
    pair.play(BOTH)


ASKED: dict[str, list[Ask]] = {
    "absent key": [history("absent"), history("absent", max_results=5)],
    "unknown run": [get("metrics/get-history", {"run_id": UNKNOWN, "metric_key": "m"})],
    "no run": [
        get("metrics/get-history", {"metric_key": "m"}),
        get("metrics/get-history", {"run_id": "", "metric_key": "m"}),
    ],
    "no key": [get("metrics/get-history", {"run_id": "{run}"}), history("")],
    "by run_uuid": [get("metrics/get-history", {"run_uuid": "{run}", "metric_key": "m"})],
    "limits": [
        history(max_results=limit)
        for limit in (1, 3, 10, 11, 100, 0, -1, "x", "", "1.5", 10**12, 2**31, 25_001)
    ],
    "tokens": [
        history(max_results=3, page_token=token)
        for token in (
            "",
            "zz",
            "abc=",
            "eyJvZmZzZXQiOiAzfQ==",
            "eyJvZmZzZXQiOiA5OX0=",
            "eyJvZmZzZXQiOiAtMX0=",
            "eyJvZmZzZXQiOiAiYSJ9",
            "W10=",
            "eyJhIjogMX0=",
        )
    ],
    "token without limit": [history(page_token="eyJvZmZzZXQiOiAzfQ==")],
    "pages": [
        get(
            "metrics/get-history",
            {"run_id": "{run}", "metric_key": "m", "max_results": 4},
            t="next_page_token",
        ),
        get(
            "metrics/get-history",
            {"run_id": "{run}", "metric_key": "m", "max_results": 4, "page_token": "{t}"},
            t="next_page_token",
        ),
        get(
            "metrics/get-history",
            {"run_id": "{run}", "metric_key": "m", "max_results": 4, "page_token": "{t}"},
        ),
    ],
    "exactly full": [history(max_results=10), history(max_results=5, page_token="eyJvZmZzZXQiOiA1fQ==")],
    "by POST": [post("metrics/get-history", {"run_id": "{run}", "metric_key": "m"})],
}
RUNS = [("run_id", "{run}"), ("run_id", "{second}")]
NAMED = [("run_ids", "{run}"), ("run_ids", "{second}")]
BULKS: dict[str, list[tuple[str, str]]] = {
    "both": [*RUNS, ("metric_key", "m")],
    "other order": [*RUNS[::-1], ("metric_key", "m")],
    "one": [("run_id", "{run}"), ("metric_key", "m")],
    "the same twice": [RUNS[0], RUNS[0], ("metric_key", "m")],
    "an unknown one": [*RUNS, ("run_id", UNKNOWN), ("metric_key", "m")],
    "only an unknown one": [("run_id", UNKNOWN), ("metric_key", "m")],
    "absent key": [*RUNS, ("metric_key", "absent")],
    "no key": RUNS,
    "empty key": [*RUNS, ("metric_key", "")],
    "no run": [("metric_key", "m")],
    "no such field": [*NAMED, ("metric_key", "m")],
    "limit 3": [*RUNS, ("metric_key", "m"), ("max_results", "3")],
    "limit 12": [*RUNS, ("metric_key", "m"), ("max_results", "12")],
    "limit 0": [*RUNS, ("metric_key", "m"), ("max_results", "0")],
    "limit negative": [*RUNS, ("metric_key", "m"), ("max_results", "-1")],
    "limit too large": [*RUNS, ("metric_key", "m"), ("max_results", "99999")],
    "limit no number": [*RUNS, ("metric_key", "m"), ("max_results", "x")],
    "101 runs": [*[("run_id", f"{n:032x}") for n in range(101)], ("metric_key", "m")],
    "100 runs": [*[("run_id", f"{n:032x}") for n in range(100)], ("metric_key", "m")],
}
WINDOWS: dict[str, list[tuple[str, str]]] = {
    "all": [],
    **{f"limit {n}": [("max_results", str(n))] for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 2500, 0, -1, 2501)},
    "limit no number": [("max_results", "x")],
    "window": [("start_step", "2"), ("end_step", "7")],
    "window of one": [("start_step", "3"), ("end_step", "3")],
    "empty window": [("start_step", "300"), ("end_step", "400")],
    "window of 3": [("start_step", "1"), ("end_step", "8"), ("max_results", "3")],
    "window of 4": [("start_step", "0"), ("end_step", "9"), ("max_results", "4")],
    "half a window": [("start_step", "2")],
    "other half": [("end_step", "2")],
    "backwards": [("start_step", "7"), ("end_step", "2")],
    "no number": [("start_step", "x"), ("end_step", "7")],
    "negative": [("start_step", "-7"), ("end_step", "2")],
}
INTERVALS: dict[str, list[tuple[str, str]]] = {
    **{name: [*NAMED, ("metric_key", "m"), *more] for name, more in WINDOWS.items()},
    "no key": NAMED,
    "no run": [("metric_key", "m")],
    "absent key": [*NAMED, ("metric_key", "absent")],
    "an unknown run": [*NAMED, ("run_ids", UNKNOWN), ("metric_key", "m")],
    "the same run twice": [NAMED[0], NAMED[0], ("metric_key", "m")],
    "101 runs": [*[("run_ids", f"{n:032x}") for n in range(101)], ("metric_key", "m")],
    "the other field": [*RUNS, ("metric_key", "m")],
}


@pytest.fixture(scope="module")
def series(both: Pair) -> Pair:
    """{run} with ten points of a metric, {second} with five at other steps."""
    scene = both.in_area("metrics")
    scene.of_both(post("runs/create", {"experiment_id": "0"}, run="run.info.run_id"))
    # Answers are in the order of run ids: the two must come in the same one on both servers.
    for _ in range(100):
        scene.of_both(post("runs/create", {"experiment_id": "0"}, second="run.info.run_id"))
        if all(side.names["run"] < side.names["second"] for side in (scene.theirs, scene.ours)):
            break
    for run, steps in (("{run}", range(10)), ("{second}", range(1, 30, 6))):
        points = [{"key": "m", "value": step / 2, "timestamp": 1000 + step, "step": step} for step in steps]
        scene.of_both(post("runs/log-batch", {"run_id": run, "metrics": points}))
    return scene


@pytest.mark.parametrize("case", ASKED)
def test_history(series: Pair, case: str) -> None:
    series.play(ASKED[case])


@pytest.mark.parametrize("case", BULKS)
def test_bulk(series: Pair, case: str) -> None:
    series.ask(get(BULK, BULKS[case]))


@pytest.mark.parametrize("case", INTERVALS)
@pytest.mark.parametrize("prefix", ["/ajax-api", "/api"])
def test_interval(series: Pair, case: str, prefix: str) -> None:
    series.ask(get(INTERVAL.replace("/ajax-api", prefix), INTERVALS[case]))
