"""Reads back what was imported and compares it with the source: counts of all, values of what was written now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackside.importers import reread
from trackside.importers.records import Version
from trackside.importers.report import Report
from trackside.importers.state import Done

if TYPE_CHECKING:
    from trackside.core.app import App
    from trackside.importers.move import Mover
    from trackside.importers.writer import Writer
    from trackside.store.database import Row, Transaction

_PAGE = 200
_OF_VERSION = ("stage", "status", "status_message", "description", "user_id", "run_link", "updated_ms")


class Verifier:
    """Compares one import with the store it was written to."""

    def __init__(self, app: App, writer: Writer, mover: Mover, report: Report) -> None:
        self._app = app
        self._writer = writer
        self._mover = mover
        self._report = report
        self.wrong: list[Done] = []  # runs and logged models that are to be moved again

    async def run(self) -> None:
        there = {each.id for each in await self._writer.there()}
        self._report.there["experiments"] = sum(place.id in there for place in self._mover.places)
        for page in _pages(list(self._mover.expected.values())):
            ids = [each.id for each in page]
            found = await self._counts(ids)
            values = await reread.values(self._app, [each for each in ids if each in self._mover.values])
            for each in page:
                await self._compare(each, found.get(each.id), values.get(each.id))
        await self._models()

    async def _counts(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        uuids = msgspec.json.encode(ids).decode()

        async def job(tx: Transaction) -> dict[str, dict[str, Any]]:
            found: dict[str, dict[str, Any]] = {}
            for row in await tx.all("counts_of_runs", uuids=uuids):
                points = await self._app.series.count(tx, row["id"])
                found[row["uuid"]] = {**dict(row), "runs": 1, "points": points, "model_uses": row["models"]}
            for row in await tx.all("counts_of_logged_models", uuids=uuids):
                kinds = {f"model_{kind}": row[kind] for kind in ("params", "tags", "metrics")}
                found[row["uuid"]] = {"artifact_uri": row["artifact_uri"], "logged_models": 1, **kinds}
            return found

        return await self._app.db.read(job)

    async def _compare(self, expected: Done, found: dict[str, Any] | None, values: str | None) -> None:
        if found is None:
            self._differs(expected, [f"{expected.id} is not there"])
            return
        if expected.counts.get("files"):
            sizes = await self._writer.sizes(found["artifact_uri"])
            found |= {"files": len(sizes), "bytes": sum(sizes.values())}
        fresh = expected.id in self._mover.fresh
        differs = []
        for kind, count in expected.counts.items():
            have = found.get(kind, 0)
            self._report.there[kind] += have
            # What an earlier start has moved may have grown since.
            if have < count or (fresh and have != count):
                differs.append(f"{expected.id} has {have:,} {kind.replace('_', ' ')}, the source {count:,}")
        if not differs and values != self._mover.values.get(expected.id):
            differs.append(f"{expected.id} has other params, tags, name, state or times than the source")
        if not differs:
            differs = await self._contents(expected, found)
        self._differs(expected, differs)

    async def _contents(self, expected: Done, found: dict[str, Any]) -> list[str]:
        """What differs in points and files that were written now."""
        points = self._mover.points.get(expected.id)
        # Else the target has more, of its own.
        has_all = expected.counts.get("points", 0) == found.get("points", 0)
        if points is not None and has_all and await reread.points(self._app, found["id"]) != points:
            return [f"{expected.id} has other points than the source"]
        hashes, uri = self._mover.hashes.get(expected.id, {}), found["artifact_uri"]
        return [
            f"'{path}' of {expected.id}: {fault}"
            for path, sha256 in hashes.items()
            if (fault := await reread.file_fault(self._app, uri, path, sha256))
        ]

    def _differs(self, expected: Done, lines: list[str]) -> None:
        if lines:
            self._report.wrong += lines
            self.wrong.append(Done(expected.id, "", expected.counts, expected.files))

    async def _models(self) -> None:
        from trackside.core import registry  # noqa: PLC0415 - tests/test_layout.py

        async def job(tx: Transaction) -> None:
            for model in self._mover.models:
                row = await tx.one("registered_model_by_name", name=model.name)
                if row is None:
                    self._report.wrong.append(f"the registered model '{model.name}' is not there")
                    continue
                rows = {
                    each["version"]: each for each in await tx.all("versions_of_model", model_id=row["id"])
                }
                told = await registry.loaded_versions(tx, list(rows.values()))
                tags = {each.version: each.tags.items() for each in told}
                versions = set(rows)
                wanted = {each.version for each in model.versions}
                self._report.wrong += [
                    f"model '{model.name}', version {each.version}: '{column}' is not the source's"
                    for each in model.versions
                    for column in _OF_VERSION
                    if _is_ours(rows.get(each.version), each)
                    and rows[each.version][column] != getattr(each, column)
                ]
                self._report.wrong += [
                    f"model '{model.name}', version {each.version}: its tags are not the source's"
                    for each in model.versions
                    if _is_ours(rows.get(each.version), each) and not each.tags.items() <= tags[each.version]
                ]
                aliases = {
                    (each["alias"], each["version"])
                    for each in await tx.all("aliases_of_models", model_ids=f"[{row['id']}]")
                } & set(model.aliases.items())
                self._report.there.update(
                    registered_models=1, versions=len(versions & wanted), aliases=len(aliases)
                )
                if wanted - versions or len(aliases) != len(model.aliases):
                    self._report.wrong.append(
                        f"the registered model '{model.name}' lacks versions or aliases"
                    )

        await self._app.db.read(job)


def _is_ours(row: Row | None, version: Version) -> bool:
    """Not one that the target had given to another: those have been named."""
    return row is not None and (row["created_ms"], row["run_uuid"]) == (version.created_ms, version.run_id)


def _pages(found: list[Done]) -> Iterator[list[Done]]:
    for start in range(0, len(found), _PAGE):
        yield found[start : start + _PAGE]
