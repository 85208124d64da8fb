"""What is said of values and comparisons that do not fit their field, and at which character."""

from __future__ import annotations

import pytest
from filter_store import search_runs

from trackside.errors import InvalidParameter
from trackside.filters import (
    search_experiments,
    search_logged_models,
    search_model_versions,
    search_registered_models,
)

RUN_KEYS = (
    "{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'duration', 'end_time', 'run name',"
    " 'run_id', 'run_name', 'start_time', 'status', 'user_id'}"
)
TEXT = "{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}"
NUMBER = "{'!=', '<', '<=', '=', '>', '>=', 'BETWEEN'}"
MISTYPED = {
    search_runs: [
        ("metrics.a < 'x'", "Expected numeric value type for metric. Found 'x' (at character 13)"),
        ("metrics.a < nan", "Expected numeric value type for metric. Found nan (at character 13)"),
        ("metrics.a LIKE 'x'", "Expected numeric value type for metric. Found 'x' (at character 16)"),
        ("params.a ~ 'x('", "Invalid regular expression: missing ): x( (at character 13)"),
        ("params.a !~ 'ab(?=c)'", "Invalid regular expression: invalid perl operator: (?= (at character 16)"),
        (
            "run_name ~ '" + "x" * 1001 + "'",
            "Invalid regular expression: a regular expression may have at most 1000 characters (at character 1013)",
        ),
        ("start_time ~ 1", f"Invalid comparator '~' not one of '{NUMBER}' (at character 12)"),
        ("num(params.a) ~ '1'", "Expected numeric value type for num(…). Found '1' (at character 17)"),
        (
            "params.a ~ 1",
            "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1 (at character 12)",
        ),
        (
            "params.a !~ ",
            "Invalid clause(s) in filter string: 'params.a': expected a value (at character 13)",
        ),
        ("metrics.a ~ 1", f"Invalid comparator '~' not one of '{NUMBER}' (at character 11)"),
        ("metrics.a <> 1", f"Invalid comparator '<>' not one of '{NUMBER}' (at character 11)"),
        ("metrics.a == 1", f"Invalid comparator '==' not one of '{NUMBER}' (at character 11)"),
        (
            "params.a NOT BETWEEN 'x' AND 'y'",
            f"Invalid comparator 'NOT BETWEEN' not one of '{TEXT}' (at character 10)",
        ),
        (
            "start_time IN ()",
            "Expected numeric value type for numeric attribute: start_time. Found () (at character 12)",
        ),
        (
            f"params.a NOT LIKE '{'%' * 10_001}'",
            "A pattern may have at most 10000 characters (at character 19)",
        ),
        ("params.a > 'x'", f"Invalid comparator '>' not one of '{TEXT}' (at character 10)"),
        ("params.a RLIKE 'x'", f"Invalid comparator 'RLIKE' not one of '{TEXT}' (at character 10)"),
        (
            "params.a = 1",
            "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1 (at character 12)",
        ),
        (
            "tags.a = 1",
            "Expected a quoted string value for tag (e.g. 'my-value'). Got value 1 (at character 10)",
        ),
        (
            "params.a = x",
            (
                "Parameter value is either not quoted or unidentified quote types used for string value x."
                " Use either single or double quotes. (at character 12)"
            ),
        ),
        ("run_id = 5", "Expected a quoted string value for attributes. Got value 5 (at character 10)"),
        (
            "dataset.name = 5",
            "Expected a quoted string value for dataset attributes. Got value 5 (at character 16)",
        ),
        (
            "dataset.x = 'a'",
            "Invalid dataset key 'x' specified. Valid keys are '{'context', 'digest', 'name'}' (at character 1)",
        ),
        (
            "start_time > '5'",
            "Expected numeric value type for numeric attribute: start_time. Found '5' (at character 14)",
        ),
        (
            "start_time IN (1)",
            "Expected numeric value type for numeric attribute: start_time. Found (1) (at character 16)",
        ),
        ("lr = '1'", f"Invalid attribute key 'lr' specified. Valid keys are '{RUN_KEYS}' (at character 1)"),
        (
            "lifecycle_stage = 'x'",
            f"Invalid attribute key 'lifecycle_stage' specified. Valid keys are '{RUN_KEYS}' (at character 1)",
        ),
        (
            "foo.a = 'x'",
            "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset'] (at character 1)",
        ),
        (
            "status IS NULL",
            "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'status' (at character 8)",
        ),
        (
            "run_id IN ()",
            "While parsing a list in the query, expected a non-empty list of string values, but got empty list (at character 8)",
        ),
        (
            "run_id IN ('a', 1)",
            (
                "While parsing a list in the query, expected string value, punctuation, or whitespace,"
                " but got different type in list: ('a', 1) (at character 17)"
            ),
        ),
        ("num(metrics.a) > 1", "num() is for params and tags, not for 'a' (at character 1)"),
        ("num(params.a) > '1'", "Expected numeric value type for num(…). Found '1' (at character 17)"),
        ("num(params.a) > 1e999", "The number 1e999 is too large (at character 17)"),
        (f"params.a LIKE '{'%' * 10_001}'", "A pattern may have at most 10000 characters (at character 15)"),
    ],
    search_experiments: [
        (
            "experiment_id = 'x'",
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer. (at character 17)",
        ),
        ("experiment_id LIKE '1'", "Invalid comparator for experiment_id: LIKE (at character 15)"),
        (
            "creation_time > 1.5",
            "Invalid value for numeric attribute 'creation_time': '1.5' (at character 17)",
        ),
        ("tags.a > 'b'", "Invalid comparator for tag: > (at character 8)"),
        ("name > 'b'", f"Invalid comparator '>' not one of '{TEXT}' (at character 6)"),
        (
            "metrics.a > 1",
            "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags') (at character 1)",
        ),
    ],
    search_registered_models: [
        ("name > 'a'", "Invalid comparator for attribute: > (at character 6)"),
        (
            "version = 'a'",
            "Invalid attribute key 'version' specified. Valid keys are '{'name'}' (at character 1)",
        ),
        (
            "name = 5",
            "Expected a quoted string value or a list of quoted string values for attributes. Got value 5 (at character 8)",
        ),
    ],
    search_model_versions: [
        (
            "version_number LIKE '1'",
            "Invalid comparator for attribute version_number: LIKE (at character 16)",
        ),
        (
            "version_number > 'x'",
            "Invalid value for numeric attribute 'version_number': 'x' (at character 18)",
        ),
        (
            "name = 5",
            (
                "Only the '{'creation_timestamp', 'last_updated_timestamp', 'version_number'}' attributes support"
                " comparison with numeric values. (at character 8)"
            ),
        ),
    ],
}


@pytest.mark.parametrize(
    ("search", "text", "message"), [(search, *case) for search, cases in MISTYPED.items() for case in cases]
)
def test_a_value_or_comparison_that_does_not_fit(search, text: str, message: str) -> None:
    given = {"experiment_ids": [1]} if search is search_runs else {}
    with pytest.raises(InvalidParameter) as error:
        search("sqlite", **given, filter=text, limit=1)
    assert error.value.message == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "foo.a = 'x'",
            "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags']. (at character 1)",
        ),
        (
            "params.lr > '1'",
            (
                "Invalid comparison operator for params.lr: '>'. Expected one of"
                " ('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'). (at character 11)"
            ),
        ),
        (
            "dataset.name = 'x'",
            "Invalid entity type: 'dataset'. Expected one of ['attributes', 'metrics', 'params', 'tags']. (at character 1)",
        ),
    ],
)
def test_logged_models_have_their_own_words(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        search_logged_models("sqlite", experiment_ids=[1], filter=text, limit=1)
    assert error.value.message == message
