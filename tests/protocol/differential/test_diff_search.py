"""Search of runs: filters, orders, pages, views, over runs that differ in everything a filter can name."""

from typing import Any

import pytest
from asks import Ask, get, post
from pair import Pair, unique

RUNS: list[tuple[Any, ...]] = [
    # name, status, start, end, user, metrics, params, tags
    ("alpha", "FINISHED", 1000, 2000, "ann", {"acc": 0.5, "loss": 1}, {"lr": "0.1", "model": "ResNet"}, {"team": "red"}),
    ("Beta", "RUNNING", 1001, None, "bob", {"acc": 0.9, "loss": -1}, {"lr": "0.01", "model": "resnet"}, {"team": "blue"}),
    ("gamma", "FAILED", 1002, 2002, "ann", {"acc": "NaN"}, {"lr": "0.1"}, {"team": "RED", "note": "a_b"}),
    ("delta", "KILLED", 1003, 2003, "", {"acc": "Infinity"}, {"model": "VGG"}, {"note": "axb"}),
    ("epsilon", "SCHEDULED", 1004, None, "eve", {"acc": "-Infinity"}, {"lr": ""}, {"note": "100%"}),
    ("zeta", "FINISHED", 1005, 1006, "ann", {}, {"lr": "1e-1"}, {"note": "it's"}),
    ("eta", "FINISHED", 1006, 2006, "ann", {"acc": 0}, {"odd key": "x", "a/b": "y", "a.b": "z"}, {"odd key": "v"}),
    ("theta 好", "FINISHED", 1007, 2007, "ann", {"acc": -0.5, "odd metric": 2, "a/b.c": 3}, {"lr": 'quo"te'}, {"Team": "x"}),
    ("iota", "FINISHED", 1008, 2008, "ANN", {"acc": 0.5, "loss": 1e300}, {"lr": "0.1", "model": "A%"}, {"note": "A_B"}),
    ("kappa\\x", "RUNNING", 1009, 0, "a_n", {"acc": 5e-324, "loss": 0.1}, {"lr": "a\\b"}, {"note": ""}),
]  # fmt: skip

