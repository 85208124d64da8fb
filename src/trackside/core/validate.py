"""What names and values may look like, with MLflow's limits and MLflow's words."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import Any

from trackside.config import LongValues
from trackside.errors import InvalidParameter
from trackside.model import Point

KEY_LENGTH = 250
PARAM_LENGTH = 6_000
TAG_LENGTH = 8_000
EXPERIMENT_NAME_LENGTH = 500
EXPERIMENT_TAG_LENGTH = 20_000
BATCH_METRICS = 1_000
BATCH_PARAMS_TAGS = 100
BATCH_TOTAL = 1_000

_KEY = re.compile(r"[/\w.\- :]*")
# Good at a glance: no part of such a name is empty or begins with a dot, so it is its own normal path.
_PLAIN = re.compile(r"[\w\- :][\w.\- :]*(?:/[\w\- :][\w.\- :]*)*")
_HOST_SCHEMES = {
    *("ftp", "sftp", "hdfs", "viewfs", "http", "https"),
    *("mlflow-artifacts", "r2", "b2", "abfss"),
}
_INT64 = range(-(2**63), 2**63)


def invalid(path: str, value: Any, why: str = "") -> InvalidParameter:
    """MLflow's sentence for a bad value at a place in the request."""
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return InvalidParameter(
        f"Invalid value {shown} for parameter '{path}' supplied{': ' + why if why else '.'}"
    )


def key(name: str | None, path: str, kind: str) -> None:
    """A metric's, param's or tag's name: it may become a file's name, so it must be its own normal path."""
    if name and _PLAIN.fullmatch(name):
        return
    if name is None or name == "":
        what = f"{kind} name cannot be None. A key name must be provided."
        raise invalid(path, name, what) if name is None else invalid(path, name, _resolves("."))
    if not _KEY.fullmatch(name):
        raise invalid(
            path,
            name,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.),"
            " spaces ( ), colon(:) and slashes (/).",
        )
    own_path(name, path)


def own_path(name: str, path: str) -> None:
    """Refuse a name that, as a file's, would be another name or lead out of its folder."""
    normal = posixpath.normpath(name)
    if normal != name or normal == "." or normal.startswith(("..", "/")):
        raise invalid(path, name, _resolves(normal))


def _resolves(normal: str) -> str:
    return (
        "Names may be treated as files in certain cases, and must not resolve to other names"
        f" when treated as such. This name would resolve to {normal!r}"
    )


def key_length(name: str, path: str, limit: int = KEY_LENGTH) -> None:
    if len(name) > limit:
        raise InvalidParameter(f"'{path}' exceeds the maximum length of {limit} characters")


def value_length(value: str, path: str, limit: int, long_values: LongValues = "refuse") -> str:
    """The value; one beyond the limit as the setting has it."""
    if len(value) <= limit or long_values == "keep":
        return value
    if long_values == "truncate":
        return value[:limit]
    raise InvalidParameter(f"'{path}' exceeds the maximum length of {limit} characters")


def point(metric: Point, path: str) -> None:
    """A metric's name, step and timestamp; `path` is its place in the request, '' for a single one."""
    at = f"{path}." if path else ""
    key(metric.key, f"{at}name", "Metric")
    key_length(metric.key, "Metric name")
    if metric.timestamp_ms < 0 or metric.timestamp_ms not in _INT64:
        why = f"metric '{metric.key}' (value={metric.value}). Timestamp must be a nonnegative long (64-bit integer) "
        raise invalid(f"{at}timestamp", metric.timestamp_ms, why)
    if metric.step not in _INT64:
        why = f"metric '{metric.key}' (value={metric.value}). Step must be a valid long (64-bit integer)."
        raise invalid(f"{at}step", metric.step, why)


def points(metrics: Sequence[Point]) -> None:
    """The same for those of a batch: each name is looked at once."""
    try:
        for name in {metric.key for metric in metrics}:
            key(name, "", "Metric")
            key_length(name, "")
        if all(0 <= metric.timestamp_ms < 2**63 and -(2**63) <= metric.step < 2**63 for metric in metrics):
            return
    except InvalidParameter:
        pass  # which of them is the first that is bad, and where it stands, is found one by one
    for index, metric in enumerate(metrics):
        point(metric, f"metrics[{index}]")


def param(name: str, value: str, path: str, long_values: LongValues) -> str:
    at = f"{path}." if path else ""
    key(name, f"{at}key", "Parameter")
    key_length(name, "Param key")
    return value_length(value, "Param value", PARAM_LENGTH, long_values)  # as MLflow names it, place or not


def tag(name: str, value: str, path: str, long_values: LongValues) -> str:
    at = f"{path}." if path else ""
    key(name, f"{at}key", "Tag")
    key_length(name, f"{at}key")
    return value_length(value, f"{at}value", TAG_LENGTH, long_values)


def artifact_uri(uri: str, path: str) -> None:
    """Refuse schemes by which a server would connect to a host that the caller names."""
    scheme, found, rest = uri.partition(":")
    scheme = scheme.lower()
    is_proxied = scheme == "mlflow-artifacts" and not rest.startswith("//")
    if found and scheme in _HOST_SCHEMES and not is_proxied:
        raise InvalidParameter(
            f"'{path}' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other than the"
            " tracking server's configured artifact storage, so the server would connect to the host named in the URI."
        )


def experiment_name(name: str) -> None:
    if not name:
        raise InvalidParameter(f"Invalid experiment name: '{name}'")
    if len(name) > EXPERIMENT_NAME_LENGTH:
        raise InvalidParameter(f"'name' exceeds the maximum length of {EXPERIMENT_NAME_LENGTH} characters")


def batch_sizes(metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]) -> None:
    for noun, items, limit in (
        ("metrics", metrics, BATCH_METRICS),
        ("params", params, BATCH_PARAMS_TAGS),
        ("tags", tags, BATCH_PARAMS_TAGS),
    ):
        if len(items) > limit:
            raise InvalidParameter(
                f"A batch logging request can contain at most {limit} {noun}. Got {len(items)} {noun}."
                f" Please split up {noun} across multiple requests and try again."
            )
    total = len(metrics) + len(params) + len(tags)
    if total > BATCH_TOTAL:
        raise InvalidParameter(
            f"A batch logging request can contain at most {BATCH_TOTAL} metrics, params, and tags."
            f" Got {total} metrics, params, and tags."
            " Please split up metrics, params, and tags across multiple requests and try again."
        )


def params_once(keys: Iterable[str]) -> None:
    """Refuse a request that gives a param twice, also with the same value."""
    seen: set[str] = set()
    again = []
    for name in keys:
        if name in seen:
            again.append(name)
        seen.add(name)
    if again:
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {again}. Please ensure the request contains only"
            " one param value per param key."
        )
