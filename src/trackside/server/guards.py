"""Who may call a route. Each route names its guard where it is declared; there is no default.

A guard finds out who sends the request and whether that user may do this to what the request
names; it raises before the endpoint runs. Without sign-in everybody is let through that reaches
the server, without a look at the request.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.exceptions import HTTPException
from starlette.requests import Request

from trackside.core import signin
from trackside.core.app import App
from trackside.core.permissions import EVERYBODY, Actor
from trackside.errors import Forbidden, Unauthenticated
from trackside.server.security import READS, is_own

SESSION_COOKIE = "trackside_session"
_ACTOR = "trackside.actor"
_HOW = (
    "You are not authenticated. Please see "
    "https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to authenticate."
)
Check = Callable[[Request, Actor], Awaitable[bool]]


@dataclass(frozen=True)
class Guard:
    """Lets a request through or raises. `needs` says in words what it asks for."""

    needs: str
    check: Check | None = None  # None: being signed in is enough
    audited: bool = False  # who passed is recorded too, not only who was refused
    is_open: bool = False  # not even that

    async def __call__(self, request: Request) -> None:
        app: App = request.app
        if self.is_open or not app.settings.auth:
            return
        actor = await identify(request)
        if self.check is None or actor.administers:
            return
        if not await self.check(request, actor):
            raise refusal(request)


def guard(needs: str, *, audited: bool = False) -> Callable[[Check], Guard]:
    """Makes a guard of a check."""
    return lambda check: Guard(needs, check, audited)


async def _nobody_else(request: Request, actor: Actor) -> bool:
    return False


open_to_all = Guard("nothing", is_open=True)
signed_in = Guard("being signed in")
admins = Guard("being an admin", _nobody_else, audited=True)
admins_read = Guard("being an admin", _nobody_else)


async def identify(request: Request) -> Actor:
    """Who sends this. Raises HTTPException 401, or TooManyTries."""
    app: App = request.app
    header = request.headers.get("authorization")
    try:
        if header is not None:
            actor = await signin.by_header(app, header, address_of(request))
        else:
            actor = await signin.by_session(app, _session(request))
    except Unauthenticated as error:
        raise _unauthenticated(request, error) from None
    request.scope[_ACTOR] = actor
    return actor


def actor_of(request: Request) -> Actor:
    """Who sent a request that a guard let through."""
    actor: Actor = request.scope.get(_ACTOR, EVERYBODY)
    return actor


def claimed_name(request: Request) -> str:
    """Who the sender says it is, true or not; empty when it says nothing."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            return "?"
    return "(token)" if kind else ""


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def session_of(request: Request) -> str:
    """The text of the session cookie; empty without one."""
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    found = cookies.get(SESSION_COOKIE)
    return found.value if found else ""


def _session(request: Request) -> str:
    """The same, to be acted upon. A cookie comes along whoever made the browser send the request."""
    text = session_of(request)
    origin = request.headers.get("origin")
    foreign = origin is not None and not is_own(origin, request.headers.get("host", ""))
    if not text or (foreign and request.method not in READS):
        raise Unauthenticated
    return text


def _unauthenticated(request: Request, error: Unauthenticated) -> Exception:
    if is_native(request):
        # Not Basic: the browser would ask for a password in a box of its own.
        return HTTPException(401, error.message, {"WWW-Authenticate": 'Bearer realm="trackside"'})
    return HTTPException(401, _HOW, {"WWW-Authenticate": 'Basic realm="mlflow"'})


def refusal(request: Request) -> Exception:
    """For who may not do this: MLflow's text on its paths, ours on ours."""
    return Forbidden("Permission denied") if is_native(request) else HTTPException(403, "Permission denied")


def is_native(request: Request) -> bool:
    return "/api/trackside/" in request.url.path
