"""The loads: each is applied to one server for one round, and gives figures by name (rates: more is better; ms: less).

A figure that a peer refuses to give is None.
"""

import http.client
import itertools
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks import fill_mlflow, load
from benchmarks.load import exchange, fetch, post, request
from benchmarks.peers import Peer

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
CONNECTIONS = 8
BATCHING_CONNECTIONS = 4

SLOW_S = 4.0  # a question that takes its server longer is asked once or twice a round

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Size:
    """How much is done: seconds of a load, runs to search in, points of a history, bytes of a large file."""

    seconds: float
    rounds: int
    runs: int
    points: int
    file_mb: int
    reads: int


FULL = Size(seconds=3, rounds=3, runs=10_000, points=100_000, file_mb=256, reads=200)
QUICK = Size(seconds=1, rounds=1, runs=200, points=10_000, file_mb=32, reads=5)

Workload = Callable[[Peer, Size], Figures]


def apply(peer: Peer, streams: list[Iterator[bytes]], seconds: float, per_request: int = 1) -> Figures:
    """Rate, latencies, and what a request costs in time of a processor: that suffers least from a busy machine."""
    before = peer.cpu()
    sample = load.apply(peer.port, streams, seconds)
    return {
        "per_s": sample.rate * per_request,
        "p50_ms": sample.percentile_ms(50),
        "p99_ms": sample.percentile_ms(99),
        "cpu_us": 1e6 * (peer.cpu() - before) / len(sample.latencies),
        "generator_percent": 100 * sample.own_cpu / sample.seconds,
    }


def unless_refused(peer: Peer, names: list[str], work: Callable[[], Figures]) -> Figures:
    """The figures of these names, or None for each when a peer answers anything but what was asked."""
    try:
        return work()
    except (load.Refused, OSError) as refused:  # some hang up while a file is still on its way to them
        if peer.is_ours:
            raise
        print(f"   {peer.name} refuses: {str(refused)[-160:]!r}", file=sys.stderr, flush=True)
        return dict.fromkeys(names)


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


def create_runs(peer: Peer, size: Size) -> Figures:
    experiment, numbers = new_experiment(peer.port), itertools.count()

    def stream() -> Iterator[bytes]:
        for number in numbers:
            body = {
                "experiment_id": experiment,
                "run_name": f"run {number}",
                "start_time": now_ms(),
                "tags": [],
            }
            yield post(f"{API}/runs/create", body)

    return apply(peer, [stream() for _ in range(CONNECTIONS)], size.seconds)


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


def log_metric_8(peer: Peer, size: Size) -> Figures:
    runs = new_runs(peer.port, CONNECTIONS)
    return apply(peer, [metric_by_metric(run) for run in runs], size.seconds)


def log_metric_1(peer: Peer, size: Size) -> Figures:
    (run,) = new_runs(peer.port, 1)
    return apply(peer, [metric_by_metric(run)], size.seconds)


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


def ready_made(peer: Peer, points: int, seconds: float) -> list[Iterator[bytes]]:
    """A stream for each connection, of batches made beforehand: making one takes the generator longer than a server
    may need to store it. As many as 600,000 points a second need; of the others none stores a sixth of that.
    """
    count = int((150_000 if peer.is_ours else 25_000) / points * max(1.0, seconds))
    runs = new_runs(peer.port, BATCHING_CONNECTIONS)
    return [iter(list(itertools.islice(batches(run, points), count))) for run in runs]


def log_batch_1000(peer: Peer, size: Size) -> Figures:
    return apply(peer, ready_made(peer, 1000, size.seconds), size.seconds, per_request=1000)


def log_batch_100(peer: Peer, size: Size) -> Figures:
    return apply(peer, ready_made(peer, 100, size.seconds), size.seconds, per_request=100)


def log_params(peer: Peer, size: Size) -> Figures:
    def stream(run: str) -> Iterator[bytes]:
        for number in itertools.count():
            params = [{"key": f"p{number * 100 + index}", "value": str(index)} for index in range(100)]
            yield post(f"{API}/runs/log-batch", {"run_id": run, "params": params})

    streams = [stream(run) for run in new_runs(peer.port, BATCHING_CONNECTIONS)]
    return apply(peer, streams, size.seconds, per_request=100)


def warm_up(peer: Peer, size: Size) -> None:
    """What a server does only for its first requests is no part of a rate. A run for each connection, as in all loads:
    MLflow on PostgreSQL answers 400 when two log a run's new metric at once.
    """
    for _ in range(2):
        one, other = new_runs(peer.port, 2)
        streams = [itertools.islice(metric_by_metric(one), 100), itertools.islice(batches(other, 10), 20)]
        load.apply(peer.port, streams, size.seconds)


# --- reading -----------------------------------------------------------------


@cache
def filled(peer: Peer, runs: int) -> str:
    """An experiment of that many runs with 10 metrics, 10 params and 5 tags each; made in the first round."""
    experiment = new_experiment(peer.port)
    if peer.name == "mlflow" and peer.url:
        peer.store.sql(peer.url, *fill_mlflow.statements(experiment, runs))
        return experiment
    requests = []
    for number, run in enumerate(new_runs(peer.port, runs, experiment)):
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
    exchange(peer.port, requests, CONNECTIONS)
    return experiment


QUESTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "by_metric": {"order_by": ["metrics.m0 DESC"]},
    "by_param": {"order_by": ["params.p1 ASC"]},
    "filter": {"filter": "metrics.m0 > 5000 and params.p1 = '7'"},
    "filter_by_metric": {
        "filter": "metrics.m0 > 5000 and params.p1 = '7'",
        "order_by": ["metrics.m1 ASC"],
    },
}


def search(peer: Peer, size: Size) -> Figures:
    experiment = filled(peer, size.runs)
    figures: Figures = {}
    for name, question in QUESTIONS.items():
        one = post(f"{API}/runs/search", {"experiment_ids": [experiment], "max_results": 100, **question})
        figures |= unless_refused(
            peer, [f"{name}_p50_ms", f"{name}_p99_ms"], partial(_asked, peer, name, one, size.reads)
        )
    return figures | walked(peer, experiment, size.runs)


def _asked(peer: Peer, name: str, one: bytes, reads: int) -> Figures:
    sample = load.repeat(peer.port, one, reads, SLOW_S)
    return {f"{name}_p50_ms": sample.percentile_ms(50), f"{name}_p99_ms": sample.percentile_ms(99)}


@cache
def walked(peer: Peer, experiment: str, runs: int) -> Figures:
    """All runs in pages of 1,000, once: it takes MLflow a quarter of a minute."""

    def walk() -> Figures:
        taken: list[float] = []
        token, seen = "", 0
        while token or not taken:
            page = {"experiment_ids": [experiment], "max_results": 1000, "page_token": token}
            began = time.perf_counter()
            answer = fetch(peer.port, post(f"{API}/runs/search", page))
            taken.append(1000 * (time.perf_counter() - began))
            seen, token = seen + len(answer.get("runs", [])), answer.get("next_page_token", "")
        if seen != runs:
            raise load.Refused(f"paging through {runs} runs gave {seen}")
        return {"all_pages_ms": sum(taken), "last_page_ms": taken[-1], "slowest_page_ms": max(taken)}

    return unless_refused(peer, ["all_pages_ms", "last_page_ms", "slowest_page_ms"], walk)


def history(peer: Peer, size: Size) -> Figures:
    (run,) = new_runs(peer.port, 1)
    figures: Figures = {"stored_per_s": size.points / store_points(peer, run, size.points)}
    whole = request("GET", f"{API}/metrics/get-history?run_id={run}&metric_key=metric_0")
    got = fetch(peer.port, whole)
    if len(got["metrics"]) != size.points:
        raise load.Refused(f"{size.points} points were stored, {len(got['metrics'])} came back")
    figures["whole_p50_ms"] = load.repeat(peer.port, whole, 5, SLOW_S).percentile_ms(50)
    query = f"run_ids={run}&metric_key=metric_0&max_results=320"
    chart = request("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{query}")
    names = ["chart_p50_ms", "chart_p99_ms"]
    return figures | unless_refused(peer, names, partial(_asked, peer, "chart", chart, size.reads))


def store_points(peer: Peer, run: str, points: int) -> float:
    """Seconds that it takes to log that many of one metric, 1,000 a request, over one connection."""
    requests = list(itertools.islice(batches(run, 1000, keys=1), points // 1000))
    began = time.perf_counter()
    exchange(peer.port, requests)
    return time.perf_counter() - began


def bytes_per_point(peer: Peer, points: int) -> float:
    """Of a metric of a run that has ended. For a server that has done nothing yet: what others have left in a database
    may be packed at any time.
    """
    (run,) = new_runs(peer.port, 1)
    before = peer.bytes_used()
    store_points(peer, run, points)
    done = {"run_id": run, "status": "FINISHED", "end_time": now_ms()}
    fetch(peer.port, post(f"{API}/runs/update", done))
    return (peer.bytes_used() - before) / points


# --- files -------------------------------------------------------------------


def small_files(peer: Peer, size: Size) -> Figures:
    (run,) = new_runs(peer.port, 1)
    root, numbers, content = f"{FILES}/{run}/artifacts", itertools.count(), b"x" * 10_000

    def puts() -> Iterator[bytes]:
        for number in numbers:
            yield request("PUT", f"{root}/{number}.bin", content, "application/octet-stream")

    stored = load.apply(peer.port, [puts() for _ in range(CONNECTIONS)], size.seconds)
    names = itertools.cycle(range(len(stored.latencies)))
    gets = [(request("GET", f"{root}/{number}.bin") for number in names) for _ in range(CONNECTIONS)]
    fetched = load.apply(peer.port, list(gets), size.seconds)
    return {"put_per_s": stored.rate, "get_per_s": fetched.rate, "get_p50_ms": fetched.percentile_ms(50)}


def large_file(peer: Peer, size: Size) -> Figures:
    (run,) = new_runs(peer.port, 1)
    path, length = f"{FILES}/{run}/artifacts/large.bin", size.file_mb << 20
    connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=600, blocksize=1 << 20)
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
