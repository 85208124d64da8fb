"""`trackside storage check`: what is wrong, in words, and what to do."""

from __future__ import annotations

import json
import uuid

import obstore as obs
import pytest
from stored import left_over
from typer.testing import CliRunner
from weed import READER, READER_SECRET

from trackside.blobs.objects import ObjectBlobs
from trackside.blobs.s3 import S3Requests
from trackside.cli.app import app
from trackside.config import ServerSettings, storage_settings
from trackside.core.app import App
from trackside.errors import StorageRefused


@pytest.fixture
def environment(weed, bucket, tmp_path):
    return {**weed.environment, "AWS_SHARED_CREDENTIALS_FILE": "", "HOME": str(tmp_path)}


def check(environment, url, *options, code=0):
    done = CliRunner().invoke(app, ["storage", "check", "--artifacts", url, *options], env=environment)
    assert done.exit_code == code, done.output
    assert "secret that no log" not in done.output
    return done.output


def test_all_is_well(environment, bucket, place):
    output = check(environment, place.url)
    for step in ("reach", "put", "get", "range", "list", "multipart", "presigned", "CORS", "delete"):
        assert f"\n{step} " in f"\n{output}"
    assert "WRONG" not in output
    assert output.endswith(f"{place.url} can be used.\n")
    assert left_over(ObjectBlobs(place)) == []


def test_nothing_of_the_check_is_left(environment, place):
    check(environment, place.url)
    assert obs.list(ObjectBlobs(place)._store).collect() == []


def test_as_json(environment, place):
    told = json.loads(check(environment, place.url, "--json"))
    assert told["ok"] is True
    assert told["artifacts"] == place.url
    assert {step["name"] for step in told["steps"]} >= {"put", "multipart", "presigned"}


def test_a_bucket_is_made(environment):
    url = f"s3://made-{uuid.uuid4().hex[:12]}/x"
    assert "does not exist: make it (trackside storage check --create-bucket)" in check(
        environment, url, code=1
    )
    assert "create bucket  ok" in check(environment, url, "--create-bucket")
    check(environment, url, "--create-bucket")


def test_an_origin_is_allowed(environment):
    url = f"s3://cors-{uuid.uuid4().hex[:12]}"
    assert "CORS           no: not for every page" in check(environment, url, "--create-bucket")
    output = check(environment, url, "--cors", "https://lab.example")
    assert "set CORS       ok" in output
    assert "CORS           ok: pages of https://lab.example may read" in output
    assert "--cors" not in output
    assert "CORS           no: not for every page" in check(environment, url)
    assert "CORS           ok: any page may read" in check(environment, url, "--cors", "*")
    assert "CORS           ok: any page may read" in check(environment, url)


def test_an_origin_that_the_storage_does_not_allow_for_all_its_rules_is_said(environment, monkeypatch):
    monkeypatch.setattr(S3Requests, "allow_origin", lambda *_: None)
    output = check(
        environment, f"s3://cors-{uuid.uuid4().hex[:12]}", "--create-bucket", "--cors", "https://a.b"
    )
    assert "CORS           no: Pages of https://a.b cannot read by signed URLs" in output
    assert "(--cors" not in output


WRONG = [
    ({"AWS_SECRET_ACCESS_KEY": "other"}, [], "secret key does not belong to the access key"),
    ({"AWS_ACCESS_KEY_ID": "nobody"}, [], "does not know the access key"),
    (
        {"AWS_ACCESS_KEY_ID": READER, "AWS_SECRET_ACCESS_KEY": READER_SECRET},
        [],
        "put            WRONG: The key may not do this",
    ),
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, [], "No answer from http://127.0.0.1:1"),
    ({"AWS_ENDPOINT_URL": "http://minio.lab"}, [], "unencrypted"),
    ({}, ["--s3-addressing", "virtual"], "use --s3-addressing path"),
]


@pytest.mark.parametrize(("changed", "options", "words"), WRONG)
def test_what_is_wrong_is_said(environment, place, changed, options, words):
    assert words in check({**environment, **changed}, place.url, *options, code=1)


def test_signed_urls_that_lead_nowhere_are_no_obstacle_for_the_server(environment, place):
    output = check(environment, place.url, "--s3-public-endpoint", "http://127.0.0.1:1")
    assert "presigned      no: Signed URLs lead to http://127.0.0.1:1, which does not answer" in output


def test_a_folder_needs_no_check(environment):
    done = CliRunner().invoke(app, ["storage", "check"], env=environment)
    assert (done.exit_code, "Say which storage" in done.output) == (1, True)


@pytest.mark.parametrize(("changed", "words"), [(each[0], each[2]) for each in WRONG[:2]])
def test_a_server_does_not_start_with_wrong_keys(environment, place, tmp_path, monkeypatch, changed, words):
    for name, value in {**environment, **changed}.items():
        monkeypatch.setenv(name, value)
    settings = ServerSettings(data_dir=tmp_path, storage=storage_settings(place.url))
    with pytest.raises(StorageRefused, match=words):
        App.open(settings)
    assert not (tmp_path / "trackside.db").exists()
