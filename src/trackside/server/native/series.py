"""Metric windows for charts."""

from __future__ import annotations

import hashlib

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from trackside import __version__
from trackside.core import metrics
from trackside.errors import InvalidParameter
from trackside.server.native import guards, series_binary, shapes
from trackside.server.native.bodies import ROOT, number, read
from trackside.server.routing import Route, answer, app_of

MOST_RUNS = 100
MOST_METRICS = 200
MOST_BUCKETS = 4000
MOST_CELLS = 2_000_000  # runs x metrics x buckets of one answer


async def query(request: Request) -> Response:
    body = await read(request, shapes.SeriesQuery)
    if len(body.run_ids) > MOST_RUNS or len(body.metrics) > MOST_METRICS:
        raise InvalidParameter(f"A query can name at most {MOST_RUNS} runs and {MOST_METRICS} metrics.")
    if not 1 <= body.buckets <= MOST_BUCKETS:
        raise InvalidParameter(f"'buckets' must be from 1 to {MOST_BUCKETS}.")
    uuids, keys = list(dict.fromkeys(body.run_ids)), list(dict.fromkeys(body.metrics))
    if len(uuids) * len(keys) * body.buckets > MOST_CELLS:
        raise InvalidParameter(
            f"The answer could have more than {MOST_CELLS} buckets: ask for fewer at a time."
        )
    is_binary = series_binary.MEDIA_TYPE in request.headers.get("accept", "")
    # Read before the points: what is logged in between makes the tag old, never the points.
    state = await metrics.state(app_of(request), uuids)
    headers = {"ETag": _tag(body, is_binary, state), "Vary": "Accept", "Cache-Control": "no-cache"}
    if headers["ETag"] == request.headers.get("if-none-match"):
        return Response(status_code=304, headers=headers)
    window = metrics.Window(body.axis, body.start, body.end, body.buckets)
    lines = await metrics.lines(app_of(request), uuids, keys, window)
    if is_binary:
        return Response(series_binary.encoded(lines), 200, headers, media_type=series_binary.MEDIA_TYPE)
    return answer(shapes.SeriesAnswer([as_shape(line) for line in lines]), 200, headers)


def _tag(body: shapes.SeriesQuery, is_binary: bool, state: list[tuple[int, int]]) -> str:
    """Changes whenever the answer may: with the question, the points of its runs, and this program."""
    told = msgspec.json.encode([__version__, body, is_binary, state])
    return f'"{hashlib.blake2b(told, digest_size=12).hexdigest()}"'


def as_shape(line: metrics.Line) -> shapes.Series:
    drawn = line.drawn
    return shapes.Series(
        run_id=line.run_uuid,
        metric=line.key,
        points=drawn.points,
        exact=drawn.exact,
        x=drawn.x.tolist(),
        step=drawn.step.tolist(),
        time_ms=drawn.timestamp_ms.tolist(),
        last=drawn.last.tolist(),
        min=drawn.min.tolist(),
        max=drawn.max.tolist(),
        marks=[
            shapes.Mark(x, number(value))  # type: ignore[arg-type]
            for x, value in zip(drawn.marks_x.tolist(), drawn.marks.tolist(), strict=True)
        ],
    )


routes = [
    Route("POST", f"{ROOT}/series/query", query, guards.reads_runs, shapes.SeriesQuery, shapes.SeriesAnswer)
]
