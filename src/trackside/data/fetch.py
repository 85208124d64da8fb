"""Download one large file: goes on where it stopped, notices a changed or truncated file, tries again."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec

from trackside.data.errors import DataError
from trackside.data.files import CHUNK, alone, require_space, write_durably
from trackside.data.progress import Progress, amount

LONGEST_WAIT = 30.0  # seconds
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP states worth another try


@dataclass(frozen=True)
class Patience:
    """How hard to try."""

    attempts: int = 6  # without a new byte between them: half a minute of waiting in all
    timeout: float = 60.0  # seconds without a byte
    first_wait: float = 1.0  # seconds; doubles with each failure
    sleep: Callable[[float], None] = time.sleep


class Origin(msgspec.Struct, omit_defaults=True):
    """What the bytes of a .part file belong to; kept beside it."""

    url: str
    validator: str | None = None  # strong ETag or Last-Modified: proves that the file is still the same
    total: int | None = None  # bytes


class _Interrupted(Exception):
    """The transfer ended early, for a reason that may pass."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _TooLargeError(Exception):
    """The file is beyond the limit."""


def download(
    url: str,
    to: Path,
    *,
    limit: int,
    progress: Progress,
    patience: Patience | None = None,
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """Fetch `url` into the file `to`, going on from `to`.part if an earlier try left one.

    Does nothing if `to` is there already. `limit` is the largest size accepted, in bytes.
    `check` is given the whole file before it gets its name; if it raises an error, the file is removed.
    If another process is downloading it, waits until that has ended.
    Raises DataError when the server refuses or keeps failing; what came so far stays for the next try,
    if that could go on from it.
    """
    if to.exists():
        return
    part = to.with_name(f"{to.name}.part")
    with alone(part, lambda: progress.note(f"Another process is downloading {to}; waiting for it.")):
        if not to.exists():
            try:
                _persist(url, part, limit, progress, patience or Patience())
            except BaseException:
                if not _is_useful(part):
                    _discard(part)
                raise
            try:
                check(part)
            except BaseException:
                _discard(part)
                raise
            part.replace(to)
            _notes(part).unlink(missing_ok=True)
        else:  # meanwhile
            part.unlink()


def _persist(url: str, part: Path, limit: int, progress: Progress, patience: Patience) -> None:
    """Request it until the part is the whole file."""
    most, failures = part.stat().st_size, 0
    while True:
        try:
            _transfer(url, part, limit, progress, patience.timeout)
            return
        except _TooLargeError as error:
            _empty(part)
            raise DataError(
                f"{shown(url)} is too large: {error}. More than {amount(limit, 'B')} is refused."
            ) from error
        except _Interrupted as error:
            have = part.stat().st_size
            failures = 1 if have > most else failures + 1
            most = max(most, have)
            if failures >= patience.attempts:
                raise DataError(_gave_up(url, error, part)) from error
            wait = min(max(error.wait, patience.first_wait * 2 ** (failures - 1)), LONGEST_WAIT)
            progress.note(f"{error}; trying again in {wait:.0f} s")
            patience.sleep(wait)


def shown(url: str) -> str:
    """The URL without what may be secret in it: user, password and query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _transfer(url: str, part: Path, limit: int, progress: Progress, timeout: float) -> None:
    """One request; returns when the part is the whole file."""
    have, origin = part.stat().st_size, _read_notes(part)
    if origin is None or origin.url != url:
        origin = Origin(url)
    if have and have == origin.total:
        return
    if origin.validator is None:
        have = 0  # nothing proves that these bytes belong to the file of today
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "trackside"})  # noqa: S310
    if have and origin.validator:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", origin.validator)
    with _open(request, part, timeout) as response:
        start, total = _start_of(response, have, origin, part)
        if total is not None and total > limit:
            raise _TooLargeError(f"it has {amount(total, 'B')}")
        if total is not None:
            require_space(part.parent, total - start, "the download")
        if start == 0:
            _empty(part)
            write_durably(_notes(part), msgspec.json.encode(Origin(url, _validator(response), total)))
        _receive(response, part, start=start, total=total, limit=limit, progress=progress)


def _open(request: urllib.request.Request, part: Path, timeout: float) -> http.client.HTTPResponse:
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            _refused(request.full_url, part, error)
    except (OSError, http.client.HTTPException) as error:
        _failed(request.full_url, error)
    return response


def _refused(url: str, part: Path, error: urllib.error.HTTPError) -> NoReturn:
    if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        _empty(part)  # what is here does not fit the file there
        raise _Interrupted("the file on the server has changed: starting afresh")
    if error.code in PASSING:
        after = error.headers.get("Retry-After", "")
        raise _Interrupted(
            f"the server answered {error.code} {error.reason}", float(after) if after.isdigit() else 0
        )
    advice = {
        401: "It wants a sign-in: download it with your browser and give the file instead.",
        403: "It wants a sign-in, or the link has expired: download it with your browser and give the file instead.",
    }.get(error.code, "Check the address.")
    raise DataError(
        f"{shown(url)} can't be downloaded: the server answered {error.code} {error.reason}. {advice}"
    )


def _failed(url: str, error: Exception) -> NoReturn:
    """The connection could not be made, or broke."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    unknown = isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME
    if unknown or isinstance(reason, ssl.SSLCertVerificationError) or isinstance(error, ValueError):
        raise DataError(
            f"{shown(url)} can't be reached: {reason}. Check the address and the network."
        ) from error
    raise _Interrupted(f"the connection failed ({reason})") from error


def _start_of(
    response: http.client.HTTPResponse, have: int, origin: Origin, part: Path
) -> tuple[int, int | None]:
    """Where in the file the answer's body begins, and how long the whole file is."""
    if response.status != http.client.PARTIAL_CONTENT:
        length = response.headers.get("Content-Length")
        return 0, int(length) if length else None  # Range ignored, or the file has changed: all of it comes
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    total = int(found[2]) if found and found[2] != "*" else origin.total
    if not found or int(found[1]) != have or total != origin.total:
        _empty(part)
        raise _Interrupted("the server sent another part than asked for: starting afresh")
    return have, total


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    *,
    start: int,
    total: int | None,
    limit: int,
    progress: Progress,
) -> None:
    # Unbuffered, so that a killed process leaves every byte it got.
    with part.open("ab", buffering=0) as file, progress.meter("Downloading", total, "B", start) as meter:
        have = start
        while chunk := _read(response):
            have += len(chunk)
            if have > limit:
                raise _TooLargeError("more keeps coming")
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]  # may take less than it is given
            meter.advance(len(chunk))
    if total is not None and have < total:
        raise _Interrupted(f"the connection ended after {amount(have, 'B')} of {amount(total, 'B')}")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f"the connection broke ({error})") from error


def _validator(response: http.client.HTTPResponse) -> str | None:
    etag = response.headers.get("ETag")
    if etag and not etag.startswith("W/"):  # a weak one may stand for different bytes
        return etag
    return response.headers.get("Last-Modified")


def _empty(part: Path) -> None:
    with part.open("wb"):
        pass


def _discard(part: Path) -> None:
    part.unlink()
    _notes(part).unlink(missing_ok=True)


def _is_useful(part: Path) -> bool:
    """Whether a later try could go on from it: there are bytes, and something proves what they belong to."""
    have, origin = part.stat().st_size, _read_notes(part)
    return bool(have and origin and (origin.validator or have == origin.total))


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_notes(part: Path) -> Origin | None:
    try:
        return msgspec.json.decode(_notes(part).read_bytes(), type=Origin)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _gave_up(url: str, error: _Interrupted, part: Path) -> str:
    have, origin = part.stat().st_size, _read_notes(part)
    of = f" of {amount(origin.total, 'B')}" if origin and origin.total else ""
    kept = f"{amount(have, 'B')}{of} are kept in {part}; run the same command again to go on from there."
    return f"The download of {shown(url)} stopped: {error}. " + (
        kept if _is_useful(part) else "Nothing is kept; try again later."
    )
