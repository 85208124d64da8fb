"""The tracking server, on the stack's PostgreSQL and bucket, or on what takes their place."""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trackside.stack import files, keys
from trackside.stack.external import ExternalPostgres, ExternalS3
from trackside.stack.parts import ANSWER_SECONDS, NotReady, Part, get, refuses
from trackside.stack.postgres import Postgres
from trackside.stack.processes import Launch
from trackside.stack.s3 import S3
from trackside.stack.settings import StackSettings
from trackside.stack.sockets import bracketed, direct, reachable

if TYPE_CHECKING:
    from trackside.config import StorageSettings

ADMIN = "admin"


class TrackingServer(Part):
    """`trackside server`. Without PostgreSQL its store is SQLite, without S3 its artifacts are in a folder."""

    name = "server"
    title = "Trackside"

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]  # of other parts it is fixed
        return tuple(each for each in ("postgres", "s3") if each in self.settings.parts)

    @property
    def url(self) -> str:
        return f"http://{bracketed(self.settings.host)}:{self.settings.ports.server}"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.places.server,)

    @property
    def ports(self) -> dict[int, str]:
        return {self.settings.ports.server: "--server-port"}

    @cached_property
    def _database(self) -> Postgres | ExternalPostgres | None:
        if "postgres" not in self.settings.parts:
            return None
        kind = ExternalPostgres if self.settings.external_postgres else Postgres
        return kind(self.settings, self.keys, self.inner)

    @cached_property
    def _s3(self) -> S3 | ExternalS3 | None:
        if "s3" not in self.settings.parts:
            return None
        kind = ExternalS3 if self.settings.external_s3 else S3
        return kind(self.settings, self.keys, self.inner)

    @property
    def storage(self) -> StorageSettings | None:
        """Where it keeps artifacts; None for a folder of its own."""
        return self._s3.storage if self._s3 else None

    def launch(self) -> Launch:
        """The command; passwords are in its environment, where other users cannot read them."""
        settings = self.settings
        files.make_own(self.places.server)
        password = self.places.stack / "admin-password"
        files.write(password, self.keys.admin.encode())
        options = {
            "host": settings.host,
            "port": str(settings.ports.server),
            "data-dir": str(self.places.server),
            "admin-password-file": str(password),
        }
        arguments = [sys.executable, "-P", "-m", "trackside", "server"]
        arguments += [part for name, value in options.items() for part in (f"--{name}", value)]
        arguments += [part for host in settings.allowed_hosts for part in ("--allowed-host", host)]
        if settings.auth:
            arguments.append("--auth")
        arguments += self._storage_options()
        # Elsewhere a machine's role may stand in AWS's variables.
        keys = () if self._s3 and self._s3.storage.keys is None else ("AWS_",)
        # What libpq's variables say is meant for a database that was running before.
        database = () if isinstance(self._database, ExternalPostgres) else ("PG",)
        without = ("TRACKSIDE_", "MLFLOW_TRACKING_", *keys, *database)
        return Launch(arguments, self.environment, self.places.data_dir, without=without)

    def _storage_options(self) -> list[str]:
        if self._s3 is None:
            return []
        storage = self._s3.storage
        options = ["--artifacts", storage.url, "--s3-addressing", storage.addressing]
        if storage.endpoint:
            options += ["--s3-endpoint", storage.endpoint]
        if self.settings.direct_s3:
            options += ["--s3-public-endpoint", direct_endpoint(self.settings, self._s3)]
        # Direct access beyond this machine is by http://, which whoever chose it was told.
        if self.settings.s3_allow_http or self.settings.direct_s3:
            options.append("--s3-allow-http")
        return options

    @property
    def environment(self) -> dict[str, str]:
        """The passwords and keys of its store and storage."""
        given = {"TRACKSIDE_STORE": self._database.store if self._database else ""}
        storage = self.storage
        if storage and storage.keys:
            given |= {
                "AWS_ACCESS_KEY_ID": storage.keys.access_key,
                "AWS_SECRET_ACCESS_KEY": storage.keys.secret_key,
                "AWS_SESSION_TOKEN": storage.keys.session_token,
                "AWS_REGION": storage.region,
            }
        return given

    def answers(self) -> None:
        """OK from /health; where people sign in, nothing for who does not."""
        if get(f"{self.url}/health").strip() != b"OK":
            raise NotReady("is not healthy")
        if signs_in(self.settings) and not refuses(
            f"{self.url}/api/2.0/mlflow/experiments/get?experiment_id=0"
        ):
            raise NotReady("lets everybody in")

    def complete(self) -> None:
        """Where people sign in: a token for JupyterLab, so that its notebooks need not."""
        if signs_in(self.settings) and not self.keys.tracking_token:
            self.keys.tracking_token = _new_token(self.url, self.keys.admin)
            keys.save(self.places.secrets, self.keys)


def signs_in(settings: StackSettings) -> bool:
    """Do people sign in to the server?"""
    from trackside.config import is_loopback

    return settings.auth or not is_loopback(settings.host)


def direct_endpoint(settings: StackSettings, s3: S3 | ExternalS3) -> str:
    """The address of S3 for clients that move files themselves."""
    from trackside.stack.addresses import public_host

    if isinstance(s3, ExternalS3):
        return s3.storage.endpoint
    return f"http://{bracketed(public_host(settings.host))}:{settings.ports.s3}"


def _new_token(url: str, password: str) -> str:
    """A personal token of the admin, to log and change with, that does not expire. Raises NotReady."""
    pair = base64.b64encode(f"{ADMIN}:{password}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {pair}"}
    body = json.dumps({"name": "JupyterLab", "scope": "edit", "days": None, "owner": ""}).encode()
    address = reachable(f"{url}/api/trackside/v1/tokens")
    request = urllib.request.Request(address, body, headers)  # noqa: S310
    try:
        with direct.open(request, timeout=ANSWER_SECONDS) as answer:
            return str(json.loads(answer.read())["text"])
    except urllib.error.HTTPError as error:
        if error.code == 401:  # somebody changed the admin's password: notebooks sign in by themselves
            return ""
        raise NotReady(f"gives no token: it answers {error.code}") from None
    except OSError as error:
        raise NotReady(f"gives no token: {error}") from None
