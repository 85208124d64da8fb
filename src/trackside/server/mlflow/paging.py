"""Page tokens: base64 of {"offset": N}, as MLflow's; those of runs and histories also say where the page ended."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NamedTuple

import msgspec

from trackside.core.metrics import Place
from trackside.errors import InvalidParameter
from trackside.model import Page, Position
from trackside.server.mlflow.wire import wrong_type


def offset_of(token: str) -> int:
    """The offset in a page token; 0 for none. Raises InvalidParameter."""
    return _offset_in(_parsed(token)) if token else 0


def page_of(token: str, limit: int) -> Page:
    """The page of runs that a token asks for. Raises InvalidParameter."""
    if not token:
        return Page(limit)
    parsed = _parsed(token)
    offset = _offset_in(parsed)
    try:
        after = base64.b64decode(parsed.value.get("after", ""), validate=True)
    except (TypeError, ValueError):
        raise _undecodable(parsed) from None
    return Page(limit, offset, after)


def place_of(token: str) -> Place:
    """The place in a history that a page token names: an offset and, in our own tokens, the point before it.

    A point stays where it is while others are logged. Raises InvalidParameter.
    """
    if not token:
        return Place()
    parsed = _parsed(token)
    offset = _offset_in(parsed)
    if "after" not in parsed.value:
        return Place(offset)
    try:
        return Place(offset, Position(*msgspec.convert(parsed.value["after"], tuple[int, int, float, bool])))
    except msgspec.ValidationError:
        raise _undecodable(parsed) from None


class _Parsed(NamedTuple):
    decoded: bytes
    value: Any


def _parsed(token: str) -> _Parsed:
    try:
        decoded = base64.b64decode(token)
    except (binascii.Error, ValueError):
        raise InvalidParameter("Invalid page token, could not base64-decode") from None
    try:
        return _Parsed(decoded, json.loads(decoded))
    except (ValueError, RecursionError):
        raise InvalidParameter(f"Invalid page token, decoded value={decoded!r}") from None


def _offset_in(token: _Parsed) -> int:
    parsed = token.value
    offset = parsed.get("offset") if isinstance(parsed, dict) else None
    if not offset and offset != 0:
        raise InvalidParameter(f"Invalid page token, parsed value={parsed}")
    if type(offset) is not int or not 0 <= offset < 2**62:
        raise _undecodable(token)
    return offset


def _undecodable(token: _Parsed) -> InvalidParameter:
    return InvalidParameter(f"Invalid page token, decoded value={token.decoded!r}")


def token_of(offset: int) -> str:
    return _token({"offset": offset})


def token_behind(page: Page, after: bytes) -> str:
    """The token of the page behind this one, which ended there."""
    place = {"after": base64.b64encode(after).decode()} if after else {}
    return _token({"offset": page.offset + page.limit, **place})


def token_of_place(place: Place) -> str:
    return _token({"offset": place.offset, "after": place.after})


def _token(value: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def limit_of(value: int | None, default: int, most: int) -> int:
    """max_results within its bounds. Raises InvalidParameter."""
    if value is None:
        return default
    if value < 1:
        raise InvalidParameter(
            f"Invalid value {value} for parameter 'max_results' supplied. It must be a positive integer."
        )
    if value > most:
        raise wrong_type("max_results", value)  # MLflow's words, though it is not the type
    return value


def found_json(name: str, found: list[dict[str, Any]], page: Page) -> dict[str, Any]:
    """A page of a search that asked for one entry more, to know whether there is another page."""
    more = {"next_page_token": token_of(page.offset + page.limit)} if len(found) > page.limit else {}
    return {**({name: found[: page.limit]} if found else {}), **more}
