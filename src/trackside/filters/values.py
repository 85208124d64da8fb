"""The values of a comparison, checked against the field they are compared with."""

from __future__ import annotations

import math

from trackside.errors import InvalidParameter
from trackside.filters.fields import MODEL_VERSIONS, Column, Field, Kind, Rows, as_set
from trackside.filters.parse import Comparison, Token, place, shortened, unquoted
from trackside.patterns import BadPattern, compiled

Value = str | int | float
MAX_PATTERN = 10_000  # characters; SQLite refuses patterns of more than 50,000 bytes
_INT64 = 2**63 - 1


def read(kind: Kind, field: Field, target: Column | Rows, comparison: Comparison) -> list[Value]:
    """The values to bind. Raises InvalidParameter, in MLflow's words, when they are of another type."""
    as_list = comparison.positive == "IN"
    if comparison.name.numeric:
        return [_finite(token) for token in _numbers(comparison, "num(…)")]
    if target.type in {"number", "integer"} and field.entity == "metric":
        return [float(token.text) for token in _numbers(comparison, "metric")]
    if target.type == "number" or (target.type == "integer" and kind is not MODEL_VERSIONS):
        found = _numbers(comparison, f"numeric attribute: {field.key}")
        return [_attribute_number(field, target, token) for token in found]
    if as_list:
        _check_list(comparison)
    if target.type == "integer":
        return [_quoted_integer(field, token) for token in comparison.values]
    texts = [_text(kind, field, token) for token in comparison.values]
    if target.type == "id":
        return [_experiment_id(text, token) for text, token in zip(texts, comparison.values, strict=True)]
    if comparison.positive in {"LIKE", "ILIKE"} and len(texts[0]) > MAX_PATTERN:
        raise InvalidParameter(
            f"A pattern may have at most {MAX_PATTERN} characters{place(comparison.values[0].at)}"
        )
    if comparison.operator in {"~", "!~"}:
        _check_expression(texts[0], comparison.values[0])
    return list(texts)


def _check_expression(text: str, token: Token) -> None:
    try:
        compiled(text)
    except BadPattern as error:
        at = token.at + token.text.find(text) + error.offset
        raise InvalidParameter(f"Invalid regular expression: {shortened(str(error))}{place(at)}") from None


def _numbers(comparison: Comparison, what: str) -> tuple[Token, ...]:
    if comparison.positive == "IN" or any(token.kind != "number" for token in comparison.values):
        at = comparison.values[0].at if comparison.values else comparison.operator_at
        raise InvalidParameter(
            f"Expected numeric value type for {what}. Found {shortened(comparison.written)}{place(at)}"
        )
    return comparison.values


def _finite(token: Token) -> float:
    value = float(token.text)
    if math.isinf(value):
        raise InvalidParameter(f"The number {shortened(token.text)} is too large{place(token.at)}")
    return value


def _attribute_number(field: Field, target: Column | Rows, token: Token) -> int | float:
    if token.text.lstrip("+-").isdigit():
        return _integer(token.text)
    if target.type == "integer":
        raise InvalidParameter(
            f"Invalid value for numeric attribute '{field.key}': '{float(token.text)}'{place(token.at)}"
        )
    return float(token.text)


def _integer(text: str) -> int:
    value = float(text)  # int() refuses thousands of digits
    if abs(value) >= _INT64:
        return _INT64 if value > 0 else -_INT64
    return int(text)


def _in_range(value: int) -> int:
    """An integer that a database takes: one beyond its range compares like the range's end."""
    return max(-_INT64, min(_INT64, value))


def _quoted_integer(field: Field, token: Token) -> int:
    """A version number may stand in quotes."""
    text = unquoted(token.text, "'\"")
    try:
        return _in_range(int(text))
    except ValueError:
        shown = shortened(text if token.kind == "number" else repr(text))
        raise InvalidParameter(
            f"Invalid value for numeric attribute '{field.key}': {shown}{place(token.at)}"
        ) from None


def _experiment_id(text: str, token: Token) -> int:
    try:
        return _in_range(int(text))
    except ValueError:
        raise InvalidParameter(
            f"Invalid experiment ID '{shortened(text)}'. Experiment ID must be a valid integer.{place(token.at)}"
        ) from None


def _check_list(comparison: Comparison) -> None:
    if not comparison.values:
        raise InvalidParameter(
            "While parsing a list in the query, expected a non-empty list of string values, "
            f"but got empty list{place(comparison.operator_at)}"
        )
    found = [repr(unquoted(t.text, "'\"")) if t.kind == "string" else t.text for t in comparison.values]
    shown = f"({', '.join(found)}{',' if len(found) == 1 else ''})"  # as Python shows a tuple
    for token in comparison.values:
        if token.kind != "string":
            raise InvalidParameter(
                "While parsing a list in the query, expected string value, punctuation, or whitespace, "
                f"but got different type in list: {shortened(shown)}{place(token.at)}"
            )


def _text(kind: Kind, field: Field, token: Token) -> str:
    # MLflow's search of logged models takes values without quotes: `params.lr = 0.01`.
    if token.kind == "string" or kind.name == "logged model":
        return unquoted(token.text, "'\"")
    if token.kind == "name":
        raise InvalidParameter(
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{shortened(token.text)}. Use either single or double quotes.{place(token.at)}"
        )
    raise _a_number(kind, field, token)


def _a_number(kind: Kind, field: Field, token: Token) -> InvalidParameter:
    got = f"Got value {token.text}"
    if field.entity == "dataset":
        message = f"Expected a quoted string value for dataset attributes. {got}"
    elif field.entity != "attribute":
        message = f"Expected a quoted string value for {field.entity} (e.g. 'my-value'). {got}"
    elif kind is MODEL_VERSIONS:
        numeric = as_set(("creation_timestamp", "last_updated_timestamp", "version_number"))
        message = f"Only the '{numeric}' attributes support comparison with numeric values."
    elif kind.name == "registered model":
        message = f"Expected a quoted string value or a list of quoted string values for attributes. {got}"
    else:
        message = f"Expected a quoted string value for attributes. {got}"
    return InvalidParameter(message + place(token.at))
