"""Does an object store do all that is asked of it? Tried with a file of its own, each step said in words."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from trackside.blobs.objects import PART_BYTES, ObjectBlobs
from trackside.blobs.problems import code_of, words
from trackside.config import StorageSettings
from trackside.errors import NotFound, TracksideError

_SECONDS = 10.0
SKEW_SECONDS = 60


class Step(NamedTuple):
    """One thing that was tried."""

    name: str
    ok: bool
    says: str = ""  # what is wrong and what to do; or a remark
    needed: bool = True  # else only clients that move files directly miss it


class CannotDoError(Exception):
    """A step's own words."""


async def check(settings: StorageSettings, *, create_bucket: bool = False, cors: str = "") -> list[Step]:
    """Try everything; the steps in order. Ends early when nothing further can succeed."""
    try:
        blobs = ObjectBlobs(settings)
    except TracksideError as error:
        return [Step("settings", False, error.message)]
    return await _Check(settings, blobs).run(create_bucket=create_bucket, cors=cors)


class _Check:
    def __init__(self, settings: StorageSettings, blobs: ObjectBlobs) -> None:
        self._settings = settings
        self._blobs = blobs
        self._path = f".trackside-check/{secrets.token_hex(8)}"
        self._large = os.urandom(PART_BYTES) + b"and a little more"
        self._steps: list[Step] = []

    async def run(self, *, create_bucket: bool, cors: str) -> list[Step]:
        if create_bucket and not await self._try("create bucket", self._create_bucket):
            return self._steps
        if not await self._try("reach", self._reach):
            return self._steps
        if not await self._try("put", self._put):
            return self._steps
        try:
            for name, step in (("get", self._get), ("range", self._range), ("list", self._list)):
                await self._try(name, step)
            await self._try("multipart", self._multipart)
            await self._direct(cors)
        finally:
            await self._try("delete", self._delete)
        return self._steps

    async def _direct(self, cors: str) -> None:
        if self._blobs.requests is None:
            self._steps.append(Step("presigned", False, _NO_KEYS, needed=False))
            return
        await self._try("presigned", self._presigned, needed=False)
        if cors:
            await self._try("set CORS", lambda: self._set_cors(cors), needed=False)
        await self._try("CORS", lambda: self._cors(cors), needed=False)

    async def _try(self, name: str, step: Callable[[], Awaitable[str]], *, needed: bool = True) -> bool:
        try:
            self._steps.append(Step(name, True, await step()))
        except TracksideError as error:
            self._steps.append(Step(name, False, error.message, needed))
        except CannotDoError as error:
            self._steps.append(Step(name, False, str(error), needed))
        return self._steps[-1].ok

    async def _create_bucket(self) -> str:
        if self._blobs.requests is None:
            raise CannotDoError(_NO_KEYS)
        with self._blobs.translated():
            await asyncio.to_thread(self._blobs.requests.create_bucket)
        return ""

    async def _reach(self) -> str:
        skew = await asyncio.to_thread(_clock_skew, self._settings)
        await asyncio.to_thread(self._blobs.probe)
        if abs(skew) > SKEW_SECONDS:
            return f"This machine's clock differs from the storage's by {skew:.0f} s; from 15 minutes on all is refused."
        return ""

    async def _put(self) -> str:
        await self._blobs.put(f"{self._path}/small", _once(b"0123456789"))
        return ""

    async def _get(self) -> str:
        if await self._read("small", 0, 10) != b"0123456789":
            raise CannotDoError("What was read is not what was stored.")
        return ""

    async def _range(self) -> str:
        if await self._read("small", 2, 5) != b"234":
            raise CannotDoError(
                "The storage does not answer ranges; previews and downloads in parts need them."
            )
        return ""

    async def _list(self) -> str:
        top, below = await self._blobs.entries(".trackside-check"), await self._blobs.entries(self._path)
        if (self._path, True) not in {(e.path, e.is_dir) for e in top} or [
            (e.path, e.size_bytes) for e in below
        ] != [(f"{self._path}/small", 10)]:
            raise CannotDoError("The listing does not show what was just stored.")
        return ""

    async def _multipart(self) -> str:
        await self._blobs.put(f"{self._path}/large", _once(self._large))
        if await self._read("large", 0, len(self._large)) != self._large:
            raise CannotDoError("A file that was uploaded in parts came back different.")
        begun = self._blobs.requests
        if begun is None:
            return ""
        waiting = 0
        with self._blobs.translated():
            waiting = await asyncio.to_thread(lambda: sum(1 for _ in begun.unfinished()))
        return f"{waiting} unfinished uploads (--abort-unfinished HOURS gives old ones up)" if waiting else ""

    async def _presigned(self) -> str:
        direct = self._blobs.direct
        if direct is None:
            raise CannotDoError(_NO_KEYS)
        path = f"{self._path}/direct"
        upload_id, [url] = await direct.begin(path, 1)
        etag = (await asyncio.to_thread(self._exchange, url, "PUT", b"direct"))[0].get("ETag", "")
        await direct.complete(path, upload_id, [(1, etag)])
        url, size = await direct.download_url(path)
        if (await asyncio.to_thread(self._exchange, url, "GET"))[1] != b"direct" or size != 6:
            raise CannotDoError("What was read by a signed URL is not what was stored.")
        return ""

    async def _set_cors(self, origin: str) -> str:
        if self._blobs.requests is not None:
            with self._blobs.translated():
                await asyncio.to_thread(self._blobs.requests.allow_origin, origin)
        return f"pages of {origin} may read and write by signed URLs"

    async def _cors(self, origin: str) -> str:
        """Ask as a browser does before it sends anything: for the origin, else for one that nobody has allowed."""
        requests = self._blobs.requests
        if requests is None:
            raise CannotDoError(_NO_KEYS)
        url = requests.for_clients.url("GET", requests.key(f"{self._path}/small"))
        one = "" if origin == "*" else origin
        asked = {
            "Origin": one or f"https://{secrets.token_hex(8)}.example",
            "Access-Control-Request-Method": "GET",
        }
        try:
            headers, _ = await asyncio.to_thread(self._exchange, url, "OPTIONS", None, asked)
        except (CannotDoError, TracksideError):
            headers = {}
        allowed = {name.lower(): value for name, value in headers.items()}.get("access-control-allow-origin")
        if allowed in ("*", asked["Origin"]):
            return f"{f'pages of {one}' if one and allowed != '*' else 'any page'} may read by signed URLs"
        if origin:
            raise CannotDoError(
                f"Pages of {origin} cannot read by signed URLs: asked as a browser asks, the storage does not allow"
                " it. Give the origin as browsers send it (https://HOST, without a path), or allow it in the"
                " storage's own settings."
            )
        raise CannotDoError(
            "not for every page: pages elsewhere cannot read from the bucket by signed URLs, which only they need"
            " (--cors ORIGIN allows one, and tries it)"
        )

    async def _delete(self) -> str:
        await self._blobs.delete(self._path)
        try:
            (await self._blobs.open(f"{self._path}/small")).close()
        except NotFound:
            return ""
        raise CannotDoError(
            f"What was deleted is still there: remove {self._settings.url}/{self._path} by hand."
        )

    async def _read(self, name: str, start: int, end: int) -> bytes:
        blob = await self._blobs.open(f"{self._path}/{name}")
        try:
            return b"".join([piece async for piece in blob.chunks(start, end)])
        finally:
            blob.close()

    def _exchange(
        self, url: str, method: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[dict[str, str], bytes]:
        """As a client does, with nothing but the URL."""
        sent = {"Content-Type": "application/octet-stream", **(headers or {})}
        request = urllib.request.Request(url, body, sent, method=method)  # noqa: S310 - made by ourselves
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                return dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                code = code_of(error.read().decode("utf-8", "replace")) or str(error.code)
            raise CannotDoError(words(code, self._settings)) from None
        except OSError:
            at = urlsplit(url)
            raise CannotDoError(
                f"Signed URLs lead to {at.scheme}://{at.netloc}, which does not answer here: correct"
                " --s3-public-endpoint if clients do not reach it either."
            ) from None


_NO_KEYS = (
    "There are no keys (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile) but those of the machine's role,"
    " with which no URLs are signed: all files go through the server."
)


def _clock_skew(settings: StorageSettings) -> float:
    """Seconds by which the storage's clock is ahead; 0 where it does not tell."""
    at = settings.endpoint or f"https://s3.{settings.region}.amazonaws.com"
    if not settings.url.startswith("s3:"):
        return 0.0
    request = urllib.request.Request(at, method="HEAD")  # noqa: S310 - an http(s) endpoint
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            date = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        with error:
            date = error.headers.get("Date", "")
    except OSError:
        return 0.0  # the next request says that nobody answers
    try:
        told = dt.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=dt.UTC)
    except ValueError:
        return 0.0
    return (told - dt.datetime.now(dt.UTC)).total_seconds()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
