"""The loads: each is applied to one server for one round, and gives figures by name (rates: more is better; ms: less)."""

import http.client
import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import load
from benchmarks.load import exchange, fetch, post, request

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
CONNECTIONS = 8
BATCHING_CONNECTIONS = 4

Figures = dict[str, float]


@dataclass(frozen=True)
class Size:
    """How much is done: seconds of a load, runs to search in, points of a history, bytes of a large file."""

    seconds: float
    rounds: int
    runs: int
    points: int
    file_mb: int
    reads: int


FULL = Size(seconds=4, rounds=3, runs=2_000, points=100_000, file_mb=256, reads=15)
QUICK = Size(seconds=1, rounds=1, runs=200, points=10_000, file_mb=32, reads=5)

Workload = Callable[[int, Size], Figures]


def rate_and_latency(sample: load.Sample, per_request: int = 1) -> Figures:
    return {
        "per_s": sample.rate * per_request,
        "p50_ms": sample.percentile_ms(50),
        "p99_ms": sample.percentile_ms(99),
    }


def new_experiment(port: int) -> str:
    answer = fetch(port, post(f"{API}/experiments/create", {"name": f"load {uuid.uuid4().hex}"}))
    return str(answer["experiment_id"])


def new_runs(port: int, count: int, experiment: str | None = None) -> list[str]:
    experiment = experiment or new_experiment(port)
    body = {"experiment_id": experiment, "start_time": int(time.time() * 1000)}
    answers = exchange(port, [post(f"{API}/runs/create", body)] * count, min(count, CONNECTIONS))
    return [answer["run"]["info"]["run_id"] for answer in answers]


def now_ms() -> int:
    return int(time.time() * 1000)


# --- writing -----------------------------------------------------------------


def create_runs(port: int, size: Size) -> Figures:
    experiment, numbers = new_experiment(port), itertools.count()

    def stream() -> Iterator[bytes]:
        for number in numbers:
            body = {
                "experiment_id": experiment,
                "run_name": f"run {number}",
                "start_time": now_ms(),
                "tags": [],
            }
            yield post(f"{API}/runs/create", body)

    return rate_and_latency(load.apply(port, [stream() for _ in range(CONNECTIONS)], size.seconds))


def metric_by_metric(run: str) -> Iterator[bytes]:
    """A training loop's calls: ten metrics, step by step."""
    for step in itertools.count():
        for key in range(10):
            body = {
                "run_id": run,
                "key": f"metric_{key}",
                "value": 1 / (1 + step),
                "timestamp": now_ms(),
                "step": step,
            }
            yield post(f"{API}/runs/log-metric", body)


def log_metric_8(port: int, size: Size) -> Figures:
    runs = new_runs(port, CONNECTIONS)
    return rate_and_latency(load.apply(port, [metric_by_metric(run) for run in runs], size.seconds))


def log_metric_1(port: int, size: Size) -> Figures:
    (run,) = new_runs(port, 1)
    return rate_and_latency(load.apply(port, [metric_by_metric(run)], size.seconds))


def batches(run: str, points: int, keys: int = 10) -> Iterator[bytes]:
    """log-batch with that many points, of ten metrics, going on where the last one ended."""
    for number in itertools.count():
        metrics = [
            {
                "key": f"metric_{index % keys}",
                "value": 1 / (1 + index),
                "timestamp": now_ms(),
                "step": (number * points + index) // keys,
            }
            for index in range(points)
        ]
        yield post(f"{API}/runs/log-batch", {"run_id": run, "metrics": metrics})


