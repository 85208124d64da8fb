"""Artifacts: the proxy, listings, downloads, and what the storage cannot do."""

import pytest
from asks import Ask, get, post
from pair import Pair

FILES = "/api/2.0/mlflow-artifacts/artifacts"
ROOT = FILES + "/{experiment}/{run}/artifacts"
SHOWN = ("content-type", "content-disposition", "x-content-type-options")


def put(path: str, content: bytes = b"hello") -> Ask:
    return Ask("PUT", f"{ROOT}/{path}", content, headers={"Content-Type": "application/octet-stream"})


def read(path: str, **headers: str) -> Ask:
    return Ask("GET", f"{ROOT}/{path}", headers=headers, heads=SHOWN)


def listed(path: object = None, **more: object) -> Ask:
    return get("artifacts/list", {"run_id": "{run}", **({} if path is None else {"path": path}), **more})


def proxied(path: str | None = None) -> Ask:
    return get(FILES, {} if path is None else {"path": path})


def of_run(path: object, **query: object) -> Ask:
    return Ask("GET", "/get-artifact", query={"run_id": "{run}", "path": path, **query}, heads=SHOWN)


TREE = [
    put("b/c.txt", b"12345"),
    put("a.txt", b"1"),
    put("empty", b""),
    put("b/d/e.bin", b"\x00\xff"),
    put("Z.txt"),
]
NAMES = [
    "x.txt", "x.log", "x.json", "x.yaml", "x.yml", "x.csv", "x.tsv", "x.md", "x.py", "x.xml", "x.js", "x.html", "x.htm", "x.svg", "x.png", "x.jpg", "x.gif", "x.pdf", "x.zip", "x.gz", "x.tar", "x.pth", "x.pt", "x.pkl", "x.npy", "x.parquet",
    "x.onnx", "x.ipynb", "x.toml", "x.ini", "x.cfg", "x.conf", "x.mp4", "x.wav", "x.webp", "x.bin", "x", "MLmodel", "MLproject", "Makefile", ".hidden", "x.TXT", "x.PNG", "x.tar.gz", "x.unknown", "x.jsonl", "x.css", "x.ico", "x.geojson",
]  # fmt: skip
ODD = [
    "a b.txt",
    "é.txt",
    "好.txt",
    "a+b.txt",
    "a%b.txt",
    "a#b.txt",
    "a?b.txt",
    "a&b=c.txt",
    "a;b.txt",
    "a'b.txt",
    'a"b.txt',
    "a,b.txt",
    "a@b.txt",
    "a:b.txt",
    "a~b",
    "(a)[b]{c}.txt",
    "a!b$c.txt",
    "a*b",
    "a|b",
    "a<b>",
    "a`b",
    "a^b",
    "-a",
    "a..b",
    "...",
    "a.",
    "%41",
    "x" * 200,
]

