"""`min(metrics.loss)` and its like: how they are read, and what is wrong with others."""

from __future__ import annotations

import pytest
from filter_store import search_runs

from trackside.errors import InvalidParameter
from trackside.filters import search_logged_models
from trackside.filters.parse import Comparison, Name, parse


@pytest.mark.parametrize(
    ("text", "name", "operator"),
    [
        ("min(metrics.`a b`) <= 1", Name("metrics", "a b", "min"), "<="),
        ("max ( metric.x ) BETWEEN 1 AND 2", Name("metric", "x", "max"), "BETWEEN"),
        ("last(metrics.a) IS NULL", Name("metrics", "a", "last"), "IS NULL"),
        ("max > 1", Name("", "max"), ">"),
    ],
)
def test_a_function_is_part_of_the_name(text: str, name: Name, operator: str) -> None:
    tree = parse(text)
    assert isinstance(tree, Comparison)
    assert (tree.name, tree.operator) == (name, operator)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("min(params.a) < 1", "min() is for metrics of runs, not for 'a' (at character 1)"),
        (
            "status = 'x' AND max(status) < 1",
            "max() is for metrics of runs, not for 'status' (at character 18)",
        ),
        ("min(metrics.a) < 'x'", "Expected numeric value type for metric. Found 'x' (at character 18)"),
        (
            "min(metrics.a LIKE 1",
            "Invalid clause(s) in filter string: 'min': expected min(metrics.KEY) (at character 1)",
        ),
        (
            "len(metrics.a) > 1",
            "Invalid clause(s) in filter string: 'len': expected a comparison after it (at character 4)",
        ),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        search_runs("sqlite", experiment_ids=[1], filter=text, limit=1)
    assert error.value.message == message


def test_logged_models_have_no_such_values() -> None:
    with pytest.raises(InvalidParameter, match=r"min\(\) is for metrics of runs, not for 'a'"):
        search_logged_models("sqlite", experiment_ids=[1], filter="min(metrics.a) < 1", limit=1)
