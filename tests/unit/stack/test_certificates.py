"""SeaweedFS's inner ports: settings that it can read, a certificate that is whole, and a check that they are closed."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trackside.stack import certificates, files
from trackside.stack.parts import NotReady
from trackside.stack.settings import CannotStart


def make(home: Path) -> Path:
    home.mkdir(exist_ok=True)
    certificates.write_settings(home)
    certificates.make(home)
    return home / ".seaweedfs/inner.pem"


@pytest.mark.parametrize(
    "name", ["plain", "a b", 'quo"te', "émo😀", "new\nline", "tab\t", "del\x7f", "back\\slash"]
)
def test_the_settings_name_the_certificate_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    pem = make(tmp_path / name)
    read = tomllib.loads((pem.parent / "security.toml").read_text())
    assert read["grpc"]["ca"] == str(pem)
    for kind, parts in (
        ("grpc", ("master", "volume", "filer", "s3", "admin", "client")),
        ("https", ("master", "volume", "filer")),
    ):
        assert all(read[kind][part]["cert"] == read[kind][part]["key"] == str(pem) for part in parts)
    assert read["https"]["client"]["enabled"] is True
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600


def test_a_whole_certificate_stays_and_any_other_is_made_anew(tmp_path: Path) -> None:
    pem = make(tmp_path)
    first = pem.read_bytes()
    assert make(tmp_path).read_bytes() == first
    other = make(tmp_path / "other").read_bytes()
    certificate, key = first.partition(b"-----BEGIN PRIVATE")[0], other[other.index(b"-----BEGIN PRIVATE") :]
    for damaged in (b"", first[:100], certificate, key, certificate + key):
        pem.write_bytes(damaged)
        assert make(tmp_path).read_bytes() not in (damaged, first)


def test_one_that_is_not_valid_now_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begins, ends = certificates._VALID
    monkeypatch.setattr(certificates, "_VALID", (begins, begins.replace(year=2001)))
    expired = make(tmp_path).read_bytes()
    monkeypatch.setattr(certificates, "_VALID", (begins, ends))
    assert make(tmp_path).read_bytes() != expired


@contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[int]:
    """A port that says something to each of one connection that it lets in."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                connection.sendall(b"come in")
            except OSError:
                pass
            finally:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_open_ports_are_told(tmp_path: Path) -> None:
    pem = make(tmp_path)
    for_all, mutual = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    for each in (for_all, mutual):
        each.load_cert_chain(pem)
    mutual.verify_mode = ssl.CERT_REQUIRED
    mutual.load_verify_locations(pem)
    with listening(mutual) as port:
        certificates.check(tmp_path, [port])
    for context in (for_all, None):
        with listening(context) as port, pytest.raises(NotReady, match=f"lets everybody in at port {port}"):
            certificates.check(tmp_path, [port])
    with pytest.raises(NotReady, match="does not show"):
        certificates.check(tmp_path, [port])


@pytest.mark.skipif(os.getuid() != 0, reason="gives a folder away")
def test_a_stack_of_another_user_is_left_alone(tmp_path: Path) -> None:
    files.check_owner(tmp_path)
    files.check_owner(tmp_path / "none")
    os.chown(tmp_path, 65534, -1)
    with pytest.raises(CannotStart, match="the user 'nobody'"):
        files.check_owner(tmp_path)
