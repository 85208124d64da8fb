"""Runs: life, params, tags, batches, and how one is read back."""

import pytest
from asks import Ask, get, post
from pair import Pair, unique

SEEN = get("runs/get", {"run_id": "{run}"})
MADE = get("runs/get", {"run_id": "{made}"})
UNKNOWN = "f" * 32


def create(**fields: object) -> Ask:
    return post("runs/create", {"experiment_id": "{experiment}", **fields}, made="run.info.run_id")


def of(action: str, **fields: object) -> Ask:
    return post(f"runs/{action}", {"run_id": "{run}", **fields})


def param(key: object, value: object) -> Ask:
    return of("log-parameter", key=key, value=value)


def tag(key: object, value: object) -> Ask:
    return of("set-tag", key=key, value=value)


def batch(**fields: object) -> Ask:
    return of("log-batch", **fields)


def pair_of(key: object, value: object) -> dict[str, object]:
    return {"key": key, "value": value}


def metric(key: object = "m", value: object = 1, timestamp: object = 1, **more: object) -> dict[str, object]:
    return {"key": key, "value": value, "timestamp": timestamp, **more}


NAMED = [pair_of("mlflow.runName", "by tag")]

LIFE: dict[str, list[Ask]] = {
    "create": [create(run_name="one", start_time=5, user_id="u", tags=[pair_of("a", "1")]), MADE],
    "create with nothing": [create(), MADE],
    "name by tag": [create(tags=NAMED), MADE],
    "name by both": [create(run_name="by tag", tags=NAMED), MADE],
    "two names": [create(run_name="other", tags=NAMED)],
    "empty name": [create(run_name=""), MADE, create(run_name="", tags=NAMED), MADE],
    "empty name by tag": [create(run_name="x", tags=[pair_of("mlflow.runName", "")])],
    "long name": [create(run_name="x" * 250), MADE],
    "longer name": [create(run_name="x" * 300)],
    "longest name": [create(run_name="x" * 9000)],
    "unicode name": [create(run_name="好 ✓ é"), MADE],
    "odd name": [create(run_name="a/b:c\n\t<x>"), MADE],
    "start as text": [create(run_name="x", start_time="1700000000001"), MADE],
    "start negative": [create(run_name="x", start_time=-1), MADE],
    "start 0": [create(run_name="x", start_time=0), MADE],
    "start a whole double": [create(run_name="x", start_time=5.0), MADE],
    "start a fraction": [create(run_name="x", start_time=5.5)],
    "start null": [create(run_name="x", start_time=None), MADE],
    "start true": [create(run_name="x", start_time=True)],
    "start beyond 64 bits": [create(run_name="x", start_time=2**63)],
    "start largest": [create(run_name="x", start_time=2**63 - 1), MADE],
    "user": [create(run_name="x", user_id="somebody"), MADE, create(run_name="x", user_id=""), MADE],
    "long user": [create(run_name="x", user_id="u" * 256)],
    "longer user": [create(run_name="x", user_id="u" * 257)],
    "same tag twice": [create(run_name="x", tags=[pair_of("a", "1"), pair_of("a", "2")])],
    "tag without value": [create(run_name="x", tags=[{"key": "a"}]), MADE],
    "tag without key": [create(run_name="x", tags=[{"value": "a"}])],
    "tag key of a path": [create(run_name="x", tags=[pair_of("../x", "1")])],
    "tag key too long": [create(run_name="x", tags=[pair_of("k" * 251, "1")])],
    "tag value too long": [create(run_name="x", tags=[pair_of("k", "v" * 8001)]), MADE],
    "many tags": [create(run_name="x", tags=[pair_of(f"k{n}", "v") for n in range(150)]), MADE],
    "tags no list": [
        create(run_name="x", tags="a"),
        create(run_name="x", tags=["a"]),
        create(run_name="x", tags={}),
    ],
    "in no experiment": [post("runs/create", {"run_name": "x"}), post("runs/create", {"experiment_id": ""})],
    "in an unknown experiment": [post("runs/create", {"experiment_id": "987654"})],
    "in no number": [post("runs/create", {"experiment_id": "abc"})],
    "in a number": [post("runs/create", {"experiment_id": 1})],
    "in the default": [post("runs/create", {"experiment_id": "0", "run_name": "x"})],
    "status at creation is ignored": [create(run_name="x", status="FINISHED"), MADE],
    "below another location": [
        post(
            "experiments/create",
            {"name": "{unique}", "artifact_location": "s3://bucket/path/"},
            other="experiment_id",
        ),
        post("runs/create", {"experiment_id": "{other}", "run_name": "x"}, made="run.info.run_id"),
    ],
    "get": [SEEN],
    "get by run_uuid": [get("runs/get", {"run_uuid": "{run}"})],
    "get by both": [
        get("runs/get", {"run_uuid": "nope", "run_id": "{run}"}),
        get("runs/get", {"run_uuid": "{run}", "run_id": "nope"}),
    ],
    "get unknown": [
        get("runs/get", {"run_id": UNKNOWN}),
        get("runs/get", {"run_id": "../x"}),
        get("runs/get", {"run_id": "' OR 1=1"}),
    ],
    "get nothing": [get("runs/get"), get("runs/get", {"run_id": ""})],
    "finish": [of("update", status="FINISHED", end_time=99), SEEN],
    "every status": [
        step
        for status in ("SCHEDULED", "FAILED", "KILLED", "FINISHED", "RUNNING")
        for step in (of("update", status=status), SEEN)
    ],
    "status by number": [step for status in (1, 2, 3, 4, 5) for step in (of("update", status=status), SEEN)],
    "status unknown": [
        of("update", status="BOGUS"),
        of("update", status="finished"),
        of("update", status=""),
        of("update", status=9),
        SEEN,
    ],
    "status null": [of("update", status=None, end_time=5), SEEN],
    "end alone": [of("update", end_time=5), SEEN, of("update", end_time=0), SEEN],
    "end as text": [of("update", end_time="77"), SEEN],
    "end no number": [of("update", end_time="x"), SEEN],
    "end moved": [of("update", end_time=5), of("update", end_time=4), of("update", status="RUNNING"), SEEN],
    "rename": [of("update", run_name="new"), SEEN],
    "rename to nothing": [of("update", run_name=""), SEEN],
    "rename by tag": [tag("mlflow.runName", "new"), SEEN],
    "rename by an empty tag": [tag("mlflow.runName", ""), SEEN],
    "rename by batch": [batch(tags=[pair_of("mlflow.runName", "new")]), SEEN],
    "rename long": [of("update", run_name="n" * 300), SEEN],
    "delete the name": [of("delete-tag", key="mlflow.runName"), SEEN],
    "update nothing": [of("update"), SEEN],
    "update unknown": [post("runs/update", {"run_id": UNKNOWN, "status": "FINISHED"})],
    "update no run": [post("runs/update", {"status": "FINISHED"}), post("runs/update")],
    "update by run_uuid": [post("runs/update", {"run_uuid": "{run}", "status": "FINISHED"}), SEEN],
    "delete": [of("delete"), SEEN, of("delete"), SEEN],
    "delete by run_uuid": [post("runs/delete", {"run_uuid": "{run}"})],
    "delete unknown": [post("runs/delete", {"run_id": UNKNOWN}), post("runs/delete")],
    "restore": [of("delete"), of("restore"), SEEN, of("restore"), SEEN],
    "restore unknown": [post("runs/restore", {"run_id": UNKNOWN}), post("runs/restore")],
    "writes to a deleted one": [
        of("delete"),
        of("update", status="FINISHED"),
        tag("a", "b"),
        of("delete-tag", key="mlflow.runName"),
        param("a", "b"),
        of("log-metric", **metric()),
        batch(metrics=[metric()]),
        batch(),
        of("log-inputs", datasets=[]),
        of("outputs", models=[{"model_id": "m-1", "step": 1}]),
        of("log-model", model_json="{}"),
        SEEN,
    ],
}

