"""Passwords: which are good enough, and argon2id hashes of them."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from trackside.errors import InvalidParameter, TooManyTries, Unavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LENGTH = 12  # characters at least, as MLflow has it
LONGEST = 1024
# 80 to 90 ms of one core here and 32 MiB for each guess (OWASP asks for 19 MiB and two passes).
_PASSES, _KIBIBYTES, _LANES = 3, 32 * 1024, 1
_WAITING = 100  # verifications that wait for their turn; beyond, somebody floods the server
_WAITING_OF_ONE = 8  # of them from one address: it must not take everybody's turns
_AT_ONCE = 2  # verifications side by side: bounds the memory and the cores that strangers can take

# Words that long passwords in the lists of attackers are made of, and those of MLflow's own documentation.
_KNOWN = (
    *("password", "passwort", "changeme", "letmein", "qwerty", "qwertz", "asdfgh", "welcome", "admin"),
    *("iloveyou", "trackside", "mlflow", "secret", "default", "123456", "abcdef", "000000", "111111"),
)


def check(password: str, name: str = "") -> None:
    """Raises InvalidParameter, in MLflow's words where it has any, for a password that is easily guessed."""
    if len(password) < LENGTH:
        raise InvalidParameter(f"Password must be at least {LENGTH} characters.")
    if len(password) > LONGEST:
        raise InvalidParameter(f"Password must be at most {LONGEST} characters.")
    plain = password.lower()
    rest = plain
    for word in (*_KNOWN, *([name.lower()] if len(name) > 2 else [])):
        rest = rest.replace(word, "")
    # What is left when the well-known words are taken out: "password1234" has "1234".
    if len(rest) < 5 or len(set(plain)) < 5 or plain in _runs():
        raise InvalidParameter("Password is one that everybody would guess; choose another.")


@cache
def _runs() -> frozenset[str]:
    """Passwords that only go along the keyboard or the digits."""
    rows = ("1234567890" * 4, "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")
    return frozenset(
        row[start:end]
        for row in rows
        for start in range(len(row))
        for end in range(start + LENGTH, len(row) + 1)
    )


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # noqa: PLC0415 - only a server with sign-in needs it

    return PasswordHasher(_PASSES, _KIBIBYTES, _LANES)


@cache
def _nobodys() -> str:
    """A hash that no password has, so that unknown names take as long as known ones."""
    return _hasher().hash(secrets.token_hex(16))


class Hashing:
    """Hashes and verifies in threads, a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._places = 0
        self._places_of: Counter[str] = Counter()

    @contextmanager
    def place(self, source: str) -> Iterator[None]:
        """A place among those who wait for a turn, to be taken before `is_right` is asked.

        Raises TooManyTries when many from this source wait already, Unavailable when too many wait at all.
        """
        if source and self._places_of[source] >= _WAITING_OF_ONE:
            raise TooManyTries(1, "Too many sign-ins at once from this address; wait 1 s.")
        if self._places >= _WAITING:
            raise Unavailable("Too many sign-ins at once; try again.")
        self._places += 1
        self._places_of[source] += 1
        try:
            yield
        finally:
            self._places -= 1
            self._places_of[source] -= 1
            if not self._places_of[source]:
                del self._places_of[source]

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has this hash; False, after the same time, for no hash at all."""
        async with self._turns:
            return await asyncio.to_thread(_verify, password, password_hash)

    async def hashed(self, password: str) -> str:
        """The hash of a new password. Raises Unavailable when too many wait."""
        with self.place(""):
            async with self._turns:
                return await asyncio.to_thread(_hasher().hash, password)


def _verify(password: str, password_hash: str | None) -> bool:
    from argon2.exceptions import VerificationError  # noqa: PLC0415

    try:
        right = _hasher().verify(password_hash or _nobodys(), password[:LONGEST])
    except (VerificationError, UnicodeEncodeError):
        return False
    return right and password_hash is not None
