"""MLflow's page tokens: base64 of {"offset": N}; those of runs also say where the page ended."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from trackside.errors import InvalidParameter
from trackside.model import Page
from trackside.server.mlflow.wire import wrong_type


def offset_of(token: str) -> int:
    """The offset in a page token; 0 for none. Raises InvalidParameter."""
    return page_of(token, 0).offset


def page_of(token: str, limit: int) -> Page:
    """The page that a token asks for. Raises InvalidParameter."""
    if not token:
        return Page(limit)
    try:
        decoded = base64.b64decode(token)
    except (binascii.Error, ValueError):
        raise InvalidParameter("Invalid page token, could not base64-decode") from None
    try:
        parsed = json.loads(decoded)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"Invalid page token, decoded value={decoded!r}") from None
    offset = parsed.get("offset") if isinstance(parsed, dict) else None
    if not offset and offset != 0:
        raise InvalidParameter(f"Invalid page token, parsed value={parsed}")
    if type(offset) is not int or not 0 <= offset < 2**62:
        raise InvalidParameter(f"Invalid page token, decoded value={decoded!r}")
    try:
        after = base64.b64decode(parsed.get("after", ""), validate=True)
    except (TypeError, ValueError):
        raise InvalidParameter(f"Invalid page token, decoded value={decoded!r}") from None
    return Page(limit, offset, after)


def token_of(offset: int) -> str:
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def token_after(page: Page, after: bytes) -> str:
    """The token of the page behind this one, which ended there."""
    place = {"after": base64.b64encode(after).decode()} if after else {}
    return base64.b64encode(json.dumps({"offset": page.offset + page.limit, **place}).encode()).decode()


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