PARAMS: dict[str, list[Ask]] = {
    "one": [param("lr", "0.1"), SEEN],
    "again": [param("lr", "0.1"), param("lr", "0.1"), SEEN],
    "changed": [param("lr", "0.1"), param("lr", "0.2"), SEEN],
    "changed to nothing": [param("lr", "0.1"), param("lr", ""), SEEN],
    "empty": [param("lr", ""), of("log-parameter", key="none"), SEEN],
    "null": [param("lr", None), SEEN],
    "a number": [param("lr", 5), SEEN],
    "true": [param("lr", True), SEEN],
    "a list": [param("lr", ["x"]), SEEN],
    "no key": [of("log-parameter", value="x"), param("", "x"), param(None, "x")],
    "key a number": [param(5, "x")],
    "odd keys": [param(key, "x") for key in ("a/b", "a b", "a.b", "a:b", "a-b", "A_b", "é", "好")],
    "bad keys": [
        param(key, "x")
        for key in (
            "/a",
            "a/",
            "a//b",
            "..",
            "../a",
            "a/../b",
            ".",
            "./a",
            "a(b",
            "a,b",
            "a\nb",
            "a\\b",
            "a%b",
            "a@b",
            "a=b",
            " ",
            "a\tb",
            "a\u0000b",
        )
    ],
    "long key": [param("k" * 250, "x"), SEEN],
    "key too long": [param("k" * 251, "x"), SEEN],
    "longest value": [param("lr", "v" * 6000), SEEN],
    "value too long": [param("lr", "v" * 6001), SEEN, param("lr", "v" * 6001), param("lr", "v" * 7000)],
    "unicode value": [param("lr", "好 ✓ é \n \t \u0001"), SEEN],
    "value of 6000 wide characters": [param("lr", "好" * 6001), SEEN],
    "NUL": [param("lr", "a\u0000b"), SEEN],
    "unpaired surrogate": [of("log-parameter", key="lr", value="\ud800"), SEEN],
    "unknown run": [post("runs/log-parameter", {"run_id": UNKNOWN, "key": "a", "value": "b"})],
    "no run": [post("runs/log-parameter", {"key": "a", "value": "b"})],
    "by run_uuid": [post("runs/log-parameter", {"run_uuid": "{run}", "key": "a", "value": "b"}), SEEN],
    "tag of the same key": [param("a", "1"), tag("a", "2"), SEEN],
}

TAGS: dict[str, list[Ask]] = {
    "one": [tag("a", "1"), SEEN],
    "changed": [tag("a", "1"), tag("a", "2"), SEEN],
    "empty": [tag("a", ""), of("set-tag", key="b"), SEEN],
    "null": [tag("a", None), SEEN],
    "a number": [tag("a", 5), SEEN],
    "no key": [of("set-tag", value="x"), tag("", "x"), tag(None, "x")],
    "odd keys": [tag(key, "x") for key in ("a/b", "a b", "a.b", "a:b", "mlflow.note.content", "好")],
    "bad keys": [
        tag(key, "x") for key in ("/a", "a/", "a//b", "..", "../a", ".", "a(b", "a\nb", "a\\b", " ")
    ],
    "key too long": [tag("k" * 250, "x"), tag("k" * 251, "x"), SEEN],
    "value too long": [tag("a", "v" * 8000), tag("b", "v" * 8001), SEEN],
    "unicode": [tag("a", "好 ✓ é \n"), SEEN],
    "delete": [tag("a", "1"), of("delete-tag", key="a"), SEEN],
    "delete twice": [tag("a", "1"), of("delete-tag", key="a"), of("delete-tag", key="a")],
    "delete missing": [of("delete-tag", key="zz"), of("delete-tag"), of("delete-tag", key="")],
    "delete of unknown": [post("runs/delete-tag", {"run_id": UNKNOWN, "key": "a"})],
    "unknown run": [post("runs/set-tag", {"run_id": UNKNOWN, "key": "a", "value": "b"})],
    "reserved": [
        tag("mlflow.user", "me"),
        tag("mlflow.source.name", "x.py"),
        tag("mlflow.parentRunId", "{run}"),
        SEEN,
    ],
}

MANY = [metric(timestamp=n) for n in range(1001)]
PAIRS = [pair_of(f"k{n}", "1") for n in range(101)]

