"""Filters and orders made up from a grammar, over runs with made-up data: both servers find the same, in the same order."""

from typing import Any

import hypothesis
import pytest
from asks import Ask, post
from hypothesis import given
from hypothesis import strategies as st
from made_up import IS_LONG, made_up, seed_of, told
from pair import Pair, unique

grammar = made_up(300 if IS_LONG else 15)

KEYS = ["a", "b.c", "d e", "F"]
TEXTS = ["", "x", "X", "xy", "x%", "x_", "10", "9", "é", "it's", 'q"q', "a\\b"]
NUMBERS: list[Any] = [0, 1, -1, 0.5, 1e10, 1e300, -1e300, "NaN", "Infinity", "-Infinity"]

data = st.lists(
    st.fixed_dictionaries({
        "name": st.sampled_from(TEXTS[1:]),
        "status": st.sampled_from(["RUNNING", "FINISHED", "FAILED", "KILLED"]),
        "user": st.sampled_from(["ann", "ANN", ""]),
        "end": st.sampled_from([None, 5, 6]),
        "metrics": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(NUMBERS), max_size=3),
        "params": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(TEXTS), max_size=3),
        "tags": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(TEXTS), max_size=3),
    }),
    min_size=3,
    max_size=8,
)  # fmt: skip


def quoted_key(key: str, quote: str) -> str:
    plain = key.replace(".", "").replace("_", "").isalnum()
    return key if plain and not quote else f"{quote or '`'}{key}{quote or '`'}"


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


names = st.builds(quoted_key, st.sampled_from(KEYS), st.sampled_from(["", "`", '"']))
values = st.sampled_from(TEXTS).map(quoted)
entities = st.sampled_from(["params", "tags", "param", "parameter", "tag"])
numeric = st.sampled_from(["0", "1", "-1", "0.5", "1e10", "-1e300", "1.7976931348623157e308", "2"])
compared = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
matched = st.sampled_from(["=", "!=", "LIKE", "ILIKE"])

comparisons = st.one_of(
    st.builds("{}.{} {} {}".format, st.sampled_from(["metrics", "metric"]), names, compared, numeric),
    st.builds("{}.{} {} {}".format, entities, names, matched, values),
    st.builds("{}.{} {}".format, entities, names, st.sampled_from(["IS NULL", "IS NOT NULL"])),
    st.builds("{} {} {}".format, st.sampled_from(["run_name", "attributes.run_name", "attr.status", "user_id", "status"]), matched, values),
    st.builds("{} {} {}".format, st.sampled_from(["start_time", "end_time", "attributes.end_time"]), compared, st.sampled_from(["0", "3", "5"])),
    st.builds("status {} '{}'".format, matched, st.sampled_from(["FINISHED", "RUN%", "failed"])),
    st.builds("run_id {} ('{{run0}}', '{{run2}}')".format, st.sampled_from(["IN", "NOT IN"])),
)  # fmt: skip
filters = st.builds(
    lambda parts, word: word.join(parts),
    st.lists(comparisons, max_size=3),
    st.sampled_from([" AND ", " and "]),
)
fields = st.one_of(
    st.builds("{}.{}".format, st.sampled_from(["metrics", "params", "tags"]), st.sampled_from(["a", "F", "`b.c`", "`d e`"])),
    st.sampled_from(["end_time", "status", "run_name", "user_id", "attributes.end_time"]),
)  # fmt: skip
orders = st.lists(
    st.builds("{}{}".format, fields, st.sampled_from(["", " ASC", " DESC"])),
    max_size=2,
    unique_by=lambda clause: clause.partition(" D")[0].partition(" A")[0].removeprefix("attributes."),
)
searches = st.lists(st.tuples(filters, orders), min_size=15, max_size=30)


def make(scene: Pair, index: int, facts: dict[str, Any]) -> None:
    run = {
        "experiment_id": "{experiment}",
        "run_name": facts["name"],
        "start_time": index,
        "user_id": facts["user"],
    }
    scene.of_both(Ask("POST", "runs/create", run, keep={f"run{index}": "run.info.run_id"}))
    one = "{run" + str(index) + "}"
    pairs = {
        kind: [{"key": key, "value": value} for key, value in facts[kind].items()]
        for kind in ("metrics", "params", "tags")
    }
    points = [{**metric, "timestamp": 1} for metric in pairs.pop("metrics")]
    scene.of_both(post("runs/log-batch", {"run_id": one, "metrics": points, **pairs}))
    ended = {} if facts["end"] is None else {"end_time": facts["end"]}
    scene.of_both(post("runs/update", {"run_id": one, "status": facts["status"], **ended}))


@pytest.mark.timeout(7200)
def test_grammar(pair: Pair, request: pytest.FixtureRequest) -> None:
    seed = seed_of(request.config)

    @given(data, searches)
    def same_runs(runs: list[dict[str, Any]], wanted: list[tuple[str, list[str]]]) -> None:
        scene = pair.scene()
        with told(scene, seed):
            compare(scene, runs, wanted)

    grammar(same_runs if seed is None else hypothesis.seed(seed)(same_runs))()


def compare(scene: Pair, runs: list[dict[str, Any]], wanted: list[tuple[str, list[str]]]) -> None:
    scene.of_both(post("experiments/create", {"name": unique("grammar")}, experiment="experiment_id"))
    for index, facts in enumerate(runs):
        make(scene, index, facts)
    for text, order in wanted:
        body = {"experiment_ids": ["{experiment}"], "filter": text, "order_by": order}
        scene.ask(post("runs/search", body))
