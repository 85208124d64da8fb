"""Nobody reaches another's files or models by what he makes himself."""

from __future__ import annotations

import pytest
from access_server import API, guarded

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("data")) as made:
        yield made


def experiment(client, name, location=""):
    body = {"name": name, "artifact_location": location}
    return client.post(f"{API}/experiments/create", json=body)


def test_no_location_overlaps_an_experiment_of_somebody_else(server):
    owner, other = server.user("place-owner"), server.user("place-other")
    made = experiment(owner, "placed", "mlflow-artifacts:/team/x").json()["experiment_id"]
    assert owner.put(f"{PROXY}/team/x/f.txt", content=b"mine").status_code == 200
    server.grant("place-other", "experiment", made, "DENY")
    places = [
        *("team/x", "team/x/", "team/x/models", "team", "team/", "", f"{made}", f"{made}/models"),
        *("0", "99", f"00{made}/x"),
    ]
    for number, place in enumerate(places):
        answer = experiment(other, f"taking {number}", f"mlflow-artifacts:/{place}")
        assert answer.status_code == 403, place
    assert other.get(f"{PROXY}/team/x/f.txt").status_code == 403
    server.admin.post(f"{API}/experiments/delete", json={"experiment_id": made})
    assert experiment(other, "taking late", "mlflow-artifacts:/team/x").status_code == 403
    for number, place in enumerate(
        ("mlflow-artifacts:/team/xy", "s3://bucket/team/x", "mlflow-artifacts:/y1")
    ):
        assert experiment(other, f"own {number}", place).status_code == 200, place


def test_the_innermost_location_decides(server):
    owner, friend = server.user("nest-owner"), server.user("nest-friend")
    outer = experiment(owner, "outer", "mlflow-artifacts:/nest").json()["experiment_id"]
    inner = experiment(owner, "inner", "mlflow-artifacts:/nest/inside").json()["experiment_id"]
    for path in ("nest/f.txt", "nest/inside/f.txt"):
        assert owner.put(f"{PROXY}/{path}", content=b"mine").status_code == 200
    server.grant("nest-friend", "experiment", outer, "DENY")
    server.grant("nest-friend", "experiment", inner, "READ")
    assert friend.get(f"{PROXY}/nest/inside/f.txt").text == "mine"
    assert friend.get(f"{PROXY}/nest/f.txt").status_code == 403
