"""The S3 requests that obstore lacks: signed URLs for parts, multipart by hand, unfinished uploads, buckets, CORS.

Every request is a signed URL (Signature Version 4 in the query), whether we send it or a client does.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import obstore as obs
from obstore.store import ObjectStore

from trackside.blobs.order import Order
from trackside.blobs.problems import NoAnswer, S3Error, code_of, translated
from trackside.config import Keys, StorageSettings
from trackside.errors import InvalidParameter

PART_SECONDS = (
    3600  # validity of the URLs of an upload's parts, which are made all at once; MLflow's are as long
)
DOWNLOAD_SECONDS = 900  # as MLflow's
OWN_SECONDS = 300  # of what this process sends itself, at once
MOST_PARTS = 10_000
_TO_FINISH = 600.0  # seconds that putting parts together may take: S3 says minutes
_UNRESERVED = "-_.~"
# What a client sent wrongly in an upload by parts, as S3 calls it.
_OF_CALLER = {"NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"}


class Unfinished(NamedTuple):
    """An upload by parts that was begun and neither completed nor given up."""

    key: str
    upload_id: str
    begun: dt.datetime


class Signer:
    """Signs URLs of one bucket. Thread-safe."""

    def __init__(self, settings: StorageSettings, keys: Keys, endpoint: str = "") -> None:
        self._settings = settings
        self._keys = keys
        at = urlsplit(endpoint or settings.endpoint or f"https://s3.{settings.region}.amazonaws.com")
        virtual = settings.addressing == "virtual"
        self._host = f"{settings.bucket}.{at.netloc}" if virtual else at.netloc
        self._scheme = at.scheme
        self._root = "/" if virtual else f"/{settings.bucket}/"

    def url(
        self, method: str, key: str, query: Mapping[str, str] | None = None, seconds: int = OWN_SECONDS
    ) -> str:
        """A URL by which whoever has it may do this one thing until it expires."""
        now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/{self._settings.region}/s3/aws4_request"
        asked = {
            **(query or {}),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self._keys.access_key}/{scope}",
            "X-Amz-Date": now,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
        }
        if self._keys.session_token:
            asked["X-Amz-Security-Token"] = self._keys.session_token
        path = quote(f"{self._root}{key}", safe=f"/{_UNRESERVED}")
        line = "&".join(
            f"{quote(n, safe=_UNRESERVED)}={quote(asked[n], safe=_UNRESERVED)}" for n in sorted(asked)
        )
        request = f"{method}\n{path}\n{line}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(scope), to_sign.encode(), "sha256").hex()
        return f"{self._scheme}://{self._host}{path}?{line}&X-Amz-Signature={signature}"

    def _signing_key(self, scope: str) -> bytes:
        key = b"AWS4" + self._keys.secret_key.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


class S3Requests:
    """Blocking requests to one bucket. They raise S3Error for a refusal, NoAnswer when there was none in time."""

    def __init__(self, settings: StorageSettings, keys: Keys) -> None:
        self._settings = settings
        self._own = Signer(settings, keys)
        self.for_clients = Signer(settings, keys, settings.public_endpoint)

    def key(self, path: str) -> str:
        """An object's key: the path below the prefix."""
        prefix = self._settings.prefix
        return f"{prefix}/{path}" if prefix else path

    def send(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> str:
        """The answer's text."""
        url = self._own.url(method, key, query)
        sent = {"Content-Type": "application/octet-stream", **(headers or {})}
        request = urllib.request.Request(url, body, sent, method=method)  # noqa: S310 - http(s), by the settings
        timeout = seconds or min(self._settings.timeout_seconds, 15.0)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                text: str = answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode("utf-8", "replace")
            raise S3Error(code_of(said) or code_of(f"status code: {error.code}")) from None
        except (OSError, ValueError):
            raise NoAnswer from None
        if text.lstrip().startswith("<") and (code := code_of(text)):
            raise S3Error(code)  # a 200 that turned out otherwise while S3 worked on it
        return text

    def begin(self, key: str) -> str:
        """Begin an upload by parts; its id."""
        return _text(self.send("POST", key, {"uploads": ""}), "UploadId")

    def complete(self, key: str, upload_id: str, etags: Sequence[tuple[int, str]]) -> None:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in sorted(etags)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        self.send("POST", key, {"uploadId": upload_id}, body, seconds=_TO_FINISH)

    def abort(self, key: str, upload_id: str) -> None:
        """Give an upload up; one that is unknown is fine."""
        try:
            self.send("DELETE", key, {"uploadId": upload_id})
        except S3Error as error:
            if error.code != "NoSuchUpload":
                raise

    def unfinished(self) -> Iterator[Unfinished]:
        """Uploads below the prefix that were begun and not ended."""
        query = {"uploads": "", "prefix": self.key("")}
        while True:
            root = _parsed(self.send("GET", "", query))
            for upload in root.iter("Upload"):
                key, upload_id, begun = (upload.findtext(n, "") for n in ("Key", "UploadId", "Initiated"))
                yield Unfinished(key, upload_id, dt.datetime.fromisoformat(begun))
            if root.findtext("IsTruncated") != "true":
                return
            query["key-marker"] = root.findtext("NextKeyMarker", "")
            query["upload-id-marker"] = root.findtext("NextUploadIdMarker", "")

    def create_bucket(self) -> None:
        """Make the bucket; one that is ours already is fine."""
        region, body = self._settings.region, None
        if region != "us-east-1":  # whose name S3 refuses here
            body = (
                "<CreateBucketConfiguration><LocationConstraint>"
                f"{escape(region)}</LocationConstraint></CreateBucketConfiguration>"
            ).encode()
        try:
            self.send("PUT", "", body=body)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":
                raise

    def allow_origin(self, origin: str) -> None:
        """Let pages of this origin read and write by signed URLs; replaces the bucket's CORS rules."""
        body = (
            f"<CORSConfiguration><CORSRule><AllowedOrigin>{escape(origin)}</AllowedOrigin>"
            "<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
            "<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3600</MaxAgeSeconds>"
            "</CORSRule></CORSConfiguration>"
        ).encode()
        checksum = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        self.send("PUT", "", {"cors": ""}, body, {"Content-MD5": checksum})


class S3Direct:
    """Signed URLs for clients, for as long as a transfer takes."""

    def __init__(
        self, settings: StorageSettings, requests: S3Requests, store: ObjectStore, order: Order
    ) -> None:
        self._settings = settings
        self._requests = requests
        self._store = store
        self._order = order
        self.offered = bool(settings.public_endpoint)

    async def begin(self, path: str, parts: int) -> tuple[str, list[str]]:
        if not 1 <= parts <= MOST_PARTS:
            raise InvalidParameter(f"num_parts must be between 1 and {MOST_PARTS} (got {parts}).")
        key = self._requests.key(path)
        with translated(self._settings, path):
            upload_id = await asyncio.to_thread(self._requests.begin, key)
        return upload_id, await asyncio.to_thread(self._part_urls, key, upload_id, parts)

    def _part_urls(self, key: str, upload_id: str, parts: int) -> list[str]:
        return [
            self._requests.for_clients.url(
                "PUT", key, {"partNumber": str(number), "uploadId": upload_id}, PART_SECONDS
            )
            for number in range(1, parts + 1)
        ]

    async def complete(self, path: str, upload_id: str, etags: Sequence[tuple[int, str]]) -> None:
        key = self._requests.key(path)

        async def send() -> None:
            with translated(self._settings, path):
                try:
                    await asyncio.to_thread(self._requests.complete, key, upload_id, etags)
                except S3Error as error:
                    if error.code in _OF_CALLER:
                        raise InvalidParameter(
                            f"The parts of '{path}' make no file ({error.code}): nothing was stored."
                        ) from None
                    raise

        with self._order.begun(path) as change:
            await self._order.make(change, send)

    async def abort(self, path: str, upload_id: str) -> None:
        with translated(self._settings, path):
            await asyncio.to_thread(self._requests.abort, self._requests.key(path), upload_id)

    async def download_url(self, path: str) -> tuple[str, int]:
        with translated(self._settings, path):
            size = (await obs.head_async(self._store, path))["size"]
        key = self._requests.key(path)
        return self._requests.for_clients.url("GET", key, seconds=DOWNLOAD_SECONDS), size


def _parsed(text: str) -> ET.Element:
    """S3's XML without its namespace, which not every server gives."""
    return ET.fromstring(re.sub(r' xmlns="[^"]*"', "", text, count=1))  # noqa: S314 - from our own storage


def _text(text: str, name: str) -> str:
    found = _parsed(text).findtext(name)
    if not found:
        raise S3Error(f"no {name} in the answer")
    return found
