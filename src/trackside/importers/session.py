"""One import from beginning to end: look at the source, open the target, move, read back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trackside.importers.glance import glance
from trackside.importers.move import Mover, Target
from trackside.importers.nul import WithoutNul
from trackside.importers.plan import Files, Uris
from trackside.importers.records import Experiment
from trackside.importers.report import Report
from trackside.importers.source import STORE, Source
from trackside.importers.state import State
from trackside.importers.verify import Verifier
from trackside.importers.writer import Writer

if TYPE_CHECKING:
    from trackside.config import ServerSettings


class Wanted(NamedTuple):
    """What is to be imported, and how."""

    files: Files = "copy"
    experiments: Sequence[str] = ()
    dry_run: bool = False
    server: str = ""  # http://… that the source's mlflow-artifacts:/ leads to
    beside: Path = Path()  # where the source's relative paths begin
    keep_references: bool = False  # an export's places outside of its store stay as they are


async def moved(settings: ServerSettings, source: Source, wanted: Wanted) -> Report:
    """Import a source into a store, which is made when there is none.

    Raises TracksideError: SourceError for a source that cannot be read, Conflict, StoreInUse beside a server on SQLite.
    """
    from trackside.core.app import places  # noqa: PLC0415 - tests/test_layout.py

    started = time.monotonic()
    if settings.store:
        source = WithoutNul(source)
    try:
        experiments = await source.experiments()  # before anything is made
        report = Report(source.name, places(settings), wanted.dry_run)
        uris = Uris(
            STORE, wanted.files, keeps=source.keeps_uris, references=wanted.keep_references,
            server=wanted.server, beside=wanted.beside,
        )  # fmt: skip
        state = State(settings.data_dir, source.identity, places(settings))
        if wanted.dry_run:
            there, versions = await glance(settings)
            target = Target(there, went=state.went, versions=versions)
            await Mover(source, target, uris, report, files=wanted.files, only=wanted.experiments).run(
                experiments
            )
        else:
            await _into(settings, source, wanted, (uris, report, experiments, state))
    finally:
        await source.close()
    report.seconds = time.monotonic() - started
    return report


async def _into(
    settings: ServerSettings,
    source: Source,
    wanted: Wanted,
    work: tuple[Uris, Report, list[Experiment], State],
) -> None:
    from trackside.core.app import App  # noqa: PLC0415 - tests/test_layout.py

    uris, report, experiments, state = work
    app = App.open(settings)
    try:
        writer = Writer(app, uris, keeps_uris=source.keeps_uris)
        target = Target(await writer.there(), writer, state, went=state.went)
        mover = Mover(source, target, uris, report, files=wanted.files, only=wanted.experiments)
        await mover.run(experiments)
        verifier = Verifier(app, writer, mover, report)
        await verifier.run()
        state.keep(verifier.wrong)
    finally:
        await app.close()
