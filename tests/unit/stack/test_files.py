"""Small files, secrets and ports of a stack."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path

import msgspec
import pytest

from trackside.stack import control, files, keys, processes, report, sockets
from trackside.stack.external import storage_of, without_password
from trackside.stack.processes import Born, alive, myself
from trackside.stack.settings import CannotStart, StackSettings


def test_a_file_is_replaced_whole_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "state"
    files.write(path, b"first")
    files.write(path, b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_log_is_put_aside_while_it_is_written_and_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES", 10)
    path = tmp_path / "server.log"
    with processes.open_log(path) as log:

        def write(text: bytes) -> None:
            processes.put_aside(path)
            log.write(text)
            log.flush()

        write(b"10 bytes..")
        meanwhile = iter([b"and more", b"later"])
        monkeypatch.setattr(time, "sleep", lambda _: write(next(meanwhile)))  # it waits, and we write
        following = control.follow(path)
        assert [next(following), next(following)] == ["and more", "later"]
        following.close()
    assert path.read_bytes() == b"later"
    assert (tmp_path / "server.log.1").read_bytes() == b"10 bytes..and more"


def test_secrets_stay_and_missing_ones_are_added(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = keys.load(path)
    assert keys.load(path).postgres == first.postgres
    path.write_text('{"postgres": "mine"}')
    path.chmod(0o644)
    again = keys.load(path)
    assert again.postgres == "mine"
    assert again.jupyter
    assert keys.load(path).jupyter == again.jupyter
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.postgres not in repr(first)


def test_damaged_secrets_are_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"postgres": "my-secr')
    with pytest.raises(CannotStart, match="damaged") as said:
        keys.load(path)
    assert "my-secr" not in str(said.value)
    assert path.read_text() == '{"postgres": "my-secr'


def test_inner_ports_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = sockets.make_inner_ports(path)
    assert sockets.make_inner_ports(path) == sockets.inner_ports(path) == first
    sockets._held.pop().close()  # held for as long as who chose them lives
    assert len({getattr(first, name) for name in first.__struct_fields__}) == len(first.__struct_fields__)


def test_who_reads_makes_no_ports_and_damaged_ones_are_not_replaced(tmp_path: Path) -> None:
    settings = StackSettings(str(tmp_path))
    files.make_own(settings.places.stack)
    files.write(settings.places.settings, msgspec.json.encode(settings))
    path = settings.places.ports
    for read in (report.environment, report.logins):
        with pytest.raises(CannotStart, match=r"ports\.json is missing.*trackside up"):
            read(settings.places)
    assert not path.exists()
    assert not settings.places.secrets.exists()
    path.write_text('{"postgres": 20')
    for read in (report.environment, report.logins):
        with pytest.raises(CannotStart, match=r"ports\.json is damaged.*remove it"):
            read(settings.places)
    with pytest.raises(CannotStart, match="damaged"):
        sockets.make_inner_ports(path)
    assert path.read_text() == '{"postgres": 20'


def test_a_taken_port_and_its_owner() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert not sockets.is_free("127.0.0.1", port)
        assert not sockets.is_free("0.0.0.0", port)
        assert f"(pid {os.getpid()}, " in sockets.owner(port)
    assert sockets.is_free("127.0.0.1", port)


def test_a_process_is_told_from_a_later_one_of_its_number() -> None:
    me = myself()
    assert alive(me)
    assert not alive(Born(me.pid, me.birth + "0"))
    assert not alive(Born(2**22 + 1, me.birth))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:p%40ss@db.lab:5432/runs?password=x", "postgresql://me@db.lab:5432/runs"),
        ("https://s3.lab/bucket/prefix", "https://s3.lab/bucket/prefix"),
    ],
)
def test_urls_are_shown_without_passwords(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_place_of_an_external_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    found = storage_of("https://s3.lab:9000/bucket/some/prefix", allow_http=False)
    assert (found.endpoint, found.bucket, found.prefix) == ("https://s3.lab:9000", "bucket", "some/prefix")
    with pytest.raises(CannotStart, match="unencrypted"):
        storage_of("http://s3.lab:9000/bucket", allow_http=False)
    assert storage_of("http://s3.lab:9000/bucket", allow_http=True).endpoint == "http://s3.lab:9000"
