"""Routes with guards, an exact-path table in front of Starlette's router, and the one error table."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from trackside.core.app import App
from trackside.core.turns import sender
from trackside.errors import TooManyTries, TracksideError
from trackside.server import audit
from trackside.server.floods import Flood
from trackside.server.guards import Guard, actor_of, address_of, is_native, open_to_all

log = logging.getLogger("trackside.server")
FLOOD_SECONDS = 5.0
_IN_FLOODS = frozenset({429, 503, 507})
FAILED = "trackside.failed"  # what `express` ran into, to be answered by the error table
Endpoint = Callable[[Request], Awaitable[Response]]


class Quick(NamedTuple):
    """What answers a plain request without more ado: its body as fields, or None; and then its JSON."""

    read: Callable[[bytes | bytearray], Any]
    do: Callable[[App, Any], Awaitable[bytes]]


class Route(NamedTuple):
    """One path with what answers it and who may ask. `takes` and `gives` describe the bodies for API documents."""

    method: str
    path: str
    endpoint: Endpoint
    guard: Guard
    takes: Any = None
    gives: Any = None
    quick: Quick | None = None
    streams: bool = False  # a body or answer of any length: no time limit


def app_of(request: Request) -> App:
    app: App = request.app
    return app


class Table:
    """The application behind the middleware: finds the route, runs guard and endpoint, answers errors."""

    def __init__(self, app: App, routes: Iterable[Route], fallback: Endpoint) -> None:
        self._app = app
        self._fallback = fallback
        self._exact: dict[str, dict[str, Route]] = {}
        patterns: dict[str, dict[str, Route]] = {}
        for route in routes:
            table = patterns if "{" in route.path else self._exact
            methods = table.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"{route.method} {route.path} is declared twice")
            methods[route.method] = route
        self._router = Router(
            [StarletteRoute(path, _Endpoints(self, methods)) for path, methods in patterns.items()],
            redirect_slashes=False,
            default=self._missing,
        )
        self._seconds = app.settings.handler_seconds
        self._logged: Flood[tuple[int, str]] = Flood(1, FLOOD_SECONDS, _log_more)
        self._refused = audit.Refusals(app, FLOOD_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        methods = self._exact.get(scope["path"])
        if methods is None:
            await self._router(scope, receive, send)
        else:
            await self.serve(methods, scope, receive, send)

    async def serve(self, methods: dict[str, Route], scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is known by the route of its method."""
        response = await self._answer(methods, Request(scope, receive, send))
        await response(scope, receive, send)

    async def _missing(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        route = Route(request.method, scope["path"], self._fallback, open_to_all)
        await (await self._run(route, request))(scope, receive, send)

    async def _answer(self, methods: dict[str, Route], request: Request) -> Response:
        method = "GET" if request.method == "HEAD" and "HEAD" not in methods else request.method
        route = methods.get(method)
        if route is None and method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(sorted(methods))})
        if route is None:
            # Not JSON: MLflow's client takes a non-JSON 405 as "this server lacks the endpoint".
            return PlainTextResponse("Method Not Allowed", 405, {"Allow": ", ".join(sorted(methods))})
        response = await self._run(route, request)
        if self._app.settings.auth and audit.is_recorded(request, route.guard, response.status_code):
            await self._refused.record(request, response.status_code)
        return response

    async def _run(self, route: Route, request: Request) -> Response:  # noqa: PLR0911 - the one error table
        try:
            return await self._attempt(route, request)
        except TooManyTries as error:
            self._log(request, error)
            wait = {"Retry-After": str(math.ceil(error.wait_seconds))}
            return problem(request, error.code, error.message, error.status, wait)
        except TracksideError as error:
            if error.status >= 500:
                self._log(request, error)
            return problem(request, error.code, error.message, error.status)
        except HTTPException as error:
            if error.status_code == 401 and is_native(request):
                return problem(request, "UNAUTHENTICATED", error.detail, 401, error.headers)
            return PlainTextResponse(error.detail, error.status_code, error.headers)
        except asyncio.CancelledError:
            # The time for what is in flight is over: the server stops.
            return problem(
                request, "TEMPORARILY_UNAVAILABLE", "The server is stopping; send this again.", 503
            )
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except TimeoutError:
            message = f"The server did not finish this request within {self._seconds:.0f} s."
            return problem(request, "TEMPORARILY_UNAVAILABLE", message, 503)
        except Exception:
            log.exception("%s %s", request.method, request.url.path)
            return problem(
                request, "INTERNAL_ERROR", "Something went wrong inside the server; its log says what.", 500
            )

    async def _attempt(self, route: Route, request: Request) -> Response:
        failed: BaseException | None = request.scope.get(FAILED)
        if failed is not None:
            raise failed
        async with asyncio.timeout(None if route.streams else self._seconds):
            await route.guard(request)
            sender.set(actor_of(request).name or address_of(request))
            return await route.endpoint(request)

    def _log(self, request: Request, error: TracksideError) -> None:
        if error.status not in _IN_FLOODS or self._logged.passes((error.status, error.code)):
            log.warning("%s %s: %s", request.method, request.url.path, error.message)


def _log_more(kind: tuple[int, str], more: int) -> None:
    log.warning("%d more like this within %.0f s, answered %d %s", more, FLOOD_SECONDS, *kind)


class _Endpoints:
    """The routes of one path pattern as an application; Starlette allows a function only GET."""

    def __init__(self, table: Table, methods: dict[str, Route]) -> None:
        self._table = table
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._table.serve(self._methods, scope, receive, send)


def problem(
    request: Request, code: str, message: str, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """An error's body: MLflow's field name on its paths, ours on ours."""
    name = "code" if is_native(request) else "error_code"
    return answer({name: code, "message": message}, status, headers)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def twins(routes: Sequence[Route]) -> list[Route]:
    """MLflow serves every path below /api also below /ajax-api, for its web UI."""
    return [
        twin
        for route in routes
        for twin in (route, route._replace(path=route.path.replace("/api/", "/ajax-api/", 1)))
        if not (twin is not route and not route.path.startswith("/api/"))
    ]
