"""Who may call a route. Each route names its guard where it is declared; there is no default.

A guard finds out who sends the request and whether that user may do this to what the request
names; it raises before the endpoint runs. Without sign-in everybody is let through that reaches
the server, without a look at the request.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address

from starlette.exceptions import HTTPException
from starlette.requests import Request

from trackside.core import signin
from trackside.core.app import App
from trackside.core.identity import Proved
from trackside.core.permissions import EVERYBODY, Actor
from trackside.errors import Forbidden, Unauthenticated
from trackside.server.security import READS, is_own

SESSION_COOKIE = "trackside_session"
_SIGNED_IN = "trackside.signed-in"
TYPED_NAME = "trackside.typed-name"  # into a form, for the audit log
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
    own_pages: bool = False  # what another origin's page sends is refused, one on this machine too

    async def __call__(self, request: Request) -> None:
        app: App = request.app
        if self.own_pages and is_foreign(request):
            raise Forbidden("Only this server's own pages can send this.")
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
own_pages = Guard("coming from this server's own pages", is_open=True, own_pages=True)
signed_in = Guard("being signed in")
admins = Guard("being an admin", _nobody_else, audited=True)
admins_read = Guard("being an admin", _nobody_else)


async def identify(request: Request) -> Actor:
    """Who sends this. Raises HTTPException 401, or TooManyTries."""
    app: App = request.app
    header = request.headers.get("authorization")
    try:
        if header is not None:
            found = await signin.by_header(app, header, address_of(request))
        else:
            found = await signin.by_session(app, _session(request))
    except Unauthenticated as error:
        raise _unauthenticated(request, error) from None
    request.scope[_SIGNED_IN] = found
    return found.actor


def actor_of(request: Request) -> Actor:
    """Who sent a request that a guard let through."""
    found: signin.SignedIn | None = request.scope.get(_SIGNED_IN)
    return found.actor if found else EVERYBODY


def proof_of(request: Request) -> Proved | None:
    """What proved who sent it; None on a server without sign-in."""
    found: signin.SignedIn | None = request.scope.get(_SIGNED_IN)
    return found.proved if found else None


def claimed_name(request: Request) -> str:
    """Who the sender says it is, true or not; empty when it says nothing."""
    if typed := request.scope.get(TYPED_NAME):
        return str(typed)
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            return "?"
    return "(token)" if kind else ""


def address_of(request: Request) -> str:
    """Where it came from: the other end of the connection, or what a proxy says that we believe."""
    app: App = request.app
    peer = request.client.host.removeprefix("::ffff:") if request.client else ""
    if peer in app.settings.trusted_proxies:
        # The last of them is the proxy's own word; those before it are its sender's.
        said = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
        with suppress(ValueError):
            return str(ip_address(said))
    return peer


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
    if not text or (is_foreign(request) and request.method not in READS):
        raise Unauthenticated
    return text


def is_foreign(request: Request) -> bool:
    """Whether a page of another origin, be it another port of this machine, made the browser send this."""
    origin = request.headers.get("origin")
    app: App = request.app
    return origin is not None and not is_own(origin, request.headers.get("host", ""), app.settings.public_url)


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
