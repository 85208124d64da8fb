"""Who one is, personal tokens, and the audit log."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from trackside.core import accounts, audit
from trackside.core.permissions import Actor
from trackside.errors import InvalidParameter, NotServed
from trackside.model import Token
from trackside.server.guards import actor_of, admins_read, guard, proof_of, signed_in
from trackside.server.native import access_shapes, shapes
from trackside.server.native.bodies import ROOT, read
from trackside.server.routing import Route, answer, app_of


@guard("being signed in with more than a limited token", audited=True)
async def unlimited(request: Request, actor: Actor) -> bool:
    """A token must not make itself a more powerful one."""
    return actor.scope == "admin"


async def me(request: Request) -> Response:
    actor = actor_of(request)
    signed = app_of(request).settings.auth
    return answer(shapes.Me(actor.name, is_admin=actor.administers, auth=signed, scope=actor.scope))


async def list_tokens(request: Request) -> Response:
    """One's own; of another user, or of all (`owner=*`), for admins."""
    actor = actor_of(request)
    owner: str | None = request.query_params.get("owner", actor.name)
    if owner != actor.name and not actor.administers:
        owner = actor.name
    found = []
    if owner:  # nobody has a name on a server without sign-in
        found = await accounts.tokens(app_of(request), None if owner == "*" else owner)
    return answer(access_shapes.TokenList([_shape(token) for token in found]))


async def create_token(request: Request) -> Response:
    """For oneself; for another user, if the sender is an admin."""
    body = await read(request, access_shapes.NewToken)
    actor, app = actor_of(request), app_of(request)
    if not app.settings.auth:
        raise NotServed("This server runs without sign-in, so tokens have no use here.")
    if body.owner and body.owner != actor.name and not actor.administers:
        raise InvalidParameter("Only admins can make tokens for others.")
    made, text = await accounts.create_token(
        app, body.owner or actor.name, body.name, body.scope, body.days, proof_of(request)
    )
    return answer(access_shapes.MadeToken(_shape(made), text))


async def delete_token(request: Request) -> Response:
    number = request.path_params["token_id"]
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise InvalidParameter(f"A token's id is a number; '{number}' is none.")
    await accounts.revoke_token(app_of(request), int(number), actor_of(request))
    return answer({})


async def list_audit(request: Request) -> Response:
    query = request.query_params
    found = await audit.entries(
        app_of(request), _number(query.get("before")), _number(query.get("limit")) or 100
    )
    return answer(
        access_shapes.AuditList(
            [
                access_shapes.AuditEntry(e.id, e.time_ms, e.who, e.action, e.detail, e.address, e.outcome)
                for e in found
            ]
        )
    )


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidParameter("'before' and 'limit' must be numbers.")
    return int(text)


def _shape(token: Token) -> access_shapes.Token:
    return access_shapes.Token(
        token.id, token.name, token.account_name, token.scope, token.created_ms, token.expires_ms
    )


_TOKENS = f"{ROOT}/tokens"
routes = [
    Route("GET", f"{ROOT}/me", me, signed_in, gives=shapes.Me),
    Route("GET", _TOKENS, list_tokens, signed_in, gives=access_shapes.TokenList),
    Route("POST", _TOKENS, create_token, unlimited, access_shapes.NewToken, access_shapes.MadeToken),
    Route("DELETE", f"{_TOKENS}/{{token_id}}", delete_token, unlimited, gives=shapes.Empty),
    Route("GET", f"{ROOT}/audit", list_audit, admins_read, gives=access_shapes.AuditList),
]
