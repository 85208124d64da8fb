"""What every part of the stack has: a program, an address, a way to see that it answers."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from http.client import HTTPException
from pathlib import Path

from trackside.stack import sockets
from trackside.stack.keys import Keys
from trackside.stack.processes import Launch
from trackside.stack.settings import Places, StackSettings
from trackside.stack.sockets import Inner, reachable

ANSWER_SECONDS = 5


class NotReady(Exception):
    """A part does not answer as it should; the message says what it did instead."""


class Part(ABC):
    """One service of the stack. Raises CannotStart from `launch` where no try again would help."""

    name: str
    title: str  # as people call it
    needs: tuple[str, ...] = ()  # parts that must answer before it starts
    stop_signal = signal.SIGTERM
    grace_s = 10.0  # until it is ended the hard way
    start_s = 60.0  # until it must have answered

    def __init__(self, settings: StackSettings, keys: Keys, inner: Inner) -> None:
        self.settings = settings
        self.keys = keys
        self.inner = inner

    @property
    def places(self) -> Places:
        return self.settings.places

    @property
    @abstractmethod
    def url(self) -> str:
        """Its address, without secrets."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where its data are; none if they are not here."""
        return ()

    @property
    def ports(self) -> dict[int, str]:
        """The ports that it listens on -> the option that moves each; empty text for inner ones."""
        return {}

    @abstractmethod
    def launch(self) -> Launch | None:
        """Make its files and say how it is started; None for what runs elsewhere. Harmless, also while it runs."""

    def prepare(self) -> None:  # noqa: B027  # most parts need nothing
        """What must not be done while it runs: just before it is started."""

    @abstractmethod
    def answers(self) -> None:
        """Ask it something real. Raises NotReady."""

    def complete(self) -> None:  # noqa: B027  # most parts have nothing to make
        """Make what others expect of it: a database, a bucket. After it answered; harmless to repeat."""

    def clean_up(self) -> None:  # noqa: B027  # most parts leave nothing
        """Remove what it left outside of its folders. After it ended."""


def get(url: str, *, headers: dict[str, str] | None = None) -> bytes:
    """The body of a 200 from an address of this machine. Raises NotReady."""
    request = urllib.request.Request(reachable(url), headers=headers or {})  # noqa: S310
    try:
        with sockets.direct.open(request, timeout=ANSWER_SECONDS) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        raise NotReady(f"answers {error.code}") from None
    except (OSError, HTTPException) as error:
        raise NotReady(f"does not answer: {getattr(error, 'reason', error)}") from None


def refuses(url: str) -> bool:
    """Does an address of this machine turn away who says nothing of who he is? Raises NotReady."""
    try:
        get(url)
    except NotReady as answer:
        if str(answer) in ("answers 401", "answers 403"):
            return True
        raise
    return False
