"""What an object store's refusals mean, in words. Its own texts go no further: some of them quote keys."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from obstore.exceptions import BaseError

from trackside.config import StorageSettings
from trackside.errors import NotFound, StorageRefused, TracksideError, Unavailable

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")

_KEY = "The storage does not know the access key: check AWS_ACCESS_KEY_ID (or the profile in ~/.aws/credentials)."
_TOKEN = "The session token is not valid any more: get new keys (AWS_SESSION_TOKEN)."  # noqa: S105 - words
_REGION = "The bucket '{bucket}' is not in the region '{region}': set AWS_REGION to the bucket's."
_NAME = "'{bucket}' is no name of a bucket: 3 to 63 small letters, digits, dots and hyphens."
_WORDS = {
    "NoSuchBucket": "The bucket '{bucket}' does not exist: make it (trackside storage check --create-bucket), or"
    " correct --artifacts. If it does exist, its endpoint may want the other --s3-addressing.",
    "InvalidBucketName": _NAME,
    "InvalidAccessKeyId": _KEY,
    "SignatureDoesNotMatch": "The secret key does not belong to the access key: check AWS_SECRET_ACCESS_KEY.",
    "AccessDenied": "The key may not do this in the bucket '{bucket}': it needs s3:GetObject, s3:PutObject,"
    " s3:DeleteObject, s3:ListBucket, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads.",
    "RequestTimeTooSkewed": "The clocks of this machine and of the storage differ by more than 15 minutes: set them"
    " (timedatectl, chrony).",
    "ExpiredToken": _TOKEN,
    "InvalidToken": _TOKEN,
    "AuthorizationHeaderMalformed": _REGION,
    "AuthorizationQueryParametersError": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "BucketAlreadyExists": "The bucket '{bucket}' is somebody else's: choose another name.",
}
_OF_STATUS = {"301": "PermanentRedirect", "403": "AccessDenied"}  # answers without a body say no more


class S3Error(Exception):
    """A refusal of an S3 server: its code, or the HTTP status when it gives none."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NoAnswer(Exception):
    """The storage was not reached, or did not answer in time."""


def code_of(text: str) -> str:
    """The code in an S3 server's XML, or in a message that quotes it; "" when there is none."""
    found = _CODE.search(text)
    if found:
        return found[1]
    status = _STATUS.search(text)
    if status:
        return _OF_STATUS.get(status[1], status[1])
    return next((code for code in _WORDS if code in text), "")  # within an answer about many objects


def words(code: str, settings: StorageSettings) -> str:
    """What a code means and what to do."""
    said = _WORDS.get(code)
    if said is None:
        return f"The storage refuses this ({code})."
    return said.format(bucket=settings.bucket, region=settings.region)


def unreachable(settings: StorageSettings) -> str:
    at = settings.endpoint or f"the storage of {settings.url}"
    return f"No answer from {at}. Is it running, and is the endpoint right?"


def meaning(error: Exception, settings: StorageSettings, path: str = "") -> TracksideError | None:
    """The error to answer with; None for one that no object store raises."""
    if isinstance(error, S3Error):
        code = error.code
    elif isinstance(error, BaseError | FileNotFoundError):
        code = code_of(str(error))
    elif isinstance(error, NoAnswer):
        code = ""
    else:
        return None
    if code in _WORDS:
        return StorageRefused(words(code, settings))
    if isinstance(error, FileNotFoundError):
        return NotFound(f"No such artifact: '{path}'")
    if not code:
        return Unavailable(unreachable(settings))
    if code.startswith("5") or code in ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout"):
        return Unavailable(f"The storage cannot answer just now ({code}); try again.")
    return StorageRefused(words(code, settings))


@contextlib.contextmanager
def translated(settings: StorageSettings, path: str = "") -> Iterator[None]:
    """Raises NotFound, StorageRefused or Unavailable for what the store raises."""
    try:
        yield
    except (BaseError, FileNotFoundError, S3Error, NoAnswer) as error:
        found = meaning(error, settings, path)
        if found is None:  # pragma: no cover - every class above has a meaning
            raise
        raise found from None
