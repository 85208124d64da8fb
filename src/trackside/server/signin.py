"""The pages that sign a browser in and out and make the first admin: plain HTML, no script.

Addresses are relative, so that they hold behind a proxy that serves the server below a path.
"""

from __future__ import annotations

import re
from html import escape
from urllib.parse import parse_qs, quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from trackside.core import accounts, audit, signin
from trackside.core.identity import Proved
from trackside.errors import Forbidden, InvalidParameter, TooManyTries, TracksideError, Unauthenticated
from trackside.server.body import whole_body
from trackside.server.guards import (
    SESSION_COOKIE,
    TYPED_NAME,
    address_of,
    identify,
    open_to_all,
    own_pages,
    session_of,
)
from trackside.server.routing import Route, app_of

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}
FORM_BYTES = 16 * 1024
_LOCAL = re.compile(r"\./[\w\-.~!$&'()*+,;=:@%/?]*")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0;"
    "background:Canvas;color:CanvasText;color-scheme:light dark}form{width:20rem;max-width:90vw}"
    "label{display:block;margin-top:1rem}input,button{font:inherit;width:100%;box-sizing:border-box;"
    "padding:.5rem;margin-top:.25rem}button{margin-top:1.5rem;cursor:pointer}[role=alert]{color:#c22}"
    "@media(prefers-color-scheme:dark){[role=alert]{color:#f88}}"
)


def _page(title: str, form: str, message: str = "", status: int = 200) -> Response:
    alert = f'<p role="alert">{escape(message)}</p>' if message else ""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title} - Trackside</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{alert}{form}</main></body></html>"
    )
    return HTMLResponse(html, status, _HEADERS)


def _field(label: str, name: str, kind: str, complete: str, value: str = "") -> str:
    return (
        f'<label>{label}<input name="{name}" type="{kind}" autocomplete="{complete}" value="{escape(value)}"'
        f" required{' autofocus' if name == 'username' else ''}></label>"
    )


def _signin_form(wanted: str, name: str = "") -> str:
    return (
        f'<form method="post" action="signin"><input type="hidden" name="next" value="{escape(wanted)}">'
        f"{_field('User name', 'username', 'text', 'username', name)}"
        f"{_field('Password or token', 'password', 'password', 'current-password')}<button>Sign in</button></form>"
    )


def _setup_form(code: str, name: str = accounts.ADMIN) -> str:
    return (
        f'<form method="post" action="setup"><input type="hidden" name="code" value="{escape(code)}">'
        "<p>This makes the first user, who may do everything. The link works once.</p>"
        f"{_field('User name', 'username', 'text', 'username', name)}"
        f"{_field('Password, at least 12 characters', 'password', 'password', 'new-password')}"
        f"{_field('The password again', 'again', 'password', 'new-password')}"
        "<button>Make the admin</button></form>"
    )


def to_signin(request: Request) -> Response:
    """Sends a browser from a page to the sign-in, and back afterwards."""
    path: str = request.scope["path"]
    wanted = f".{path}" + (f"?{request.url.query}" if request.url.query else "")
    up = "../" * (path.count("/") - 1)
    return RedirectResponse(f"{up}signin?next={quote(wanted, safe='')}", 303, {"Cache-Control": "no-store"})


async def is_signed_in(request: Request) -> bool:
    if not app_of(request).settings.auth:
        return True
    try:
        await identify(request)
    except (HTTPException, TracksideError):
        return False
    return True


async def show(request: Request) -> Response:
    return _page("Sign in", _signin_form(_local(request.query_params.get("next", ""))))


async def sign_in(request: Request) -> Response:
    form = await _form(request)
    name, password, wanted = form.get("username", ""), form.get("password", ""), _local(form.get("next", ""))
    try:
        answer = await _with_session(request, await _proved(request, name, password), wanted)
    except (Unauthenticated, TooManyTries, Forbidden) as error:
        message = "User name or password is wrong." if error.status == 401 else error.message
        return _page("Sign in", _signin_form(wanted, name), message, error.status)
    await _record(request, name)
    return answer


async def _proved(request: Request, name: str, password: str) -> Proved:
    """A browser's session can do everything its user may, so a token must be able to as well."""
    app = app_of(request)
    proved = (await signin.by_name(app, name, password, address_of(request))).proved
    if proved.scope != "admin":
        raise Forbidden(
            f"This token has the scope '{proved.scope}': only one of scope 'admin' can sign in here."
        )
    return proved


async def sign_out(request: Request) -> Response:
    await accounts.close_session(app_of(request), session_of(request))
    response = RedirectResponse("signin", 303, {"Cache-Control": "no-store"})
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax", secure=_is_encrypted(request))
    return response


async def show_setup(request: Request) -> Response:
    code = request.query_params.get("code", "")
    return _page("Set up", _setup_form(code)) if await _is_code(request, code) else _used_up()


async def set_up(request: Request) -> Response:
    form = await _form(request)
    code, name = form.get("code", ""), form.get("username", "")
    if not await _is_code(request, code):
        return _used_up()
    if form.get("password") != form.get("again"):
        return _page("Set up", _setup_form(code, name), "The two passwords are not the same.", 400)
    try:
        made = await accounts.create_first(app_of(request), name, form.get("password", ""))
    except InvalidParameter as error:
        return _page("Set up", _setup_form(code, name), error.message, 400)
    except Forbidden:  # somebody was quicker
        return _used_up()
    await _record(request, name)
    return await _with_session(request, made, "./")


async def _is_code(request: Request, code: str) -> bool:
    return await signin.is_setup_code(app_of(request), code)


def _used_up() -> Response:
    return _page("Set up", '<p><a href="signin">Sign in</a></p>', "This link is not valid (any more).", 403)


async def _with_session(request: Request, proved: Proved, wanted: str) -> Response:
    text = await accounts.open_session(app_of(request), proved)
    response = RedirectResponse(wanted or "./", 303, {"Cache-Control": "no-store"})
    response.set_cookie(
        SESSION_COOKIE,
        text,
        max_age=accounts.SESSION_MS // 1000,
        httponly=True,
        samesite="lax",
        secure=_is_encrypted(request),
    )
    return response


def _is_encrypted(request: Request) -> bool:
    """Whether the browser came by TLS, which a proxy may end."""
    return request.url.scheme == "https" or app_of(request).settings.public_url.startswith("https:")


async def _record(request: Request, who: str) -> None:
    """That it worked; what is refused is recorded for all routes alike."""
    app = app_of(request)
    if app.settings.auth:
        action = f"{request.method} {request.url.path}"
        await audit.add(app, who=who, action=action, detail="", address=address_of(request), outcome=200)


async def _form(request: Request) -> dict[str, str]:
    text = (await whole_body(request, most=FORM_BYTES)).decode("utf-8", "replace")
    try:
        form = {name: values[0] for name, values in parse_qs(text, max_num_fields=10).items()}
    except ValueError:
        return {}
    request.scope[TYPED_NAME] = form.get("username", "")
    return form


def _local(wanted: str) -> str:
    """An address on this server, relative to its root; the root itself for anything else."""
    safe = _LOCAL.fullmatch(wanted) and "//" not in wanted and ".." not in wanted
    return wanted if safe else "./"


routes = [
    Route("GET", "/signin", show, open_to_all),
    Route("POST", "/signin", sign_in, own_pages),
    Route("POST", "/signout", sign_out, own_pages),
    Route("GET", "/setup", show_setup, open_to_all),
    Route("POST", "/setup", set_up, own_pages),
]
