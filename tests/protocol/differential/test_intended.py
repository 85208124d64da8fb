"""How the table tells an intended difference from another: by request, both answers, and what they share."""

from typing import Any

import intended
import pytest
from asks import Ask, get, patch, post
from difference import Case
from mutations import mutated
from pair import Seen


def error(status: int, code: str, message: str) -> Seen:
    return Seen(status, {"error_code": code, "message": message})


def invalid(message: str) -> Seen:
    return error(400, "INVALID_PARAMETER_VALUE", message)


def hint(value: str, name: str, kind: str) -> Seen:
    return invalid(
        f"Invalid value {value} for parameter '{name}' supplied:  Hint: Value was of type '{kind}'."
        " See the API docs for more information about request parameters."
    )


def missing(name: str) -> Seen:
    return invalid(
        f"Missing value for required parameter '{name}'."
        " See the API docs for more information about request parameters."
    )


TAKEN = Seen(200, {})
POINT: dict[str, Any] = {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1}
TOO_LARGE = error(500, "INTERNAL_ERROR", "Python int too large to convert to SQLite INTEGER")
TWICE = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
EXCUSED: dict[str, tuple[Ask, Seen, Seen]] = {
    "wrong types": (post("runs/log-metric", {**POINT, "step": 1.5}), TAKEN, hint("1.5", "step", "float")),
    "database errors": (
        post("logged-models/{model}/params", {"model_id": "{model}", "params": TWICE}),
        error(400, "BAD_REQUEST", "(sqlite3.IntegrityError) UNIQUE constraint failed: logged_model_params.x"),
        invalid("Duplicate parameter keys have been submitted: ['a']. Please ensure …"),
    ),
    "mistakes are not the server's": (
        get("experiments/get", {"experiment_id": "9" * 30}),
        TOO_LARGE,
        error(404, "RESOURCE_DOES_NOT_EXIST", f"No Experiment with id={'9' * 30} exists"),
    ),
    "camelCase": (post("runs/delete", {"runId": "{run}"}), missing("run_id"), TAKEN),
    "null lists": (post("runs/log-batch", {"run_id": "{run}", "tags": None}), Seen(500, "<page>"), TAKEN),
    "deleted logged models": (
        patch("logged-models/{model}/tags", {"model_id": "{model}", "tags": []}),
        TAKEN,
        error(404, "RESOURCE_DOES_NOT_EXIST", "Logged model with ID '<model>' not found."),
    ),
    "content types": (
        Ask("POST", "runs/delete", {"run_id": "{run}"}, headers={"Content-Type": "application/JSON"}),
        invalid("Bad Request. Content-Type must be one of ['application/json']."),
        TAKEN,
    ),
}


def excused(ask: Ask, theirs: Seen, ours: Seen) -> str:
    """The entry that excuses it; empty when none does."""
    return next((entry.name for entry in intended.ANSWERS if entry.allows(ask, theirs, ours)), "")


@pytest.mark.parametrize("name", EXCUSED)
def test_what_is_intended_is_excused_and_anything_else_is_not(name: str) -> None:
    assert excused(*EXCUSED[name]) == name
    for change, (ask, theirs, ours) in mutated(*EXCUSED[name]):
        if name != "wrong types" or not change.startswith("MLflow"):
            assert not excused(ask, theirs, ours), change


NOT_EXCUSED: dict[str, tuple[Ask, Seen, Seen]] = {
    "a right value refused": (post("runs/log-metric", {**POINT, "step": 2}), TAKEN, hint("2", "step", "int")),
    "a right list refused": (post("runs/log-batch", {"run_id": "{run}", "tags": []}), TAKEN, hint("[]", "tags", "list")),
    "another value named": (post("runs/log-metric", {**POINT, "step": 1.5}), TAKEN, hint("2.5", "step", "float")),
    "another type named": (post("runs/log-metric", {**POINT, "step": 1.5}), TAKEN, hint("1.5", "step", "str")),
    "a field that is not there": (post("runs/log-metric", POINT), TAKEN, hint("1.5", "step", "float")),
    "snake_case missed": (post("runs/delete", {"run_id": "{run}"}), missing("run_id"), TAKEN),
    "another logged model missed": (
        patch("logged-models/{model}/tags", {"tags": []}),
        TAKEN,
        error(404, "RESOURCE_DOES_NOT_EXIST", "Logged model with ID '<another>' not found."),
    ),
    "a good filter refused": (
        post("runs/search", {"filter": "metrics.a > 0"}),
        Seen(200, {"runs": []}),
        invalid("Invalid clause(s) in filter string: '.' (at character 8)"),
    ),
    "another table's constraint": (
        post("runs/log-metric", {**POINT, "model_id": "m"}),
        error(400, "BAD_REQUEST", "(sqlite3.IntegrityError) UNIQUE constraint failed: metrics.key"),
        TAKEN,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_EXCUSED)
def test_what_looks_like_an_intended_difference_is_none(name: str) -> None:
    assert not excused(*NOT_EXCUSED[name])


def test_groups_of_the_request_and_both_answers_hold_the_same() -> None:
    case = Case(
        asked=r".*'(?P<id>\w+)'.*", theirs="404 No (?P<id>\\w+)", ours="404 (?P<id>\\w+) is not there"
    )
    ask = get("runs/get", {"run": "a"})
    assert case.allows(ask, Seen(404, "No run"), Seen(404, "run is not there")) is False
    assert case.allows(get("x", "'a'"), Seen(404, "No a"), Seen(404, "a is not there"))
    assert not case.allows(get("x", "'a'"), Seen(404, "No a"), Seen(404, "b is not there"))
    assert not case.allows(get("x", "'a'"), Seen(404, "No b"), Seen(404, "b is not there"))
