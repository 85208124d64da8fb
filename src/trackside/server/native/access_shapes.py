"""JSON shapes of tokens and the audit log, which the command line uses; the others are in `shapes`."""

from __future__ import annotations

from msgspec import Struct


class Token(Struct):
    """A personal token, without its text. DELETE /tokens/{token_id} ends it."""

    token_id: int
    name: str
    owner: str
    scope: str
    created_ms: int
    expires_ms: int | None


class TokenList(Struct):
    """GET /tokens, one's own; for admins also ?owner=NAME and ?owner=*"""

    tokens: list[Token]


class NewToken(Struct):
    """POST /tokens -> MadeToken"""

    name: str
    scope: str = "edit"
    days: float | None = 90  # null: it never expires
    owner: str = ""  # for another user, by admins


class MadeToken(Struct):
    """The only answer that ever has the token's text."""

    token: Token
    text: str


class AuditEntry(Struct):
    audit_id: int
    time_ms: int
    who: str
    action: str  # method and path
    detail: str
    address: str
    outcome: int  # HTTP status


class AuditList(Struct):
    """GET /audit?before=ID&limit=100, newest first; for admins."""

    entries: list[AuditEntry]
