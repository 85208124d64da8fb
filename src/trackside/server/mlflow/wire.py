"""How MLflow's requests are read.

What its server accepts beyond plain JSON is accepted here: camelCase names, numbers as
strings, NaN as a bare token, JSON inside a JSON string, a malformed body as an empty one.
Hot routes are read by `read_fast`, which falls back to `read` for all of that.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trackside.core.app import App
from trackside.core.validate import invalid
from trackside.errors import FeatureDisabled, InvalidParameter
from trackside.model import View, clamped
from trackside.server.body import whole_body
from trackside.server.guards import Guard
from trackside.server.routing import Quick, Route, app_of

SEE_DOCS = " See the API docs for more information about request parameters."
_AT = re.compile(r" - at `\$\.?(.*)`$")
_INTO = re.compile(r"(\w+)|\[(\d+)\]")
_KEPT_FIELDS = "trackside.fields"
_KEPT_BODY = "trackside.json"


class Shape(Struct):
    """A request. Every field has a default; those named in `required` must come, and not empty."""

    required: ClassVar[tuple[str, ...]] = ()
    is_large: ClassVar[bool] = False  # may carry megabytes: a dataset's profile, a model's signature


# What only the thorough reader knows, of the fields that hot routes have.
# The rarest letters of each come first: one letter is found quickly in a long body, or not.
_OTHER_SPELLINGS = [
    (b"_u", b'"run_uuid"'), (b"U", b'"runUuid"'), (b"I", b'"runId"'), (b"I", b'"modelId"'),
    (b"N", b'"datasetName"'), (b"D", b'"datasetDigest"'),
    (b"I", b'"experimentId"'), (b"I", b'"userId"'), (b"N", b'"runName"'), (b"T", b'"startTime"'),
]  # fmt: skip
Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # what a database column holds
S = TypeVar("S", bound=Shape)


async def read(request: Request, shape: type[S]) -> S:
    """The request's fields: from the query string of a GET, else from the JSON body.

    A guard and the endpoint behind it share one reading of the body, each for the fields that it asks for.
    Raises InvalidParameter in MLflow's words.
    """
    if request.method in ("GET", "HEAD"):
        _check_headers(request, has_body=False)
        return _checked(_converted(_spelled(_from_query(request, shape)), shape))
    _check_headers(request)
    body = await whole_body(request, is_large=shape.is_large)
    if _KEPT_BODY not in request.scope:
        request.scope[_KEPT_BODY] = _spelled(_parsed(body))
    return _checked(_converted(request.scope[_KEPT_BODY], shape))


async def read_fast(request: Request, shape: type[S]) -> S:
    """The same for a POST on a hot path: one pass when the body is plain.

    A guard and the endpoint behind it, which ask for the same shape, get the same object: what was
    allowed is what is done.
    """
    kept = request.scope.get(_KEPT_FIELDS)
    if isinstance(kept, shape):
        return kept
    if _KEPT_BODY in request.scope:  # a guard's reading is the endpoint's
        return await read(request, shape)
    _check_headers(request)
    fields = _read_fast(await whole_body(request), shape)
    request.scope[_KEPT_FIELDS] = fields
    return fields


def _read_fast(body: bytes, shape: type[S]) -> S:
    fields = read_plain(body, shape)
    # Where it is not plain, the thorough reader says what is wrong, or finds that nothing is.
    return _checked(_converted(_spelled(_parsed(body)), shape)) if fields is None else fields


def read_plain(body: bytes | bytearray, shape: type[S]) -> S | None:
    """The fields of a body with nothing unusual in it, else None."""
    try:
        fields: S = _decoder(shape).decode(body)
        if not any(rare in body and name in body for rare, name in _OTHER_SPELLINGS) and all(
            getattr(fields, name) for name in shape.required if isinstance(getattr(fields, name), str)
        ):
            return _checked(fields)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidParameter):
        pass
    return None


def hot(path: str, shape: type[S], do: Callable[[App, S], Awaitable[bytes]], guard: Guard) -> Route:
    """A POST that trainers send all the time: plain requests go the short way."""

    async def endpoint(request: Request) -> Response:
        content = await do(app_of(request), await read_fast(request, shape))
        return Response(content, media_type="application/json")

    return Route("POST", path, endpoint, guard, quick=Quick(partial(read_plain, shape=shape), do))


@cache
def _decoder(shape: type[Shape]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape, strict=False)


def _check_headers(request: Request, *, has_body: bool = True) -> None:
    kind = b""
    for name, value in request.scope["headers"]:  # once through: Starlette's Headers go through them for each
        if name == b"x-mlflow-workspace":
            raise FeatureDisabled(
                "Workspace APIs are not available: workspaces are not enabled on this server."
                " Remove the X-MLFLOW-WORKSPACE header (unset MLFLOW_WORKSPACE)."
            )
        if name == b"content-type":
            kind = kind or value
    if has_body and kind and kind.partition(b";")[0].strip().lower() != b"application/json":
        raise InvalidParameter("Bad Request. Content-Type must be one of ['application/json'].")


def _from_query(request: Request, shape: type[Shape]) -> dict[str, Any]:
    lists, query = _lists(shape), request.query_params
    return {name: query.getlist(name) if name in lists else query[name] for name in query}


@cache
def _lists(shape: type[Shape]) -> frozenset[str]:
    return frozenset(f.encode_name for f in msgspec.structs.fields(shape) if "list" in str(f.type))


def _parsed(body: bytes) -> dict[str, Any]:
    """A malformed body counts as an empty one, as in MLflow; then the missing field is named."""
    try:
        raw = json.loads(body)
        if isinstance(raw, str):  # old clients encode twice
            raw = json.loads(raw)
        if b"\\ud" in body.lower():  # unpaired surrogates, which no store takes, are malformed too
            json.dumps(raw, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _spelled(raw: dict[str, Any]) -> dict[str, Any]:
    """Field names as we spell them: camelCase is accepted, and run_uuid for run_id; null is absent."""
    found: dict[str, Any] = {}
    spelling: dict[str, str] = {}
    for name, value in raw.items():
        ours = _snake(name)
        if ours == "run_uuid":
            ours = "run_id"
            if raw.get("run_id"):
                continue
        if ours in spelling:
            both = sorted((name, spelling[ours]), key=lambda spelled: spelled != ours)
            raise InvalidParameter(
                f"Request specifies both '{both[0]}' and '{both[1]}'; provide only one of them."
            )
        spelling[ours] = name
        if value is not None:
            found[ours] = _spelled_within(value)
    return found


def _spelled_within(value: Any) -> Any:
    """The same for the objects in lists: metrics, params, tags. Their fields are never named by users."""
    if isinstance(value, list):
        return [_spelled_within(each) for each in value]
    if isinstance(value, dict):
        return {_snake(name): _spelled_within(each) for name, each in value.items() if each is not None}
    return value


def _snake(name: str) -> str:
    if name.islower():  # nearly all: ten times as quick
        return name
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)


def _converted(raw: dict[str, Any], shape: type[S]) -> S:
    try:
        return msgspec.convert(raw, shape, strict=False)
    except msgspec.ValidationError as error:
        at = _AT.search(str(error))
        path = at[1] if at else ""
        raise wrong_type(path, _value_at(raw, path)) from None


def _value_at(raw: Any, path: str) -> Any:
    for name, index in _INTO.findall(path):
        raw = raw[name] if name else raw[int(index)]
    return raw


def _checked(fields: S) -> S:
    for name in fields.required:
        if getattr(fields, name) in (None, "", msgspec.UNSET):
            raise missing(name)
    return fields


def missing(name: str) -> InvalidParameter:
    return InvalidParameter(f"Missing value for required parameter '{name}'.{SEE_DOCS}")


def wrong_type(path: str, value: Any) -> InvalidParameter:
    return invalid(path, value, f" Hint: Value was of type '{type(value).__name__}'.{SEE_DOCS}")


def double(value: float | str | bool | None, name: str) -> float:
    """A double as MLflow takes it: a number, a numeric string, "NaN", "Infinity", true as 1."""
    if value is None:
        raise missing(name)
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise wrong_type(name, value) from None


def number(value: float) -> float | str:
    """A double as MLflow gives it: NaN as a string, infinities as the largest double."""
    return "NaN" if math.isnan(value) else clamped(value)


_VIEWS: dict[str, View] = {"DELETED_ONLY": "deleted", "2": "deleted", "ALL": "all", "3": "all"}


def view(value: str | int) -> View:
    """MLflow's view type, by name or number, as ours; active where it says nothing."""
    return _VIEWS.get(str(value), "active")
