"""Reading and answering the native API's bodies: strict, with the place of a mistake named."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from trackside.errors import InvalidParameter
from trackside.server.body import whole_body
from trackside.server.native.shapes import Number

S = TypeVar("S", bound=msgspec.Struct)
ROOT = "/api/trackside/v1"


async def read(request: Request, shape: type[S]) -> S:
    """The body as a struct. Raises InvalidParameter that names the field."""
    try:
        return msgspec.json.decode(await whole_body(request), type=shape)
    except RecursionError:
        raise InvalidParameter("The request's body is nested too deeply.") from None
    except msgspec.MsgspecError as error:
        raise InvalidParameter(f"The request's body is not a {shape.__name__}: {error}") from None
    except UnicodeDecodeError:
        raise InvalidParameter("The request's body is not UTF-8.") from None


def choice(request: Request, name: str, allowed: tuple[str, ...]) -> Any:
    """A query parameter that is one of a few words; the first is the default."""
    value = request.query_params.get(name, allowed[0])
    if value not in allowed:
        raise InvalidParameter(
            f"Query parameter '{name}' must be one of {', '.join(allowed)}; it is '{value}'."
        )
    return value


def number(value: float) -> Number:
    """A value for JSON, which has no NaN and no infinities."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
