"""Settings as frozen values. The command line fills them; this is the only reader of the environment."""

from __future__ import annotations

import configparser
import ipaddress
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

# What becomes of params and tags that are longer than MLflow takes them.
LongValues = Literal["truncate", "keep", "refuse"]


# An object store's bucket and a prefix of plain parts.
_PLACE = re.compile(r"(s3|gs|az)://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.=-]+)*/?", re.ASCII)


def is_loopback(host: str) -> bool:
    """Is this an address that only this machine can reach?"""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def default_long_values() -> LongValues:
    """MLflow's variable, where nothing else is said."""
    return (
        "refuse" if os.environ.get("MLFLOW_TRUNCATE_LONG_VALUES", "true").lower() == "false" else "truncate"
    )


def _seconds(variable: str, default: float) -> float:
    text = os.environ.get(variable, "")
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise ValueError(f"{variable} must be a number of seconds from 0 to 3600; it is '{text}'.")
    return seconds


@dataclass(frozen=True)
class ServerSettings:
    """How one tracking server runs. Raises ValueError for a variable that cannot be read."""

    data_dir: Path
    # postgresql://…; empty for SQLite below the data folder. Not shown: it may have a password.
    store: str = field(default="", repr=False)
    # Where artifacts are; None for a folder below the data folder.
    storage: StorageSettings | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1  # processes that serve; more than one only on PostgreSQL
    # Host names that requests may use, beside IP addresses, localhost and this machine's name.
    allowed_hosts: tuple[str, ...] = ()
    # Whoever sends a request must be signed in; what everybody who is may do with everything.
    auth: bool = False
    default_permission: str = "READ"
    # A file with the password of the first admin, for starts that nobody watches.
    admin_password_file: Path | None = None
    # What was deleted longer ago than this is removed for good; None: only when an admin asks for it.
    keep_deleted_days: float | None = None
    # Before every path, such as /mlflow; for a proxy that passes paths on as they are.
    static_prefix: str = ""
    # The address that browsers use when a proxy stands before the server, such as https://lab.example/mlflow.
    public_url: str = ""
    # Addresses of proxies that are believed when they say, in X-Forwarded-For, where a request came from.
    trusted_proxies: tuple[str, ...] = ()
    body_limit_bytes: int = 4 * 1024**2  # a batch of 1,000 metrics has about 0.2 MB
    large_body_limit_bytes: int = 32 * 1024**2  # of what carries a dataset's profile or a model's signature
    handler_seconds: float = 60.0
    long_values: LongValues = field(default_factory=default_long_values)
    # A regular expression that sources of model versions must match; empty for any.
    model_source_pattern: str = field(
        default_factory=lambda: os.environ.get("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX", "")
    )

    # Webhooks: which URLs may be named, whether private addresses may be sent to, how long an answer may take.
    webhook_schemes: tuple[str, ...] = field(
        default_factory=lambda: tuple(
            part
            for each in os.environ.get("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "https").split(",")
            if (part := each.strip())
        )
    )
    webhook_private_addresses: bool = field(
        default_factory=lambda: (
            os.environ.get("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "").lower() in ("true", "1")
        )
    )
    webhook_seconds: float = field(default_factory=lambda: _seconds("MLFLOW_WEBHOOK_REQUEST_TIMEOUT", 30))

    @property
    def database_path(self) -> Path:
        return self.data_dir / "trackside.db"

    @property
    def artifact_dir(self) -> Path:
        return self.data_dir / "artifacts"


class Keys(NamedTuple):
    """What signs requests to an object store; never shown."""

    access_key: str
    secret_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return "Keys(...)"


Addressing = Literal["path", "virtual"]


@dataclass(frozen=True)
class StorageSettings:
    """Where artifacts are kept when not in a folder, and how to reach it."""

    url: str  # s3://bucket/prefix, gs://…, az://…
    endpoint: str = ""  # of an S3 server; empty for AWS
    # What clients are sent to for large files; empty: nothing is offered, but who asks is sent to `endpoint`.
    public_endpoint: str = ""
    addressing: Addressing = "virtual"  # is the bucket in the path or in the host's name?
    region: str = "us-east-1"
    keys: Keys | None = None  # None: the machine's own role, which the store's library asks for
    timeout_seconds: float = 60.0  # of one request, which moves 8 MiB at most
    unfinished_hours: float = 24.0  # uploads begun longer ago are given up

    @property
    def bucket(self) -> str:
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def prefix(self) -> str:
        return self.url.partition("://")[2].partition("/")[2].strip("/")


def storage_settings(
    url: str,
    *,
    endpoint: str = "",
    public_endpoint: str = "",
    addressing: Addressing | None = None,
    allow_http: bool = False,
) -> StorageSettings:
    """Settings for a URL; what is not given is read from AWS's variables and files. Raises ValueError."""
    if not _PLACE.fullmatch(url):
        raise ValueError(
            f"'{url}' is no place for artifacts: it must be s3://bucket/prefix (or gs://, az://); a bucket's name"
            " has 3 to 63 small letters, digits, dots and hyphens."
        )
    profile = _aws_profile()
    endpoint = endpoint or _first(
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
        "MLFLOW_S3_ENDPOINT_URL",
        default=profile.get("endpoint_url", ""),
    )
    may_http = allow_http or os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true"
    for each in (endpoint, public_endpoint):
        _check_endpoint(each, allow_http=may_http)
    addressing = addressing or ("path" if endpoint else "virtual")
    if addressing == "virtual" and endpoint and _is_address(urlsplit(endpoint).hostname or ""):
        raise ValueError(
            f"'{endpoint}' has an address for a host, which cannot carry the bucket's name: use --s3-addressing path."
        )
    access, secret = _first("AWS_ACCESS_KEY_ID"), _first("AWS_SECRET_ACCESS_KEY")
    keys = Keys(access, secret, _first("AWS_SESSION_TOKEN")) if access and secret else None
    if keys is None and profile.get("aws_access_key_id") and profile.get("aws_secret_access_key"):
        keys = Keys(
            profile["aws_access_key_id"],
            profile["aws_secret_access_key"],
            profile.get("aws_session_token", ""),
        )
    return StorageSettings(
        url=url.rstrip("/"),
        endpoint=endpoint.rstrip("/"),
        public_endpoint=public_endpoint.rstrip("/"),
        addressing=addressing,
        region=_first("AWS_REGION", "AWS_DEFAULT_REGION", default=profile.get("region", "us-east-1")),
        keys=keys,
    )


def _first(*variables: str, default: str = "") -> str:
    return next((value for each in variables if (value := os.environ.get(each, ""))), default)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_endpoint(endpoint: str, *, allow_http: bool) -> None:
    if not endpoint:
        return
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.username:
        raise ValueError(f"'{endpoint}' is no endpoint: it must be https://host, with a port if it has one.")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise ValueError(
            f"'{endpoint}' would send artifacts over the network unencrypted. Use https, or say --s3-allow-http."
        )


def _aws_profile() -> dict[str, str]:
    """The profile's lines in the files that AWS's own tools read; none when there are no files."""
    name = os.environ.get("AWS_PROFILE", "default")
    found: dict[str, str] = {}
    for variable, file, section in (
        ("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
    ):
        path = Path(os.environ.get(variable) or Path("~/.aws", file)).expanduser()
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path, "utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            # Not the text: it holds keys.
            raise ValueError(f"{path} cannot be read as a file of AWS profiles.") from None
        if parser.has_section(section):
            found |= parser[section]
    return found
