"""Requests about users, permissions and roles, in the order in which they are sent to both servers.

Both start with an admin called "admin" and nothing else, so that ids are the same on both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

ADMIN_PASSWORD = "purple-otter-29-lamp"
PASSWORDS = {"admin": ADMIN_PASSWORD, "ann": "warm-kettle-5-cloud", "bob": "blue-heron-57-fern"}
_V2, _V3 = "/api/2.0/mlflow", "/api/3.0/mlflow"


class Case(NamedTuple):
    who: str  # "" for nobody
    method: str
    path: str
    fields: Any = None  # the body, or for GET the query


_AT_USERS = f"{_V2}/users"
_USERS = [
    Case("", "GET", f"{_AT_USERS}/current"),
    Case("admin:wrong", "GET", f"{_AT_USERS}/current"),
    Case("", "GET", f"{_V2}/experiments/search"),
    Case("", "GET", "/version"),
    Case("", "GET", "/health"),
    Case("admin", "GET", f"{_AT_USERS}/current"),
    Case("admin", "GET", f"{_AT_USERS}/list"),
    *(
        Case("admin", "POST", f"{_AT_USERS}/create", {"username": n, "password": PASSWORDS[n]})
        for n in ("ann", "bob")
    ),
    Case("admin", "POST", f"{_AT_USERS}/create", {"username": "ann", "password": PASSWORDS["ann"]}),
    Case("admin", "POST", f"{_AT_USERS}/create", {"username": "x", "password": "short"}),
    Case("admin", "POST", f"{_AT_USERS}/create", {"username": "", "password": "warm-kettle-5-cloud"}),
    Case("admin", "POST", f"{_AT_USERS}/create", {"username": "x", "password": ""}),
    Case("admin", "POST", f"{_AT_USERS}/create", {"username": "x"}),
    Case("admin", "POST", f"{_AT_USERS}/create", {}),
    Case("ann", "POST", f"{_AT_USERS}/create", {"username": "x", "password": "warm-kettle-5-cloud"}),
    Case("admin", "GET", f"{_AT_USERS}/get", {"username": "ann"}),
    Case("ann", "GET", f"{_AT_USERS}/get", {"username": "ann"}),
    Case("ann", "GET", f"{_AT_USERS}/get", {"username": "bob"}),
    Case("ann", "GET", f"{_AT_USERS}/get", {"username": "nobody"}),
    Case("admin", "GET", f"{_AT_USERS}/get", {"username": "nobody"}),
    Case("admin", "GET", f"{_AT_USERS}/get"),
    Case("ann", "GET", f"{_AT_USERS}/get"),
    Case("ann", "GET", f"{_AT_USERS}/current"),
    Case("ann", "GET", f"{_AT_USERS}/list"),
    Case("ann", "PATCH", f"{_AT_USERS}/update-admin", {"username": "ann", "is_admin": True}),
    Case("ann", "DELETE", f"{_AT_USERS}/delete", {"username": "bob"}),
    Case(
        "ann", "PATCH", f"{_AT_USERS}/update-password", {"username": "bob", "password": "new-magpie-11-bell"}
    ),
    Case(
        "ann", "PATCH", f"{_AT_USERS}/update-password", {"username": "ann", "password": "new-magpie-11-bell"}
    ),
    Case(
        "ann",
        "PATCH",
        f"{_AT_USERS}/update-password",
        {"username": "ann", "password": "new-magpie-11-bell", "current_password": "wrong"},
    ),
    Case(
        "ann",
        "PATCH",
        f"{_AT_USERS}/update-password",
        {"username": "ann", "password": PASSWORDS["ann"], "current_password": PASSWORDS["ann"]},
    ),
    Case("ann", "PATCH", f"{_AT_USERS}/update-password", {"username": "ann"}),
    Case("admin", "PATCH", f"{_AT_USERS}/update-password", {"username": "ann", "password": "short"}),
    Case(
        "admin",
        "PATCH",
        f"{_AT_USERS}/update-password",
        {"username": "nobody", "password": "new-magpie-11-bell"},
    ),
    Case("admin", "PATCH", f"{_AT_USERS}/update-password", {"username": "bob", "password": PASSWORDS["bob"]}),
    Case("admin", "PATCH", f"{_AT_USERS}/update-admin", {"username": "bob", "is_admin": True}),
    Case("bob", "GET", f"{_AT_USERS}/current"),
    Case("admin", "PATCH", f"{_AT_USERS}/update-admin", {"username": "bob", "is_admin": False}),
    Case("admin", "PATCH", f"{_AT_USERS}/update-admin", {"username": "nobody", "is_admin": True}),
    Case("admin", "PATCH", f"{_AT_USERS}/update-admin", {"username": "bob"}),
    Case("admin", "DELETE", f"{_AT_USERS}/delete", {"username": "admin"}),
    Case("admin", "DELETE", f"{_AT_USERS}/delete", {"username": "nobody"}),
    Case("admin", "DELETE", f"{_AT_USERS}/delete", {}),
    Case("ann", "GET", "/ajax-api/2.0/mlflow/users/current"),
]


_AT_GRANTS = f"{_V3}/users/permissions"


def _on(who: str, what: str, **fields: Any) -> Case:
    """A request about what bob may do with ann's experiment, but for what is said otherwise."""
    named = {"username": "bob", "resource_type": "experiment", "resource_id": "1", **fields}
    named = {name: value for name, value in named.items() if value is not None}
    return Case(who, "GET" if what == "get" else "POST", f"{_AT_GRANTS}/{what}", named)


