"""Artifacts that a source keeps in a bucket: read with this machine's own keys, by the variables of the store's tools."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import obstore as obs
from obstore.store import S3Store, from_url

from trackside.importers.records import File
from trackside.importers.source import FileError, SourceError

CHUNK = 8 << 20


def opened(url: str) -> Any:
    """The store of a bucket. Raises SourceError."""
    try:
        if not url.startswith("s3://"):
            return from_url(url)
        endpoint = next(
            (
                value
                for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL")
                if (value := os.environ.get(name))
            ),
            "",
        )
        options: Any = (
            {"aws_endpoint_url_s3": endpoint} if endpoint else {"virtual_hosted_style_request": True}
        )
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        client: Any = {"allow_http": endpoint.startswith("http:")}
        return S3Store(url.removeprefix("s3://"), region=region, client_options=client, **options)
    except (obs.exceptions.BaseError, ValueError) as error:
        raise SourceError(f"{url} cannot be used: {_said(error)}.") from error


class Bucket(NamedTuple):
    """Objects below a prefix."""

    store: Any
    uri: str
    prefix: str

    async def files(self) -> AsyncIterator[File]:
        prefix = f"{self.prefix}/" if self.prefix else ""
        try:
            async for page in obs.list(self.store, prefix or None):
                for each in page:
                    if not each["path"].endswith("/"):  # how some tools keep an empty folder
                        mark = each.get("e_tag") or str(each["last_modified"])
                        yield File(each["path"].removeprefix(prefix), each["size"], mark=mark)
        except (obs.exceptions.BaseError, OSError) as error:
            raise SourceError(f"{self.uri} cannot be listed: {_said(error)}.") from error

    async def content(self, path: str) -> AsyncIterator[bytes]:
        try:
            got = await obs.get_async(self.store, f"{self.prefix}/{path}" if self.prefix else path)
            async for chunk in got.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)
        except (
            obs.exceptions.NotFoundError,
            obs.exceptions.PermissionDeniedError,
            FileNotFoundError,
        ) as error:
            raise FileError(f"{self.uri}/{path} cannot be read: {_said(error)}.") from error
        except (obs.exceptions.BaseError, OSError) as error:
            raise SourceError(f"{self.uri}/{path} cannot be read: {_said(error)}.") from error

    def is_there(self) -> bool:
        return False  # a prefix is there when an object is


def _said(error: Exception) -> str:
    """What of an error is worth reading: the rest of it is obstore's own."""
    return str(error).partition("\n")[0].strip().rstrip(".")
