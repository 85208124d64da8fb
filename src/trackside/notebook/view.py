"""One view of a notebook: drawn at once, then once a second by a thread until what it shows has ended."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Protocol

from trackside.notebook import asked, client
from trackside.notebook.asked import Asked, Experiment, OneRun
from trackside.notebook.best import Best
from trackside.notebook.page import State, page, text
from trackside.notebook.reading import Reader

EVERY_S = 1.0
AT_FIRST_S = 1.0  # that the notebook waits for the first answer
NEXT_RUN_S = 10.0  # that an experiment's next run may take to begin


class Handle(Protocol):
    """IPython's display handle."""

    def update(self, obj: Any, **kwargs: Any) -> None:
        """Show something else in its place."""


class View:
    """What `trackside.show` gives back. `stop()` ends the refreshing; what is shown stays."""

    def __init__(self, reader: Reader, address: str, pages: str) -> None:
        self._reader, self._address, self._pages = reader, address, pages
        self._state: State | None = None
        self._problem = ""
        self._content = self._first = self._bundle()
        self._stopped, self._drawn, self._shown = threading.Event(), threading.Event(), threading.Event()
        self._handle: Handle | None = None
        self._live_until = time.monotonic() + NEXT_RUN_S if isinstance(reader.asked, Experiment) else 0.0
        # A daemon: it keeps no kernel from ending.
        self._thread = threading.Thread(target=self._run, name="trackside.show", daemon=True)

    def __repr__(self) -> str:
        fresh = "refreshed every second; .stop() ends that" if self.is_live else "no longer refreshed"
        return f"<trackside.show {_words(self._reader.asked)} at {self._address}: {fresh}>"

    def _ipython_display_(self) -> None:
        """Nothing: as the last value of a cell it would be shown twice."""

    @property
    def is_live(self) -> bool:
        """Whether it is still being refreshed."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Refresh it no more."""
        self._stopped.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Until it is no longer refreshed; whether that is so."""
        self._thread.join(seconds)
        return not self.is_live

    def text(self) -> str:
        """What is shown, in words."""
        return text(self._state, self._pages, self._problem)

    # --- how it is kept fresh ------------------------------------------------

    def start(self, display: Any) -> None:
        """Show it by `IPython.display.display`, and begin."""
        self._thread.start()
        try:
            self._drawn.wait(AT_FIRST_S)
            self._first = self._content
            self._handle = display(self._first, raw=True, display_id=True)
        except BaseException:  # Ctrl-C: nothing was shown, so there is nothing to refresh
            self.stop()
            raise
        finally:
            self._shown.set()

    def read(self) -> bool:
        """Ask the server once; whether to ask again."""
        try:
            self._state = self._reader.read()
        except client.Away as away:
            self._problem = f"{away}. Trying again every second."
            return True
        except client.Refused as refused:
            self._problem = str(refused)
            return False
        self._problem = ""
        if self._state.is_live and isinstance(self._reader.asked, Experiment):
            self._live_until = time.monotonic() + NEXT_RUN_S
        return self._state.is_live or time.monotonic() < self._live_until

    def _bundle(self) -> dict[str, str]:
        return {"text/html": page(self._state, self._pages, self._problem), "text/plain": self.text()}

    def _run(self) -> None:
        try:
            self._keep_fresh()
        except Exception as error:  # noqa: BLE001  # a mistake of ours must not print into somebody's notebook
            self._draw({"text/plain": f"This view broke off: {type(error).__name__}: {error}"})

    def _keep_fresh(self) -> None:
        goes_on = True
        while goes_on and not self._stopped.is_set():
            goes_on = self.read()
            self._draw(self._bundle())
            if goes_on:
                self._stopped.wait(EVERY_S)

    def _draw(self, content: dict[str, str]) -> None:
        """Put it where the view is, once it is somewhere."""
        self._content = content
        self._drawn.set()
        self._shown.wait()
        if self._handle and content is not self._first:
            self._handle.update(content, raw=True)


def show(what: Any, *, metric: str | None, best: Best | None, filter_: str, limit: int) -> View:
    """See `trackside.show`."""
    wanted: Asked = asked.understood(what, filter_, limit)
    if best not in ("max", "min", None):
        raise ValueError(f"best is {best!r}; it must be 'max' or 'min', whichever value is the best")
    server = client.Client(client.tracking_uri())
    view = View(Reader(server, wanted, metric, best), server.address, server.pages)
    if display := _display():
        view.start(display)
    else:
        view.read()
        print(view.text())  # noqa: T201  # outside of a notebook this is its purpose
    return view


def _display() -> Any:
    """IPython's function, where there is a notebook to show something in."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if (
        getattr(shell, "kernel", None) is None
    ):  # none, or a terminal's, which could not replace what it has printed
        return None
    from IPython.display import display  # noqa: PLC0415  # only a notebook has it

    return display


def _words(of: Asked) -> str:
    if isinstance(of, OneRun):
        return f"run {of.run_id}"
    return f"experiment {of.name!r}" if isinstance(of, Experiment) else f"{len(of.run_ids)} runs"
