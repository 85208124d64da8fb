"""A certificate by which SeaweedFS's parts know each other: their inner ports ask for nothing else, and let nobody in."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from pathlib import Path

from trackside.stack import files

_GRPC = ("master", "volume", "filer", "s3", "admin", "client")
_HTTPS = ("master", "volume", "filer", "client")
_VALID = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def secure(home: Path) -> None:
    """Write SeaweedFS's settings for processes with this HOME: mutual TLS between its parts, on all ports but S3's own.

    Its certificate and key, mode 0600, are made at the first call, or when one of them is missing.
    """
    folder = home / ".seaweedfs"
    folder.mkdir(mode=0o700, exist_ok=True)
    certificate, key = folder / "inner.crt", folder / "inner.key"
    if not (certificate.exists() and key.exists()):
        for path, content in zip((certificate, key), _new(), strict=True):
            files.write(path, content)
    own = [f"cert = {json.dumps(str(certificate))}", f"key = {json.dumps(str(key))}"]
    authority = f"ca = {json.dumps(str(certificate))}"
    lines = ["[grpc]", authority]
    for part in _GRPC:
        lines += [f"[grpc.{part}]", *own]
    for part in _HTTPS:
        lines += [f"[https.{part}]", *own, authority]
    files.write(
        folder / "security.toml", "\n".join([*lines, "enabled = true", ""]).encode()
    )  # https.client's


def _new() -> tuple[bytes, bytes]:
    """A certificate that vouches for itself, and its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trackside-s3")])
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
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
    plain = serialization.NoEncryption()
    return certificate.public_bytes(pem), key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
