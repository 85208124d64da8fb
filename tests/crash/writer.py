"""Writes known values over raw HTTP, repeats each request until it is acknowledged, and can tell what must be there."""

import hashlib
import json
import random
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

import httpx
from wire import API, FILES, new_run

GIVES_UP_AFTER_S = 60


@dataclass
class Ledger:
    """What one writer has sent, and what of it has been acknowledged. Points are (step, timestamp, value)."""

    run: str
    root: str
    sent: dict[str, set[tuple[int, int, float]]] = field(default_factory=dict)
    acknowledged: dict[str, set[tuple[int, int, float]]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    unsure_tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    unsure_files: dict[str, str] = field(default_factory=dict)
    unsure_params: dict[str, str] = field(default_factory=dict)


class Writer(threading.Thread):
    """One client: a run of its own, a random mix of every kind of write, until told to stop."""

    def __init__(self, url: str, experiment: str, seed: int) -> None:
        super().__init__(name=f"writer-{seed}", daemon=True)
        self.random = random.Random(seed)
        self.http = httpx.Client(base_url=url, timeout=20)
        run = new_run(self.http, experiment, run_name=f"writer {seed}")
        self.ledger = Ledger(run, f"{experiment}/{run}/artifacts")
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.requests = self.repeats = self.step = 0

    def run(self) -> None:
        acts = [self.log_metric, self.log_metric, self.log_batch, self.set_tag, self.log_param, self.put_file]
        try:
            while not self.stopping.is_set():
                self.random.choice(acts)()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.failure = error

    def until_acknowledged(
        self, method: str, path: str, content: bytes, kind: str = "application/json"
    ) -> None:
        deadline = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            self.requests += 1
            try:
                answer = self.http.request(method, path, content=content, headers={"Content-Type": kind})
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                self.repeats += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 503 and time.monotonic() < deadline:  # what it stands on is away
                self.repeats += 1
                time.sleep(0.05)
                continue
            if answer.status_code != 200:
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
            return

    def post(self, path: str, body: dict[str, object]) -> None:
        self.until_acknowledged("POST", API + path, json.dumps({"run_id": self.ledger.run, **body}).encode())

    def points(self, count: int) -> list[dict[str, object]]:
        """New points, noted as sent."""
        made: list[dict[str, object]] = []
        with self.lock:
            for _ in range(count):
                self.step += 1
                key, value, timestamp = f"m{self.step % 3}", self.random.random(), 1000 + self.step
                self.ledger.sent.setdefault(key, set()).add((self.step, timestamp, value))
                made.append({"key": key, "value": value, "timestamp": timestamp, "step": self.step})
        return made

    def acknowledge(self, points: list[dict[str, object]]) -> None:
        with self.lock:
            for point in points:
                known = self.ledger.acknowledged.setdefault(str(point["key"]), set())
                known.add((point["step"], point["timestamp"], point["value"]))  # type: ignore[arg-type]

    def log_metric(self) -> None:
        (point,) = self.points(1)
        self.post("/runs/log-metric", point)
        self.acknowledge([point])

    def log_batch(self) -> None:
        points, tag, param = self.points(self.random.choice([2, 40, 300])), self.new_tag(), self.new_param()
        as_items = [[{"key": key, "value": value}] for key, value in (tag, param)]
        self.post("/runs/log-batch", {"metrics": points, "tags": as_items[0], "params": as_items[1]})
        self.acknowledge(points)
        self.note_tag(tag)
        self.note_param(param)

    def new_tag(self) -> tuple[str, str]:
        tag = f"t{self.random.randrange(5)}", str(self.random.random())
        with self.lock:
            self.ledger.unsure_tags[tag[0]] = tag[1]
        return tag

    def note_tag(self, tag: tuple[str, str]) -> None:
        with self.lock:
            self.ledger.tags[tag[0]] = self.ledger.unsure_tags.pop(tag[0])

    def set_tag(self) -> None:
        key, value = tag = self.new_tag()
        self.post("/runs/set-tag", {"key": key, "value": value})
        self.note_tag(tag)

    def new_param(self) -> tuple[str, str]:
        with self.lock:
            param = f"p{len(self.ledger.params)}", str(self.random.random())
            self.ledger.unsure_params[param[0]] = param[1]
        return param

    def note_param(self, param: tuple[str, str]) -> None:
        with self.lock:
            self.ledger.params[param[0]] = self.ledger.unsure_params.pop(param[0])

    def log_param(self) -> None:
        key, value = param = self.new_param()
        self.post("/runs/log-parameter", {"key": key, "value": value})
        self.note_param(param)

    def put_file(self) -> None:
        """A new file, or one that replaces an older one."""
        name, content = (
            f"f{self.random.randrange(10)}.bin",
            self.random.randbytes(self.random.choice([0, 5_000, 900_000])),
        )
        with self.lock:
            self.ledger.unsure_files[name] = hashlib.sha256(content).hexdigest()
        self.until_acknowledged(
            "PUT", f"{FILES}/{self.ledger.root}/{name}", content, "application/octet-stream"
        )
        with self.lock:
            self.ledger.files[name] = self.ledger.unsure_files.pop(name)


def violations(http: httpx.Client, ledger: Ledger) -> list[str]:
    """What the server lacks of what it acknowledged, has twice, or has without its ever having been sent."""
    return [*of_metrics(http, ledger), *of_params_and_tags(http, ledger), *of_files(http, ledger)]


def of_metrics(http: httpx.Client, ledger: Ledger) -> list[str]:
    found = []
    for key, sent in ledger.sent.items():
        query = urllib.parse.urlencode({"run_id": ledger.run, "metric_key": key})
        points = http.get(f"{API}/metrics/get-history?{query}").json().get("metrics", [])
        stored = [(point["step"], point["timestamp"], point["value"]) for point in points]
        acknowledged = ledger.acknowledged.get(key, set())
        found += [f"{key}: lost {point}" for point in acknowledged - set(stored)]
        found += [f"{key}: invented {point}" for point in set(stored) - sent]
        found += (
            [f"{key}: {len(stored) - len(set(stored))} points twice"]
            if len(stored) != len(set(stored))
            else []
        )
    return found


def of_params_and_tags(http: httpx.Client, ledger: Ledger) -> list[str]:
    data = http.get(f"{API}/runs/get", params={"run_id": ledger.run}).json()["run"]["data"]
    stored = {
        name: {item["key"]: item["value"] for item in data.get(name, [])} for name in ("params", "tags")
    }
    known = {"params": (ledger.params, ledger.unsure_params), "tags": (ledger.tags, ledger.unsure_tags)}
    found = []
    for name, (acknowledged, unsure) in known.items():
        for key in acknowledged.keys() | unsure.keys():
            # One that is under way may be there or not; what was there before it, then, still is.
            allowed = {acknowledged.get(key), unsure.get(key, acknowledged.get(key))}
            if stored[name].get(key) not in allowed:
                found.append(f"{name} {key}: {stored[name].get(key)} is none of {allowed}")
        strange = stored[name].keys() - acknowledged.keys() - unsure.keys() - {"mlflow.runName"}
        found += [f"{name}: invented {key}" for key in strange]
    return found


def of_files(http: httpx.Client, ledger: Ledger) -> list[str]:
    found = []
    for name in ledger.files.keys() | ledger.unsure_files.keys():
        answer = answered(http, f"{FILES}/{ledger.root}/{name}")
        got = hashlib.sha256(answer.content).hexdigest() if answer.status_code == 200 else None
        allowed = {ledger.files.get(name), ledger.unsure_files.get(name, ledger.files.get(name))}
        if got not in allowed:
            found.append(
                f"file {name}: {answer.status_code}, {len(answer.content)} bytes, which were never sent"
            )
    listed = answered(http, f"{API}/artifacts/list?run_id={ledger.run}").json().get("files", [])
    names = {item["path"] for item in listed}
    found += [
        f"file {name}: in the listing, never sent"
        for name in names - ledger.files.keys() - ledger.unsure_files.keys()
    ]
    return found + [f"file {name}: not in the listing" for name in ledger.files.keys() - names]


def answered(http: httpx.Client, path: str) -> httpx.Response:
    """The answer, when what the server stands on is there again: storage that was killed needs some seconds."""
    deadline = time.monotonic() + GIVES_UP_AFTER_S
    while (answer := http.get(path)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer
