"""Files over the wire: types and headers of a download, ranges, listings, and paths that lead elsewhere."""

import hashlib
import os
import uuid
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from servers import Server
from wire import API, FILES, error_code, exact_request, fill, new_experiment, new_run, refused

INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture
def run(http: httpx.Client) -> str:
    return new_run(http, new_experiment(http, f"files {uuid.uuid4().hex}"))


@pytest.fixture
def root(http: httpx.Client, run: str) -> str:
    """Where the run's files are in the proxy: its path below the artifact root."""
    info = http.get(f"{API}/runs/get", params={"run_id": run}).json()["run"]["info"]
    scheme, path = info["artifact_uri"].split(":/", 1)
    assert scheme == "mlflow-artifacts"
    return str(path).lstrip("/")


def put(http: httpx.Client, root: str, name: str, content: bytes) -> httpx.Response:
    return http.put(f"{FILES}/{root}/{name}", content=content)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("b.txt", "text/plain"),
        ("train.log", "text/plain"),
        ("c.json", "text/plain"),
        ("conf.yaml", "text/plain"),
        ("MLmodel", "text/plain"),
        ("script.py", "text/plain"),
        ("table.csv", "text/plain"),
        ("x.png", "image/png"),
        ("y.jpg", "image/jpeg"),
        ("p.html", "text/html"),
        ("i.svg", "image/svg+xml"),
        ("noext", "application/octet-stream"),
        ("model.pth", "application/octet-stream"),
    ],
)
def test_a_download_is_an_attachment_of_its_type(
    http: httpx.Client, run: str, root: str, name: str, kind: str
) -> None:
    stored = put(http, root, f"deep/{name}", b"\x00content")
    assert (stored.status_code, stored.content) in [(200, b""), (200, b"{}")]
    by_proxy = http.get(f"{FILES}/{root}/deep/{name}")
    by_run = http.get("/get-artifact", params={"run_id": run, "path": f"deep/{name}"})
    by_old_name = http.get("/get-artifact", params={"run_uuid": run, "path": f"deep/{name}"})
    for answer in (by_proxy, by_run, by_old_name):
        assert (answer.status_code, answer.content) == (200, b"\x00content")
        assert answer.headers["content-type"].split(";")[0] == kind
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert name in answer.headers["content-disposition"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-length"] == "8"


@pytest.mark.parametrize(
    ("asked", "content", "shown"),
    [
        ("bytes=2-4", b"llo", "bytes 2-4/11"),
        ("bytes=-3", b"rld", "bytes 8-10/11"),
        ("bytes=6-", b"world", "bytes 6-10/11"),
        ("bytes=4-99", b"o world", "bytes 4-10/11"),
    ],
)
def test_ranges(http: httpx.Client, root: str, asked: str, content: bytes, shown: str) -> None:
    put(http, root, "a.txt", b"hello world")
    answer = http.get(f"{FILES}/{root}/a.txt", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["content-range"] == shown
    assert answer.headers["content-length"] == str(len(content))


def test_a_range_beyond_the_end(http: httpx.Client, root: str) -> None:
    put(http, root, "a.txt", b"hello world")
    answer = http.get(f"{FILES}/{root}/a.txt", headers={"Range": "bytes=99-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */11")


def test_head_tells_the_size(http: httpx.Client, root: str) -> None:
    put(http, root, "a.txt", b"hello world")
    answer = http.head(f"{FILES}/{root}/a.txt")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "11"


def test_a_large_file_goes_through_in_pieces(http: httpx.Client, root: str) -> None:
    content = os.urandom(1 << 20) * 40
    pieces = (content[start : start + 65_536] for start in range(0, len(content), 65_536))
    # A generator makes httpx send chunks without saying the length first, as clients do with a stream.
    assert http.put(f"{FILES}/{root}/big.bin", content=pieces).status_code == 200
    got = hashlib.sha256()
    with http.stream("GET", f"{FILES}/{root}/big.bin") as answer:
        for piece in answer.iter_bytes():
            got.update(piece)
    assert got.hexdigest() == hashlib.sha256(content).hexdigest()


def test_listings(http: httpx.Client, run: str, root: str) -> None:
    for name, content in [("b/c.txt", b"12345"), ("a.txt", b"1"), ("empty", b"")]:
        put(http, root, name, content)
    of_run = http.get(f"{API}/artifacts/list", params={"run_id": run}).json()
    assert [(item["path"], item["is_dir"]) for item in of_run["files"]] == [
        ("a.txt", False),
        ("b", True),
        ("empty", False),
    ]
    assert of_run["files"][0]["file_size"] == 1
    assert "file_size" not in of_run["files"][1]
    assert of_run["root_uri"] == f"mlflow-artifacts:/{root}"
    below = http.get(f"{API}/artifacts/list", params={"run_id": run, "path": "b"}).json()
    assert below["files"] == [{"path": "b/c.txt", "is_dir": False, "file_size": 5}]
    by_proxy = http.get(FILES, params={"path": f"{root}/b"}).json()
    assert by_proxy == {"files": [{"path": "c.txt", "is_dir": False, "file_size": 5}]}


@pytest.mark.parametrize("path", ["nothing", "nothing/below", "a.txt"])
def test_a_listing_of_what_is_no_folder(http: httpx.Client, run: str, root: str, path: str) -> None:
    put(http, root, "a.txt", b"1")
    answer = http.get(f"{API}/artifacts/list", params={"run_id": run, "path": path})
    assert (answer.status_code, answer.json()) == (200, {"root_uri": f"mlflow-artifacts:/{root}"})


def test_a_missing_file(http: httpx.Client, run: str, root: str) -> None:
    refused(http.get(f"{FILES}/{root}/none/here.txt"), 404, MISSING, "")
    refused(http.get("/get-artifact", params={"run_id": run, "path": "none"}), 404, MISSING, "")


def test_a_folder_is_no_file(http: httpx.Client, root: str) -> None:
    put(http, root, "b/c.txt", b"1")
    assert http.get(f"{FILES}/{root}/b").status_code in {400, 404}


def test_deleting_a_file_twice(http: httpx.Client, root: str) -> None:
    put(http, root, "a.txt", b"1")
    assert [http.delete(f"{FILES}/{root}/a.txt").status_code for _ in range(2)] == [200, 200]
    assert http.get(f"{FILES}/{root}/a.txt").status_code == 404


def test_what_the_storage_cannot(http: httpx.Client, root: str) -> None:
    # Clients do without parts only if the message begins with exactly these words.
    for step in ("create", "complete", "abort"):
        at = f"/api/2.0/mlflow-artifacts/mpu/{step}/{root}"
        answer = http.post(at, json={"path": "big", "num_parts": 1, "upload_id": "u", "parts": []})
        words = "Multipart upload is not supported for the current artifact repository"
        refused(answer, 501, "NOT_IMPLEMENTED", words)
        assert answer.json()["message"].startswith(words)
    words = "Multipart download is not supported for the current artifact repository"
    refused(http.get(f"/api/2.0/mlflow-artifacts/presigned/{root}/big"), 501, "NOT_IMPLEMENTED", words)


@pytest.mark.parametrize(
    ("what", "body", "status", "words"),
    [
        (
            "upload",
            {"run_id": "{run}", "path": "a"},
            400,
            "Presigned upload is not supported for proxied artifact storage",
        ),
        (
            "download",
            {"run_id": "{run}", "path": "a"},
            400,
            "Presigned download is not supported for runs with proxied",
        ),
        ("upload", {"path": "a"}, 400, "Exactly one of run_id and model_id must be provided."),
        (
            "upload",
            {"path": "a", "run_id": "r", "model_id": "m"},
            400,
            "Exactly one of run_id and model_id must be",
        ),
        ("download", {"path": "a"}, 400, "Missing value for required parameter 'run_id'."),
        ("upload", {"run_id": "{run}"}, 400, "Missing value for required parameter 'path'."),
        ("download", {"run_id": "{run}", "path": "../a"}, 400, "Invalid path"),
        ("upload", {"run_id": "0" * 32, "path": "a"}, 404, "not found"),
        ("download", {"run_id": "0" * 32, "path": "a"}, 404, "not found"),
    ],
)
def test_no_url_is_made_for_what_goes_through_the_server(
    http: httpx.Client, run: str, what: str, body: dict[str, str], status: int, words: str
) -> None:
    code = "INVALID_PARAMETER_VALUE" if status == 400 else "RESOURCE_DOES_NOT_EXIST"
    answer = http.post(f"{API}/artifacts/presigned-{what}-url", json=fill(body, {"run": run}))
    refused(answer, status, code, words)


def test_upload_from_the_web_ui(http: httpx.Client, run: str, root: str) -> None:
    where = {"run_uuid": run, "path": "notes/n.txt"}
    assert http.post("/ajax-api/2.0/mlflow/upload-artifact", params=where, content=b"note").status_code == 200
    assert http.get(f"{FILES}/{root}/notes/n.txt").content == b"note"


# --- paths that lead elsewhere -----------------------------------------------

OUTSIDE = ["../x", "..%2fx", "%2e%2e/x", "%2e%2e%2fx", ".%2e/x", "%252e%252e%252fx", "%25252e%25252e/x"]
OUTSIDE += ["a/../../x", "a/%2e%2e/%2e%2e/x", "..", "a/.."]

# MLflow stores these under odd names, or fails with a 500; Trackside refuses them, as its protocol notes say.
NEVER = [
    "..%5cx",
    "%5c..%5cx",
    "a%5c..%5c..%5cx",
    "C:%5cx",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "%252fetc%252fpasswd",
]
NEVER += ["file:///etc/passwd", "file:%2f%2f%2fetc%2fpasswd", "http://x/y", "%00x", "a%00b", "./a", "."]

# Harmless as they are; what matters is that they stay inside.
LOOKALIKES = [
    "...",
    "....//x",
    "..;/x",
    "%c0%ae%c0%ae/x",
    "..%c0%afx",
    "%uff0e%uff0e/x",
    "%e3%80%82%e3%80%82/x",
    "~/x",
    "C:/x",
]


def files_of(server: Server) -> set[str]:
    return {str(path.relative_to(server.folder)) for path in server.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_outside(server: Server, root: str, path: str) -> None:
    before = files_of(server)
    for method in ("PUT", "GET", "DELETE"):
        status, body = exact_request(
            server.port, method, f"{FILES}/{root}/{path}", b"x" if method == "PUT" else b""
        )
        assert (status, error_code(body)) == (400, INVALID), method
        assert b"Invalid path" in body
    assert files_of(server) == before


@pytest.mark.parametrize("path", ["..", "../x", "%2e%2e", "%252e%252e/x", "a/../..", "/etc", "file:///etc"])
def test_no_query_leads_outside(http: httpx.Client, run: str, path: str) -> None:
    """httpx encodes the query once more, so that %2e%2e arrives as it stands here."""
    refused(http.get(FILES, params={"path": path}), 400, INVALID, "Invalid path")
    refused(
        http.get(f"{API}/artifacts/list", params={"run_id": run, "path": path}), 400, INVALID, "Invalid path"
    )
    refused(http.get("/get-artifact", params={"run_id": run, "path": path}), 400, INVALID, "Invalid path")


@pytest.mark.parametrize("path", NEVER)
def test_odd_paths_are_refused(trackside: Server, path: str) -> None:
    with httpx.Client(base_url=trackside.url) as http:
        run = new_run(http, new_experiment(http, f"odd {uuid.uuid4().hex}"))
        info = http.get(f"{API}/runs/get", params={"run_id": run}).json()["run"]["info"]
        root = info["artifact_uri"].split(":/", 1)[1].lstrip("/")
    before = files_of(trackside)
    for method in ("PUT", "GET", "DELETE"):
        target = f"{FILES}/{root}/{path}"
        status, body = exact_request(trackside.port, method, target, b"x" if method == "PUT" else b"")
        assert (status, error_code(body)) == (400, INVALID), method
    assert files_of(trackside) == before


@pytest.mark.parametrize("digits", ["ab12", "00aa", "5caa", "17ff"])
def test_images_of_older_clients(http: httpx.Client, run: str, root: str, digits: str) -> None:
    """mlflow 2.20 puts the step and a random id between percent signs, which decode to anything."""
    name = f"loss%step%0%timestamp%1795421730514%{digits}cd34-1111.png"
    assert http.put(f"{FILES}/{root}/images/{name.replace('%', '%25')}", content=b"image").status_code == 200
    listed = http.get(f"{API}/artifacts/list", params={"run_id": run, "path": "images"}).json()["files"]
    assert len(listed) == 1
    got = http.get(f"{FILES}/{root}/{quote(listed[0]['path'])}")
    assert (got.status_code, got.content) == (200, b"image")


@pytest.mark.parametrize("path", LOOKALIKES)
def test_lookalikes_stay_inside(server: Server, root: str, path: str) -> None:
    before = files_of(server)
    status, _ = exact_request(server.port, "PUT", f"{FILES}/{root}/{path}", b"x")
    assert status < 500
    assert all(
        f"{Path(root)}/" in name for name in files_of(server) - before if not name.startswith("mlflow.db")
    )