def ready_made(stream: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    """Bodies of a batch made beforehand: making one takes the generator longer than a server may need to store it."""
    return iter(list(itertools.islice(stream, int(150 * max(1.0, seconds)))))


def log_batch_1000(port: int, size: Size) -> Figures:
    streams = [ready_made(batches(run, 1000), size.seconds) for run in new_runs(port, BATCHING_CONNECTIONS)]
    return rate_and_latency(load.apply(port, streams, size.seconds), per_request=1000)


def log_batch_100(port: int, size: Size) -> Figures:
    streams = [
        ready_made(batches(run, 100), 5 * size.seconds) for run in new_runs(port, BATCHING_CONNECTIONS)
    ]
    return rate_and_latency(load.apply(port, streams, size.seconds), per_request=100)


def log_params(port: int, size: Size) -> Figures:
    def stream(run: str) -> Iterator[bytes]:
        for number in itertools.count():
            params = [{"key": f"p{number * 100 + index}", "value": str(index)} for index in range(100)]
            yield post(f"{API}/runs/log-batch", {"run_id": run, "params": params})

    streams = [stream(run) for run in new_runs(port, BATCHING_CONNECTIONS)]
    return rate_and_latency(load.apply(port, streams, size.seconds), per_request=100)


def warm_up(port: int, size: Size) -> None:
    """What a server does only for its first requests is no part of a rate."""
    for run in new_runs(port, 2):
        streams = [itertools.islice(metric_by_metric(run), 100), itertools.islice(batches(run, 10), 20)]
        load.apply(port, streams, size.seconds)


# --- reading -----------------------------------------------------------------


@cache
def filled(port: int, runs: int) -> str:
    """An experiment of that many runs with 10 metrics, 10 params and 5 tags each; made in the first round."""
    experiment = new_experiment(port)
    requests = []
    for number, run in enumerate(new_runs(port, runs, experiment)):
        body = {
            "run_id": run,
            "metrics": [
                {"key": f"m{index}", "value": (number * 7919 + index) % 10_007, "timestamp": 1, "step": 1}
                for index in range(10)
            ],
            "params": [{"key": f"p{index}", "value": str((number + index) % 97)} for index in range(10)],
            "tags": [{"key": f"t{index}", "value": str(number % 13)} for index in range(5)],
        }
        requests.append(post(f"{API}/runs/log-batch", body))
    exchange(port, requests, CONNECTIONS)
    return experiment


def search(port: int, size: Size) -> Figures:
    experiment = filled(port, size.runs)
    questions: dict[str, dict[str, Any]] = {
        "default": {},
        "by_metric": {"order_by": ["metrics.m0 DESC"]},
        "by_param": {"order_by": ["params.p1 ASC"]},
        "filter": {"filter": "metrics.m0 > 5000 and params.p1 = '7'"},
    }
    figures: Figures = {"runs": size.runs}
    for name, question in questions.items():
        one = post(f"{API}/runs/search", {"experiment_ids": [experiment], "max_results": 100, **question})
        figures[f"{name}_p50_ms"] = load.repeat(port, one, size.reads).percentile_ms(50)
    began, token, seen = time.perf_counter(), "", 0
    while token or not seen:
        page = {"experiment_ids": [experiment], "max_results": 1000, "page_token": token}
        answer = fetch(port, post(f"{API}/runs/search", page))
        seen, token = seen + len(answer["runs"]), answer.get("next_page_token", "")
    if seen != size.runs:
        raise load.Refused(f"paging through {size.runs} runs gave {seen}")
    figures["all_pages_ms"] = 1000 * (time.perf_counter() - began)
    return figures


def history(port: int, size: Size) -> Figures:
    (run,) = new_runs(port, 1)
    began = time.perf_counter()
    exchange(port, list(itertools.islice(batches(run, 1000, keys=1), size.points // 1000)))
    figures = {"points": size.points, "stored_per_s": size.points / (time.perf_counter() - began)}
    query = f"run_id={run}&metric_key=metric_0"
    got = fetch(port, request("GET", f"{API}/metrics/get-history?{query}"))
    if len(got["metrics"]) != size.points:
        raise load.Refused(f"{size.points} points were stored, {len(got['metrics'])} came back")
    whole = request("GET", f"{API}/metrics/get-history?{query}")
    chart = request(
        "GET",
        f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=metric_0&max_results=320",
    )
    figures["whole_p50_ms"] = load.repeat(port, whole, 3).percentile_ms(50)
    figures["chart_p50_ms"] = load.repeat(port, chart, size.reads).percentile_ms(50)
    return figures


# --- files -------------------------------------------------------------------


def small_files(port: int, size: Size) -> Figures:
    (run,) = new_runs(port, 1)
    root, numbers, content = f"{FILES}/{run}/artifacts", itertools.count(), b"x" * 10_000

    def puts() -> Iterator[bytes]:
        for number in numbers:
            yield request("PUT", f"{root}/{number}.bin", content, "application/octet-stream")

    stored = load.apply(port, [puts() for _ in range(CONNECTIONS)], size.seconds)
    names = itertools.cycle(range(len(stored.latencies)))
    gets = [(request("GET", f"{root}/{number}.bin") for number in names) for _ in range(CONNECTIONS)]
    fetched = load.apply(port, list(gets), size.seconds)
    return {"put_per_s": stored.rate, "get_per_s": fetched.rate, "get_p50_ms": fetched.percentile_ms(50)}


def large_file(port: int, size: Size) -> Figures:
    (run,) = new_runs(port, 1)
    path, length = f"{FILES}/{run}/artifacts/large.bin", size.file_mb << 20
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600, blocksize=1 << 20)
    began = time.perf_counter()
    with Path("/dev/zero").open("rb") as zeros:
        pieces = (zeros.read(1 << 20) for _ in range(size.file_mb))
        connection.request("PUT", path, pieces, {"Content-Length": str(length)})
        answer = connection.getresponse()
        answer.read()
    stored = time.perf_counter()
    if answer.status != 200:
        raise load.Refused(f"upload: {answer.status}")
    connection.request("GET", path)
    answer = connection.getresponse()
    buffer, received = bytearray(1 << 20), 0
    while got := answer.readinto(buffer):
        received += got
    if received != length:
        raise load.Refused(f"download: {received} bytes of {length}")
    connection.close()
    return {
        "up_mb_per_s": size.file_mb * 1.048576 / (stored - began),
        "down_mb_per_s": size.file_mb * 1.048576 / (time.perf_counter() - stored),
    }


WORKLOADS: dict[str, tuple[str, Workload]] = {
    "create": (f"runs/create, {CONNECTIONS} connections", create_runs),
    "log_metric_8": (f"runs/log-metric, {CONNECTIONS} connections", log_metric_8),
    "log_metric_1": ("runs/log-metric, 1 connection", log_metric_1),
    "log_batch_1000": (
        f"runs/log-batch of 1,000 metrics, {BATCHING_CONNECTIONS} connections",
        log_batch_1000,
    ),
    "log_batch_100": (f"runs/log-batch of 100 metrics, {BATCHING_CONNECTIONS} connections", log_batch_100),
    "log_params": (f"runs/log-batch of 100 params, {BATCHING_CONNECTIONS} connections", log_params),
    "search": ("runs/search, page of 100", search),
    "history": ("history of one metric", history),
    "small_files": (f"files of 10 kB, {CONNECTIONS} connections", small_files),
    "large_file": ("one large file", large_file),
}
