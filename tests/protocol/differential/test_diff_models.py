"""Logged models, and what runs read and wrote: datasets, inputs, outputs."""

from typing import Any

import pytest
from asks import Ask, delete, get, patch, post
from pair import Pair, unique

ONE = get("logged-models/{logged}")
RUN = get("runs/get", {"run_id": "{run}"})
MADE = get("logged-models/{made}")
NONE = "m-" + "f" * 32


def tag(key: object, value: object = "v") -> dict[str, object]:
    return {"key": key, "value": value}


def create(**fields: object) -> Ask:
    return post("logged-models", {"experiment_id": "{experiment}", **fields}, made="model.info.model_id")


def tags(*pairs: object) -> Ask:
    return patch("logged-models/{logged}/tags", {"model_id": "{logged}", "tags": list(pairs)})


def params(*pairs: object) -> Ask:
    return post("logged-models/{logged}/params", {"model_id": "{logged}", "params": list(pairs)})


def status(value: object) -> Ask:
    return patch("logged-models/{logged}", {"model_id": "{logged}", "status": value})


def metric(**more: object) -> Ask:
    return post(
        "runs/log-metric",
        {"run_id": "{run}", "key": "acc", "value": 0.5, "timestamp": 1, "model_id": "{logged}", **more},
    )


