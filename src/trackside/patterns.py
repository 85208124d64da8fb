"""Regular expressions that users write: RE2, whose time is linear in the text, whatever the pattern.

Python's own engine backtracks, for hours on some patterns, and cannot be stopped meanwhile.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

LONGEST = 1000  # characters
MEMORY_BYTES = 256 * 1024  # of one compiled pattern: bounds its size, and so the time for a character of text


class BadPattern(ValueError):
    """Not a regular expression that RE2 takes. `offset` is the character, from 0, that the message is about."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@lru_cache(32)
def compiled(pattern: str) -> Any:
    """RE2's object; `.search(bytes)` finds the pattern anywhere in UTF-8 text. Raises BadPattern."""
    import re2  # noqa: PLC0415 - loaded by the first search that needs it

    if len(pattern) > LONGEST:
        raise BadPattern(f"a regular expression may have at most {LONGEST} characters", LONGEST)
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MEMORY_BYTES
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        said = error.args[0]
        message = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        # RE2 ends its message with the part that it is about.
        part = message.partition(": ")[2]
        raise BadPattern(message, max(pattern.rfind(part), 0) if part else 0) from None
