"""The process that starts a stack's parts, keeps them running and stops them in order."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import msgspec

from trackside.stack import files, keys, ports, sockets, state
from trackside.stack.external import ExternalPostgres, ExternalS3
from trackside.stack.jupyter import Jupyter
from trackside.stack.keeper import Keeper, fingerprint
from trackside.stack.keys import Keys
from trackside.stack.parts import Part
from trackside.stack.postgres import Postgres
from trackside.stack.processes import Process
from trackside.stack.s3 import S3, S3Console
from trackside.stack.settings import CannotStart, StackSettings
from trackside.stack.sockets import Inner
from trackside.stack.state import Board, Lock, PartState
from trackside.stack.tracking import TrackingServer

_LOOK_S = 0.1
_ROOM = 8 * 2**20  # bytes without which nothing starts, not even to say why
# Exit codes: another supervisor has the stack; it cannot start, and the last line of its log says why.
IS_RUNNING, CANNOT_START = 3, 4

Tell = Callable[[PartState], None]


class IsRunning(Exception):
    """Another supervisor looks after this stack."""


def parts_of(settings: StackSettings, own: Keys, inner: Inner) -> list[Part]:
    """The parts that were asked for, in the order of their start."""
    kinds: dict[str, type[Part]] = {
        "postgres": ExternalPostgres if settings.external_postgres else Postgres,
        "s3": ExternalS3 if settings.external_s3 else S3,
        "s3-console": S3Console,
        "server": TrackingServer,
        "jupyter": Jupyter,
    }
    return [kind(settings, own, inner) for name, kind in kinds.items() if name in settings.parts]


def make_folders(settings: StackSettings) -> None:
    """Folders for its owner alone, but for the way to PostgreSQL's, which another user may need. Raises CannotStart."""
    places = settings.places
    files.check_owner(places.stack)
    try:
        if not places.data_dir.exists():
            places.data_dir.mkdir(parents=True)
            places.data_dir.chmod(0o711)
        files.make_own(places.stack)
        places.logs.mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(places.stack).free
    except OSError as error:
        raise CannotStart(
            f"No stack can be kept in {places.data_dir}: {error.strerror}. Name another --data-dir."
        ) from None
    if free < _ROOM:
        raise CannotStart(f"The disk of {places.data_dir} is full: {free // 2**20} MB are free.")


class Supervisor:
    """One stack. `run` returns when it was told to stop and everything has ended."""

    def __init__(self, settings: StackSettings, tell: Tell = lambda _: None) -> None:
        self.settings = settings
        self._lock = Lock(settings.places.lock)
        self._tell = tell
        self._asked_to_stop = (
            False  # no Event: a signal's handler that sets one can meet its own thread in it
        )
        self._failed = ""

    def stop(self) -> None:
        """Ask it to end everything and return."""
        self._asked_to_stop = True

    def run(self) -> None:
        """Raises IsRunning, or CannotStart when something was wrong before anything was started."""
        make_folders(self.settings)
        if not self._lock.take():
            raise IsRunning
        bypass_proxies(self.settings.host)
        try:
            self._run()
        finally:
            self._lock.release()

    def _run(self) -> None:
        before = state.load(self.settings.places)
        files.write(self.settings.places.settings, msgspec.json.encode(self.settings))
        own = keys.load(self.settings.places.secrets)
        parts = parts_of(self.settings, own, sockets.make_inner_ports(self.settings.places.ports))
        known = {old.name: old for old in before.parts} if before else {}
        # Until this is done the file still names what an earlier supervisor left.
        left = _fitting(parts, known)
        ours = {old.process.pid for old in known.values() if old.process}
        for part in parts:
            if part.name not in left:
                ports.check_free(part, ours)
        _end_others(known, left)
        rows = [_row(part, known[part.name] if part.name in left else None) for part in parts]
        board = Board(self.settings.places, rows, self._told)
        keepers = [Keeper(part, board, left.get(part.name)) for part in parts]
        for keeper in keepers:
            keeper.start()
        while not self._asked_to_stop:
            time.sleep(_LOOK_S)
            board.write_again()
        board.end()
        for keeper in reversed(keepers):
            keeper.stop()
        if self._failed:
            raise CannotStart(self._failed)

    def _told(self, part: PartState) -> None:
        """A stack that cannot start as a whole is not left half started."""
        if part.state == "failed":
            self._failed = part.detail
            self.stop()
        with suppress(OSError):  # a full disk, a terminal that has gone: no reason to leave the parts alone
            self._tell(part)


def bypass_proxies(host: str) -> None:
    """For this process and what it starts: parts reach each other directly, whatever proxy the network has."""
    for name in ("no_proxy", "NO_PROXY"):
        known = [each for each in os.environ.get(name, "").split(",") if each]
        os.environ[name] = ",".join(dict.fromkeys([*known, "127.0.0.1", "localhost", host]))


def _fitting(parts: list[Part], known: dict[str, PartState]) -> dict[str, Process]:
    """Part -> the process that an earlier supervisor left, if it is as we would start it."""
    kept = {}
    for part in parts:
        old = known.get(part.name)
        launch = part.launch() if old and old.process else None
        if old and old.process and launch is not None and fingerprint(launch) == old.launch:
            kept[part.name] = Process(old.process)
    return kept


def _end_others(known: dict[str, PartState], kept: dict[str, Process]) -> None:
    """End what an earlier supervisor left and we do not take over."""
    for name, old in reversed(known.items()):
        if old.process is not None and name not in kept:
            end_left(Process(old.process), name)


def end_left(process: Process, name: str) -> None:
    """End a process that a supervisor left, as its part would."""
    kinds = {each.name: each for each in (Postgres, S3, S3Console, TrackingServer, Jupyter)}
    kind = kinds.get(name, Part)  # another version may know more parts
    process.end(kind.stop_signal, kind.grace_s)


def _row(part: Part, left: PartState | None) -> PartState:
    """A part's state at the start; of what was taken over, with its process, so that it stays known."""
    row = PartState(name=part.name, url=part.url, folders=tuple(map(str, part.folders)))
    row.external = isinstance(part, ExternalPostgres | ExternalS3)
    if left is not None:
        row.process, row.launch, row.started_at = left.process, left.launch, left.started_at
    return row


def stop_on_signals(supervisor: Supervisor) -> None:
    """SIGTERM and Ctrl-C end everything in order."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        supervisor.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def main() -> None:
    """The detached supervisor: settings on standard input, progress in the state's file."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=StackSettings)
    supervisor = Supervisor(settings, _log)
    stop_on_signals(supervisor)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal that it was started from may close
    try:
        supervisor.run()
    except IsRunning:
        sys.exit(IS_RUNNING)
    except (CannotStart, OSError) as error:
        with suppress(OSError):
            print(" ".join(str(error).split()), file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(CANNOT_START)


def _log(part: PartState) -> None:
    pid = part.process.pid if part.process else "-"
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    print(moment, part.name, part.state, f"pid {pid}", part.detail, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