BATCHES: dict[str, list[Ask]] = {
    "all": [batch(metrics=[metric()], params=[pair_of("p", "1")], tags=[pair_of("t", "1")]), SEEN],
    "empty": [batch(), batch(metrics=[], params=[], tags=[]), SEEN],
    "nulls": [batch(metrics=None, params=None, tags=None), SEEN],
    "no run": [post("runs/log-batch", {"metrics": [metric()]}), post("runs/log-batch")],
    "unknown run": [
        post("runs/log-batch", {"run_id": UNKNOWN, "metrics": [metric()]}),
        post("runs/log-batch", {"run_id": UNKNOWN}),
    ],
    "by run_uuid": [post("runs/log-batch", {"run_uuid": "{run}", "tags": [pair_of("t", "1")]}), SEEN],
    "1000 metrics": [
        batch(metrics=MANY[:1000]),
        SEEN,
        get("metrics/get-history", {"run_id": "{run}", "metric_key": "m"}),
    ],
    "1001 metrics": [batch(metrics=MANY), SEEN],
    "100 params": [batch(params=PAIRS[:100]), SEEN],
    "101 params": [batch(params=PAIRS), SEEN],
    "100 tags": [batch(tags=PAIRS[:100]), SEEN],
    "101 tags": [batch(tags=PAIRS), SEEN],
    "1000 in all": [batch(metrics=MANY[:800], params=PAIRS[:100], tags=PAIRS[:100]), SEEN],
    "1001 in all": [batch(metrics=MANY[:901], params=PAIRS[:100]), SEEN],
    "too much of everything": [batch(metrics=MANY, params=PAIRS, tags=PAIRS), SEEN],
    "param twice": [
        batch(params=[pair_of("p", "1"), pair_of("p", "1")]),
        batch(params=[pair_of("p", "1"), pair_of("p", "2")]),
        SEEN,
    ],
    "two params twice": [batch(params=[pair_of(k, "1") for k in ("a", "b", "a", "b")])],
    "tag twice": [batch(tags=[pair_of("t", "1"), pair_of("t", "2")]), SEEN],
    "changed param": [param("p", "1"), batch(params=[pair_of("p", "2"), pair_of("q", "1")])],
    "two changed params": [
        batch(params=[pair_of("p", "1"), pair_of("q", "1")]),
        batch(params=[pair_of("p", "2"), pair_of("q", "2")]),
        SEEN,
    ],
    "same param": [param("p", "1"), batch(params=[pair_of("p", "1"), pair_of("q", "1")]), SEEN],
    "long param": [batch(params=[pair_of("p", "v" * 6001)]), SEEN],
    "long tag": [batch(tags=[pair_of("t", "v" * 8001)]), SEEN],
    "metric without value": [batch(metrics=[metric(), {"key": "b", "timestamp": 1}]), SEEN],
    "metric without timestamp": [batch(metrics=[{"key": "b", "value": 1}]), SEEN],
    "metric without key": [batch(metrics=[{"value": 1, "timestamp": 1}]), SEEN],
    "metric with an empty key": [batch(metrics=[metric("")]), SEEN],
    "metric with a bad key": [batch(metrics=[metric(), metric("../x")]), SEEN],
    "metric with a long key": [batch(metrics=[metric("k" * 251)]), SEEN],
    "metric with a bad value": [batch(metrics=[metric(value="abc")]), SEEN],
    "metric with a negative timestamp": [batch(metrics=[metric(timestamp=-1)]), SEEN],
    "metric with a negative step": [batch(metrics=[metric(step=-5)]), SEEN],
    "metric of a wrong step": [batch(metrics=[metric(step="x")]), batch(metrics=[metric(step=1.5)]), SEEN],
    "metric values": [
        batch(
            metrics=[
                metric(f"m{n}", value)
                for n, value in enumerate(["NaN", "Infinity", "-Infinity", "1e3", True, "0.5", 5e-324, -0.0])
            ]
        ),
        SEEN,
    ],
    "same metric": [
        batch(metrics=[metric(), metric(), metric(value=2)]),
        SEEN,
        get("metrics/get-history", {"run_id": "{run}", "metric_key": "m"}),
    ],
    "param without key": [batch(params=[{"value": "1"}]), batch(params=[pair_of("", "1")]), SEEN],
    "param without value": [batch(params=[{"key": "p"}]), SEEN],
    "param with a bad key": [batch(params=[pair_of("a", "1"), pair_of("a//b", "1")]), SEEN],
    "param with a long key": [batch(params=[pair_of("k" * 251, "1")]), SEEN],
    "param a number": [batch(params=[pair_of("p", 5)]), SEEN],
    "tag without key": [batch(tags=[{"value": "1"}]), SEEN],
    "tag without value": [batch(tags=[{"key": "t"}]), SEEN],
    "tag with a bad key": [batch(tags=[pair_of("a", "1"), pair_of("a//b", "1")]), SEEN],
    "tag with a long key": [batch(tags=[pair_of("k" * 251, "1")]), SEEN],
    "metrics no list": [
        batch(metrics="x"),
        batch(metrics={}),
        batch(metrics=[5]),
        batch(metrics=["x"]),
        SEEN,
    ],
    "params no list": [batch(params="x"), batch(params={}), batch(params=[5]), SEEN],
    "tags no list": [batch(tags="x"), batch(tags={}), batch(tags=[5]), SEEN],
    "two mistakes": [
        batch(metrics=[metric("../x")], params=[pair_of("../y", "1")], tags=[pair_of("../z", "1")])
    ],
    "mistake and deleted run": [of("delete"), batch(metrics=[metric("../x")])],
    "mistake and unknown run": [post("runs/log-batch", {"run_id": UNKNOWN, "metrics": [metric("../x")]})],
}

TABLES = {"life": LIFE, "params": PARAMS, "tags": TAGS, "batches": BATCHES}


@pytest.mark.parametrize(("table", "case"), [(table, case) for table in TABLES for case in TABLES[table]])
def test_runs(pair: Pair, table: str, case: str) -> None:
    pair.scene(unique=unique("exp")).play(TABLES[table][case])