PAIRS = [tag(f"k{n}") for n in range(150)]
MODELS: dict[str, list[Ask]] = {
    "create": [create(name="net", model_type="cnn", source_run_id="{run}", params=[tag("a")], tags=[tag("b")]), MADE],
    "create with nothing": [create(), MADE],
    "same name": [create(name="net"), create(name="net")],
    **{f"name {name!r}": [create(name=name), MADE] for name in ("", "a b", "é", "a_b-c", "a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "x" * 500, 5)},
    "long name": [create(name="x" * 501)],
    "in no experiment": [post("logged-models", {"name": "net"}), post("logged-models", {"experiment_id": ""}), post("logged-models")],
    "in unknown": [post("logged-models", {"experiment_id": "987654"}), post("logged-models", {"experiment_id": "abc"}), post("logged-models", {"experiment_id": 1})],
    "in a deleted one": [post("experiments/delete", {"experiment_id": "{experiment}"}), create(name="net"), ONE],
    "of an unknown run": [create(name="net", source_run_id="f" * 32), MADE],
    "empty fields": [create(name="net", model_type="", source_run_id="", params=[], tags=[]), MADE],
    "many params": [create(name="net", params=PAIRS), MADE],
    "param twice": [create(name="net", params=[tag("a", "1"), tag("a", "1")]), create(name="net", params=[tag("a", "1"), tag("a", "2")])],
    "tag twice": [create(name="net", tags=[tag("a", "1"), tag("a", "2")]), MADE],
    "bad keys": [create(name="net", params=[tag(key)]) for key in ("", "../x", "a(b)", "k" * 250, "k" * 251, 5)],
    "bad tag keys": [create(name="net", tags=[tag(key)]) for key in ("", "../x", "a(b)", "k" * 250, "k" * 251, 5)],
    "long values": [create(name="net", params=[tag("a", "v" * 501)]), create(name="net", params=[tag("a", "v" * 6001)]), create(name="net", tags=[tag("a", "v" * 8001)])],
    "no list": [create(name="net", params="x"), create(name="net", tags=["x"])],
    "get": [ONE],
    "get unknown": [get("logged-models/" + NONE), get("logged-models/nope"), get("logged-models/{run}")],
    "finalize": [status("LOGGED_MODEL_READY"), ONE, status("LOGGED_MODEL_UPLOAD_FAILED"), ONE, status("LOGGED_MODEL_PENDING"), ONE],
    "finalize by number": [status(2), ONE, status(1), status(3), ONE],
    "finalize badly": [status("READY"), status("BOGUS"), status(""), status(None), status(9), status("2"), patch("logged-models/{logged}"), status([])],
    "finalize unknown": [patch("logged-models/" + NONE, {"model_id": NONE, "status": "LOGGED_MODEL_READY"})],
    "delete": [delete("logged-models/{logged}"), ONE, RUN],
    "delete twice": [delete("logged-models/{logged}"), delete("logged-models/{logged}")],
    "delete unknown": [delete("logged-models/" + NONE)],
    "tags of a deleted one": [delete("logged-models/{logged}"), tags(tag("a"))],
    "params of a deleted one": [delete("logged-models/{logged}"), params(tag("a"))],
    "param of a deleted one that it has": [params(tag("a", "1")), delete("logged-models/{logged}"), params(tag("a", "1"))],
    "params twice of a deleted one": [delete("logged-models/{logged}"), params(tag("a", "1"), tag("a", "2"))],
    "status of a deleted one": [delete("logged-models/{logged}"), status("LOGGED_MODEL_READY")],
    "tag of a deleted one": [delete("logged-models/{logged}"), delete("logged-models/{logged}/tags/a")],
    "files of a deleted one": [delete("logged-models/{logged}"), get("logged-models/{logged}/artifacts/directories")],
    "tags": [tags(tag("a", "1"), tag("b", "2")), ONE, tags(tag("a", "3")), ONE, delete("logged-models/{logged}/tags/a"), ONE],
    "tags of nothing": [tags(), patch("logged-models/{logged}/tags"), patch("logged-models/{logged}/tags", {"tags": "x"})],
    "bad tags": [tags(tag(key)) for key in ("", "../x", "a(b)", "k" * 250, "k" * 251, "a/b", 5)],
    "tag values": [tags(tag("a", value)) for value in ("", "v" * 8000, "v" * 8001, None, 5)],
    "delete a missing tag": [delete("logged-models/{logged}/tags/zz"), delete("logged-models/" + NONE + "/tags/a")],
    "delete odd tags": [tags(tag("a/b"), tag("a b"), tag("a.b")), delete("logged-models/{logged}/tags/a%2Fb"), delete("logged-models/{logged}/tags/a%20b"), delete("logged-models/{logged}/tags/a.b"), ONE],
    "tags of unknown": [patch("logged-models/" + NONE + "/tags", {"tags": [tag("a")]})],
    "params": [params(tag("a", "1")), ONE, params(tag("a", "1")), params(tag("a", "2")), ONE],
    "params of nothing": [params(), post("logged-models/{logged}/params"), post("logged-models/{logged}/params", {"params": "x"})],
    "bad params": [params(tag(key)) for key in ("", "../x", "a(b)", "k" * 251, 5)],
    "params twice": [params(tag("a", "1"), tag("a", "2"))],
    "params of unknown": [post("logged-models/" + NONE + "/params", {"model_id": NONE, "params": [tag("a")]})],
    "id only in the path": [patch("logged-models/{logged}", {"status": "LOGGED_MODEL_READY"})],
    "params by path": [post("logged-models/{logged}/params", {"params": [tag("a")]})],
    "metrics": [metric(), ONE, metric(step=1, value=0.7, timestamp=2), ONE, metric(key="other"), ONE, RUN],
    "metrics on datasets": [metric(dataset_name="food", dataset_digest="d"), ONE, metric(dataset_name="food", dataset_digest="e", step=1), ONE],
    "metrics by batch": [post("runs/log-batch", {"run_id": "{run}", "metrics": [{"key": "acc", "value": 1, "timestamp": 1, "model_id": "{logged}"}, {"key": "acc", "value": 2, "timestamp": 2, "step": 1, "model_id": "{logged}", "dataset_name": "food", "dataset_digest": "d"}]}), ONE, RUN],
    "odd metric values": [metric(value="NaN"), ONE, metric(key="b", value="Infinity"), ONE],
    "metrics of unknown models": [metric(model_id=NONE), RUN, metric(model_id="nope"), metric(model_id="", key="x"), RUN],
    "metrics of a deleted model": [delete("logged-models/{logged}"), metric(), RUN],
    "dataset without model": [metric(model_id="", dataset_name="food", dataset_digest="d"), RUN],
    "directories": [get("logged-models/{logged}/artifacts/directories"), get("logged-models/{logged}/artifacts/directories", {"artifact_directory_path": "x"}), get("logged-models/{logged}/artifacts/directories", {"artifact_directory_path": "../x"}), get("logged-models/" + NONE + "/artifacts/directories")],
    "files": [
        Ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/{experiment}/models/{logged}/artifacts/MLmodel", b"flavors: {}"),
        Ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/{experiment}/models/{logged}/artifacts/data/x.bin", b"12345"),
        get("logged-models/{logged}/artifacts/directories"),
        get("logged-models/{logged}/artifacts/directories", {"artifact_directory_path": "data"}),
        get("/ajax-api/2.0/mlflow/logged-models/{logged}/artifacts/files", {"artifact_file_path": "MLmodel"}),
        get("/ajax-api/2.0/mlflow/logged-models/{logged}/artifacts/files", {"artifact_file_path": "data/x.bin"}),
        get("/ajax-api/2.0/mlflow/logged-models/{logged}/artifacts/files", {"artifact_file_path": "nope"}),
        get("/ajax-api/2.0/mlflow/logged-models/{logged}/artifacts/files", {"artifact_file_path": "../x"}),
        get("/ajax-api/2.0/mlflow/logged-models/{logged}/artifacts/files"),
        get("/ajax-api/2.0/mlflow/logged-models/" + NONE + "/artifacts/files", {"artifact_file_path": "MLmodel"}),
    ],
}  # fmt: skip

DATASET = {
    "name": "food",
    "digest": "d1",
    "source_type": "local",
    "source": "{}",
    "schema": "s",
    "profile": "p",
}
TRAINING = [tag("mlflow.data.context", "training")]


def inputs(*datasets: object, **more: object) -> Ask:
    return post("runs/log-inputs", {"run_id": "{run}", "datasets": list(datasets), **more})


def dataset(used: object = TRAINING, **fields: object) -> dict[str, object]:
    return {"tags": used, "dataset": {**DATASET, **fields}}


def outputs(*models: object) -> Ask:
    return post("runs/outputs", {"run_id": "{run}", "models": list(models)})


DATASETS = "/ajax-api/2.0/mlflow/experiments/search-datasets"
MLMODEL = '{"run_id": "{run}", "artifact_path": "model", "utc_time_created": "2026-01-01 00:00:00", "flavors": {"python_function": {"loader_module": "x", "config": {"a": 1}}}, "model_uuid": "u"}'

USES: dict[str, list[Ask]] = {
    "one": [inputs(dataset()), RUN],
    "again": [inputs(dataset()), inputs(dataset()), RUN],
    "again with other tags": [inputs(dataset()), inputs(dataset([tag("mlflow.data.context", "test")])), RUN],
    "again with other fields": [inputs(dataset()), inputs(dataset(source="other", profile="q")), RUN],
    "two": [inputs(dataset(), dataset(digest="d2")), RUN],
    "the same twice at once": [inputs(dataset(), dataset()), RUN],
    "no tags": [inputs(dataset([])), RUN, inputs({"dataset": {**DATASET, "digest": "d3"}}), RUN],
    "few fields": [inputs({"dataset": {"name": "n", "digest": "d", "source_type": "t", "source": "s"}}), RUN],
    "missing fields": [inputs({"dataset": {key: value for key, value in DATASET.items() if key != missing}}) for missing in DATASET],
    "empty fields": [inputs(dataset(**{key: ""})) for key in DATASET],
    "no dataset": [inputs({"tags": TRAINING}), inputs({}), inputs(5), post("runs/log-inputs", {"run_id": "{run}"}), inputs(), RUN],
    "long fields": [inputs(dataset(**{key: "x" * length})) for key, length in (("name", 500), ("name", 501), ("digest", 36), ("digest", 37), ("source", 65_535), ("source", 65_536), ("source_type", 300), ("schema", 1_048_576))],
    "long tags": [inputs(dataset([tag("k" * 255)])), inputs(dataset([tag("k" * 256)])), inputs(dataset([tag("k", "v" * 500)], digest="d5")), inputs(dataset([tag("k", "v" * 501)], digest="d6")), RUN],
    "bad tags": [inputs(dataset([tag("")])), inputs(dataset([tag("../x")], digest="d5")), inputs(dataset("x", digest="d6")), inputs(dataset([tag("a", 5)], digest="d7"))],
    "same tag twice": [inputs(dataset([tag("a", "1"), tag("a", "2")])), RUN],
    "models": [inputs(models=[{"model_id": "{logged}"}]), RUN, inputs(models=[{"model_id": "{logged}"}]), RUN],
    "unknown models": [inputs(models=[{"model_id": NONE}]), inputs(models=[{"model_id": ""}]), inputs(models=[{}]), inputs(models="x"), RUN],
    "both": [inputs(dataset(), models=[{"model_id": "{logged}"}]), RUN],
    "unknown run": [post("runs/log-inputs", {"run_id": "f" * 32, "datasets": [dataset()]}), post("runs/log-inputs", {"datasets": [dataset()]})],
    "outputs": [outputs({"model_id": "{logged}", "step": 1}), RUN, outputs({"model_id": "{logged}", "step": 1}), RUN],
    "outputs at other steps": [outputs({"model_id": "{logged}", "step": 1}), outputs({"model_id": "{logged}", "step": 2}), RUN],
    "odd outputs": [outputs({"model_id": "{logged}"}), RUN, outputs(), post("runs/outputs", {"run_id": "{run}"}), outputs({"model_id": "{logged}", "step": "x"}), outputs({"model_id": "{logged}", "step": -1}), RUN],
    "outputs of unknown": [outputs({"model_id": NONE, "step": 1}), RUN, post("runs/outputs", {"run_id": "f" * 32, "models": [{"model_id": "{logged}", "step": 1}]}), post("runs/outputs", {"models": []})],
    "search datasets": [inputs(dataset(), dataset(digest="d2")), post(DATASETS, {"experiment_ids": ["{experiment}"]})],
    "search datasets without context": [inputs(dataset([])), post(DATASETS, {"experiment_ids": ["{experiment}"]})],
    "search datasets of nothing": [post(DATASETS, {"experiment_ids": ids}) for ids in ([], ["987654"], ["abc"], ["{experiment}"] * 20, [str(n) for n in range(21)], "x", None, [5])],
    "search datasets of a deleted run": [inputs(dataset()), post("runs/delete", {"run_id": "{run}"}), post(DATASETS, {"experiment_ids": ["{experiment}"]})],
    "log model": [post("runs/log-model", {"run_id": "{run}", "model_json": MLMODEL}), RUN, post("runs/log-model", {"run_id": "{run}", "model_json": MLMODEL.replace('model"', 'other"')}), RUN],
    "log model badly": [post("runs/log-model", {"run_id": "{run}", "model_json": text}) for text in ("", "x", "{}", "[]", "5", '{"run_id": "a"}', None, 5)],
    "log model of unknown": [post("runs/log-model", {"run_id": "f" * 32, "model_json": MLMODEL}), post("runs/log-model", {"model_json": MLMODEL}), post("runs/log-model", {"run_id": "{run}"})],
}  # fmt: skip

TABLES = {"models": MODELS, "uses": USES}


@pytest.mark.parametrize(("table", "case"), [(table, case) for table in TABLES for case in TABLES[table]])
def test_models(logged: Pair, table: str, case: str) -> None:
    logged.play(TABLES[table][case])


# --- search --------------------------------------------------------------------------------------------------------

FILTERS = [
    "", "  ", "name = 'one'", "name != 'one'", "name LIKE 'o%'", "name LIKE 'O%'", "name ILIKE 'O%'", "name IN ('one', 'two')", "name NOT IN ('one')", "name = one", "name > 'a'", "name = 5", 'name = "one"',
    "attributes.name = 'one'", "attribute.name = 'one'", "attr.name = 'one'", "model_id = '{one}'", "model_id IN ('{one}')", "model_id != '{one}'", "model_type = 'cnn'", "model_type != 'cnn'", "model_type IS NULL", "model_type = ''", "status = 'READY'", "status = 'LOGGED_MODEL_READY'", "status != 'READY'", "status = 'PENDING'", "source_run_id = '{run}'", "source_run_id != '{run}'", "source_run_id IS NULL",
    "creation_timestamp > 0", "creation_timestamp_ms > 0", "creation_time > 0", "last_updated_timestamp > 0", "last_updated_timestamp_ms >= 0", "last_updated_time > 0", "creation_timestamp < 5", "creation_timestamp = 5", "creation_timestamp != 5", "creation_timestamp > 'x'", "creation_timestamp > 1.5", "creation_timestamp > 1e3",
    "params.lr = '0.1'", "params.lr != '0.1'", "params.lr = 0.1", "params.lr LIKE '0%'", "params.lr ILIKE '0%'", "params.lr IN ('0.1')", "param.lr = '0.1'", "params.`odd key` = 'x'", "params.absent = 'x'", "params.absent != 'x'", "params.lr > '0'", "params.lr IS NULL", "params.lr NOT IN ('0.1')",
    "tags.kind = 'a'", "tags.kind != 'a'", "tags.kind LIKE 'a%'", "tags.kind ILIKE 'A%'", "tags.`odd key` = 'x'", "tag.kind = 'a'", "tags.kind = a", "tags.kind IN ('a', 'b')", "tags.kind IS NULL", "tags.kind IS NOT NULL",
    "metrics.acc > 0.5", "metrics.acc >= 0.5", "metrics.acc = 0.5", "metrics.acc != 0.5", "metrics.acc < 1", "metrics.acc <= 1", "metric.acc > 0.5", "metrics.acc > '0.5'", "metrics.acc > abc", "metrics.absent > 0", "metrics.acc LIKE '1'", "metrics.acc IS NULL", "metrics.acc > 0 AND params.lr = '0.1'", "metrics.nan > 0", "metrics.nan != 0",
    "name = 'one' AND tags.kind = 'a'", "name = 'one' and status = 'READY'", "name = 'one' OR name = 'two'", "NOT name = 'one'", "(name = 'one')", "name = 'one' AND", "name", "name =", "= 'one'", "colour = 'red'", "foo.bar = 'x'", "experiment_id = '1'", "artifact_location = 'x'", "name = 'one'; x", "name = 'o", "duration > 5",
]  # fmt: skip
ORDERS: list[object] = [
    [], [{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "name", "ascending": True}], [{"field_name": "creation_timestamp"}], [{"field_name": "creation_timestamp", "ascending": False}], [{"field_name": "creation_timestamp_ms"}], [{"field_name": "last_updated_timestamp"}], [{"field_name": "model_type"}, {"field_name": "name"}], [{"field_name": "status"}, {"field_name": "name"}], [{"field_name": "experiment_id"}, {"field_name": "name"}],
    [{"field_name": "metrics.acc"}], [{"field_name": "metrics.acc", "ascending": False}], [{"field_name": "metrics.acc", "dataset_name": "food"}, {"field_name": "name"}], [{"field_name": "metrics.acc", "dataset_name": "food", "dataset_digest": "d2", "ascending": False}, {"field_name": "name"}], [{"field_name": "metrics.acc", "dataset_digest": "d2"}], [{"field_name": "metrics.absent"}, {"field_name": "name"}], [{"field_name": "metrics.nan"}, {"field_name": "name"}],
    [{"field_name": "params.lr"}], [{"field_name": "tags.kind"}], [{"field_name": "colour"}], [{"field_name": ""}], [{}], [{"ascending": True}], [{"field_name": "name"}, {"field_name": "name"}], [{"field_name": "name", "dataset_name": "food"}], [{"field_name": "metrics.`acc`"}], [{"field_name": "attributes.name"}], ["name"], "name", [5], [{"field_name": 5}], [{"field_name": "name", "ascending": "x"}],
]  # fmt: skip
ON: list[object] = [
    [], [{"dataset_name": "food"}], [{"dataset_name": "food", "dataset_digest": "d1"}], [{"dataset_name": "food", "dataset_digest": "d2"}], [{"dataset_name": "nope"}], [{"dataset_digest": "d1"}], [{}], [{"dataset_name": "food"}, {"dataset_name": "other"}], "x", [5], [{"dataset_name": ""}],
]  # fmt: skip


def search(**fields: object) -> Ask:
    return post("logged-models/search", {"experiment_ids": ["{experiment}"], **fields})


# Name -> type, run, state, params, tags, values of a metric with dataset and digest.
FACTS: dict[str, tuple[str, str, str | None, list[Any], list[Any], list[tuple[float, str | None, str | None]]]] = {
    "one": ("cnn", "{run}", "LOGGED_MODEL_READY", [tag("lr", "0.1")], [tag("kind", "a")], [(0.5, "food", "d1"), (0.9, "food", "d2")]),
    "two": ("", "", None, [tag("lr", "0.01"), tag("odd key", "x")], [tag("kind", "Abc")], [(0.9, None, None)]),
    "three": ("cnn", "{run}", "LOGGED_MODEL_UPLOAD_FAILED", [], [tag("odd key", "x")], []),
    "four": ("mlp", "", "LOGGED_MODEL_READY", [tag("lr", "")], [], [(0, "food", "d1")]),
    "five": ("mlp", "", None, [], [], [(-1, "other", "d1"), (-2, "food", "d1")]),
}  # fmt: skip


def point(name: str, **fields: object) -> Ask:
    made = {"run_id": "{run}", "key": "acc", "timestamp": 1, "model_id": "{" + name + "}"}
    return post("runs/log-metric", {**made, **fields})


def make(scene: Pair, name: str) -> None:
    kind, run, state, given, marks, values = FACTS[name]
    model = {"experiment_id": "{experiment}", "name": name, "model_type": kind, "source_run_id": run}
    ask = post("logged-models", {**model, "params": given, "tags": marks})
    scene.of_both(ask._replace(keep={name: "model.info.model_id"}))
    scene.pause()
    for step, (value, on, digest) in enumerate(values):
        dataset = {"dataset_name": on, "dataset_digest": digest} if on else {}
        scene.of_both(point(name, value=value, timestamp=step + 1, step=step, **dataset))
    if state:
        ended = {"model_id": "{" + name + "}", "status": state}
        scene.of_both(patch("logged-models/{" + name + "}", ended))


@pytest.fixture(scope="module")
def found(both: Pair) -> Pair:
    scene = both.in_area("models")
    for experiment in ("experiment", "other"):
        ask = post("experiments/create", {"name": unique("models")})
        scene.of_both(ask._replace(keep={experiment: "experiment_id"}))
    scene.of_both(
        post("runs/create", {"experiment_id": "{experiment}", "run_name": "r"}, run="run.info.run_id")
    )
    for name in FACTS:
        make(scene, name)
    scene.of_both(point("four", key="nan", value="NaN"))
    elsewhere = post("logged-models", {"experiment_id": "{other}", "name": "elsewhere"})
    scene.of_both(elsewhere._replace(keep={"elsewhere": "model.info.model_id"}))
    gone = post("logged-models", {"experiment_id": "{experiment}", "name": "gone"})
    scene.of_both(gone._replace(keep={"gone": "model.info.model_id"}))
    scene.of_both(delete("logged-models/{gone}"))
    return scene


@pytest.mark.parametrize("text", FILTERS)
def test_filter(found: Pair, text: str) -> None:
    found.ask(search(filter=text, order_by=[{"field_name": "creation_timestamp"}]))


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_order(found: Pair, order: object) -> None:
    found.ask(search(order_by=order))


@pytest.mark.parametrize("on", ON, ids=repr)
@pytest.mark.parametrize(
    "text", ["", "metrics.acc > 0", "metrics.acc < 1 AND metrics.acc > -5", "name != 'x'"]
)
def test_on_datasets(found: Pair, on: object, text: str) -> None:
    found.ask(search(datasets=on, filter=text, order_by=[{"field_name": "name"}]))


PAGES: dict[str, list[Ask]] = {
    "pages": [
        search(max_results=2)._replace(keep={"t": "next_page_token"}),
        search(max_results=2, page_token="{t}")._replace(keep={"t": "next_page_token"}),
        search(max_results=2, page_token="{t}"),
    ],
    "exactly full": [search(max_results=5)],
    "limits": [search(max_results=limit) for limit in (1, "2", 0, -1, 10_000, 10_001, "x", None, 1.5)],
    "tokens": [search(page_token=token) for token in ("", "zz", "eyJvZmZzZXQiOiA5OX0=", "eyJhIjogMX0=", 5)],
    "experiments": [post("logged-models/search", {"experiment_ids": ids, "order_by": [{"field_name": "name"}]}) for ids in (["{experiment}", "{other}"], ["{other}"], [], ["987654"], ["abc"], None, "x", [5])],
    "nothing": [post("logged-models/search")],
    "filter no text": [search(filter=5), search(filter=["x"])],
    "camelCase": [post("logged-models/search", {"experimentIds": ["{experiment}"], "maxResults": 2, "orderBy": [{"fieldName": "name", "ascending": False}]})],
}  # fmt: skip


@pytest.mark.parametrize("case", PAGES)
def test_page(found: Pair, case: str) -> None:
    found.play(PAGES[case])
