"""The one exception of data preparation."""

from __future__ import annotations


class DataError(Exception):
    """Preparing data failed; the message says what, where, and what to do about it."""


class NoSourceError(DataError):
    """There is nothing to prepare: no source was given and the folder holds no images."""
