"""MLflow's permissions, and how several grants on one thing are read together. Pure functions.

A grant is on a thing (an experiment, a registered model, a prompt) or on all of a kind (`*`).
Kinds of parts (run, logged model, version) have grants on all of them only; such a grant
decides for the parts instead of the grant on what they belong to, which must be readable still.
DENY beats every other grant on the same thing; otherwise the greatest counts, and what the
server grants to everybody is added. NO_PERMISSIONS, of older clients, takes that away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from trackside.errors import InvalidParameter
from trackside.model import Visible

Need = Literal["read", "update", "delete", "manage"]
Scope = Literal["read", "edit", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "edit", "admin")

_RANKS = {"DENY": -1, "NO_PERMISSIONS": 0, "READ": 1, "USE": 2, "EDIT": 3, "MANAGE": 4}
_NAMES = {rank: name for name, rank in _RANKS.items()}
_NEEDED: dict[Need, int] = {"read": 1, "update": 3, "delete": 4, "manage": 4}
_MOST_OF_SCOPE: dict[Scope, int] = {"read": 1, "edit": 3, "admin": 4}
_ALL = ("READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS", "DENY")  # in MLflow's order, for its messages

# Kinds of things and of their parts, as MLflow names them. Those that this server lacks can be named in
# roles all the same, so that scripts that set roles up work.
_THINGS = (
    *("experiment", "registered_model", "prompt", "scorer", "gateway_secret", "gateway_endpoint"),
    *("gateway_model_definition", "mcp_server"),
)
_PARTS = (
    *("run", "trace", "assessment", "logged_model", "review_queue", "registered_model_version"),
    *("prompt_version", "scorer_version", "mcp_server_version"),
)
WORKSPACE = "workspace"
TYPES = frozenset({*_THINGS, *_PARTS, WORKSPACE})
OWN_ROLE_PREFIX = "__user_"


def one_spelling(experiment_id: str) -> str:
    """Of the ways to write an experiment's number the one that grants are kept by: "007" names the same as "7"."""
    is_number = experiment_id.isascii() and experiment_id.isdecimal() and len(experiment_id) < 19
    return str(int(experiment_id)) if is_number else experiment_id


def own_role_name(account_id: int) -> str:
    """The name of the role that holds what is granted to one user."""
    return f"{OWN_ROLE_PREFIX}{account_id}__"


class Grant(NamedTuple):
    """One permission of one role."""

    resource_type: str
    pattern: str
    permission: str


class Grants:
    """What the roles of one user grant together."""

    def __init__(self, grants: Iterable[Grant] = (), default: str = "READ") -> None:
        self._default = _RANKS[default]
        self._ranks: dict[tuple[str, str], int] = {}
        for kind, pattern, permission in grants:
            known = self._ranks.get((kind, pattern))
            self._ranks[kind, pattern] = _together(known, _RANKS[permission])
        self.manages_all = self._ranks.get((WORKSPACE, "*")) == _RANKS["MANAGE"]

    def permission(self, kind: str, name: str, part: str = "") -> str:
        """The permission that decides on a thing, or on parts of it of one kind."""
        return _NAMES[self.rank(kind, name, part)]

    def rank(self, kind: str, name: str, part: str = "") -> int:
        if self.manages_all:
            return _RANKS["MANAGE"]
        whole = self._floored(self._at(kind, name))
        granted = self._ranks.get((part, "*")) if part else None
        if granted is None or whole < _RANKS["READ"]:
            return whole
        return self._floored(granted)

    def visible(self, kind: str, part: str = "") -> Visible | None:
        """Which things can be read (or their parts); None for all."""
        named = {name for held, name in self._ranks if held == kind and name != "*"}
        readable = {name for name in named if self.rank(kind, name, part) >= _RANKS["READ"]}
        # No thing is called "*": what is not named is decided as this is.
        if self.rank(kind, "*", part) >= _RANKS["READ"]:
            hidden = named - readable
            return Visible(False, frozenset(hidden)) if hidden else None
        return Visible(True, frozenset(readable))

    def _at(self, kind: str, name: str) -> int | None:
        exact, every = self._ranks.get((kind, name)), self._ranks.get((kind, "*"))
        return exact if every is None else _together(exact, every)

    def _floored(self, rank: int | None) -> int:
        if rank is None:
            return self._default
        return rank if rank <= 0 else max(rank, self._default)


