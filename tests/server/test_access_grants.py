"""What grants allow: creators, readers, roles, denials, parts, prompts, renamed models, files, full pages."""

from __future__ import annotations

import json

import httpx
import pytest
from access_server import API, API3, NATIVE, guarded

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A server where nobody may see what was not granted."""
    with guarded(tmp_path_factory.mktemp("data"), default_permission="NO_PERMISSIONS") as made:
        yield made


def experiment(client, name):
    return client.post(f"{API}/experiments/create", json={"name": name}).json()["experiment_id"]


def run(client, experiment_id):
    made = client.post(f"{API}/runs/create", json={"experiment_id": experiment_id})
    return made.json()["run"]["info"]["run_id"]


def read(client, experiment_id):
    return client.get(f"{API}/experiments/get", params={"experiment_id": experiment_id}).status_code


def tag(client, experiment_id):
    body = {"experiment_id": experiment_id, "key": "k", "value": "v"}
    return client.post(f"{API}/experiments/set-experiment-tag", json=body).status_code


def delete(client, experiment_id):
    return client.post(f"{API}/experiments/delete", json={"experiment_id": experiment_id}).status_code


def model(client, name, **more):
    return client.post(f"{API}/registered-models/create", json={"name": name, **more})


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ("", (200, 403, 403)),  # what everybody may
        ("READ", (200, 403, 403)),
        ("USE", (200, 403, 403)),
        ("EDIT", (200, 200, 403)),
        ("MANAGE", (200, 200, 200)),
        ("DENY", (403, 403, 403)),
    ],
)
def test_each_permission_on_an_experiment(server, permission, expected):
    made = experiment(server.admin, f"of {permission}")
    name = f"u{permission.lower()}"
    user = server.user(name)
    if permission:
        server.grant(name, "experiment", made, permission)
    assert (read(user, made), tag(user, made), delete(user, made)) == expected


def test_who_makes_it_manages_it_and_can_share_it(closed):
    owner, friend = closed.user("owner"), closed.user("friend")
    made = experiment(owner, "mine")
    assert run(owner, made)
    assert read(friend, made) == 403
    body = {"username": "friend", "resource_type": "experiment", "resource_id": made, "permission": "EDIT"}
    assert friend.post(f"{API3}/users/permissions/grant", json=body).status_code == 403
    assert owner.post(f"{API3}/users/permissions/grant", json=body).status_code == 200
    assert run(friend, made)
    assert delete(friend, made) == 403
    assert owner.post(f"{API3}/users/permissions/revoke", json=body).status_code == 200
    assert read(friend, made) == 403  # at once
    assert delete(owner, made) == 200


def test_pages_of_searches_are_full_and_show_only_what_may_be_read(closed):
    reader = closed.user("pager")
    made = [experiment(closed.admin, f"page {n:02}") for n in range(30)]
    for number in made[::3]:
        closed.grant("pager", "experiment", number, "READ")
        model(closed.admin, f"page-{number}")
        closed.grant("pager", "registered_model", f"page-{number}", "READ")
    for number in made[1::3]:
        model(closed.admin, f"page-{number}")
    found, token, sizes = [], "", []
    while True:
        body = {"max_results": 4, "page_token": token, "order_by": ["name ASC"]}
        page = reader.post(f"{API}/experiments/search", json=body).json()
        found += [each["experiment_id"] for each in page.get("experiments", [])]
        sizes.append(len(page.get("experiments", [])))
        token = page.get("next_page_token", "")
        if not token:
            break
    assert found == made[::3]
    assert sizes == [4, 4, 2]
    models = reader.get(f"{API}/registered-models/search", params={"max_results": 7}).json()
    assert len(models["registered_models"]) == 7
    rest = reader.get(
        f"{API}/registered-models/search", params={"max_results": 7, "page_token": models["next_page_token"]}
    ).json()
    assert len(rest["registered_models"]) == 3
    assert "next_page_token" not in rest
    listed = reader.get(f"{NATIVE}/models").json()["models"]
    assert {each["name"] for each in listed} == {f"page-{number}" for number in made[::3]}
    assert len(reader.get(f"{NATIVE}/experiments").json()["experiments"]) == 10


def test_runs_and_models_of_experiments_that_may_not_be_read_are_not_found(closed):
    reader = closed.user("seeker")
    open_one, shut = experiment(closed.admin, "open one"), experiment(closed.admin, "shut")
    closed.grant("seeker", "experiment", open_one, "READ")
    seen, hidden = run(closed.admin, open_one), run(closed.admin, shut)
    for number in (open_one, shut):
        closed.admin.post(f"{API}/logged-models", json={"experiment_id": number})
    both = {"experiment_ids": [open_one, shut, f"0{shut}"]}
    runs = reader.post(f"{API}/runs/search", json=both).json()["runs"]
    assert [each["info"]["run_id"] for each in runs] == [seen]
    assert reader.post(f"{NATIVE}/runs/query", json=both).json()["run_ids"] == [seen]
    models = reader.post(f"{API}/logged-models/search", json=both).json()["models"]
    assert {each["info"]["experiment_id"] for each in models} == {open_one}
    query = [("run_id", seen), ("run_id", hidden), ("metric_key", "m")]
    assert reader.get(f"{API}/metrics/get-history-bulk", params=query).status_code == 403
    assert reader.post("/ajax-api/2.0/mlflow/experiments/search-datasets", json=both).status_code == 403
    missing = reader.get(f"{API}/runs/get", params={"run_id": "f" * 32})
    assert missing.status_code == 403  # nobody learns which runs there are


def test_roles(closed):
    member = closed.user("member")
    made = experiment(closed.admin, "of the team")
    role = closed.admin.post(f"{API3}/roles/create", json={"workspace": "default", "name": "team"}).json()[
        "role"
    ]
    grant = {
        "role_id": role["id"],
        "resource_type": "experiment",
        "resource_pattern": "*",
        "permission": "EDIT",
    }
    added = closed.admin.post(f"{API3}/roles/permissions/add", json=grant).json()["role_permission"]
    assert read(member, made) == 403
    body = {"username": "member", "role_id": role["id"]}
    assert closed.admin.post(f"{API3}/roles/assign", json=body).status_code == 200
    assert (read(member, made), tag(member, made)) == (200, 200)
    assert len(member.get(f"{NATIVE}/experiments").json()["experiments"]) > 1
    change = {"role_permission_id": added["id"], "permission": "DENY"}
    assert closed.admin.patch(f"{API3}/roles/permissions/update", json=change).status_code == 200
    assert read(member, made) == 403
    assert closed.admin.request("DELETE", f"{API3}/roles/unassign", json=body).status_code == 200
    assert closed.admin.request("DELETE", f"{API3}/roles/delete", json=body).status_code == 200


def test_a_denial_beats_a_role_that_allows(server):
    user = server.user("denied")
    made, other = experiment(server.admin, "denied one"), experiment(server.admin, "other one")
    server.grant("denied", "experiment", "*", "MANAGE")
    server.grant("denied", "experiment", made, "DENY")
    assert (read(user, made), delete(user, other)) == (403, 200)
    names = {e["name"] for e in user.get(f"{NATIVE}/experiments?view=all").json()["experiments"]}
    assert "denied one" not in names
    assert "other one" in names


def test_grants_on_all_runs_decide_for_runs(server):
    viewer, writer = server.user("viewer"), server.user("writer")
    made = experiment(server.admin, "parts")
    uuid = run(server.admin, made)
    server.grant("viewer", "run", "*", "DENY")
    server.grant("writer", "run", "*", "EDIT")
    assert read(viewer, made) == 200
    assert viewer.get(f"{API}/runs/get", params={"run_id": uuid}).status_code == 403
    assert viewer.post(f"{API}/runs/search", json={"experiment_ids": [made]}).json() == {}
    point = {"run_id": uuid, "key": "k", "value": 1, "timestamp": 1}
    assert writer.post(f"{API}/runs/log-metric", json=point).status_code == 200
    assert tag(writer, made) == 403
    assert writer.post(f"{API}/runs/create", json={"experiment_id": made}).status_code == 403


def test_metrics_of_anothers_logged_model(closed):
    owner = closed.user("metrics")
    mine, shut = experiment(owner, "mine too"), experiment(closed.admin, "shut too")
    target = closed.admin.post(f"{API}/logged-models", json={"experiment_id": shut}).json()["model"]["info"]
    metric = {"key": "k", "value": 1, "timestamp": 1, "model_id": target["model_id"]}
    uuid = run(owner, mine)
    assert owner.post(f"{API}/runs/log-metric", json={"run_id": uuid, **metric}).status_code == 403
    assert owner.post(f"{API}/runs/log-batch", json={"run_id": uuid, "metrics": [metric]}).status_code == 403
    metric["modelId"] = metric.pop("model_id")
    assert owner.post(f"{API}/runs/log-batch", json={"run_id": uuid, "metrics": [metric]}).status_code == 403
    models = {"run_id": uuid, "models": [{"model_id": target["model_id"]}]}
    assert owner.post(f"{API}/runs/log-inputs", json=models).status_code == 403


# --- registered models


def test_prompts_are_granted_apart_from_models(server):
    user = server.user("prompter")
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    assert model(server.admin, "a-prompt", tags=tags).status_code == 200
    assert model(server.admin, "a-model").status_code == 200
    server.grant("prompter", "prompt", "*", "DENY")
    assert user.get(f"{API}/registered-models/get", params={"name": "a-prompt"}).status_code == 403
    assert user.get(f"{API}/registered-models/get", params={"name": "a-model"}).status_code == 200
    asked = {"filter": "tags.`mlflow.prompt.is_prompt` = 'true'"}
    assert user.get(f"{API}/registered-models/search", params=asked).json() == {}
    assert "registered_models" in server.admin.get(f"{API}/registered-models/search", params=asked).json()
    mine = model(user, "my-prompt", tags=tags)
    assert mine.status_code == 403


PROMPT = "mlflow.prompt.is_prompt"


@pytest.mark.parametrize("values", [("true", "false"), ("TRUE",), ("false",)])
def test_no_spelling_of_the_prompt_tag_gets_past_what_is_denied_on_models(server, values):
    user = server.user(f"maker-{'-'.join(values)}")
    server.grant(f"maker-{'-'.join(values)}", "registered_model", "*", "DENY")
    tags = [{"key": PROMPT, "value": value} for value in values]
    assert model(user, f"made-{'-'.join(values)}", tags=tags).status_code == 403


def test_only_admins_make_a_prompt_of_a_model_or_the_other_way_round(server):
    owner, denied = server.user("prompt-owner"), server.user("prompt-denied")
    assert model(owner, "kept").status_code == 200
    server.grant("prompt-denied", "registered_model", "kept", "DENY")
    tag = {"name": "kept", "key": PROMPT, "value": "true"}
    native = f"/api/trackside/v1/models/kept/tags/{PROMPT}"
    assert owner.post(f"{API}/registered-models/set-tag", json=tag).status_code == 403
    assert owner.put(native, json={"value": "true"}).status_code == 403
    assert owner.delete(native).status_code == 403
    assert owner.request("DELETE", f"{API}/registered-models/delete-tag", json=tag).status_code == 403
    assert owner.post(f"{API}/registered-models/set-tag", json={**tag, "key": "team"}).status_code == 200
    assert denied.get(f"{API}/registered-models/get", params={"name": "kept"}).status_code == 403
    assert server.admin.post(f"{API}/registered-models/set-tag", json=tag).status_code == 200


def test_grants_follow_a_model_to_its_new_name_and_end_with_it(closed):
    owner, next_one = closed.user("modeller"), closed.user("next")
    assert model(owner, "before").status_code == 200
    renamed = owner.post(f"{API}/registered-models/rename", json={"name": "before", "new_name": "after"})
    assert renamed.status_code == 200
    assert owner.get(f"{API}/registered-models/get", params={"name": "after"}).status_code == 200
    assert (
        owner.request("DELETE", f"{API}/registered-models/delete", json={"name": "after"}).status_code == 200
    )
    for name in ("before", "after"):
        assert model(next_one, name).status_code == 200
        assert owner.get(f"{API}/registered-models/get", params={"name": name}).status_code == 403


def test_a_version_cannot_be_made_of_what_its_maker_cannot_read(closed):
    maker = closed.user("maker")
    mine, shut = experiment(maker, "own source"), experiment(closed.admin, "anothers source")
    uuid, hidden = run(maker, mine), run(closed.admin, shut)
    file = f"{shut}/{hidden}/artifacts/m.bin"
    assert closed.admin.put(f"{PROXY}/{file}", content=b"secret").status_code == 200
    model(closed.admin, "hidden-model")
    source = {"name": "hidden-model", "source": f"runs:/{hidden}/m.bin", "run_id": hidden}
    assert closed.admin.post(f"{API}/model-versions/create", json=source).status_code == 200
    model(maker, "mine-model")
    attempts = [
        {"source": f"runs:/{hidden}/m.bin", "run_id": hidden},
        {"source": f"runs:/{hidden}/m.bin", "run_id": uuid},
        {"source": f"mlflow-artifacts:/{file}", "run_id": uuid},
        {"source": f"mlflow-artifacts:/{file}"},
        {"source": "models:/hidden-model/1"},
        {"source": "models:/hidden-model/latest"},
    ]
    for attempt in attempts:
        made = maker.post(f"{API}/model-versions/create", json={"name": "mine-model", **attempt})
        assert made.status_code in (400, 403), made.text
    register = maker.post(f"{NATIVE}/models/mine-model/versions", json={"run_id": hidden, "path": "m.bin"})
    assert register.status_code == 403
    assert "model_versions" not in maker.get(f"{API}/model-versions/search").json()


# --- files


def test_paths_of_the_artifact_store_belong_to_experiments(closed):
    owner, other = closed.user("filer"), closed.user("stranger")
    made = experiment(owner, "files")
    uuid = run(owner, made)
    path = f"{made}/{uuid}/artifacts/a.txt"
    assert owner.put(f"{PROXY}/{path}", content=b"x").status_code == 200
    assert owner.get(f"{PROXY}/{path}").content == b"x"
    for spelled in (
        path,
        path.replace("/", "%2F"),
        f"0{path}",
        path.replace(made, f"%{ord(made[0]):x}{made[1:]}", 1),
    ):
        assert other.get(f"{PROXY}/{spelled}").status_code in (400, 403)
    assert other.put(f"{PROXY}/{path}", content=b"y").status_code == 403
    assert other.delete(f"{PROXY}/{made}").status_code == 403
    for outside in ("", "loose", "loose/a.txt", ".incoming"):
        assert owner.get(PROXY, params={"path": outside}).status_code == 403
    assert closed.admin.get(PROXY, params={"path": ""}).status_code == 200
    assert owner.delete(f"{PROXY}/{path}").status_code == 200


def test_an_experiment_with_a_place_of_its_own(closed):
    owner, other = closed.user("placer"), closed.user("passer")
    body = {"name": "placed", "artifact_location": "mlflow-artifacts:/place/of/mine"}
    made = owner.post(f"{API}/experiments/create", json=body).json()["experiment_id"]
    uuid = run(owner, made)
    path = f"place/of/mine/{uuid}/artifacts/a.txt"
    assert owner.put(f"{PROXY}/{path}", content=b"x").status_code == 200
    assert other.get(f"{PROXY}/{path}").status_code == 403
    assert owner.get(f"{PROXY}/place/of/minemine").status_code == 403


# --- live updates


def test_live_updates_only_of_what_may_be_read_and_only_as_long(closed):
    owner, friend = closed.user("talker"), closed.user("listener")
    made = experiment(owner, "live")
    uuid = run(owner, made)
    for topic in (f"run:{uuid}", f"experiment:{made}", "model:none", "run:none", "nothing:x"):
        assert friend.get(f"{NATIVE}/events", params={"topic": topic}).status_code == 403
    on = {"username": "listener", "resource_type": "experiment", "resource_id": made, "permission": "READ"}
    assert owner.post(f"{API3}/users/permissions/grant", json=on).status_code == 200
    with friend.stream("GET", f"{NATIVE}/events", params={"topic": f"run:{uuid}"}, timeout=10) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        assert owner.post(f"{API3}/users/permissions/revoke", json=on).status_code == 200
        list(lines)  # ends, and does not time out
    assert friend.get(f"{NATIVE}/events", params={"topic": f"run:{uuid}"}).status_code == 403


# --- clients up to 3.12


@pytest.mark.parametrize(
    ("noun", "key", "kind"),
    [("experiments", "experiment_id", "experiment"), ("registered-models", "name", "registered_model")],
)
def test_the_older_permission_endpoints(server, noun, key, kind):
    user = server.user(f"older-{kind}")
    on = (
        experiment(server.admin, "older")
        if kind == "experiment"
        else model(server.admin, "older").json() and "older"
    )
    at, who = f"{API}/{noun}/permissions", {key: on, "username": f"older-{kind}"}
    made = server.admin.post(f"{at}/create", json={**who, "permission": "NO_PERMISSIONS"})
    assert made.json()[f"{kind}_permission"]["permission"] == "NO_PERMISSIONS"
    get = f"{API}/{noun}/get"
    assert user.get(get, params={key: on}).status_code == 403  # although everybody else may read it
    again = server.admin.post(f"{at}/create", json={**who, "permission": "READ"})
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert server.admin.patch(f"{at}/update", json={**who, "permission": "EDIT"}).json() == {}
    assert server.admin.get(f"{at}/get", params=who).json()[f"{kind}_permission"]["permission"] == "EDIT"
    assert user.get(get, params={key: on}).status_code == 200
    shown = server.admin.get(f"{API}/users/get", params={"username": f"older-{kind}"}).json()["user"]
    assert shown[f"{kind}_permissions"][0]["permission"] == "EDIT"
    assert server.admin.request("DELETE", f"{at}/delete", json=who).json() == {}
    assert server.admin.get(f"{at}/get", params=who).status_code == 404
    wrong = server.admin.post(f"{at}/create", json={**who, "permission": "ALL"})
    assert wrong.json()["message"].startswith("Invalid permission 'ALL'. Valid permissions are:")


def test_without_sign_in_everybody_may_do_everything(tmp_path):
    from live_server import running

    from trackside.config import ServerSettings

    with running(ServerSettings(data_dir=tmp_path, port=0)) as (url, _), httpx.Client(base_url=url) as client:
        made = experiment(client, "free")
        assert (read(client, made), tag(client, made), delete(client, made)) == (200, 200, 200)
        assert client.get(f"{NATIVE}/me").json()["auth"] is False
        assert client.get(f"{API3}/users/current/permissions").json() == {"is_admin": True, "permissions": []}
        assert (
            json.loads(client.post(f"{NATIVE}/tokens", json={"name": "x"}).text)["code"] == "NOT_IMPLEMENTED"
        )
