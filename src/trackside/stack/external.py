"""PostgreSQL and S3 that run already: nothing is started, but they are asked whether they answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from trackside.stack.parts import ANSWER_SECONDS, NotReady, Part
from trackside.stack.s3 import check_storage, look_into
from trackside.stack.settings import CannotStart

if TYPE_CHECKING:
    from trackside.config import StorageSettings


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    return parts._replace(netloc=f"{user}{host}", query="").geturl()


class ExternalPostgres(Part):
    """A database that is the stack's alone, on a server that is not."""

    name = "postgres"
    title = "PostgreSQL (external)"
    start_s = 5.0

    @property
    def url(self) -> str:
        return without_password(self.store)

    @property
    def store(self) -> str:
        """The URL for the tracking server, with its password."""
        return self.settings.external_postgres

    def launch(self) -> None:
        """Nothing."""

    def answers(self) -> None:
        """Connect as the server will."""
        asyncio.run(self._connect())

    async def _connect(self) -> None:
        import asyncpg

        try:
            connection = await asyncpg.connect(self.store, timeout=ANSWER_SECONDS)
        except FileNotFoundError as error:
            raise NotReady(f"does not answer: {_absent_file(self.store) or error}") from None
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise NotReady(f"does not answer: {error or type(error).__name__}") from None
        await connection.close()


def _absent_file(url: str) -> str:
    """Which file of an address, or of libpq's variables, is not there; empty if all are. Python does not say."""
    asked = dict(parse_qsl(urlsplit(url).query))
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        path = asked.get(name) or os.environ.get(f"PG{name.upper()}", "")
        if path and not Path(path).exists():
            return f"its {name} is '{path}', and there is no such file"
    return ""


class ExternalS3(Part):
    """A bucket, or a prefix in one, elsewhere. Keys are read as AWS's tools read them."""

    name = "s3"
    title = "S3 (external)"
    start_s = 5.0

    @property
    def url(self) -> str:
        return without_password(self.settings.external_s3)

    @property
    def storage(self) -> StorageSettings:
        """How the tracking server reaches it. Raises CannotStart."""
        return storage_of(self.settings.external_s3, allow_http=self.settings.s3_allow_http)

    def launch(self) -> None:
        """Nothing, but keys are needed. Raises CannotStart."""
        if self.storage.endpoint and self.storage.keys is None:
            raise CannotStart(
                "--external-s3 needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
            )

    def answers(self) -> None:
        """Look into the bucket; only at the start it is made if it is not there, and a file written and deleted."""
        (look_into if self._was_tried else self._try)(self.storage)

    _was_tried = False

    def _try(self, storage: StorageSettings) -> None:
        check_storage(storage)
        self._was_tried = True


def wrong_with(url: str) -> str:
    """What is wrong with an address, in words that do not repeat it: there may be a password in it. Empty if nothing."""
    try:
        parts = urlsplit(url)
        complete = parts.port is None or bool(parts.hostname)
    except ValueError:
        complete = False
    if not complete or parts.fragment or "@" in parts.path + parts.query:
        return (
            "it is no address. Is there a password in it with characters that mean something there? Write '/' as %2F,"
            " '#' as %23, '@' as %40, ':' as %3A, '?' as %3F, '%' as %25."
        )
    return ""


def storage_of(url: str, *, allow_http: bool) -> StorageSettings:
    """s3://bucket/prefix with AWS's variables, or http(s)://host:port/bucket/prefix. Raises CannotStart."""
    from trackside.config import storage_settings

    endpoint = ""
    if url.startswith(("http://", "https://")):
        parts = urlsplit(url)
        endpoint, url = f"{parts.scheme}://{parts.netloc}", f"s3://{parts.path.strip('/')}"
    try:
        return storage_settings(url, endpoint=endpoint, allow_http=allow_http)
    except ValueError as error:
        raise CannotStart(f"--external-s3: {error}") from None