FILTERS = [
    "", " ", "  metrics.acc > 0  ",
    *(f"metrics.acc {op} 0.5" for op in ("=", "!=", ">", ">=", "<", "<=", "==", "<>", "LIKE", "IN", "IS")),
    *(f"metrics.acc > {value}" for value in ("0", "-1", "-0.5", "+0.5", "1e-3", ".5", "5.", "1E300", "1e999", "-1e999", "0x1", "'0.5'", "abc", "NaN", "inf", "1,5", "1 2")),
    "metric.acc > 0", "METRICS.acc > 0", "metrics.ACC > 0", "metrics.absent > 0", "metrics.absent != 0",
    "metrics.`odd metric` = 2", 'metrics."odd metric" = 2', "metrics.'odd metric' = 2", "metrics.odd metric = 2",
    "metrics.a/b.c = 3", "metrics.`a/b.c` = 3", "metrics.acc IS NULL", "metrics.acc IS NOT NULL",
    "metrics.loss >= -1 AND metrics.loss <= 1", "metrics.acc>0.4 and metrics.acc<0.6", "metrics.acc=0.5",
    "metrics.acc > 0 OR metrics.loss > 0", "NOT metrics.acc > 0", "(metrics.acc > 0)", "metrics.acc > 0 AND", "AND metrics.acc > 0",
    "metrics.acc > 0 metrics.loss > 0", "metrics.acc > 0, metrics.loss > 0", "metrics.acc BETWEEN 0 AND 1", "0.5 < metrics.acc",
    "metrics.acc > metrics.loss", "metrics. > 0", "metrics > 0", "metrics.acc", "metrics.acc >", "> 0",
    *(f"params.lr {op} '0.1'" for op in ("=", "!=", ">", "<", "LIKE", "ILIKE", "==")),
    *(f"params.model {op} '{value}'" for op in ("LIKE", "ILIKE", "=", "!=") for value in ("res%", "Res%", "%NET", "_esNet", "resnet", "%", "", "A%", "A\\%", "_")),
    "param.lr = '0.1'", "parameter.lr = '0.1'", "parameters.lr = '0.1'", "PARAMS.lr = '0.1'", "Params.lr = '0.1'",
    'params.lr = "0.1"', "params.lr = 0.1", "params.lr = abc", "params.lr = `0.1`", "params.lr = '0.1", 'params.lr = "0.1\'',
    "params.lr = 'quo\"te'", 'params.lr = \'quo"te\'', "params.lr = ''", "params.lr != ''", "params.lr = 'a\\b'", "params.lr LIKE 'a\\%'",
    "params.`odd key` = 'x'", 'params."odd key" = \'x\'', "params.a/b = 'y'", "params.`a/b` = 'y'", "params.a.b = 'z'", "params.`a.b` = 'z'", 'params."a.b" = "z"',
    "params. = 'x'", "params.`` = 'x'", "tags.`` != 'x'", "metrics.`` > 0", "params.'' = 'x'", 'params."" IS NULL', "params.absent = 'x'", "params.absent != 'x'", "params.absent IS NULL", "params.lr IS NULL", "params.lr IS NOT NULL", "params.lr IS", "params.lr IS NOT",
    "params.lr is null", "params.lr IS  NULL", "params.lr IN ('0.1', '0.01')", "params.lr NOT IN ('0.1')", "params.lr NOT LIKE '0%'", "params.lr NOT ILIKE '0%'", "tags.team NOT LIKE 'r%'", "run_name NOT LIKE 'a%'", "metrics.acc NOT BETWEEN 0 AND 1", "params.lr like '0%'", "params.lr Like '0%'",
    *(f"tags.team {op} 'red'" for op in ("=", "!=", "LIKE", "ILIKE", ">", "<=")),
    *(f"tags.note {op} '{value}'" for op in ("LIKE", "ILIKE", "=") for value in ("a_b", "A_B", "100%", "%\\%", "a%")),
    "tag.team = 'red'", "tags.Team = 'x'", "tags.note = \"it's\"", "tags.note = 'it''s'", "tags.note IS NULL", "tags.note IS NOT NULL", "tags.note = ''",
    "tags.`odd key` = 'v'", "tags.mlflow.runName = 'alpha'", "tags.`mlflow.runName` = 'alpha'", "tags.'mlflow.runName' = 'alpha'", 'tags."mlflow.runName" LIKE \'%eta%\'',
    "tags.team IN ('red')", "tags.team = red", "tags.team = 5",
    *(f"{name} = 'alpha'" for name in ("run_name", "attributes.run_name", "attribute.run_name", "attr.run_name", "run.run_name", "attributes.`run_name`", "`run_name`", "'run_name'", "runName", "run name", "Run name", "attributes.Run_Name", "attributes.`Run name`", "name", "ATTRIBUTE.run_name")),
    *(f"run_name {op} '%ETA%'" for op in ("LIKE", "ILIKE", "=", "!=", ">")),
    "run_name = 'theta 好'", "run_name LIKE '%好'", "run_name = 'kappa\\x'", "run_name != 'alpha'", "run_name IN ('alpha', 'Beta')", "run_name IS NULL",
    *(f"status {op} 'FINISHED'" for op in ("=", "!=", "LIKE", "ILIKE", ">")),
    "status = 'finished'", "status = 'BOGUS'", 'attributes.status = "RUNNING"', "status ILIKE 'fin%'", "status = FINISHED", "status = 3", "Status = 'FINISHED'", "status IN ('FINISHED', 'FAILED')",
    *(f"start_time {op} 1003" for op in ("=", "!=", ">", ">=", "<", "<=", "LIKE")),
    "attributes.start_time > 1003", "created > 1003", "Created > 1003", "attributes.created > 1003", "start_time > '1003'", "start_time > 1003.5", "start_time > 1e3", "start_time = 1003.0", "start_time > -1", "start_time IS NULL", "start_time > abc",
    *(f"end_time {op} 2003" for op in ("=", "!=", ">", "<")), "end_time = 0", "end_time >= 0", "end_time IS NULL", "attributes.end_time > 0",
    *(f"user_id {op} 'ann'" for op in ("=", "!=", "LIKE", "ILIKE")), "attributes.user_id = 'ANN'", "user_id = ''", "user_id LIKE 'a_n'", "user = 'ann'", "user_id = 5",
    "artifact_uri LIKE '%artifacts'", "artifact_uri = 'x'", "attributes.artifact_uri ILIKE '%ARTIFACTS'", "artifact_uri != 'x'",
    "run_id = '{alpha}'", "run_id != '{alpha}'", "run_id IN ('{alpha}', '{gamma}')", "run_id NOT IN ('{alpha}', '{gamma}')", "run_id IN ('{alpha}')", "run_id IN ('{alpha}',)", "run_id IN ()", "run_id IN '{alpha}'", "run_id IN (1, 2)", "run_id IN ('{alpha}', 2)", "run_id IN ('{alpha}' '{gamma}')", 'run_id IN ("{alpha}")', "run_id in ('{alpha}')", "attributes.run_id IN ('{alpha}')", "run_id LIKE '%'", "run_id ILIKE '%'", "run_id = 5", "run_id > 'a'",
    "experiment_id = '{experiment}'", "lifecycle_stage = 'active'", "run_uuid = '{alpha}'", "duration > 5", "colour = 'red'", "attributes.colour = 'red'", "attributes.", "attributes = 'x'", "foo.bar = 'x'", "runs.status = 'FINISHED'",
    "params.lr = '0.1' AND tags.team = 'red' AND metrics.acc > 0 AND status = 'FINISHED' AND start_time < 1005",
    "params.lr = '0.1' and TAGS.team = 'red'", "params.lr = '0.1' And tags.team = 'red'", "params.lr='0.1' AND params.lr!='0.2'", "metrics.acc > 0;", "\"run_name\" = 'alpha'", '"run_name" LIKE "a%"', "'start_time' > 1003", "metrics.acc > 0; metrics.loss > 0", "-- comment", "metrics.acc > 0 -- comment", "/* x */ metrics.acc > 0",
    "params.lr = 'a' OR params.lr = 'b'", "(params.lr = '0.1')", "params.lr = ('0.1')", "tags.note LIKE 'a' ESCAPE 'b'", "params.lr = '0.1' AND AND tags.team = 'red'", "\n metrics.acc \t > 0 \r\n",
    "datasets.name = 'food'", "dataset.name = 'food'", "datasets.name != 'food'", "datasets.name LIKE 'fo%'", "datasets.name ILIKE 'FO%'", "datasets.digest = 'd1'", "datasets.context = 'training'", "datasets.context != 'training'", "dataset.digest IN ('d1', 'd2')", "datasets.digest NOT IN ('d1')", "datasets.name IN ('food')", "datasets.context ILIKE 'TRAIN%'", "datasets.source = 'x'", "datasets.name > 'x'", "datasets.name = 5", "datasets.name IS NULL", "datasets = 'x'", "datasets.name = 'food' AND datasets.context = 'test'", "datasets.name = 'food' AND datasets.digest = 'd2'", "attributes.datasets.name = 'food'",
]  # fmt: skip

