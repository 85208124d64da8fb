"""What is said of a difference that Hypothesis finds, and that its seed finds it again; two small servers play both parts."""

import json
from pathlib import Path

import httpx
import pytest
from asks import get
from pair import Ledger, Pair, Side, Unexplained
from servers import Server
from test_diff_machines import Logged, Machine, run


def small(url: str, answers: dict[str, str]) -> Side:
    """A server that takes everything, with the answers given for what a path ends with."""

    def handle(request: httpx.Request) -> httpx.Response:
        model = {"info": {"model_id": "m-1", "run_id": "r-1"}}
        body = {"experiment_id": "1", "run": model, "model": model}
        for end, more in answers.items():
            body |= {"message": more} if request.url.path.endswith(end) else {}
        return httpx.Response(200, json=body)

    server = Server("small", [], Path("/nowhere"), 1)
    return Side(server, httpx.Client(base_url=url, transport=httpx.MockTransport(handle)))


def pair_of(ours: dict[str, str], told: list[str]) -> Pair:
    theirs = {"/logged-models/search": "one"}
    return Pair(
        small("http://theirs", theirs),
        small("http://ours", {**theirs, **ours}),
        Ledger(told.append),
        "reports",
    )


def test_a_difference_shows_the_request_both_answers_and_where_they_differ() -> None:
    with pytest.raises(Unexplained) as raised:
        pair_of({"/runs/get": "another"}, []).ask(get("runs/get", {"run_id": "5"}))
    request, theirs, ours, difference = str(raised.value).splitlines()
    assert request == "GET runs/get?{'run_id': '5'}"
    assert theirs.split(maxsplit=2)[:2] == ["MLflow", "answered"]
    assert '"message":"another"' in ours
    assert difference.strip() == '.body.message: MLflow "(absent)", Trackside "another"'


def found(machine: type[Machine], seed: int) -> list[str]:
    told: list[str] = []
    with pytest.raises(Unexplained):
        run(pair_of({"/logged-models/search": "two"}, told), machine, seed)
    return told


def test_a_machine_tells_at_once_what_it_found_after_which_requests_and_from_which_seed() -> None:
    report = found(Logged, 7)[0]
    assert "Unexplained in machines: POST logged-models/search" in report
    assert '.body.message: MLflow "one", Trackside "two"' in report
    steps = report.partition("after:\n")[2].splitlines()
    assert steps[0].startswith("  POST experiments/create")
    assert steps[-2].startswith("  POST logged-models/search")
    assert steps[-2].endswith("-> 200, 200")
    assert "--hypothesis-seed=7" in steps[-1]


def test_the_seed_finds_it_again() -> None:
    def asked(report: str) -> list[str]:
        names = json.dumps("machine ")[1:-1]
        return [line for line in report.splitlines() if names not in line]

    first = [asked(each) for each in found(Logged, 7)]
    assert first == [asked(each) for each in found(Logged, 7)]
    assert first != [asked(each) for each in found(Logged, 8)]


def test_what_does_not_come_again_is_told_all_the_same() -> None:
    told: list[str] = []
    pair = pair_of({}, told)
    steps = pair.ours.http
    answers = [httpx.Response(200, json={"experiment_id": "2"})]

    def once(request: httpx.Request) -> httpx.Response:
        body = {
            "experiment_id": "1",
            **{kind: {"info": {"model_id": "m", "run_id": "r"}} for kind in ("run", "model")},
        }
        return answers.pop() if answers else httpx.Response(200, json=body)

    pair.ours.http = httpx.Client(base_url=steps.base_url, transport=httpx.MockTransport(once))
    with pytest.raises(Exception):  # noqa: B017 - whatever Hypothesis makes of it
        run(pair, Logged, 7)
    assert '.body.experiment_id: MLflow "1", Trackside "2"' in told[0]