_GRANTS = [
    Case("ann", "POST", f"{_V2}/experiments/create", {"name": "of ann"}),
    Case("ann", "POST", f"{_V2}/registered-models/create", {"name": "model of ann"}),
    *(_on("ann", "get", username=name) for name in ("ann", "bob", "nobody")),
    *(_on("admin", "get", username=name) for name in ("ann", "bob", "nobody", None)),
    _on("admin", "get", username="ann", resource_type="registered_model", resource_id="model of ann"),
    _on("admin", "get", username="ann", resource_id="77"),
    _on("admin", "get", username="ann", resource_id="*"),
    _on("admin", "get", username="ann", resource_type="run", resource_id="*"),
    _on("admin", "get", resource_type="nonsense"),
    _on("admin", "get", resource_type="workspace"),
    _on("ann", "get", username="ann", resource_type="workspace"),
    _on("bob", "grant", permission="EDIT"),
    _on("ann", "grant", permission="EDIT"),
    _on("ann", "grant", permission="READ"),
    _on("bob", "get"),
    _on("ann", "grant", permission="ALL", username="ann"),
    _on("ann", "grant", permission="NO_PERMISSIONS"),
    _on("ann", "grant", resource_type="workspace", permission="USE"),
    _on("admin", "grant", resource_type="workspace", permission="USE"),
    _on("admin", "grant", resource_type="nonsense", permission="USE"),
    _on("admin", "grant", resource_type="run", resource_id="1", permission="READ"),
    _on("admin", "grant", resource_type="run", resource_id="*", permission="READ"),
    _on("ann", "grant", resource_id="*", permission="READ"),
    _on("admin", "grant", username="nobody", permission="READ"),
    _on("admin", "grant"),
    _on("admin", "grant", permission="READ", resource_id=None),
    _on("ann", "grant", resource_type="registered_model", resource_id="model of ann", permission="DENY"),
    _on("bob", "get", resource_type="registered_model", resource_id="model of ann"),
    Case("bob", "GET", f"{_V2}/registered-models/get", {"name": "model of ann"}),
    Case(
        "bob",
        "POST",
        f"{_V2}/experiments/set-experiment-tag",
        {"experiment_id": "1", "key": "k", "value": "v"},
    ),
    Case("bob", "POST", f"{_V2}/experiments/delete", {"experiment_id": "1"}),
    Case(
        "bob",
        "POST",
        f"{_V2}/experiments/set-experiment-tag",
        {"experiment_id": "0", "key": "k", "value": "v"},
    ),
    Case("bob", "GET", f"{_V2}/runs/get", {"run_id": "f" * 32}),
    Case("bob", "GET", f"{_V2}/experiments/get", {"experiment_id": "99"}),
    Case("bob", "GET", f"{_V2}/experiments/get"),
    Case("bob", "POST", f"{_V2}/runs/create", {"experiment_id": "0"}),
    Case("bob", "GET", f"{_V2}/logged-models/m-{'f' * 32}"),
    Case("bob", "GET", f"{_V2}/registered-models/get", {"name": "none"}),
    Case("bob", "PATCH", f"{_V2}/registered-models/update", {"name": "none", "description": "d"}),
    Case("bob", "POST", f"{_V2}/model-versions/create", {"name": "none", "source": "s3://b/k"}),
    Case("bob", "GET", f"{_V2}/webhooks"),
    Case("bob", "GET", "/get-artifact", {"run_id": "f" * 32, "path": "x"}),
    Case("bob", "GET", "/api/2.0/mlflow-artifacts/artifacts", {"path": "1/x"}),
    Case("bob", "DELETE", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    Case("bob", "DELETE", "/api/2.0/mlflow-artifacts/artifacts/0/x"),
    Case("bob", "GET", f"{_V3}/users/current/permissions"),
    Case("admin", "GET", f"{_V3}/users/current/permissions"),
    *(Case(who, "GET", f"{_AT_GRANTS}/list", {"username": "bob"}) for who in ("bob", "ann", "admin")),
    Case("admin", "GET", f"{_AT_GRANTS}/list", {"username": "nobody"}),
    _on("bob", "revoke"),
    _on("ann", "revoke"),
    _on("ann", "revoke"),
    _on("ann", "revoke", username="nobody"),
    _on("admin", "revoke", resource_type="workspace"),
    _on("admin", "revoke", resource_type="nonsense"),
    _on("admin", "get"),
]


_AT_ROLES = f"{_V3}/roles"
_ADD, _ONE = f"{_AT_ROLES}/permissions/add", {"role_id": 3}
_ROLES = [
    Case("ann", "POST", f"{_AT_ROLES}/create", {"workspace": "default", "name": "team"}),
    Case(
        "admin", "POST", f"{_AT_ROLES}/create", {"workspace": "default", "name": "team", "description": "d"}
    ),
    Case("admin", "POST", f"{_AT_ROLES}/create", {"workspace": "default", "name": "team"}),
    Case("admin", "POST", f"{_AT_ROLES}/create", {"workspace": "default", "name": " "}),
    Case("admin", "POST", f"{_AT_ROLES}/create", {"workspace": "", "name": "x"}),
    Case("admin", "POST", f"{_AT_ROLES}/create", {"name": "x"}),
    Case("admin", "POST", f"{_AT_ROLES}/create", {"workspace": "default"}),
    Case("admin", "POST", f"{_AT_ROLES}/create", {"workspace": "default", "name": "__user_2__"}),
    Case("admin", "GET", f"{_AT_ROLES}/list"),
    Case("admin", "GET", f"{_AT_ROLES}/list", {"workspace": "default"}),
    Case("admin", "GET", f"{_AT_ROLES}/list", {"workspace": "other"}),
    Case("admin", "GET", f"{_AT_ROLES}/list", {"workspace": " "}),
    Case("ann", "GET", f"{_AT_ROLES}/list"),
    Case("ann", "GET", f"{_AT_ROLES}/list", {"workspace": "default"}),
    Case("ann", "GET", f"{_AT_ROLES}/list", {"workspace": "other"}),
    *(Case(who, "GET", f"{_AT_ROLES}/get", {"role_id": "1"}) for who in ("admin", "ann")),
    *(Case("admin", "GET", f"{_AT_ROLES}/get", {"role_id": value}) for value in ("99", "x")),
    Case("admin", "GET", f"{_AT_ROLES}/get"),
    Case("admin", "PATCH", f"{_AT_ROLES}/update", {**_ONE, "name": "crew"}),
    Case("admin", "PATCH", f"{_AT_ROLES}/update", {**_ONE, "description": "new"}),
    Case("admin", "PATCH", f"{_AT_ROLES}/update", _ONE),
    Case("admin", "PATCH", f"{_AT_ROLES}/update", {**_ONE, "name": " "}),
    Case("admin", "PATCH", f"{_AT_ROLES}/update", {"role_id": 99, "name": "x"}),
    Case("admin", "PATCH", f"{_AT_ROLES}/update", {**_ONE, "name": "__user_1__"}),
    Case("ann", "PATCH", f"{_AT_ROLES}/update", {**_ONE, "name": "x"}),
    *(
        Case("admin", "POST", _ADD, {**_ONE, "resource_type": kind, "resource_pattern": on, "permission": p})
        for kind, on, p in (
            ("experiment", "*", "EDIT"),
            ("experiment", "*", "READ"),
            ("experiment", "1", "DENY"),
            ("run", "*", "READ"),
            ("run", "1", "READ"),
            ("workspace", "*", "READ"),
            ("workspace", "1", "USE"),
            ("workspace", "*", "USE"),
            ("nonsense", "*", "READ"),
            ("experiment", "2", "NO_PERMISSIONS"),
            ("experiment", "2", "ALL"),
            ("gateway_secret", "s", "USE"),
            ("trace", "*", "READ"),
        )
    ),
    Case(
        "admin",
        "POST",
        _ADD,
        {"role_id": 99, "resource_type": "run", "resource_pattern": "*", "permission": "READ"},
    ),
    Case("admin", "POST", _ADD, _ONE),
    Case("admin", "GET", f"{_AT_ROLES}/permissions/list", _ONE),
    Case("admin", "GET", f"{_AT_ROLES}/permissions/list", {"role_id": "99"}),
    Case("admin", "POST", f"{_AT_ROLES}/assign", {**_ONE, "username": "bob"}),
    Case("admin", "POST", f"{_AT_ROLES}/assign", {**_ONE, "username": "bob"}),
    Case("admin", "POST", f"{_AT_ROLES}/assign", {**_ONE, "username": "nobody"}),
    Case("admin", "POST", f"{_AT_ROLES}/assign", {"role_id": 99, "username": "bob"}),
    Case("admin", "POST", f"{_AT_ROLES}/assign", _ONE),
    Case("ann", "POST", f"{_AT_ROLES}/assign", {**_ONE, "username": "ann"}),
    Case(
        "bob",
        "POST",
        f"{_V2}/experiments/set-experiment-tag",
        {"experiment_id": "0", "key": "k", "value": "v"},
    ),
    Case("bob", "GET", f"{_V2}/experiments/get", {"experiment_id": "1"}),
    Case("bob", "GET", f"{_AT_ROLES}/get", {"role_id": 99}),
    Case("bob", "GET", f"{_AT_ROLES}/permissions/list"),
    Case("bob", "DELETE", f"{_AT_ROLES}/delete", {"role_id": 99}),
    Case("bob", "DELETE", f"{_AT_ROLES}/delete", {}),
    Case("bob", "DELETE", f"{_AT_ROLES}/permissions/remove", {"role_permission_id": 8}),
    Case("bob", "GET", f"{_AT_ROLES}/users/list", _ONE),
    Case("admin", "GET", f"{_AT_ROLES}/users/list", _ONE),
    Case("admin", "GET", f"{_AT_ROLES}/users/list", {"role_id": "99"}),
    *(Case(who, "GET", f"{_V3}/users/roles/list", {"username": "bob"}) for who in ("bob", "admin", "ann")),
    Case("admin", "GET", f"{_V3}/users/roles/list", {"username": "nobody"}),
    Case("admin", "GET", f"{_V2}/users/list"),
    Case("bob", "GET", f"{_V2}/users/list"),
    *(
        Case(
            "admin",
            "PATCH",
            f"{_AT_ROLES}/permissions/update",
            {"role_permission_id": number, "permission": p},
        )
        for number, p in ((8, "MANAGE"), (8, "ALL"), (99, "READ"), ("x", "READ"))
    ),
    Case("admin", "DELETE", f"{_AT_ROLES}/permissions/remove", {"role_permission_id": 99}),
    Case("admin", "GET", f"{_AT_ROLES}/permissions/list", _ONE),
    Case("admin", "DELETE", f"{_AT_ROLES}/unassign", {**_ONE, "username": "ann"}),
    Case("admin", "DELETE", f"{_AT_ROLES}/unassign", {**_ONE, "username": "bob"}),
    Case("admin", "DELETE", f"{_AT_ROLES}/delete", _ONE),
    Case("admin", "DELETE", f"{_AT_ROLES}/delete", _ONE),
    Case("admin", "DELETE", f"{_V2}/users/delete", {"username": "bob"}),
    Case("bob", "GET", f"{_V2}/users/current"),
    Case("admin", "GET", f"{_AT_ROLES}/list"),
]


# What a denied version or run still shows.
_DENIED = {"username": "ann", "resource_id": "*", "permission": "DENY"}
_ASKED = [
    Case("ann", "GET", f"{_V2}/registered-models/get", {"name": "m"}),
    Case("ann", "GET", f"{_V2}/registered-models/search"),
    Case("ann", "PATCH", f"{_V2}/registered-models/update", {"name": "m", "description": "d"}),
    Case("ann", "GET", f"{_V2}/model-versions/search"),
    Case("ann", "GET", f"{_V2}/model-versions/get", {"name": "m", "version": "1"}),
    Case("ann", "GET", f"{_V2}/registered-models/get-latest-versions", {"name": "m"}),
    Case("ann", "GET", f"{_V2}/registered-models/alias", {"name": "m", "alias": "best"}),
    Case("ann", "POST", f"{_V2}/runs/search", {"experiment_ids": ["0"]}),
    Case("ann", "POST", f"{_V2}/runs/create", {"experiment_id": "0"}),
]
_PARTS = [
    Case("admin", "POST", f"{_V2}/registered-models/create", {"name": "m"}),
    Case("admin", "POST", f"{_V2}/model-versions/create", {"name": "m", "source": "s3://b/k"}),
    Case("admin", "POST", f"{_V2}/registered-models/alias", {"name": "m", "alias": "best", "version": "1"}),
    *_ASKED,
    *(
        Case("admin", "POST", f"{_AT_GRANTS}/grant", {**_DENIED, "resource_type": kind})
        for kind in ("registered_model_version", "run")
    ),
    *_ASKED,
]


CASES = [*_USERS, *_GRANTS, *_ROLES, *_PARTS]
