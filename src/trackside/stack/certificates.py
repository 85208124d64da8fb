"""A certificate by which SeaweedFS's parts know each other: their inner ports ask for nothing else, and let nobody in."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path

from trackside.stack import files
from trackside.stack.parts import NotReady

_LOOPBACK = "127.0.0.1"
_WAIT_S = 1.0  # a port that is about to be served takes connections before it answers: asked again
_GRPC = ("master", "volume", "filer", "s3", "admin", "client")
_HTTPS = ("master", "volume", "filer", "client")
_VALID = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def write_settings(home: Path) -> None:
    """SeaweedFS's settings for processes with this HOME: mutual TLS between its parts, on all ports but S3's own."""
    own = [f"cert = {_text(_pem(home))}", f"key = {_text(_pem(home))}"]
    authority = f"ca = {_text(_pem(home))}"
    lines = ["[grpc]", authority]
    for part in _GRPC:
        lines += [f"[grpc.{part}]", *own]
    for part in _HTTPS:
        lines += [f"[https.{part}]", *own, authority]
    settings = _pem(home).with_name("security.toml")
    settings.parent.mkdir(mode=0o700, exist_ok=True)
    files.write(settings, "\n".join([*lines, "enabled = true", ""]).encode())  # https.client's


def make(home: Path) -> None:
    """The certificate and its key, mode 0600, unless they are there and whole. Not while SeaweedFS runs."""
    if not _is_whole(_pem(home)):
        files.write(_pem(home), _new())


def check(home: Path, ports: Iterable[int]) -> None:
    """Raises NotReady if one of these ports lets in whoever has no certificate: SeaweedFS starts without its settings."""
    for port in ports:
        try:
            is_closed = _is_closed(port, ssl.create_default_context(cafile=_pem(home)))
        except OSError as error:
            raise NotReady(f"does not show on port {port} whether it is closed: {error}") from None
        if not is_closed:
            raise NotReady(f"lets everybody in at port {port}")


def _is_closed(port: int, context: ssl.SSLContext) -> bool:
    """Does a port end TLS with whoever has no certificate?"""
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((_LOOPBACK, port), timeout=_WAIT_S) as plain:
        try:
            connection = context.wrap_socket(plain, server_hostname=_LOOPBACK)
        except ssl.SSLError:  # it speaks without TLS, or is another's
            return False
        with connection:
            try:
                return not connection.recv(1)  # else HTTP/2 begins
            except (ssl.SSLError, ConnectionResetError):
                return True


def _pem(home: Path) -> Path:
    """One file for both, so that they are there together."""
    return home / ".seaweedfs/inner.pem"


def _text(path: Path) -> str:
    """As TOML writes it: as JSON does, but for characters that JSON writes as two, or not at all."""
    return json.dumps(str(path), ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_whole(pem: Path) -> bool:
    """Are a certificate and its key there, and valid now?"""
    from cryptography import x509

    try:
        ssl.create_default_context().load_cert_chain(pem)  # both, and they belong together
        found = x509.load_pem_x509_certificate(pem.read_bytes())
    except (OSError, ValueError):  # SSLError is an OSError
        return False
    return found.not_valid_before_utc <= dt.datetime.now(dt.UTC) < found.not_valid_after_utc


def _new() -> bytes:
    """A certificate that vouches for itself, and its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trackside-s3")])
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(_LOOPBACK))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID[0])
        .not_valid_after(_VALID[1])
        .add_extension(place, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem) + plain
