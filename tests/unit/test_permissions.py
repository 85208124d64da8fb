"""How grants are read together, against the rules said one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackside.core.permissions import Actor, Grant, Grants

RANKS = {"DENY": -1, "NO_PERMISSIONS": 0, "READ": 1, "USE": 2, "EDIT": 3, "MANAGE": 4}
PERMISSIONS = sorted(RANKS)
NAMES = ["1", "2", "3"]
grants = st.lists(
    st.builds(
        Grant,
        st.sampled_from(["experiment", "run", "registered_model"]),
        st.sampled_from([*NAMES, "*"]),
        st.sampled_from(PERMISSIONS),
    ),
    max_size=8,
)
defaults = st.sampled_from(["READ", "NO_PERMISSIONS", "EDIT"])


def by_the_rules(held, default, name, part=""):
    """DENY wins on the same thing, else the greatest; what everybody may is added; a part's grant overrides."""

    def on(kind, name):
        found = [g.permission for g in held if g.resource_type == kind and g.pattern in (name, "*")]
        if not found:
            return None
        if "DENY" in found:
            return "DENY"
        best = max(found, key=RANKS.get)
        return best if best == "NO_PERMISSIONS" else max(best, default, key=RANKS.get)

    whole = on("experiment", name) or default
    own = on(part, "*") if part else None
    return whole if own is None or RANKS[whole] < 1 else own


@given(grants, defaults, st.sampled_from(NAMES))
def test_a_things_permission(held, default, name):
    assert Grants(held, default).permission("experiment", name) == by_the_rules(held, default, name)


@given(grants, defaults, st.sampled_from(NAMES), st.sampled_from(["", "run"]))
def test_what_is_found_is_what_can_be_read(held, default, name, part):
    """A search and a look at one thing never disagree."""
    held = [g for g in held if g.resource_type != "run" or g.pattern == "*"]
    actor = Actor(1, "a", is_admin=False, grants=Grants(held, default))
    visible = actor.visible("experiment", part)
    found = visible is None or (name in visible.names) == visible.only
    assert found == actor.may("read", "experiment", name, part)
    assert found == (RANKS[by_the_rules(held, default, name, part)] >= 1)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("read", {"read"}), ("edit", {"read", "update"}), ("admin", {"read", "update", "delete", "manage"})],
)
def test_a_tokens_scope_bounds_an_admin_too(scope, allowed):
    actor = Actor(1, "a", is_admin=True).limited(scope)
    assert {n for n in ("read", "update", "delete", "manage") if actor.may(n, "experiment", "1")} == allowed
    assert actor.administers == (scope == "admin")