CASES: dict[str, list[Ask]] = {
    "list": [*TREE, listed(), listed("b"), listed("b/d"), listed("b/"), listed("a.txt"), listed("nope"), listed("nope/x"), listed("")],
    "list nothing": [listed(), listed("x"), proxied("{experiment}/{run}/artifacts")],
    "list by proxy": [*TREE, proxied("{experiment}/{run}/artifacts"), proxied("{experiment}/{run}/artifacts/b"), proxied("{experiment}/{run}/artifacts/a.txt"), proxied("{experiment}/{run}/artifacts/nope"), proxied("{experiment}/{run}")],
    "list of unknown": [get("artifacts/list", {"run_id": "f" * 32}), get("artifacts/list"), get("artifacts/list", {"run_id": ""})],
    "list by run_uuid": [get("artifacts/list", {"run_uuid": "{run}"})],
    "list of a deleted run": [put("a.txt"), post("runs/delete", {"run_id": "{run}"}), listed(), of_run("a.txt")],
    "list badly": [listed(path) for path in ("..", "../x", "a/../b", "/etc", "%2e%2e", "%2e%2e/x", "%252e%252e/x", "a\\b", "file:///etc", "C:\\x", ".", "./a", "a//b", "~", "\x00", "a\nb", "http://x/y")],
    "list by proxy badly": [proxied(path) for path in ("..", "../x", "a/../b", "/etc", "%2e%2e/x", "%252e%252e/x", "a\\b", "file:///etc")],
    "read": [*TREE, read("a.txt"), read("b/c.txt"), read("empty"), read("b/d/e.bin")],
    "read by run": [*TREE, of_run("a.txt"), of_run("b/c.txt"), of_run("empty"), of_run("nope"), of_run("b"), of_run(""), of_run("../a.txt"), of_run("/etc/passwd")],
    "read by run_uuid": [put("a.txt"), Ask("GET", "/get-artifact", query={"run_uuid": "{run}", "path": "a.txt"}, heads=SHOWN)],
    "read of unknown": [Ask("GET", "/get-artifact", query={"run_id": "f" * 32, "path": "a"}), Ask("GET", "/get-artifact", query={"path": "a"}), Ask("GET", "/get-artifact", query={"run_id": "{run}"}), Ask("GET", "/get-artifact")],
    "missing": [read("nope"), read("nope/x"), put("b/c.txt"), read("b")],
    "ranges": [put("a.txt", b"hello world"), *(read("a.txt", Range=part) for part in ("bytes=2-4", "bytes=-3", "bytes=6-", "bytes=4-99", "bytes=99-", "bytes=5-2", "bytes=-0", "bytes=x", "bytes=0-1,3-4", "lines=1-2"))],
    "over": [put("a.txt", b"one"), put("a.txt", b"two!"), read("a.txt"), listed()],
    "over a folder": [put("b/c.txt"), put("b", b"x")],
    "below a file": [put("b", b"x"), put("b/c.txt")],
    "delete": [put("a.txt"), Ask("DELETE", f"{ROOT}/a.txt"), read("a.txt"), Ask("DELETE", f"{ROOT}/a.txt"), listed()],
    "delete a tree": [*TREE, Ask("DELETE", f"{ROOT}/b"), listed(), listed("b")],
    "head": [put("a.txt", b"hello"), Ask("HEAD", f"{ROOT}/a.txt", heads=("content-length", "content-type")), Ask("HEAD", f"{ROOT}/nope")],
    "upload from a page": [
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"note", query={"run_uuid": "{run}", "path": "n/a.txt"}),
        read("n/a.txt"),
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"x" * 10_485_761, query={"run_uuid": "{run}", "path": "big"}),
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"", query={"run_uuid": "{run}", "path": "empty"}),
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"x", query={"path": "a"}),
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"x", query={"run_uuid": "{run}"}),
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"x", query={"run_uuid": "{run}", "path": "../x"}),
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"x", query={"run_uuid": "f" * 32, "path": "a"}),
        Ask("POST", "/ajax-api/2.0/mlflow/upload-artifact", b"x"),
    ],
    "multipart": [
        post("/api/2.0/mlflow-artifacts/mpu/create/{experiment}/{run}/artifacts/x", {"path": "x", "num_parts": 2}),
        post("/api/2.0/mlflow-artifacts/mpu/create/{experiment}/{run}/artifacts/x"),
        post("/api/2.0/mlflow-artifacts/mpu/complete/{experiment}/{run}/artifacts/x", {"path": "x", "upload_id": "u", "parts": []}),
        post("/api/2.0/mlflow-artifacts/mpu/abort/{experiment}/{run}/artifacts/x", {"path": "x", "upload_id": "u"}),
        get("/api/2.0/mlflow-artifacts/mpu/create/{experiment}/x"),
    ],
    "presigned": [
        get("/api/2.0/mlflow-artifacts/presigned/{experiment}/{run}/artifacts/x"),
        post("artifacts/presigned-upload-url", {"run_id": "{run}", "path": "x"}),
        post("artifacts/presigned-upload-url"),
        post("artifacts/presigned-upload-url", {"run_id": "f" * 32, "path": "x"}),
        post("artifacts/presigned-download-url", {"run_id": "{run}", "path": "x"}),
        post("artifacts/presigned-download-url"),
    ],
    "proxy twins": [put("a.txt"), get("/ajax-api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/a.txt"), get("/ajax-api/2.0/mlflow-artifacts/artifacts", {"path": "{experiment}/{run}/artifacts"})],
    "wrong methods": [Ask("POST", f"{ROOT}/a.txt", b"x"), Ask("PATCH", f"{ROOT}/a.txt", b"x"), Ask("PUT", FILES, b"x"), Ask("DELETE", FILES)],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_artifacts(pair: Pair, case: str) -> None:
    pair.play(CASES[case])


@pytest.mark.parametrize("name", NAMES)
def test_type_of_a_download(pair: Pair, name: str) -> None:
    pair.play([put(f"deep/{name}"), read(f"deep/{name}"), of_run(f"deep/{name}")])


@pytest.mark.parametrize("name", ODD)
def test_odd_name(pair: Pair, name: str) -> None:
    from urllib.parse import quote

    pair.play([put(quote(name)), listed(), read(quote(name)), of_run(name)])


VERSION_FILE = [
    put("model/MLmodel", b"flavors: {}"),
    post("model-versions/create", {"name": "{model}", "source": "runs:/{run}/model", "run_id": "{run}"}),
    *(
        Ask(
            "GET",
            "/model-versions/get-artifact",
            query={"name": "{model}", "version": "3", **query},
            heads=SHOWN,
        )
        for query in ({"path": "MLmodel"}, {"path": "nope"}, {"path": "../x"}, {"path": ""}, {})
    ),
    Ask("GET", "/model-versions/get-artifact", query={"name": "{model}", "version": "9", "path": "MLmodel"}),
    Ask("GET", "/model-versions/get-artifact", query={"name": "nope", "version": "1", "path": "MLmodel"}),
    Ask("GET", "/model-versions/get-artifact", query={"path": "MLmodel"}),
]


def test_files_of_a_version(registry: Pair) -> None:
    registry.play(VERSION_FILE)