ORDERS: list[object] = [
    [], ["metrics.acc"], ["metrics.acc ASC"], ["metrics.acc DESC"], ["metrics.acc asc"], ["metrics.acc desc"], ["metrics.acc Desc"], ["metrics.loss DESC"], ["metrics.absent"], ["metrics.absent DESC"],
    ["metric.acc"], ["metrics.`odd metric` DESC"], ['metrics."odd metric"'], ["metrics.a/b.c"], ["params.lr"], ["params.lr DESC"], ["param.lr ASC"], ["parameter.lr"], ["params.`odd key`"], ["params.a.b"],
    ["params.model", "metrics.acc DESC"], ["tags.team"], ["tags.team DESC"], ["tag.note"], ["tags.`odd key` DESC"], ["tags.mlflow.runName"], ["tags.`mlflow.runName` DESC"],
    ["start_time"], ["start_time DESC"], ["attributes.start_time"], ["attribute.start_time ASC"], ["attr.start_time"], ["run.start_time"], ["created"], ["Created DESC"], ["created_at"],
    ["end_time"], ["end_time DESC"], ["status"], ["status DESC"], ["attributes.status", "attributes.start_time"], ["run_name"], ["attributes.run_name DESC"], ["run name"], ["`Run name`"], ["name"],
    ["user_id", "start_time"], ["user_id DESC", "start_time"], ["user"], ["experiment_id"], ["lifecycle_stage"], ["colour"], ["attributes.colour"], ["foo.bar"],
    ["metrics.acc", "metrics.acc DESC"], ["metrics.acc", "metric.acc"], ["start_time", "attributes.start_time DESC"], ["params.lr", "params.lr"], ["params.lr", "params.model"], ["metrics.acc", "params.acc"], ["metrics.loss", "metrics.acc DESC", "params.lr", "tags.team", "status"],
    ["metrics.acc SIDEWAYS"], ["metrics.acc ASC DESC"], ["metrics.acc, params.lr"], [""], [" "], ["ASC"], ["DESC"], ["metrics"], ["metrics."], ["params.``"], ["metrics.`` DESC"], [" metrics.acc  DESC "], ["metrics.acc\tDESC"], ["metrics.acc DESC;"], ["datasets.name"], ["dataset.name DESC"], ["duration"], ["'start_time'"], ['"start_time" DESC'],
    "metrics.acc", [5], [None], [["metrics.acc"]], {"a": 1}, None,
]  # fmt: skip


def search(**fields: object) -> Ask:
    return post("runs/search", {"experiment_ids": ["{experiment}"], **fields})


USED = [
    ("alpha", "food", "d1", "training"),
    ("alpha", "food", "d2", "test"),
    ("beta", "food", "d2", "training"),
    ("gamma", "Other", "d3", None),
]


