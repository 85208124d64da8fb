"""What data preparation raises."""

from __future__ import annotations


class DataError(Exception):
    """Preparing data failed; the message says what, where, and what to do about it."""


class OptionsError(DataError):
    """It was asked for something that makes no sense; the message names the option."""


class NoSourceError(OptionsError):
    """There is nothing to prepare: no source was given and the folder holds no images."""
