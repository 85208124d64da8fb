"""Moves a source into a store: experiments, logged models, runs with points and files, registered models."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from trackside.errors import InvalidParameter
from trackside.importers.batches import Counted, batches
from trackside.importers.glance import Versions
from trackside.importers.plan import Planned, There, Uris, plain, plan
from trackside.importers.records import Experiment, File, LoggedModel, RegisteredModel, Run
from trackside.importers.registry import taken
from trackside.importers.report import Progress, Report
from trackside.importers.source import FileError, Missing, Source, SourceError, Unreachable, root_of
from trackside.importers.state import Done, Listing, State, Went, fingerprint, values_of, values_of_model
from trackside.importers.writer import Place, Writer, Written

AT_ONCE = 8  # runs whose points and files are under way
FILES_AT_ONCE = 8  # of all of them
LISTED = 256  # files of one owner that are looked at together
KEPT_AFTER = 16  # runs, whose lines in the state are written together

_ID = re.compile(r"[A-Za-z0-9][\w\-]{0,255}", re.ASCII)
MAYBE_WRONG = "is --files-from right? If nothing was logged there, give --files none"
REFUSED = "the places are somewhere else; --keep-references keeps them, for exports that you trust"
Owner = TypeVar("Owner", Run, LoggedModel)


class Target(NamedTuple):
    """Where to; a dry run has neither writer nor state."""

    there: list[There]  # its experiments
    writer: Writer | None = None
    state: State | None = None
    versions: Versions = {}  # its model versions, for a dry run
    went: Mapping[str, Went] = MappingProxyType({})  # where an earlier import put the source's experiments


class Mover:
    """One import. Killed at any moment, the next one with the same state goes on."""

    def __init__(
        self,
        source: Source,
        target: Target,
        uris: Uris,
        report: Report,
        *,
        files: str,
        only: Sequence[str] = (),
    ) -> None:
        self._source = source
        self._target = target
        self._writer = target.writer
        self._uris = uris
        self._report = report
        self._progress = Progress(report)
        self._mode = files
        self._only = only
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._file_turns = asyncio.Semaphore(FILES_AT_ONCE)
        self._finished: list[Done] = []
        self._unreachable: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()  # roots that are not there, by the place they should be in
        self._found: set[str] = set()  # such places of which at least one root is there
        # What the target must hold: by run and logged model, and by registered model.
        self.expected: dict[str, Done] = {}
        self.fresh: set[str] = set()  # those that were not there before
        # Of those that are written now: what they must say, as `values_of` has it, the sum of their points' marks, and
        # the SHA-256 of their files.
        self.values: dict[str, str] = {}
        self.points: dict[str, int] = {}
        self.hashes: dict[str, dict[str, bytes]] = {}
        self.models: list[RegisteredModel] = []
        self.places: list[Place] = []

    async def run(self, experiments: Sequence[Experiment]) -> None:
        """Move these. Raises SourceError or Conflict; what was written by then stays, and is not written again."""
        planned = plan(self._wanted(experiments), self._target.there, self._target.went)
        if self._mode == "reference":
            for each in planned:
                self._uris.reference(each.source.location)  # found out before anything is written
        if self._mode == "none":
            self._report.leave("artifacts", "--files none", -1)
        try:
            await self._run_all(planned)
        finally:
            self._keep()
            self._progress.end()
        for why, count in self._unreachable.items():
            self._report.wrong.append(
                f"the files of {count:,} runs and logged models could not be read: {why}"
            )
        self._report.wrong += [
            f"none of the {count:,} artifact folders below {place} is there: {MAYBE_WRONG}"
            for place, count in self._missing.items()
            if place not in self._found
        ]
        if self._writer and (outside := self._writer.registry.outside):
            named = ", ".join(outside[:5]) + (", …" if len(outside) > 5 else "")
            self._report.notes.append(
                f"{len(outside):,} model versions have sources outside of what was imported, which stay: {named}"
            )
        if self._writer and self._writer.registry.refused:
            self._report.leave("sources of model versions", REFUSED, self._writer.registry.refused)
        self._report.left_out += await self._source.left_out()

    async def _run_all(self, planned: Sequence[Planned]) -> None:
        self._report.notes += [
            f"experiment '{each.source.name}' {each.note}" for each in planned if each.note
        ]
        self.places = await self._placed(planned)
        self._report.found["experiments"] += len(planned)
        if refused := sum(self._uris.is_refused(each.source.location) for each in planned):
            self._report.leave("places of experiments", REFUSED, refused)
        for each, place in zip(planned, self.places, strict=True):
            async for models in self._source.logged_models(each.source):
                await self._logged_models(models, place)
        for each, place in zip(planned, self.places, strict=True):
            async for runs in self._source.runs(each.source):
                await self._runs(runs, place)
        async for model in self._source.registered_models():
            await self._registered(model)

    def _wanted(self, experiments: Sequence[Experiment]) -> Sequence[Experiment]:
        if not self._only:
            return experiments
        known = {each.name for each in experiments}
        if missing := [name for name in self._only if name not in known]:
            raise SourceError(f"{self._source.name} has no experiment '{missing[0]}'.")
        return [each for each in experiments if each.name in self._only]

    async def _placed(self, planned: Sequence[Planned]) -> list[Place]:
        if self._writer is None or self._target.state is None:
            return [Place(each.id or 0, "", each.keeps_id) for each in planned]
        places = await self._writer.experiments(planned)
        self._target.state.keep(map(self._went, planned, places))
        return places

    def _went(self, planned: Planned, place: Place) -> Went:
        source, before = planned.source, self._target.went.get(planned.source.id)
        named = source.name if planned.is_new or planned.is_renamed else before.name if before else ""
        return Went(source.id, place.id, named, source.created_ms, place.created_ms)

    # --- runs and logged models

    async def _runs(self, runs: list[Run], place: Place) -> None:
        new = await self._not_done(self._once(runs), place)
        written = await self._writer.runs(new, place) if self._writer and new else [None] * len(new)
        await all_of(self._run(run, place, at) for run, at in zip(new, written, strict=True))
        self._keep()

    async def _run(self, run: Run, place: Place, written: Written | None) -> None:
        async with self._turns:
            self._learn(run, place, written)
            counts = {
                "runs": 1, "params": len(run.params), "tags": len(run.tags), "datasets": len(run.datasets),
                "model_uses": len(run.models_read) + len(run.models_written),
            }  # fmt: skip
            names, counted = set[str](), Counted(repeats=self._source.repeats)
            async for points in batches(self._source.points(run)):
                names.update(points.names)
                count = counted.new(points)
                counts["points"] = counts.get("points", 0) + count
                self._report.repeated += len(points.step) - count
                if self._writer and written:
                    await self._writer.points(run, written, points)
                self._progress.tick()
            counts["metrics"] = len(names)
            self.points[run.id] = counted.sum()
            if names and self._writer and written:
                await self._writer.pack(written)
            self._note(run, counts, await self._files(run, written, counts))

    async def _logged_models(self, models: list[LoggedModel], place: Place) -> None:
        new = await self._not_done(self._once(models), place)
        written = await self._writer.logged_models(new, place) if self._writer and new else [None] * len(new)
        await all_of(self._logged_model(model, place, at) for model, at in zip(new, written, strict=True))
        self._keep()

    async def _logged_model(self, model: LoggedModel, place: Place, written: Written | None) -> None:
        async with self._turns:
            self._learn(model, place, written)
            counts = {
                "logged_models": 1, "model_params": len(model.params), "model_tags": len(model.tags),
                "model_metrics": len(model.metrics),
            }  # fmt: skip
            self._note(model, counts, await self._files(model, written, counts))

    async def _not_done(self, owners: list[Owner], place: Place) -> list[Owner]:
        """Those that no earlier start has moved whole, or that have changed in the source since."""
        state = self._target.state
        if state is None or self._writer is None:
            return owners
        known = {each.id: state.done.get(each.id) for each in owners}
        same = [each.id for each in owners if (done := known[each.id]) and done.print == self._print(each)]
        there = await self._writer.existing(same) if same else set()
        new = []
        for owner in owners:
            done = known[owner.id]
            if done is None or owner.id not in there or not await self._is_same(owner, done):
                new.append(owner)
                continue
            self._learn(owner, place, None)
            self.expected[owner.id] = done
            self._report.found.update(done.counts)
            self._report.skipped += 1
            self._report.runs["unchanged"] += isinstance(owner, Run)
        return new

    async def _is_same(self, owner: Run | LoggedModel, done: Done) -> bool:
        """Whether neither its files nor, as far as the source can say, its points have changed."""
        if (
            isinstance(owner, Run)
            and not self._source.tells_changes
            and owner.status in ("RUNNING", "SCHEDULED")
        ):
            return False  # more points may have come
        return not self._uris.copies(owner) or await self._listing(owner) == done.files

    async def _listing(self, owner: Run | LoggedModel) -> str:
        listing = Listing()
        try:
            async for file in self._list(owner):
                listing.add(file)
        except Unreachable:
            return ""
        return listing.print()

    async def _list(self, owner: Run | LoggedModel) -> AsyncIterator[File]:
        """Its files; notes which places have shown to be the right ones."""
        place = _above(owner)
        try:
            async for file in self._source.files(owner):
                yield file
        except Missing:
            self._missing[place] += 1
        else:
            self._found.add(place)

    def _once(self, owners: Sequence[Owner]) -> list[Owner]:
        """A server's pages may tell one twice, when others begin meanwhile. Ids become parts of paths."""
        if bad := [each.id for each in owners if not _ID.fullmatch(each.id)]:
            raise SourceError(
                f"{self._source.name} is damaged: {bad[0]!r} is no id of a run or logged model."
            )
        return [each for each in {each.id: each for each in owners}.values() if each.id not in self.expected]

    def _learn(self, owner: Run | LoggedModel, place: Place, written: Written | None) -> None:
        if self._uris.is_refused(root_of(owner)):
            self._report.leave("references to files that are not in the export", REFUSED)
        if written:
            if not written.was_there:
                self.fresh.add(owner.id)
            if isinstance(owner, Run):
                self._report.runs["updated" if written.was_there else "new"] += 1
                self.values[owner.id] = values_of(owner, owner.params, owner.tags)
            else:
                self.values[owner.id] = values_of_model(owner)
            self._uris.learn(owner, written.artifact_uri)
        elif self._writer:
            self._uris.learn(owner, self._uris.target(owner, place.id, place.location))

    def _print(self, owner: Run | LoggedModel) -> str:
        return fingerprint(owner, self._mode)

    def _note(self, owner: Run | LoggedModel, counts: dict[str, int], listing: str | None) -> None:
        """It is moved whole; without its files it is done again by the next start."""
        done = Done(owner.id, "" if listing is None else self._print(owner), counts, listing or "")
        self.expected[owner.id] = done
        self._report.found.update(counts)
        self._finished.append(done)
        if len(self._finished) >= KEPT_AFTER:
            self._keep()
        self._progress.tick()

    def _keep(self) -> None:
        if self._target.state is not None:
            self._target.state.keep(self._finished)
        self._finished = []

    # --- files

    async def _files(
        self, owner: Run | LoggedModel, written: Written | None, counts: dict[str, int]
    ) -> str | None:
        """Copy the files below its root, if they are to be copied: what their list is known by.

        None when some cannot be read.
        """
        if not self._uris.copies(owner):
            return ""
        known = await self._known(owner, written)
        listing, failed = Listing(), list[str]()
        waiting: list[File] = []
        try:
            async for file in self._list(owner):
                listing.add(file)
                waiting.append(file)
                if len(waiting) == LISTED:
                    await all_of(self._file(owner, written, each, known, counts, failed) for each in waiting)
                    waiting = []
            await all_of(self._file(owner, written, each, known, counts, failed) for each in waiting)
        except Unreachable as error:
            self._unreachable[error.message] += 1
            return None
        self._report.wrong += failed
        return None if failed else listing.print()

    async def _known(self, owner: Run | LoggedModel, written: Written | None) -> dict[str, int]:
        """Files that need not be copied again, with their sizes: those that were, if none has changed since."""
        done = self._target.state.done.get(owner.id) if self._target.state else None
        if not (self._writer and written and written.was_there and done and done.files):
            return {}
        same = await self._listing(owner) == done.files
        return await self._writer.sizes(written.artifact_uri) if same else {}

    async def _file(
        self,
        owner: Run | LoggedModel,
        written: Written | None,
        file: File,
        known: dict[str, int],
        counts: dict[str, int],
        failed: list[str],
    ) -> None:
        async with self._file_turns:
            if file.error:
                failed.append(f"'{file.path}' of {owner.id} cannot be read: {file.error.rstrip('.')}")
                return
            size = file.size_bytes
            if self._writer and written and (size is None or known.get(file.path) != size):
                try:
                    stored = await self._writer.file(written, file.path, self._source.content(owner, file))
                    self.hashes.setdefault(owner.id, {})[file.path] = stored.sha256
                    size = stored.size_bytes
                except InvalidParameter:
                    self._report.leave("files", f"the store takes no such names as {file.path!r}")
                    return
                except FileError as error:
                    failed.append(f"'{file.path}' of {owner.id} was not copied: {error.message.rstrip('.')}")
                    return
            counts["files"] = counts.get("files", 0) + 1
            counts["bytes"] = counts.get("bytes", 0) + (size or 0)
            self._progress.tick()

    # --- the registry

    async def _registered(self, model: RegisteredModel) -> None:
        if self._only:
            kept = [
                each
                for each in model.versions
                if each.run_id in self.expected or each.model_id in self.expected
            ]
            if not kept:
                return
            model.versions, numbers = kept, {each.version for each in kept}
            model.aliases = {alias: number for alias, number in model.aliases.items() if number in numbers}
        self.models.append(model)
        self._report.found.update(
            registered_models=1, versions=len(model.versions), aliases=len(model.aliases)
        )
        if self._writer:
            self._report.wrong += await self._writer.registry.write(model)
        else:
            known = self._target.versions
            self._report.wrong += [
                taken(model.name, each.version)
                for each in model.versions
                if known.get((model.name, each.version), of := (each.created_ms, each.run_id)) != of
            ]


def _above(owner: Run | LoggedModel) -> str:
    """PLACE of PLACE/EXPERIMENT/RUN/artifacts or PLACE/EXPERIMENT/models/MODEL/artifacts."""
    return plain(root_of(owner)).rsplit("/", 3 if isinstance(owner, Run) else 4)[0]


async def all_of(work: Iterable[Awaitable[None]]) -> None:
    """Do all of this side by side; the first error ends the rest and is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    if not tasks:
        return
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