def make(
    scene: Pair, name: str, status: str, start: int, end: int | None, user: str, *data: dict[str, Any]
) -> None:
    made = name.split(maxsplit=1)[0].split("\\", maxsplit=1)[0].lower()
    run = {"experiment_id": "{experiment}", "run_name": name, "start_time": start, "user_id": user}
    scene.of_both(Ask("POST", "runs/create", run, keep={made: "run.info.run_id"}))
    metrics, params, tags = ([{"key": key, "value": value} for key, value in each.items()] for each in data)
    points = [{**metric, "timestamp": 1} for metric in metrics]
    batch = {"run_id": "{" + made + "}", "metrics": points, "params": params, "tags": tags}
    scene.of_both(post("runs/log-batch", batch))
    ended = {"run_id": "{" + made + "}", "status": status, **({} if end is None else {"end_time": end})}
    scene.of_both(post("runs/update", ended))


def use(scene: Pair, run: str, name: str, digest: str, context: str | None) -> None:
    tags = [{"key": "mlflow.data.context", "value": context}] if context else []
    dataset = {"name": name, "digest": digest, "source_type": "local", "source": "{}"}
    body = {"run_id": "{" + run + "}", "datasets": [{"dataset": dataset, "tags": tags}]}
    scene.of_both(post("runs/log-inputs", body))


@pytest.fixture(scope="module")
def runs(both: Pair) -> Pair:
    scene = both.in_area("search")
    for experiment in ("experiment", "other"):
        ask = post("experiments/create", {"name": unique("search")})
        scene.of_both(ask._replace(keep={experiment: "experiment_id"}))
    for facts in RUNS:
        make(scene, *facts)
    for facts in USED:
        use(scene, *facts)
    for name, experiment, start in (("elsewhere", "{other}", 1004), ("gone", "{experiment}", 999)):
        run = {"experiment_id": experiment, "run_name": name, "start_time": start}
        scene.of_both(Ask("POST", "runs/create", run, keep={name: "run.info.run_id"}))
    scene.of_both(post("runs/delete", {"run_id": "{gone}"}))
    return scene


@pytest.mark.parametrize("text", FILTERS)
def test_filter(runs: Pair, text: str) -> None:
    runs.ask(search(filter=text, order_by=["start_time"]))


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_order(runs: Pair, order: object) -> None:
    runs.ask(search(order_by=order))


TOKEN = {"t": "next_page_token"}
PAGES: dict[str, list[Ask]] = {
    "pages": [
        search(max_results=4)._replace(keep=TOKEN),
        search(max_results=4, page_token="{t}")._replace(keep=TOKEN),
        search(max_results=4, page_token="{t}"),
    ],
    "pages in an order": [
        search(max_results=3, order_by=["metrics.acc DESC"])._replace(keep=TOKEN),
        search(max_results=3, order_by=["metrics.acc DESC"], page_token="{t}")._replace(keep=TOKEN),
        search(max_results=3, order_by=["metrics.acc DESC"], page_token="{t}")._replace(keep=TOKEN),
        search(max_results=3, order_by=["metrics.acc DESC"], page_token="{t}"),
    ],
    "exactly full": [search(max_results=10), search(max_results=5, page_token="eyJvZmZzZXQiOiA1fQ==")],
    "limits": [search(max_results=limit) for limit in (1, "3", 3.0, 1.5, 0, -1, 50_000, 50_001, "x", None, True, [], 2**31, 2**40)],
    "tokens": [search(page_token=token) for token in ("", "zz", "abc=", "eyJvZmZzZXQiOiA5OX0=", "eyJhIjogMX0=", "W10=", 5, None)],
    "views": [search(run_view_type=view) for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3, "1", "active_only", "BOGUS", "", None)],
    "unknown view": [search(run_view_type=9), post("runs/search", {"run_view_type": 9, "experiment_ids": ["{experiment}"]})],
    "experiments": [
        post("runs/search", {"experiment_ids": ids, "order_by": ["start_time", "run_name"]})
        for ids in (["{experiment}", "{other}"], ["{other}"], ["{other}", "{other}"], [], ["987654"], ["abc"], [""], ["{experiment}", "abc"], None, "{experiment}", [5], ["-1"], ["9" * 30])
    ],
    "nothing": [post("runs/search")],
    "by GET": [get("runs/search", {"experiment_ids": "{experiment}"})],
    "filter no text": [search(filter=5), search(filter=["x"]), search(filter=None)],
    "unknown field": [search(colour="red", max_results=1)],
    "camelCase": [post("runs/search", {"experimentIds": ["{experiment}"], "maxResults": 2, "orderBy": ["start_time"], "runViewType": "ALL"})],
    "long filter": [search(filter=" AND ".join(["metrics.acc > -1"] * 30)), search(filter="params.lr = '" + "x" * 7000 + "'")],
}  # fmt: skip


@pytest.mark.parametrize("case", PAGES)
def test_page(runs: Pair, case: str) -> None:
    runs.play(PAGES[case])
