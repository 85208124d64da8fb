"""Who manages one workspace's roles changes no other's, whatever numbers a request mixes; lists of users."""

from __future__ import annotations

import pytest
from access_server import API, API3, guarded
from live_server import sqlite_only

from trackside.store.sqlite import SqliteTransaction

ROLES = f"{API3}/roles"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def made_role(server, workspace, name, *permissions):
    """Make a role; its number, and those of its permissions."""
    made = server.admin.post(f"{ROLES}/create", json={"workspace": workspace, "name": name}).json()["role"][
        "id"
    ]
    numbers = []
    for kind, pattern, permission in permissions:
        body = {"role_id": made, "resource_type": kind, "resource_pattern": pattern, "permission": permission}
        added = server.admin.post(f"{ROLES}/permissions/add", json=body).json()
        numbers.append(added["role_permission"]["id"])
    return made, numbers


def managing(server, name):
    """A user who manages the workspace `default`, and the number of the role that says so."""
    role, _ = made_role(server, "default", f"managers of {name}", ("workspace", "*", "MANAGE"))
    user = server.user(name)
    assert server.admin.post(f"{ROLES}/assign", json={"username": name, "role_id": role}).status_code == 200
    return user, role


def test_numbers_of_two_roles_in_one_request_are_no_way_to_another_workspaces(server):
    mary, own = managing(server, "mary")
    theirs, [number] = made_role(server, "elsewhere", "theirs", ("experiment", "1", "READ"))
    _, [mine] = made_role(server, "default", "mine", ("experiment", "1", "READ"))
    for more in ({"role_id": own}, {"role_id": own, "workspace": "default"}, {}):
        change = {"role_permission_id": number, "permission": "MANAGE", **more}
        assert mary.patch(f"{ROLES}/permissions/update", json=change).status_code == 403, more
        remove = {"role_permission_id": number, **more}
        assert mary.request("DELETE", f"{ROLES}/permissions/remove", json=remove).status_code == 403, more
    mixed = {"role_id": theirs, "role_permission_id": mine, "workspace": "default"}
    add = {**mixed, "resource_type": "experiment", "resource_pattern": "2", "permission": "MANAGE"}
    assert mary.post(f"{ROLES}/permissions/add", json=add).status_code == 403
    assert mary.patch(f"{ROLES}/update", json={**mixed, "name": "taken"}).status_code == 403
    assert mary.request("DELETE", f"{ROLES}/delete", json=mixed).status_code == 403
    assert mary.post(f"{ROLES}/assign", json={**mixed, "username": "mary"}).status_code == 403
    new = {"workspace": "elsewhere", "name": "new", "role_id": own, "role_permission_id": mine}
    assert mary.post(f"{ROLES}/create", json=new).status_code == 403
    shown = server.admin.get(f"{ROLES}/get", params={"role_id": theirs}).json()["role"]
    assert [(p["id"], p["permission"]) for p in shown["permissions"]] == [(number, "READ")]
    # And what is hers works, whatever other numbers lie about.
    change = {"role_permission_id": mine, "permission": "MANAGE", "role_id": theirs}
    assert mary.patch(f"{ROLES}/permissions/update", json=change).status_code == 200
    assert mary.request("DELETE", f"{ROLES}/permissions/remove", json=change).status_code == 200
    body = {"workspace": "default", "name": "new", "role_id": theirs}
    assert mary.post(f"{ROLES}/create", json=body).status_code == 200


def test_what_names_no_role_is_told_so(server):
    mary, _ = managing(server, "maud")
    for path, body in {
        "permissions/update": {"permission": "READ"},
        "create": {"name": "x"},
        "update": {"name": "x"},
    }.items():
        answer = mary.request("POST" if path == "create" else "PATCH", f"{ROLES}/{path}", json=body)
        assert answer.status_code == 400, path
        assert "issing value for required parameter" in answer.json()["message"]


