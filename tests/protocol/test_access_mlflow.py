"""Sign-in, users, permissions and roles: the same requests to Trackside and to MLflow's basic-auth app.

Status, error code, message and body have to be the same, but for what INTENDED names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import servers
from access_cases import ADMIN_PASSWORD, CASES, PASSWORDS, Case

# MLflow takes 12 s or more to start, and a third of a second to verify a password, for each request.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

# Why an answer of ours may differ from MLflow's. Each takes both answers and says whether it explains the difference.
Answer = tuple[int, Any]
INTENDED: dict[str, Callable[[Case, Answer, Answer], bool]] = {
    # Clients up to 3.12 fail on a user without these fields; later ones ignore them.
    "users carry experiment_permissions and registered_model_permissions": lambda case, theirs, ours: (
        ours[0] == theirs[0] and _without_older_fields(ours[1]) == theirs[1]
    ),
    # MLflow goes on to quote its database, with the hash of the password that was sent.
    "no SQL after 'already exists'": lambda case, theirs, ours: (
        ours[0] == theirs[0] and " Error: (sqlite3" in str(theirs[1]) and _head(theirs[1]) == ours[1]
    ),
    # Our guard reads what the endpoint will act on; MLflow's reads any of three fields, of which the endpoint takes one.
    "a request about a role is told which field it lacks": lambda case, theirs, ours: (
        ours[0] == theirs[0] == 400
        and theirs[1]["message"] == "Request must include one of: role_id, role_permission_id, workspace."
        and ours[1]["message"].startswith("Missing value for required parameter 'role_id'.")
    ),
    # A user's own role names what was granted to that user alone.
    "the own roles of other users are not listed": lambda case, theirs, ours: (
        case.path.endswith("/mlflow/roles/list")
        and ours[0] == theirs[0] == 200
        and [role for role in theirs[1]["roles"] if role in ours[1]["roles"]] == ours[1]["roles"]
        and all(role in ours[1]["roles"] or role["name"].startswith("__user_") for role in theirs[1]["roles"])
    ),
}


def _without_older_fields(body: Any) -> Any:
    if not isinstance(body, dict) or not isinstance(body.get("user"), dict):
        return body
    older = ("experiment_permissions", "registered_model_permissions")
    return {"user": {name: value for name, value in body["user"].items() if name not in older}}


def _head(body: Any) -> Any:
    return {**body, "message": body["message"].partition(" Error: (sqlite3")[0]}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    folder = tmp_path_factory.mktemp("access")
    password = folder / "password"
    password.write_text(ADMIN_PASSWORD)
    ours = servers.trackside(folder / "ours", "--auth", "--admin-password-file", str(password))
    with (
        servers.mlflow_with_auth(folder / "theirs", ADMIN_PASSWORD) as theirs,
        ours,
        httpx.Client(base_url=theirs.url, timeout=60) as one,
        httpx.Client(base_url=ours.url, timeout=60) as two,
    ):
        yield one, two


def send(client: httpx.Client, case: Case) -> Answer:
    name, _, password = case.who.partition(":")
    auth = (name, password or PASSWORDS[name]) if name else None
    fields = {"params": case.fields} if case.method == "GET" else {"json": case.fields}
    answer = client.request(case.method, case.path, auth=auth, **fields)
    try:
        body = json.loads(answer.text)
    except ValueError:
        return answer.status_code, answer.text
    if isinstance(body, dict):
        for added in ("sqlstate", "error_class"):
            body.pop(added, None)
    return answer.status_code, _timeless(body)


def _timeless(body: Any) -> Any:
    """Without times, new ids and places, of the few answers that have them."""
    if isinstance(body, dict):
        gone = (
            "creation_timestamp",
            "last_updated_timestamp",
            "creation_time",
            "last_update_time",
            "workspace_id",
        )
        return {name: _timeless(value) for name, value in body.items() if name not in gone}
    return [_timeless(each) for each in body] if isinstance(body, list) else body


def test_the_same_answers(pair: tuple[httpx.Client, httpx.Client]) -> None:
    unexplained, used = [], set()
    for number, case in enumerate(CASES):
        theirs, ours = send(pair[0], case), send(pair[1], case)
        if theirs == ours:
            continue
        reasons = [reason for reason, explains in INTENDED.items() if explains(case, theirs, ours)]
        used.update(reasons)
        if not reasons:
            unexplained.append(f"{number} {case}\n  MLflow    {theirs}\n  Trackside {ours}")
    assert not unexplained, f"{len(unexplained)} of {len(CASES)}:\n" + "\n".join(unexplained)
    assert used == set(INTENDED), "a difference that is no more: take it out"


def test_the_cases_are_many() -> None:
    assert len(CASES) > 150
