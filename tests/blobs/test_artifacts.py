"""Artifacts over HTTP: whole or not at all, inside their root, ranges, no scripts."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
from urllib.parse import urlsplit

import pytest
from stored import left_over

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
on_a_folder = pytest.mark.parametrize("storage", ["folder"], indirect=True)


@pytest.fixture
def run_id(client):
    created = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
    return created.json()["run"]["info"]["run_id"]


@pytest.fixture
def root(run_id):
    return f"{PROXY}/0/{run_id}/artifacts"


def listing(client, run_id, path=""):
    return client.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run_id, "path": path}).json()


def test_up_list_down_delete(client, run_id, root):
    body = os.urandom(3_000_000)
    assert client.put(f"{root}/model/data.bin", content=body).status_code == 200
    assert client.put(f"{root}/notes.txt", content=b"hello").status_code == 200
    assert listing(client, run_id) == {
        "root_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
        "files": [
            {"path": "model", "is_dir": True},
            {"path": "notes.txt", "is_dir": False, "file_size": 5},
        ],
    }
    assert listing(client, run_id, "model")["files"] == [
        {"path": "model/data.bin", "is_dir": False, "file_size": 3_000_000}
    ]
    assert client.get(PROXY, params={"path": f"0/{run_id}/artifacts/model"}).json()["files"] == [
        {"path": "data.bin", "is_dir": False, "file_size": 3_000_000}
    ]
    got = client.get(f"{root}/model/data.bin")
    assert hashlib.sha256(got.content).digest() == hashlib.sha256(body).digest()
    assert client.delete(f"{root}/model/data.bin").status_code == 200
    assert client.delete(f"{root}/model/data.bin").status_code == 200
    assert client.get(f"{root}/model/data.bin").status_code == 404
    assert "files" not in listing(client, run_id, "nowhere")


def test_an_empty_file(client, root):
    assert client.put(f"{root}/empty", content=b"").status_code == 200
    got = client.get(f"{root}/empty")
    assert (got.status_code, got.content, got.headers["content-length"]) == (200, b"", "0")


def test_an_upload_replaces_a_file_whole(client, root):
    client.put(f"{root}/f", content=b"a much longer first version")
    client.put(f"{root}/f", content=b"second")
    assert client.get(f"{root}/f").content == b"second"


@pytest.mark.parametrize(
    ("header", "status", "body", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=5-2", 416, b"", "bytes */10"),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
    ],
)
def test_ranges(client, root, header, status, body, content_range):
    client.put(f"{root}/ten", content=b"0123456789")
    got = client.get(f"{root}/ten", headers={"Range": header})
    assert (got.status_code, got.content, got.headers.get("content-range")) == (status, body, content_range)


def test_head_and_not_modified(client, root):
    client.put(f"{root}/ten", content=b"0123456789")
    head = client.head(f"{root}/ten")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
    again = client.get(f"{root}/ten", headers={"If-None-Match": head.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("x.svg", "image/svg+xml"),
        ("MLmodel", "text/plain; charset=utf-8"),
        ("t.log", "text/plain; charset=utf-8"),
        ("c.yaml", "text/plain; charset=utf-8"),
        ("p.png", "image/png"),
        ("w.weights", "application/octet-stream"),
    ],
)
def test_nothing_uploaded_acts_as_a_page(client, run_id, root, name, kind):
    client.put(f"{root}/{name}", content=b"<script>alert(1)</script>")
    got = client.get("/get-artifact", params={"run_id": run_id, "path": name})
    assert got.headers["content-type"] == kind
    assert got.headers["content-disposition"].startswith("attachment")
    shown = client.get(f"/api/trackside/v1/runs/{run_id}/artifacts/file", params={"path": name})
    assert shown.headers["content-disposition"].startswith("inline")
    for answer in (got, shown):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_a_name_that_is_not_ascii(client, run_id, root):
    name = 'größe "1" 模型.txt'
    assert client.put(f"{root}/{name}", content=b"x").status_code == 200
    assert listing(client, run_id)["files"][0]["path"] == name
    got = client.get("/get-artifact", params={"run_id": run_id, "path": name})
    assert got.content == b"x"
    assert "filename*=UTF-8''gr%C3%B6%C3%9Fe" in got.headers["content-disposition"]


TRAVERSALS = [
    "..", "../x", "a/../../x", "a/..", "./a", "a//b", "/etc/passwd", "//etc/passwd", "..%2fx", "%2e%2e/x",
    "%2e%2e%2fx", "%252e%252e%252fx", "%25252e%25252e/x", "..%5cx", "..\\x", "a\\b", "C:\\x", "C:/x", "c%3a/x",
    "file:///etc/passwd", "file%3A///etc/passwd", "a\0b", "a\nb", "%2Fetc%2Fpasswd", "a/%2e%2e/%2e%2e/%2e%2e/x",
    ".incoming%2f..%2f..%2fx",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leaves_its_root(client, server, run_id, path):
    """In the query (decoded once by HTTP) and raw in the URL, for reading, writing, listing and deleting."""
    outside = server[1].settings.data_dir / "x"
    for answer in (
        client.get("/get-artifact", params={"run_id": run_id, "path": path}),
        client.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run_id, "path": path}),
        client.get(f"/api/trackside/v1/runs/{run_id}/artifacts/file", params={"path": path}),
        client.get(PROXY, params={"path": path}),
        client.post(
            "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run_id, "path": path}, content=b"x"
        ),
    ):
        assert answer.status_code == 400, (answer.request.url, answer.text)
        assert "Invalid path" in answer.text
    if path.isprintable():
        for method in ("PUT", "GET", "DELETE"):
            status = raw(client, method, f"{PROXY}/0/{run_id}/artifacts/{path}")
            # "a%2Fb" in a URL is decoded by HTTP and may be a path inside; whatever it is, it stays inside
            assert status in (400, 404) or (status == 200 and ".." not in path and "%2e" not in path), status
    assert not outside.exists()


def raw(client, method, target):
    """A request whose path no client library has tidied."""
    connection = http.client.HTTPConnection(urlsplit(str(client.base_url)).netloc, timeout=10)
    try:
        connection.putrequest(
            method, target.replace(" ", "%20").replace("\\", "%5C"), skip_accept_encoding=True
        )
        connection.putheader("Content-Length", "1" if method == "PUT" else "0")
        connection.endheaders(b"x" if method == "PUT" else None)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


@on_a_folder
def test_a_link_inside_the_folder_leads_nowhere(client, server, run_id, root):
    folder = server[1].settings.artifact_dir / "0" / run_id / "artifacts"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to("/etc")
    assert client.get(f"{root}/link/passwd").status_code == 400
    assert client.put(f"{root}/link/x", content=b"x").status_code == 400


@pytest.mark.parametrize("sent", [2_000_000, 20_000_000])
def test_a_cut_off_upload_leaves_nothing(client, server, run_id, sent):
    """Also one that was so large that parts of it were on S3 already."""
    address = urlsplit(str(client.base_url))
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    connection.putrequest("PUT", f"{PROXY}/0/{run_id}/artifacts/cut.bin")
    connection.putheader("Content-Length", "50000000")
    connection.endheaders(b"x" * sent)
    time.sleep(0.3)
    assert left_over(server[1].blobs) or sent < 8 << 20
    connection.close()
    for _ in range(200):
        if not left_over(server[1].blobs):
            break
        time.sleep(0.02)
    assert left_over(server[1].blobs) == []
    assert "files" not in listing(client, run_id)


@on_a_folder
def test_a_file_cannot_be_a_folder_too(client, root):
    client.put(f"{root}/a", content=b"x")
    answer = client.put(f"{root}/a/b", content=b"x")
    assert answer.status_code == 400
    assert "file and a folder" in answer.json()["message"]
    client.put(f"{root}/d/b", content=b"x")
    assert client.put(f"{root}/d", content=b"x").status_code == 400


def test_unknown_run(client):
    answer = client.get("/api/2.0/mlflow/artifacts/list", params={"run_id": "0" * 32})
    assert answer.status_code == 404
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