@sqlite_only
def test_a_list_of_users_shows_others_roles_to_managers_and_reads_them_for_nobody_else(server, monkeypatch):
    clients = [server.user(f"listed {number}") for number in range(5)]
    for number in range(5):
        server.grant(f"listed {number}", "experiment", "1", "EDIT")
    manager, _ = managing(server, "lister")
    real, read = SqliteTransaction.all, []

    async def spied(tx, query, **values):
        read.append(query)
        return await real(tx, query, **values)

    def shown(client):
        """Who is shown with a permission on experiment 1, and how many roles the server read for it."""
        assert client.get(f"{API}/users/current").status_code == 200  # the sender's own are known
        with monkeypatch.context() as spy:
            spy.setattr(SqliteTransaction, "all", spied)
            read.clear()
            users = client.get(f"{API}/users/list").json()["users"]
        assert {f"listed {number}" for number in range(5)} <= {user["username"] for user in users}
        granted = [
            user["username"]
            for user in users
            for role in user["roles"]
            for permission in role["permissions"]
            if (permission["resource_type"], permission["resource_pattern"]) == ("experiment", "1")
            and permission["permission"] == "EDIT"
        ]
        return granted, read.count("permissions_of_role")

    assert shown(clients[3]) == (["listed 3"], 1)
    everybody, roles = shown(manager)
    assert everybody == [f"listed {number}" for number in range(5)]
    assert roles > 5


def test_an_experiments_number_is_granted_on_by_any_spelling(server):
    made = server.admin.post(f"{API}/experiments/create", json={"name": "spelled"}).json()["experiment_id"]
    padded = f"0{made}"

    def reads(client):
        return client.get(f"{API}/experiments/get", params={"experiment_id": made}).status_code

    older = server.user("spelled-older")
    body = {"experiment_id": padded, "username": "spelled-older", "permission": "NO_PERMISSIONS"}
    answer = server.admin.post(f"{API}/experiments/permissions/create", json=body)
    assert answer.json()["experiment_permission"]["experiment_id"] == made
    assert reads(older) == 403
    same = {"experiment_id": made, "username": "spelled-older"}
    assert server.admin.get(f"{API}/experiments/permissions/get", params=same).status_code == 200
    granted = server.user("spelled-granted")
    server.grant("spelled-granted", "experiment", padded, "DENY")
    assert reads(granted) == 403
    role, _ = made_role(server, "default", "spelled", ("experiment", padded, "DENY"))
    member = server.user("spelled-member")
    body = {"username": "spelled-member", "role_id": role}
    assert server.admin.post(f"{ROLES}/assign", json=body).status_code == 200
    assert reads(member) == 403


def test_what_is_granted_to_another_user_alone_is_not_shown(server):
    own, role = {}, made_role(server, "default", "for both", ("experiment", "1", "READ"))[0]
    clients = {name: server.user(name) for name in ("shown-ann", "shown-ben")}
    for name in clients:
        server.grant(name, "registered_model", f"secret of {name}", "DENY")
        body = {"username": name, "role_id": role}
        assert server.admin.post(f"{ROLES}/assign", json=body).status_code == 200
        found = server.admin.get(f"{API3}/users/roles/list", params={"username": name})
        [own[name]] = [each["id"] for each in found.json()["roles"] if each["id"] != role]
    ann, boss = clients["shown-ann"], managing(server, "shown-boss")[0]

    def listed(client):
        return client.get(f"{ROLES}/list", params={"workspace": "default"})

    assert "secret of shown-ann" in listed(ann).text
    assert role in [each["id"] for each in listed(ann).json()["roles"]]
    assert "secret of shown-ben" not in listed(ann).text
    for path in ("get", "permissions/list"):
        for client, name, status in (
            *((ann, "shown-ann", 200), (ann, "shown-ben", 403)),
            *((boss, "shown-ben", 200), (server.admin, "shown-ben", 200)),
        ):
            asked = client.get(f"{ROLES}/{path}", params={"role_id": own[name]})
            assert asked.status_code == status, (path, name)
    for client in (boss, server.admin):
        assert "secret of shown-ben" in listed(client).text


@pytest.mark.parametrize("number", ["--5", "+-1", "-", "5-", "5\n", "٣", "9" * 40])
def test_what_is_no_number_is_refused_as_such(server, number):
    refused = [
        server.admin.get(f"{ROLES}/get", params={"role_id": number}),
        server.admin.post(f"{ROLES}/assign", json={"username": "ben", "role_id": number}),
    ]
    for answer in refused:
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"] == f"Parameter 'role_id' must be an integer. Got: {number!r}"
