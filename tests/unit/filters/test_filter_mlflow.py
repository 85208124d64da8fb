"""The same searches on MLflow's own stores and on ours: same objects in the same order, same refusals.

Slow only because MLflow takes seconds to import and to make its database.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from filter_mlflow import KEYS, PROMPT, WORDS, Outcome, experiments, logged, models, runs, versions
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow


def plain(message: str) -> str:
    """A refusal without what may differ: our character, members of a set, and how a bad structure is shown."""
    message = re.sub(r" \(at character \d+\)$", "", message)
    message = re.sub(r"'\{.*", "", message)
    return re.sub(r"^(Invalid clause\(s\) in filter string).*", r"\1", message, flags=re.DOTALL)


def assert_same(text: Any, outcomes: tuple[Outcome, Outcome]) -> None:
    theirs, ours = outcomes
    if isinstance(theirs, str) and isinstance(ours, str):
        assert plain(ours) == plain(theirs), text
    else:
        assert ours == theirs, text


# --- hand-written

SAME_RUNS = [
    *("metrics.a < 'x'", "metrics.a <> 1", "metrics.a == 1", "metrics.a > nan", "metrics.a IN (1)"),
    *("params.a = 1", "params.a = x", "params.a = `x`", "params.a > 'x'", "params.a RLIKE 'x'"),
    *("run_id = 5", "run_id IN ()", "run_id IN (1)", "run_id IN ('a', 2)", "status = FINISHED", "name = 'x'"),
    *("start_time > '5'", "start_time IN (1,2)", "foo.a = 'x'", "METRICS.a > 1", "dataset.foo = 'x'", "dataset.name = 5"),
    *("lifecycle_stage = 'active'", "experiment_id = '1'", "status IS NULL", "1 < metrics.a", "'metrics.a' > 1"),
    *("metrics.a", "metrics.a b > 1", "metrics.a > 1, metrics.b > 2", "metrics.a > 1; metrics.b > 2", "   ", "metrics.a ="),
    *("params.a = 'x", "params.a = 'x' -- c", "metrics.a > 0x10", "metrics.`a", "metrics.a ! = 1", "OR", "metrics.1.5.2 ="),
    *("AND metrics.a > 1", "metrics.a > 1 AND", "metrics.a > 1 metrics.b > 2", "metrics.a > 1 AND AND params.a != 'x'"),
    *("metrics.a > 1 and tags.team like 'x%'", "tags.team = 'it''s'", "tags.team = \"it's\"", r"tags.team LIKE '\_'"),
    *("created > 2", "attributes.Created <= 2.5", "attributes.`run name` = 'x'", "run.status != 'FINISHED'"),
    *("metrics.`x/y` > 1e308", "metrics.`x/y` = 1.7976931348623157e308", "metrics.`x/y` < 1e400", "metrics.b > .5", "metrics.b < 5."),
    *("params.b IS NULL", "tags.team is not null", "end_time > 0", "end_time != 12", "user_id = 'user1'", "artifact_uri LIKE '%/1/%'"),
    *("dataset.name = 'food' AND dataset.context = 'train'", "datasets.context IN ('eval')", "dataset.digest NOT IN ('d0')"),
]  # fmt: skip

# MLflow refuses these; here they mean something.
OURS_ONLY = [
    "metrics.a > 1 OR metrics.b > 1",
    "NOT metrics.a > 1",
    "(metrics.a > 1)",
    "metrics.a BETWEEN 1 AND 2",
    "metrics.a NOT BETWEEN 1 AND 2",
    "params.a NOT LIKE 'x'",
    "metrics.a IS NULL",
    "metrics.x/y > 1",
    "metrics.a > +1",
    "metrics.a > 1e+0",
    "num(params.a) > 1",
    "duration > 1",
    "start_time < 99999999999999999999",
    "end_time IS NULL",
    "status IN ('FINISHED')",
    "params.a IN ('x', 'y')",
]


@pytest.mark.parametrize("text", SAME_RUNS)
def test_runs_by_hand(text: str) -> None:
    assert_same(text, runs(text))


@pytest.mark.parametrize("text", OURS_ONLY)
def test_beyond_mlflow(text: str) -> None:
    theirs, ours = runs(text)
    assert isinstance(theirs, str)
    assert isinstance(ours, list)


@pytest.mark.parametrize(
    "order_by",
    [
        *([], ["start_time"], ["metrics.a DESC"], ["metrics.`x/y`"], ["metrics.`x/y` DESC", "metrics.a"], ["params.b"]),
        *(["tags.team DESC"], ["attributes.end_time"], ["end_time desc"], ["run_name"], ["status", "user_id DESC"]),
        *([""], ["1"], ["metrics.a up"], ["metrics.a DESC x"], ["lr"], ["foo.a"], ["dataset.name"], ["metrics.a;"]),
        *(["metrics.a, metrics.b"], ["desc"], ["metrics.a", "metric.a DESC"], ["run name"], ["attributes.`run name`"]),
        *(['metrics."a b" desc'], ["`metrics`.a"], ["metrics.a\tDESC"], ["Created"], ["start_time", "created"]),
    ],
)  # fmt: skip
def test_orders_of_runs_by_hand(order_by: list[str]) -> None:
    assert_same(order_by, runs(order_by=order_by))


@pytest.mark.parametrize(
    ("text", "order_by"),
    [
        *(("", None), ("name = 'food'", None), ("name LIKE 'f%'", None), ("name ILIKE 'f%'", None), ("", ["name"])),
        *(("experiment_id IN ('0', '1')", None), ("experiment_id != '1'", None), ("experiment_id = 'x'", None)),
        *(("experiment_id LIKE '1'", None), ("creation_time > 0", ["name DESC"]), ("creation_time > 1.5", None)),
        *(("creation_time > '1'", None), ("tags.team = 'xy'", None), ("tags.team IS NULL", ["experiment_id"])),
        *(("tags.team > 'x'", None), ("name > 'x'", None), ("foo = 'x'", None), ("metrics.a > 1", None), ("name = 5", None)),
        *(("", ["foo"]), ("", ["tags.team"]), ("", ["last_update_time DESC", "name"]), ("", ["name", "name"])),
    ],
)  # fmt: skip
def test_experiments_by_hand(text: str, order_by: list[str] | None) -> None:
    assert_same((text, order_by), experiments(text, order_by))


REGISTRY = [
    *("", "name = 'food'", "name ILIKE 'f%'", "name LIKE '%o%'", "name IN ('food', 'hello')", "name NOT IN ('food')"),
    *(f"tags.`{PROMPT}` = 'true'", f"tags.`{PROMPT}` = 'True'", f"tags.`{PROMPT}` != 'false'", f"tags.`{PROMPT}` != 'true'"),
    *(f"tags.`{PROMPT}` = 'false' AND name != 'food'", f"tags.`{PROMPT}` LIKE 'x' AND tags.`{PROMPT}` = 'true'"),
    *("name > 'a'", "name = 5", "foo = 'x'", "foo.a = 'x'", "creation_timestamp > 5", "tags.team > 'x'"),
]  # fmt: skip


@pytest.mark.parametrize("text", [*REGISTRY, "tags.team = 'x'", "tags.team != 'x' AND tags.team LIKE 'x%'"])
@pytest.mark.parametrize("order_by", [None, ["name DESC"], ["timestamp"], ["last_updated_timestamp DESC"]])
def test_registered_models_by_hand(text: str, order_by: list[str] | None) -> None:
    assert_same((text, order_by), models(text, order_by))


@pytest.mark.parametrize(
    "text",
    [
        *REGISTRY,
        *(
            "run_id = '00000000000000000000000000000001'",
            "run_id != 'x'",
            "run_id IN ('x')",
            "version_number > 1",
        ),
        *("version_number = '1'", "version_number = 'x'", "version_number = 1.5", "version_number LIKE '1'"),
        *("source_path LIKE '%/1'", "tags.state = 'x' AND name LIKE 'F%'"),
    ],
)
@pytest.mark.parametrize(
    "order_by",
    [
        None,
        ["name"],
        ["version_number", "name DESC"],
        ["creation_timestamp DESC"],
        ["last_updated_timestamp"],
    ],
)
def test_model_versions_by_hand(text: str, order_by: list[str] | None) -> None:
    assert_same((text, order_by), versions(text, order_by))


@pytest.mark.parametrize("search", [models, versions])
@pytest.mark.parametrize(
    "order_by", [["foo"], ["name", "name"], ["tags.a"], ["timestamp", "last_updated_timestamp"], [""]]
)
def test_orders_of_the_registry_that_are_refused(search: Callable[..., Any], order_by: list[str]) -> None:
    theirs, ours = search("", order_by)
    assert isinstance(theirs, str)
    assert isinstance(ours, str)


@pytest.mark.parametrize(
    "text",
    [
        *("", "name = 'net1'", "name LIKE 'net%' AND params.lr != 'x'", "params.lr = 1", "name IN ('net1', 'net2')"),
        *("metrics.acc > 0.3", "metrics.acc <= 0.5 AND metrics.f1 = 1", "metrics.acc != 0.5"),
        *("source_run_id != 'x'", "model_type = 'agent'", "creation_timestamp > 5.5", "last_updated_timestamp < 5"),
        *("foo.a = 'x'", "name > 'x'", "params.lr > '1'", "model_id LIKE 'm-%'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "datasets",
    [
        None,
        [{"dataset_name": "food"}],
        [{"dataset_name": "food", "dataset_digest": "d1"}],
        [{"dataset_name": "toys"}, {"dataset_name": "food", "dataset_digest": "d0"}],
    ],
)
def test_logged_models_by_hand(text: str, datasets: list[dict[str, str]] | None) -> None:
    assert_same((text, datasets), logged(text, datasets=datasets))


@pytest.mark.parametrize(
    "order_by",
    [
        [{"field_name": "name"}],
        [{"field_name": "model_type", "ascending": False}, {"field_name": "name", "ascending": False}],
        [{"field_name": "metrics.acc"}],
        [{"field_name": "metrics.acc", "ascending": False, "dataset_name": "food"}],
        [
            {"field_name": "metrics.acc", "dataset_name": "food", "dataset_digest": "d1"},
            {"field_name": "creation_time"},
        ],
        [{"field_name": "creation_timestamp", "ascending": False}, {"field_name": "model_id"}],
        [{"field_name": "params.lr"}],
        [{"field_name": "nothing"}],
    ],
)
def test_orders_of_logged_models_by_hand(order_by: list[dict[str, Any]]) -> None:
    assert_same(order_by, logged("", order_by))


# --- generated


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


TEXT_OPERATORS = ["=", "!=", "LIKE", "ILIKE", "like"]
NUMBER_OPERATORS = ["<", "<=", ">", ">=", "=", "!="]


@st.composite
def comparison(draw) -> str:
    entity = draw(
        st.sampled_from(["metrics", "metric", "params", "tags", "text", "number", "dataset", "null"])
    )
    key = f"`{draw(st.sampled_from(KEYS))}`"
    text = quoted(draw(st.sampled_from(WORDS)))
    number = draw(st.sampled_from(["-1", "0", "0.5", "1", "3", "10", "14", "1e308", "1e400"]))
    by_text = f"{draw(st.sampled_from(TEXT_OPERATORS))} {text}"
    by_number = f"{draw(st.sampled_from(NUMBER_OPERATORS))} {number}"
    if entity in {"metrics", "metric"}:
        return f"{entity}.{key} {by_number}"
    if entity == "number":
        return f"{draw(st.sampled_from(['start_time', 'end_time', 'attribute.created']))} {by_number}"
    if entity == "dataset":
        field = draw(st.sampled_from(["name", "digest", "context"]))
        some = draw(
            st.sampled_from(["= 'food'", "IN ('train', 'd0', 'x')", "NOT IN ('food', 'eval')", by_text])
        )
        return f"dataset.{field} {some}"
    if entity == "null":
        return f"{draw(st.sampled_from(['params', 'tags']))}.{key} IS {draw(st.sampled_from(['NULL', 'NOT NULL']))}"
    if entity == "text":
        field = draw(st.sampled_from(["run_name", "status", "user_id", "attr.`Run Name`"]))
        return f"{field} {draw(st.sampled_from([by_text, chr(61) + ' ' + quoted('FINISHED')]))}"
    return f"{entity}.{draw(st.sampled_from([key, 'team']))} {by_text}"


FIELDS = [
    "metrics.a",
    "metrics.`x/y`",
    "params.b",
    "tags.team",
    "start_time",
    "end_time",
    "run_name",
    "status",
    "run_id",
]


@settings(max_examples=300, deadline=None)
@given(
    conditions=st.lists(comparison(), max_size=3),
    fields=st.lists(st.sampled_from(FIELDS), max_size=3, unique=True),
    directions=st.lists(st.sampled_from(["", " ASC", " desc"]), min_size=3, max_size=3),
)
def test_generated_searches_for_runs(conditions: list[str], fields: list[str], directions: list[str]) -> None:
    text = " AND ".join(conditions)
    order_by = [field + direction for field, direction in zip(fields, directions, strict=False)]
    assert_same((text, order_by), runs(text, order_by))
