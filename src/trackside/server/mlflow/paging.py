"""MLflow's page tokens: base64 of {"offset": N}."""

from __future__ import annotations

import base64
import binascii
import json

from trackside.errors import InvalidParameter
from trackside.server.mlflow.wire import SEE_DOCS


def offset_of(token: str) -> int:
    """The offset in a page token; 0 for none. Raises InvalidParameter."""
    if not token:
        return 0
    try:
        decoded = base64.b64decode(token)
    except (binascii.Error, ValueError):
        raise InvalidParameter("Invalid page token, could not base64-decode") from None
    try:
        offset = json.loads(decoded)["offset"]
    except (ValueError, KeyError, TypeError):
        raise InvalidParameter(f"Invalid page token, decoded value={decoded!r}") from None
    if not isinstance(offset, int) or not 0 <= offset < 2**62:
        raise InvalidParameter(f"Invalid page token, decoded value={decoded!r}")
    return offset


def token_of(offset: int) -> str:
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def limit_of(value: int | None, default: int, most: int) -> int:
    """max_results within its bounds. Raises InvalidParameter."""
    if value is None:
        return default
    if not 1 <= value <= most:
        bound = "a positive integer." if value < 1 else f"at most {most}.{SEE_DOCS}"
        raise InvalidParameter(
            f"Invalid value {value} for parameter 'max_results' supplied. It must be {bound}"
        )
    return value
