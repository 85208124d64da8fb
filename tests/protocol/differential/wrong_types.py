"""Whether a refusal that names a field, its value and its type is right about the request."""

import json
import re
from typing import Any

HINT = r"400 INVALID_PARAMETER_VALUE: Invalid value (?P<value>.*) for parameter '(?P<field>[\w.\[\]]+)' supplied:  Hint: Value was of type '(?P<type>\w+)'\. See the API docs for more information about request parameters\."
WHOLE = {"max_results", "start_time", "end_time", "timestamp", "step"}
LISTS = {"datasets", "tags", "params", "metrics", "models", "order_by", "experiment_ids", "stages"}
TEXTS = {"page_token", "user_id", "key", "value", "field_name"}
NAMED = {"status", "run_view_type", "view_type"}  # by name or by number


def refuses_what_was_sent(ask: Any, theirs: Any, ours: Any) -> bool:
    """The field has this value in the request, of this type, and a field of that name cannot have it."""
    found = re.fullmatch(HINT, f"{ours.status} {ours.text}", re.DOTALL)
    if found is None:
        return False
    try:
        value = _at(ask.body if ask.query is None else dict(ask.query), found["field"])
    except (KeyError, IndexError, TypeError):
        return False
    said = (found["value"], found["type"])
    return said == (json.dumps(value), type(value).__name__) and _is_wrong(ask.url, found["field"], value)


def _at(request: Any, path: str) -> Any:
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", path):
        request = request[name] if name else request[int(index)]
    return request


def _is_wrong(url: str, path: str, value: Any) -> bool:
    name = path.rpartition(".")[2]
    if name.endswith("]"):
        texts = {"experiment_ids", "stages", *([] if "logged-models" in url else ["order_by"])}
        return not isinstance(value, str if name.partition("[")[0] in texts else dict)
    if name == "value" and (path.startswith("metrics[") or url.endswith("/log-metric")):
        return not _is_number(value)
    wrong = {
        **dict.fromkeys(WHOLE, lambda: not _is_whole(value)),
        **dict.fromkeys(LISTS, lambda: not isinstance(value, list)),
        **dict.fromkeys(TEXTS, lambda: not isinstance(value, str)),
        **dict.fromkeys(NAMED, lambda: isinstance(value, bool) or not isinstance(value, str | int)),
        "ascending": lambda: not isinstance(value, bool),
    }
    return name in wrong and wrong[name]()


def _is_whole(value: Any) -> bool:
    """Whether it is a whole number of 64 bits, in whatever way it is written."""
    return _is_number(value) and float(value) % 1 == 0 and -(2**63) <= int(value) < 2**63


def _is_number(value: Any) -> bool:
    """Whether it is one, or a text that is one."""
    if isinstance(value, str):
        return re.fullmatch(r"-?\d+(\.\d*)?(e-?\d+)?|NaN|-?Infinity", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)
