"""Raw requests to a tracking server, and a comparison of what must be in the answer."""

import json
import socket
from typing import Any

import httpx

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


def fill(value: Any, places: dict[str, str]) -> Any:
    """The value with {run} and {experiment} put in, wherever they stand."""
    if isinstance(value, str):
        for name, text in places.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, dict):
        return {key: fill(item, places) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(fill(item, places) for item in value)
    return value


def differences(expected: Any, answer: Any, where: str = "answer") -> list[str]:
    """What of `expected` the answer lacks. An object may hold more than is expected; None means: not there at all."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        found = []
        for key, value in expected.items():
            if value is None:
                found += [f"{where}.{key} is there"] if key in answer else []
            elif key not in answer:
                found.append(f"{where}.{key} is missing")
            else:
                found += differences(value, answer[key], f"{where}.{key}")
        return found
    if isinstance(expected, list) and isinstance(answer, list) and len(expected) == len(answer):
        pairs = enumerate(zip(expected, answer, strict=True))
        return [line for index, (one, two) in pairs for line in differences(one, two, f"{where}[{index}]")]
    # 1 and True, and 1 and 1.0, are different JSON.
    same = expected == answer and type(expected) is type(answer)
    return [] if same else [f"{where}: expected {expected!r}, got {answer!r}"]


def refused(answer: httpx.Response, status: int, code: str, words: str) -> None:
    """Assert that the answer is MLflow's shape of an error, with these words in its message."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error_code"] == code
    assert words in body["message"]


def new_experiment(http: httpx.Client, name: str) -> str:
    answer = http.post(f"{API}/experiments/create", json={"name": name})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["experiment_id"])


def new_run(http: httpx.Client, experiment_id: str, **more: Any) -> str:
    answer = http.post(f"{API}/runs/create", json={"experiment_id": experiment_id, "start_time": 12, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run"]["info"]["run_id"])


def history(http: httpx.Client, run_id: str, key: str) -> list[Any]:
    """[timestamp, step, value] of each point, as JSON gives them."""
    answer = http.get(f"{API}/metrics/get-history", params={"run_id": run_id, "metric_key": key})
    assert answer.status_code == 200, answer.text
    return [[point["timestamp"], point["step"], point["value"]] for point in answer.json().get("metrics", [])]


def exact_request(port: int, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
    """(status, body) of a request whose target goes out as it is, which no HTTP library allows."""
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        connection.sendall(head.encode() + body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    status, _, content = answer.partition(b"\r\n\r\n")
    return int(status.split()[1]), content


def error_code(body: bytes) -> str:
    return str(json.loads(body)["error_code"])
