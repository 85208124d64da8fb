"""Where keys, region and endpoint come from, and what is refused."""

from __future__ import annotations

import pytest

from trackside.config import Keys, storage_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in (
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"),
        *("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ALLOW_HTTP"),
        *("MLFLOW_S3_ENDPOINT_URL",),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def test_keys_of_the_environment_go_before_those_of_a_profile(monkeypatch, tmp_path):
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id=one\naws_secret_access_key=1%1\n"
        "[lab]\naws_access_key_id=two\naws_secret_access_key=22\naws_session_token=t\n"
    )
    (tmp_path / "config").write_text("[profile lab]\nregion=eu-north-1\nendpoint_url=https://s3.lab:9000\n")
    plain = storage_settings("s3://bucket/a/b/")
    assert (plain.keys, plain.region, plain.addressing) == (Keys("one", "1%1"), "us-east-1", "virtual")
    assert (plain.bucket, plain.prefix) == ("bucket", "a/b")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    of_lab = storage_settings("s3://bucket")
    assert (of_lab.keys, of_lab.region) == (Keys("two", "22", "t"), "eu-north-1")
    assert (of_lab.endpoint, of_lab.addressing) == ("https://s3.lab:9000", "path")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "three")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "333")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    from_environment = storage_settings("s3://bucket", endpoint="https://other.lab")
    assert (from_environment.keys, from_environment.region) == (Keys("three", "333"), "eu-west-1")
    assert from_environment.endpoint == "https://other.lab"


def test_keys_are_never_shown(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-one")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hidden-two")
    shown = repr(storage_settings("s3://bucket"))
    assert "hidden" not in shown
    assert "hidden" not in f"{storage_settings('s3://bucket').keys}"


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("bucket", {}, "is no place for artifacts"),
        ("s3://", {}, "is no place for artifacts"),
        ("s3://Bucket", {}, "small letters"),
        ("s3://bucket//x", {}, "is no place for artifacts"),
        ("s3://bucket/a?b", {}, "is no place for artifacts"),
        ("s3://key:secret@bucket", {}, "is no place for artifacts"),
        ("ftp://bucket", {}, "is no place for artifacts"),
        ("s3://bucket", {"endpoint": "minio:9000"}, "is no endpoint"),
        ("s3://bucket", {"endpoint": "https://host/path"}, "is no endpoint"),
        ("s3://bucket", {"endpoint": "http://minio.lab:9000"}, "unencrypted"),
        ("s3://bucket", {"public_endpoint": "http://minio.lab:9000"}, "unencrypted"),
        (
            "s3://bucket",
            {"endpoint": "http://127.0.0.1:9000", "addressing": "virtual"},
            "--s3-addressing path",
        ),
    ],
)
def test_what_cannot_be_is_refused(url, options, words):
    with pytest.raises(ValueError, match=words):
        storage_settings(url, **options)


def test_http_on_this_machine_or_when_it_is_allowed(monkeypatch):
    assert storage_settings("s3://bucket", endpoint="http://127.0.0.1:8333").addressing == "path"
    allowed = storage_settings("s3://bucket", endpoint="http://minio.lab:9000", allow_http=True)
    assert allowed.endpoint == "http://minio.lab:9000"
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    assert storage_settings("s3://bucket", endpoint="http://minio.lab:9000") == allowed


def test_a_file_that_is_no_profile_is_named_but_not_quoted(tmp_path):
    (tmp_path / "credentials").write_text("hidden secret without a section\n")
    with pytest.raises(ValueError, match="credentials cannot be read") as raised:
        storage_settings("s3://bucket")
    assert "hidden" not in str(raised.value)
    assert raised.value.__cause__ is None
