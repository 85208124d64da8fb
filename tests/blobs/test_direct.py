"""Large files past the server: signed URLs for who may, for what they were asked, and nothing else."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from access_server import guarded
from live_server import running
from stored import left_over, on_s3
from weed import SECRET

from trackside.blobs import s3
from trackside.config import Keys, ServerSettings, StorageSettings

AT = "/api/2.0/mlflow-artifacts"
PART = 5 << 20
on_the_bucket = pytest.mark.parametrize("storage", ["s3"], indirect=True)


def begin(client, path, name="big.bin", parts=2):
    return client.post(f"{AT}/mpu/create/{path}", json={"path": f"/some/where/{name}", "num_parts": parts})


def send(begun, *parts):
    """Each part to its URL, as a client that has nothing else."""
    etags = []
    for credential, data in zip(begun["credentials"], parts, strict=True):
        answer = httpx.put(credential["url"], content=data)
        assert answer.status_code == 200, answer.text
        etags.append({"part_number": credential["part_number"], "etag": answer.headers["etag"], "url": "x"})
    return etags


def end(client, path, begun, etags=(), step="complete", name="big.bin"):
    body = {"path": name, "upload_id": begun["upload_id"], "parts": list(etags)}
    return client.post(f"{AT}/mpu/{step}/{path}", json=body)


@on_the_bucket
def test_parts_make_a_file_only_when_they_are_complete(client, server):
    begun = begin(client, "0/models/m/artifacts").json()
    etags = send(begun, b"a" * PART, b"the end")
    file = f"{AT}/artifacts/0/models/m/artifacts/big.bin"
    assert client.get(file).status_code == 404
    assert end(client, "0/models/m/artifacts", begun, etags).json() == {}
    assert client.get(file).content == b"a" * PART + b"the end"
    assert left_over(server[1].blobs) == []


@on_the_bucket
def test_given_up(client, server):
    begun = begin(client, "0/models/m/artifacts", "gone.bin").json()
    send(begun, b"a" * PART, b"the end")
    for _ in range(2):
        answer = end(client, "0/models/m/artifacts", begun, step="abort", name="gone.bin")
        assert (answer.status_code, answer.json()) == (200, {})
    assert left_over(server[1].blobs) == []
    assert client.get(f"{AT}/artifacts/0/models/m/artifacts/gone.bin").status_code == 404


@on_the_bucket
@pytest.mark.parametrize(
    ("etags", "upload_id"),
    [([{"part_number": 1, "etag": '"00"'}], ""), ([], ""), ([{"part_number": 1, "etag": '"00"'}], "unknown")],
)
def test_parts_that_are_not_there_make_nothing(client, etags, upload_id):
    begun = begin(client, "0/models/m/artifacts", "none.bin").json()
    asked = {**begun, "upload_id": upload_id or begun["upload_id"]}
    answer = end(client, "0/models/m/artifacts", asked, etags, name="none.bin")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert client.get(f"{AT}/artifacts/0/models/m/artifacts/none.bin").status_code == 404
    end(client, "0/models/m/artifacts", begun, step="abort", name="none.bin")


@on_the_bucket
def test_an_upload_is_of_one_path(client):
    begun = begin(client, "0/models/m/artifacts", "one.bin", 1).json()
    etags = send(begun, b"one")
    assert end(client, "0/models/other/artifacts", begun, etags, name="one.bin").status_code == 400
    assert client.get(f"{AT}/artifacts/0/models/other/artifacts/one.bin").status_code == 404
    end(client, "0/models/m/artifacts", begun, step="abort", name="one.bin")


@on_the_bucket
@pytest.mark.parametrize("parts", [0, -1, 10_001])
def test_how_many_parts_there_can_be(client, parts):
    answer = begin(client, "0/models/m/artifacts", parts=parts)
    assert (answer.status_code, "num_parts must be between 1 and 10000" in answer.text) == (400, True)


@on_the_bucket
@pytest.mark.parametrize("name", ["..", "a/..", "%2e%2e", "C:\\x\\..", "."])
def test_no_name_leads_elsewhere(client, name):
    assert begin(client, "0/models/m/artifacts", name).status_code == 400


@on_the_bucket
def test_a_file_of_windows_has_its_own_name(client, server):
    body = {"path": "C:\\Users\\me\\big.bin", "num_parts": 1}
    begun = client.post(f"{AT}/mpu/create/0/models/m/artifacts", json=body).json()
    assert urlsplit(begun["credentials"][0]["url"]).path.endswith("/artifacts/big.bin")
    client.post(
        f"{AT}/mpu/abort/0/models/m/artifacts", json={"path": body["path"], "upload_id": begun["upload_id"]}
    )
    assert left_over(server[1].blobs) == []


@on_the_bucket
def test_a_signed_download(client):
    odd = "0/models/m/artifacts/odd ü%20+name.bin"
    client.put(f"{AT}/artifacts/{odd.replace('%', '%25')}", content=b"0123456789")
    told = client.get(f"{AT}/presigned/{odd.replace('%', '%25')}").json()
    assert (told["headers"], told["file_size"]) == ({}, 10)
    assert httpx.get(told["url"], headers={"Range": "bytes=2-4"}).content == b"234"
    assert httpx.put(told["url"], content=b"other").status_code == 403
    assert httpx.get(told["url"].replace("name.bin", "other.bin")).status_code == 403
    assert parse_qs(urlsplit(told["url"]).query)["X-Amz-Expires"] == ["900"]
    assert SECRET not in told["url"]
    assert client.get(f"{AT}/presigned/0/models/m/artifacts/none").status_code == 404


@on_the_bucket
def test_clients_are_told_only_with_an_address_for_them(client, weed, place, tmp_path):
    told = ("multipart_uploads_enabled", "multipart_downloads_enabled")
    info = client.get("/api/3.0/mlflow/server-info").json()
    assert [info[each] for each in told] == [False, False]
    at = on_s3(weed, place.url, public_endpoint=weed.endpoint.replace("127.0.0.1", "localhost"))
    with (
        running(ServerSettings(data_dir=tmp_path, port=0, storage=at)) as (url, _),
        httpx.Client(base_url=url) as other,
    ):
        info = other.get("/api/3.0/mlflow/server-info").json()
        assert [info[each] for each in told] == [True, True]
        begun = begin(other, "0/models/m/artifacts").json()
        assert urlsplit(begun["credentials"][0]["url"]).hostname == "localhost"
        end(other, "0/models/m/artifacts", begun, send(begun, b"a" * PART, b"b"))
        assert other.get(f"{AT}/artifacts/0/models/m/artifacts/big.bin").content == b"a" * PART + b"b"


def test_urls_are_signed_only_for_who_may(weed, place, tmp_path):
    with guarded(tmp_path, storage=place, default_permission="NO_PERMISSIONS") as server:
        made = server.admin.post("/api/2.0/mlflow/experiments/create", json={"name": "theirs"}).json()
        at = f"{made['experiment_id']}/models/m/artifacts"
        server.admin.put(f"{AT}/artifacts/{at}/a", content=b"x")
        reader, stranger = server.user("reader"), server.user("stranger")
        server.grant("reader", "experiment", made["experiment_id"], "READ")
        assert reader.get(f"{AT}/presigned/{at}/a").status_code == 200
        assert stranger.get(f"{AT}/presigned/{at}/a").status_code == 403
        for client in (reader, stranger):
            assert begin(client, at).status_code == 403
            assert end(client, at, {"upload_id": "u"}).status_code == 403
            assert end(client, at, {"upload_id": "u"}, step="abort").status_code == 403
        mine = stranger.post("/api/2.0/mlflow/experiments/create", json={"name": "mine"}).json()[
            "experiment_id"
        ]
        assert begin(stranger, f"{mine}/models/m/artifacts").status_code == 200
        # Whose file it is, is read from the whole path, of which the name is in the body.
        assert begin(stranger, made["experiment_id"], "a").status_code == 403
        assert begin(stranger, ".incoming", "a").status_code == 403


def test_a_signature_is_that_of_the_specification(monkeypatch):
    """The example of AWS's documentation for signed URLs."""

    class Then(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2013, 5, 24, tzinfo=tz)

    monkeypatch.setattr(s3.dt, "datetime", Then)
    at = StorageSettings("s3://examplebucket", endpoint="https://s3.amazonaws.com", addressing="virtual")
    signer = s3.Signer(at, Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    url = signer.url("GET", "test.txt", seconds=86400)
    assert url.startswith("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256")
    assert url.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
