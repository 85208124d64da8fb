"""Whatever the text: a refusal or a statement that runs; and a tree finds what a plain model of it finds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from filter_store import ENGINE, Store, count_runs, search_runs
from hypothesis import given, settings
from hypothesis import strategies as st

from trackside.errors import InvalidParameter
from trackside.filters import (
    ModelOrder,
    search_experiments,
    search_logged_models,
    search_model_versions,
    search_registered_models,
)
from trackside.model import clamped

EMPTY, STORE = Store(), Store()
STORE.experiment(1)
STORE.run("r", metrics={"a": 1.0}, params={"a": "x"}, tags={"a": "1"})

# --- any text

PIECES = [
    *(
        "metrics.a",
        "params.a",
        "tags.`a b`",
        'dataset."name"',
        "run_id",
        "status",
        "start_time",
        "end_time",
        "name",
    ),
    *(
        "experiment_id",
        "version_number",
        "creation_time",
        "model_id",
        "num",
        "num(params.a)",
        "tags.",
        "`",
        "'",
        '"',
    ),
    *(
        "=",
        "!=",
        "<",
        ">=",
        "==",
        "~",
        "!~",
        "AND",
        "OR",
        "NOT",
        "IN",
        "IS",
        "NULL",
        "LIKE",
        "ILIKE",
        "BETWEEN",
        "(",
        ")",
    ),
    *(
        ",",
        "1",
        "-2.5",
        "1e999",
        "9" * 30,
        "1.2.3",
        "'x'",
        "'a%_'",
        '"1"',
        "('a','b')",
        "()",
        ";",
        "--",
        "\0",
        "?",
        "$1",
    ),
    *(
        "tags.`mlflow.prompt.is_prompt`",
        "'true'",
        "DESC",
        "asc",
        "\n",
        "\ud800",
        "é",
        "{v}",
        "{t}",
        "{key}",
        "{p}",
    ),
]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)
SEARCHES: list[Callable[..., Any]] = [
    lambda engine, text: search_runs(engine, experiment_ids=[1], filter=text, limit=1),
    lambda engine, text: count_runs(engine, experiment_ids=[1, 2], filter=text, at_most=5),
    lambda engine, text: search_runs(engine, experiment_ids=[1], order_by=[text], limit=1),
    lambda engine, text: search_experiments(engine, filter=text, order_by=["name"], limit=1),
    lambda engine, text: search_registered_models(engine, filter=text, limit=1),
    lambda engine, text: search_model_versions(engine, filter=text, limit=1),
    lambda engine, text: search_model_versions(engine, order_by=[text], limit=1),
    lambda engine, text: search_logged_models(engine, experiment_ids=[1], filter=text, limit=1),
    lambda engine, text: search_logged_models(
        engine, experiment_ids=[1], order_by=[ModelOrder(text)], limit=1
    ),
]


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, search=st.sampled_from(SEARCHES))
def test_any_text_is_refused_or_runs(text: str, search: Callable[..., Any]) -> None:
    try:
        statement = search(ENGINE, text)
    except InvalidParameter:
        for engine in ("sqlite", "postgresql"):
            with pytest.raises(InvalidParameter):
                search(engine, text)
        return
    STORE.rows(statement)
    numbered = search("postgresql", text)
    places = [int(n) for n in re.findall(r"\$([0-9]+)", numbered.sql)]
    assert places == list(range(1, len(numbered.values) + 1)) == list(range(1, len(statement.values) + 1))
    assert "?" not in numbered.sql


# --- any tree

KEYS = ["a", "a b", "x/y"]
WORDS = ["", "x", "X", "xy", "x%", "x_", "*", "[x]", r"\x", "1", " 1e0 ", "0.5", "nan", "it's"]
NUMBERS = [-1.0, 0.0, 0.5, 1.0, 1e308, math.inf, -math.inf, math.nan]
RUN = st.fixed_dictionaries(
    {
        "name": st.sampled_from(WORDS),
        "status": st.sampled_from(["RUNNING", "FINISHED"]),
        "start_ms": st.integers(0, 3),
        "end_ms": st.none() | st.integers(3, 6),
        "metrics": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(NUMBERS)),
        "params": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(WORDS)),
        "tags": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(WORDS)),
        "datasets": st.lists(
            st.tuples(st.sampled_from(WORDS), st.sampled_from("de"), st.none() | st.sampled_from(WORDS)),
            max_size=2,
            unique_by=lambda dataset: dataset[:2],
        ),
    }
)
Run = dict[str, Any]


def like(value: str, pattern: str, flags: int = 0) -> bool:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), value, flags | re.DOTALL) is not None


TEXT_TESTS: dict[str, Callable[[str, Any], bool]] = {
    "=": lambda value, given: value == given,
    "!=": lambda value, given: value != given,
    "LIKE": like,
    "NOT LIKE": lambda value, given: not like(value, given),
    "NOT ILIKE": lambda value, given: not like(value, given, re.IGNORECASE | re.ASCII),
    "ILIKE": lambda value, given: like(value, given, re.IGNORECASE | re.ASCII),
    "IN": lambda value, given: value in given,
    "NOT IN": lambda value, given: value not in given,
}
NUMBER_TESTS: dict[str, Callable[[float, Any], bool]] = {
    "<": lambda value, given: value < given,
    "<=": lambda value, given: value <= given,
    ">": lambda value, given: value > given,
    ">=": lambda value, given: value >= given,
    "=": lambda value, given: value == given,
    "!=": lambda value, given: value != given,
    "BETWEEN": lambda value, given: given[0] <= value <= given[1],
    "NOT BETWEEN": lambda value, given: not given[0] <= value <= given[1],
}


def number(text: str) -> float | None:
    try:
        return None if math.isnan(float(text)) else float(text)
    except ValueError:
        return None


def values_of(run: Run, entity: str, key: str) -> list[Any]:
    """What a run has for a field: none, one, or several for datasets."""
    if entity == "dataset":
        return [
            v
            for v in (dict(zip(("name", "digest", "context"), d, strict=True))[key] for d in run["datasets"])
            if v is not None
        ]
    if entity == "duration":
        return [] if run["end_ms"] is None else [run["end_ms"] - run["start_ms"]]
    if entity == "attributes":
        value = run[{"run_name": "name", "start_time": "start_ms", "end_time": "end_ms"}.get(key, key)]
        return [] if value is None else [value]
    if entity == "num":
        text = run["params"].get(key)
        return [] if text is None or number(text) is None else [number(text)]
    if key not in run[entity]:
        return []
    value = run[entity][key]
    return [clamped(value) if entity == "metrics" else value]


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


@st.composite
def comparison(draw) -> tuple[str, Callable[[Run], bool]]:
    entity = draw(st.sampled_from(["metrics", "params", "tags", "num", "attributes", "duration", "dataset"]))
    key = draw(st.sampled_from(KEYS))
    if entity == "attributes":
        key = draw(st.sampled_from(["run_name", "status", "start_time", "end_time"]))
    elif entity == "dataset":
        key = draw(st.sampled_from(["name", "digest", "context"]))
    name = {"num": f"num(params.`{key}`)", "duration": "attributes.duration"}.get(entity, f"{entity}.`{key}`")
    nullable = entity != "attributes" or key == "end_time"
    if nullable and draw(st.integers(0, 5)) == 0:
        null = draw(st.booleans())
        word = "IS NULL" if null else "is not null"
        return f"{name} {word}", lambda run: (not values_of(run, entity, key)) == null
    if entity in {"metrics", "num", "duration"} or key in {"start_time", "end_time"}:
        operator = draw(st.sampled_from(list(NUMBER_TESTS)))
        finite = st.sampled_from([n for n in NUMBERS if math.isfinite(n)]) | st.integers(-2, 5).map(float)
        two = operator.endswith("BETWEEN")
        given: Any = draw(st.tuples(finite, finite) if two else finite)
        shown = f"{given[0]!r} AND {given[1]!r}" if two else repr(given)
        test: Callable[[Any, Any], bool] = NUMBER_TESTS[operator]
    else:
        operator = draw(st.sampled_from(list(TEXT_TESTS)))
        words = st.sampled_from(WORDS)
        many = operator in {"IN", "NOT IN"}
        given = draw(st.lists(words, min_size=1, max_size=3) if many else words)
        shown = f"({', '.join(map(quoted, given))})" if many else quoted(given)
        test = TEXT_TESTS[operator]
    return f"{name} {operator} {shown}", lambda run: any(
        test(value, given) for value in values_of(run, entity, key)
    )


Filter = tuple[str, Callable[[Run], bool]]


def both(parts: list[Filter]) -> Filter:
    return "(" + " AND ".join(text for text, _ in parts) + ")", lambda run: all(
        holds(run) for _, holds in parts
    )


def either(parts: list[Filter]) -> Filter:
    return "(" + " or ".join(text for text, _ in parts) + ")", lambda run: any(
        holds(run) for _, holds in parts
    )


def negated(part: Filter) -> Filter:
    return f"NOT {part[0]}", lambda run: not part[1](run)


FILTERS = st.recursive(
    comparison(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(both),
        st.lists(inner, min_size=1, max_size=3).map(either),
        inner.map(negated),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(runs=st.lists(RUN, min_size=1, max_size=6), wanted=st.lists(FILTERS, min_size=3, max_size=8))
def test_a_tree_finds_what_it_says(runs: list[Run], wanted: list[Filter]) -> None:
    newest = sorted(range(len(runs)), key=lambda n: (-runs[n]["start_ms"], n))
    with EMPTY.scratch() as store:
        fill(store, runs)
        for text, holds in wanted:
            statement = search_runs(ENGINE, experiment_ids=[1], filter=text, limit=100)
            expected = [str(n) for n in newest if holds(runs[n])]
            assert store.column(statement, "uuid") == expected, text


def fill(store: Store, runs: list[Run]) -> None:
    store.experiment(1)
    for n, run in enumerate(runs):
        store.run(f"{n}", **run)


# --- any order


def rank(run: Run, entity: str, key: str, *, ascending: bool) -> tuple[int, Any]:
    values = values_of(run, entity, key)
    if not values:
        return 2, 0
    value = values[0]
    if isinstance(value, float) and math.isnan(value):
        return 1, 0
    if isinstance(value, str):
        codes = [ord(c) for c in value]
        return 0, tuple(codes) if ascending else tuple([-c for c in codes] + [1])
    return 0, value if ascending else -value


SORTED = {
    "metrics.`a b`": ("metrics", "a b"),
    "params.a": ("params", "a"),
    "tags.`x/y`": ("tags", "x/y"),
    "num(params.a)": ("num", "a"),
    "end_time": ("attributes", "end_time"),
    "attributes.run_name": ("attributes", "run_name"),
    "duration": ("duration", ""),
}


@settings(max_examples=100, deadline=None)
@given(
    runs=st.lists(RUN, min_size=2, max_size=8),
    names=st.lists(st.sampled_from(list(SORTED)), min_size=1, max_size=3, unique=True),
    directions=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_an_order_sorts_as_it_says(runs: list[Run], names: list[str], directions: list[bool]) -> None:
    clauses = [f"{name} {'ASC' if up else 'desc'}" for name, up in zip(names, directions, strict=False)]
    statement = search_runs(ENGINE, experiment_ids=[1], order_by=clauses, limit=100)
    fields = [(*SORTED[name], up) for name, up in zip(names, directions, strict=False)]

    def key(n: int) -> tuple[Any, ...]:
        wanted = [rank(runs[n], entity, name, ascending=up) for entity, name, up in fields]
        return (*wanted, -runs[n]["start_ms"], n)

    with EMPTY.scratch() as store:
        fill(store, runs)
        assert store.column(statement, "uuid") == [str(n) for n in sorted(range(len(runs)), key=key)]