def _together(one: int | None, other: int) -> int:
    if one is None:
        return other
    return min(one, other) if min(one, other) < 0 else max(one, other)


@dataclass(frozen=True)
class Actor:
    """Who makes a request, and what it may do."""

    id: int
    name: str
    is_admin: bool
    scope: Scope = "admin"  # what the token allows; "admin" for whatever the user may
    grants: Grants = field(default_factory=Grants)

    @property
    def administers(self) -> bool:
        return self.is_admin and self.scope == "admin"

    @property
    def sees_all(self) -> bool:
        return self.is_admin or self.grants.manages_all

    def limited(self, scope: Scope) -> Actor:
        """The same user by a token that allows less."""
        return replace(self, scope=scope)

    def may(self, need: Need, kind: str, name: str, part: str = "") -> bool:
        rank = _RANKS["MANAGE"] if self.is_admin else self.grants.rank(kind, name, part)
        return min(rank, _MOST_OF_SCOPE[self.scope]) >= _NEEDED[need]

    def may_make_parts(self, kind: str, name: str, part: str) -> bool:
        """Whether it may make a part of a thing: who may change the thing and is not denied such parts."""
        denied = not self.is_admin and self.grants.rank(kind, name, part) < 0
        return not denied and self.may("update", kind, name)

    def may_create(self, kind: str, name: str = "*") -> bool:
        """Whether it may make such a thing: everybody may who is not denied that kind."""
        denied = not self.is_admin and self.grants.rank(kind, name) < 0
        return not denied and self.scope != "read"

    def visible(self, kind: str, part: str = "") -> Visible | None:
        return None if self.is_admin else self.grants.visible(kind, part)


EVERYBODY = Actor(0, "", is_admin=True)  # who reaches a server without sign-in


def allows_use(permission: str) -> bool:
    return _RANKS[permission] >= _RANKS["USE"]


def check_permission(permission: str, kind: str) -> None:
    """Raises InvalidParameter, in MLflow's words, for what cannot be granted on this kind."""
    if permission not in _ALL:
        raise InvalidParameter(f"Invalid permission '{permission}'. Valid permissions are: {_ALL}")
    check_type(kind)
    if kind == WORKSPACE and permission not in ("MANAGE", "USE"):
        raise InvalidParameter(
            f"Invalid permission '{permission}' for resource_type='workspace'. "
            f"Workspace-wide grants accept only: {('MANAGE', 'USE')}."
        )
    if permission == "NO_PERMISSIONS":
        raise InvalidParameter(
            f"Invalid permission '{permission}' for resource_type='{kind}'. "
            f"Resource-level grants accept only: {('DENY', 'EDIT', 'MANAGE', 'READ', 'USE')}."
        )


def check_older_permission(permission: str) -> None:
    """The same for the endpoints of older clients, which know NO_PERMISSIONS."""
    if permission not in _ALL:
        raise InvalidParameter(f"Invalid permission '{permission}'. Valid permissions are: {_ALL}")


def check_type(kind: str) -> None:
    if kind not in TYPES:
        raise InvalidParameter(
            f"Invalid resource type '{kind}'. Valid resource types are: {tuple(sorted(TYPES))}"
        )


def check_pattern(pattern: str, kind: str) -> None:
    check_type(kind)
    if pattern != "*" and kind not in _THINGS:
        raise InvalidParameter(
            f"Invalid resource_pattern '{pattern}' for resource_type='{kind}'. This resource type supports only "
            "wildcard ('*') grants."
        )
