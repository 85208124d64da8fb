"""Every error that Trackside raises on purpose, with the code and HTTP status it is answered with.

    TracksideError
    ├── InvalidParameter      400 INVALID_PARAMETER_VALUE
    ├── AlreadyExists         400 RESOURCE_ALREADY_EXISTS
    ├── BadRequest            400 BAD_REQUEST
    ├── FeatureDisabled       400 FEATURE_DISABLED
    ├── Unauthenticated       401 UNAUTHENTICATED
    ├── Forbidden             403 PERMISSION_DENIED
    ├── NotFound              404 RESOURCE_DOES_NOT_EXIST
    ├── TooLarge              413 INVALID_PARAMETER_VALUE
    ├── TooManyTries          429 RESOURCE_EXHAUSTED
    ├── InvalidState          500 INVALID_STATE
    ├── NotServed             501 NOT_IMPLEMENTED
    ├── Unavailable           503 TEMPORARILY_UNAVAILABLE
    ├── StorageFull           507 RESOURCE_EXHAUSTED
    ├── CorruptPoints         500 INTERNAL_ERROR (store/series/codec.py)
    ├── StoreInUse            at start
    └── StoreUnusable         at start

Codes are MLflow's, since its client shows and matches them. The first line of a class's
docstring is the message when none is given. MLflow's client retries 429, 500, 502, 503 and
504 for minutes, so a mistake of the caller must never be one of those.
"""

from __future__ import annotations


class TracksideError(Exception):
    """Something went wrong inside the server."""

    code = "INTERNAL_ERROR"
    status = 500

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        super().__init__(self.message)


class InvalidParameter(TracksideError):
    """A value in the request is not valid."""

    code = "INVALID_PARAMETER_VALUE"
    status = 400


class AlreadyExists(TracksideError):
    """Something with this name exists already."""

    code = "RESOURCE_ALREADY_EXISTS"
    status = 400


class BadRequest(TracksideError):
    """This cannot be done."""

    code = "BAD_REQUEST"
    status = 400


class FeatureDisabled(TracksideError):
    """This feature is turned off on this server."""

    code = "FEATURE_DISABLED"
    status = 400


class Unauthenticated(TracksideError):
    """You are not signed in, or what you signed in with is not valid."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(TracksideError):
    """Permission denied."""

    code = "PERMISSION_DENIED"
    status = 403


class NotFound(TracksideError):
    """There is no such thing."""

    code = "RESOURCE_DOES_NOT_EXIST"
    status = 404


class TooLarge(TracksideError):
    """The request's body is larger than this server takes."""

    code = "INVALID_PARAMETER_VALUE"
    status = 413


class TooManyTries(TracksideError):
    """Too many wrong passwords; wait before you try again."""

    code = "RESOURCE_EXHAUSTED"
    status = 429

    def __init__(self, wait_seconds: float, message: str = "") -> None:
        self.wait_seconds = wait_seconds
        super().__init__(message or f"Too many wrong passwords from here; wait {wait_seconds:.0f} s.")


class InvalidState(TracksideError):
    """The object is in a state that does not allow this.

    MLflow answers 500 here; its client then retries, as it does against MLflow itself.
    """

    code = "INVALID_STATE"
    status = 500


class NotServed(TracksideError):
    """This server's storage cannot do that."""

    code = "NOT_IMPLEMENTED"
    status = 501


class Unavailable(TracksideError):
    """The server cannot answer just now; try again."""

    code = "TEMPORARILY_UNAVAILABLE"
    status = 503


class StorageFull(TracksideError):
    """The server's disk is full or does not take writes: nothing of this request was stored. Send it again later."""

    code = "RESOURCE_EXHAUSTED"
    status = 507


class StoreInUse(TracksideError):
    """Another process serves this data folder."""


class StoreUnusable(TracksideError):
    """The database cannot be reached, read or written, or is damaged."""
