"""Writes records into a store of Trackside, under the ids they have. To write them again changes nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from trackside.importers.plan import Planned, There, Uris
from trackside.importers.records import Experiment, LoggedModel, Points, Run, unhexed
from trackside.importers.registry import Registry

if TYPE_CHECKING:
    from trackside.blobs import Stored
    from trackside.core.app import App
    from trackside.store.database import Row, Transaction


class Place(NamedTuple):
    """An experiment of the target that runs go into."""

    id: int
    location: str
    keeps_id: bool
    created_ms: int = 0


class Written(NamedTuple):
    """A run or logged model that has its row."""

    number: int  # the store's own
    experiment: int
    artifact_uri: str
    was_there: bool


class Writer:
    """One store, opened for this import."""

    def __init__(self, app: App, uris: Uris, *, keeps_uris: bool) -> None:
        self._app = app
        self._uris = uris
        self._keeps_uris = keeps_uris
        self.registry = Registry(app, uris, keeps_uris=keeps_uris)

    async def there(self) -> list[There]:
        """The target's experiments."""

        async def job(tx: Transaction) -> list[There]:
            found = []
            for row in await tx.all("all_experiments"):
                empty = await tx.one("is_empty_experiment", id=row["id"]) if row["id"] == 0 else None
                found.append(
                    There(
                        row["id"],
                        row["name"],
                        row["lifecycle"],
                        row["artifact_location"],
                        empty is not None,
                        row["created_ms"],
                    )
                )
            return found

        return await self._app.db.read(job)

    async def experiments(self, planned: Sequence[Planned]) -> list[Place]:
        """Their rows and tags; those that are there keep all but tags."""

        async def job(tx: Transaction) -> list[Place]:
            new = {each.id for each in planned if each.is_new}
            # Those with an id first: those without must not get one of these.
            places = {}
            # Before them those that are renamed: another may get that name.
            for each in sorted(planned, key=lambda each: (each.is_new, each.id is None)):
                if each.id is None:
                    await tx.all("count_on_from_experiments")
                places[each.source.id] = await self._experiment(tx, each, new)
            await tx.all("count_on_from_experiments")
            return [places[each.source.id] for each in planned]

        return await self._app.db.write(job)

    async def _experiment(self, tx: Transaction, planned: Planned, new: set[int | None]) -> Place:
        source, number = planned.source, planned.id
        if planned.is_renamed:
            await tx.run("rename_experiment", id=number, name=source.name, now_ms=source.updated_ms)
        known = (
            await tx.one("experiment_by_name", name=source.name)
            if planned.is_new
            else await tx.one("experiment_by_id", id=number)
        )
        keeps = planned.keeps_id and await self._is_free(tx, source, new)
        if known is None and number is not None:
            await tx.run(
                "add_experiment_as",
                id=number,
                name=source.name,
                **self._fields(source, number, keeps),
            )
        elif known is None:
            row = await tx.insert(
                "add_experiment", name=source.name, artifact_location="", now_ms=source.created_ms
            )
            number = int(row["id"])
            await tx.run("become_experiment", id=number, **self._fields(source, number, keeps))
        else:
            number = int(known["id"])
            if planned.is_empty and planned.keeps_id:  # the default that a server has made at its first start
                await tx.run("become_experiment", id=number, **self._fields(source, number, keeps))
        tags = [{"id": number, "key": key, "value": value} for key, value in source.tags.items()]
        await tx.many("set_experiment_tag", tags)
        row = await tx.one("experiment_by_id", id=number) or {}
        return Place(number, row["artifact_location"], keeps, row["created_ms"])

    async def _is_free(self, tx: Transaction, source: Experiment, new: set[int | None]) -> bool:
        """Whether no experiment that was there before has its files where an export says this one's were: files are
        granted with the experiment in whose place they lie."""
        from trackside.core.artifacts import experiment_of_folder  # noqa: PLC0415 - tests/test_layout.py

        place = source.location.rstrip("/")
        if not self._keeps_uris or not f"{place}/".startswith(f"{self._app.blobs.uri}/"):
            return True
        others = {row["id"] for row in await tx.all("experiments_at_location", location=place)}
        numbered = experiment_of_folder(place.removeprefix(self._app.blobs.uri).lstrip("/"))
        if numbered is not None and await tx.one("experiment_by_id", id=numbered):
            others.add(numbered)
        return others - new <= {int(source.id)}

    def _fields(self, source: Experiment, number: int, keeps: bool) -> dict[str, Any]:
        is_inside = self._uris.is_inside(source.location)
        keeps = (self._keeps_uris and keeps and is_inside) or self._uris.keeps_reference(source.location)
        return {
            "artifact_location": source.location if keeps else f"{self._app.blobs.uri}/{number}",
            "lifecycle": source.lifecycle,
            "created_ms": source.created_ms,
            "updated_ms": source.updated_ms,
        }

    # --- runs

    async def existing(self, ids: Sequence[str]) -> set[str]:
        """Those of these runs and logged models that are in the store."""

        async def job(tx: Transaction) -> set[str]:
            rows = await tx.all("runs_by_uuid", run_uuids=_json(ids)) + await tx.all(
                "counts_of_logged_models", uuids=_json(ids)
            )
            return {row["uuid"] for row in rows}

        return await self._app.db.read(job)

    async def runs(self, runs: Sequence[Run], place: Place) -> list[Written]:
        """Their rows with all that belongs to them but points and files."""

        async def job(tx: Transaction) -> list[Written]:
            known = {
                row["uuid"] for row in await tx.all("runs_by_uuid", run_uuids=_json([run.id for run in runs]))
            }
            rows = [await self._run_row(tx, run, place, was_there=run.id in known) for run in runs]
            for kind, query in (("params", "set_param"), ("tags", "set_tag")):
                await tx.many(query, [
                    {"run_id": row["id"], "key": key, "value": value}
                    for run, row in zip(runs, rows, strict=True) for key, value in getattr(run, kind).items()
                ])  # fmt: skip
            for run, row in zip(runs, rows, strict=True):
                await _inputs(tx, run, row)
                await tx.run("mark_changed", experiment_id=row["experiment_id"], run_id=row["id"])
            return [
                Written(row["id"], row["experiment_id"], row["artifact_uri"], row["uuid"] in known)
                for row in rows
            ]

        return await self._app.db.write(job)

    async def _run_row(self, tx: Transaction, run: Run, place: Place, *, was_there: bool) -> Row:
        row = await tx.insert(
            "move_run",
            uuid=run.id,
            experiment_id=place.id,
            name=run.name,
            user_id=run.user_id,
            status=run.status,
            lifecycle=run.lifecycle,
            start_ms=run.start_ms,
            end_ms=run.end_ms,
            deleted_ms=_deleted_ms(run),
            artifact_uri=self._uris.target(run, place.id, place.location),
        )
        if was_there:
            for query in (
                "purge_params",
                "purge_tags",
                "purge_dataset_tags",
                "purge_dataset_uses",
                "purge_model_uses",
            ):
                await tx.run(query, id=row["id"])
            return await self._placed(tx, "place_run", row, "artifact_uri", run, place)
        return row

    async def _placed(
        self, tx: Transaction, query: str, row: Row, column: str, owner: Run | LoggedModel, place: Place
    ) -> Row:
        """One whose files an earlier import left where they were, and this one copies, gets a place of its own."""
        if not self._uris.copies(owner) or self._uris.is_inside(row[column]):
            return row
        uri = self._uris.target(owner, place.id, place.location)
        await tx.run(query, id=row["id"], uri=uri)
        return {**row, column: uri}

    async def points(self, run: Run, written: Written, points: Points) -> None:
        """A page of a run's points; those that are there already are not doubled."""
        from trackside.store.series.codec import Rows  # noqa: PLC0415 - tests/test_layout.py

        rows = Rows(
            points.key.astype("<i4"),
            points.step.astype("<i8"),
            points.time_ms.astype("<i8"),
            points.value.astype("<f8"),
        )

        async def job(tx: Transaction) -> None:
            await self._app.series.append_page(tx, written.number, points.names, rows)
            # Once more: a server on the same store may have ranked the run before it had these.
            await tx.run("mark_changed", experiment_id=written.experiment, run_id=written.number)

        await self._app.db.write(job, runs=(run.id,))

    async def pack(self, written: Written) -> None:
        """Pack what was written of a run's points, as a server would do in the background."""
        from trackside.core.compaction import compact_run  # noqa: PLC0415 - tests/test_layout.py
        from trackside.store.series.compact import Outdated  # noqa: PLC0415

        with contextlib.suppress(Outdated):  # a server on the same store does it
            await compact_run(self._app, written.number)

    # --- models

    async def logged_models(self, models: Sequence[LoggedModel], place: Place) -> list[Written]:
        """Their rows with params, tags and metrics."""

        async def job(tx: Transaction) -> list[Written]:
            return [await self._logged_model(tx, model, place) for model in models]

        return await self._app.db.write(job)

    async def _logged_model(self, tx: Transaction, model: LoggedModel, place: Place) -> Written:
        known = await tx.one("logged_model_by_uuid", uuid=model.id)
        row = await tx.insert(
            "move_logged_model",
            uuid=model.id,
            experiment_id=place.id,
            name=model.name,
            artifact_location=self._uris.target(model, place.id, place.location),
            status=model.status,
            status_message=model.status_message,
            lifecycle=model.lifecycle,
            model_type=model.model_type,
            source_run_uuid=model.run_id,
            created_ms=model.created_ms,
            updated_ms=model.updated_ms,
        )
        for query in ("purge_logged_model_params", "purge_logged_model_tags", "purge_logged_model_metrics"):
            await tx.run(query, id=row["id"])
        row = await self._placed(tx, "place_logged_model", row, "artifact_location", model, place)
        for kind in ("param", "tag"):
            pairs = [
                {"model_id": row["id"], "key": k, "value": v} for k, v in getattr(model, f"{kind}s").items()
            ]
            await tx.many(f"set_logged_model_{kind}", pairs)
        await tx.many("add_logged_model_metric", [_metric_row(model, metric) for metric in model.metrics])
        return Written(row["id"], row["experiment_id"], row["artifact_location"], known is not None)

    # --- files

    async def file(self, written: Written, path: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Store a file below an artifact root, whole or not at all. Raises InvalidParameter."""
        from trackside.core import artifacts  # noqa: PLC0415 - tests/test_layout.py

        root = artifacts.inside(self._app, written.artifact_uri)
        return await artifacts.put(self._app, f"{root}/{path}", chunks)

    async def sizes(self, artifact_uri: str) -> dict[str, int]:
        """The files below an artifact root with their sizes in bytes."""
        from trackside.core import artifacts  # noqa: PLC0415 - tests/test_layout.py

        found: dict[str, int] = {}
        waiting = [""]
        while waiting:
            for entry in await artifacts.entries(self._app, artifact_uri, waiting.pop(), listed=True):
                if entry.is_dir:
                    waiting.append(entry.path)
                else:
                    found[entry.path] = entry.size_bytes or 0
        return found


async def _inputs(tx: Transaction, run: Run, row: Row) -> None:
    for used in run.datasets:
        of = {"experiment_id": row["experiment_id"], "name": used.name, "digest": used.digest}
        values = {name: getattr(used, name) for name in ("source_type", "source", "schema", "profile")}
        await tx.run("add_dataset", **of, **values)
        use = await tx.one("add_run_dataset", run_id=row["id"], **of)
        if use is not None:
            tags = [{"id": use["id"], "key": key, "value": value} for key, value in used.tags.items()]
            await tx.many("set_run_dataset_tag", tags)
    read = [{"run_id": row["id"], "model_uuid": use.model_id} for use in run.models_read]
    await tx.many("add_model_input", read)
    wrote = [
        {"run_id": row["id"], "model_uuid": use.model_id, "step": use.step} for use in run.models_written
    ]
    await tx.many("add_model_output", wrote)


def _metric_row(model: LoggedModel, metric: Any) -> dict[str, Any]:
    value = unhexed(metric.value)
    nan = bool(np.isnan(value))
    return {
        "model_uuid": model.id,
        "key": metric.key,
        "timestamp_ms": metric.time_ms,
        "step": metric.step,
        "run_uuid": metric.run_id,
        "value": 0.0 if nan else value,
        "is_nan": int(nan),
        "dataset_name": metric.dataset_name,
        "dataset_digest": metric.dataset_digest,
    }


def _deleted_ms(run: Run) -> int | None:
    """When it was deleted; now, where the source does not say it: else the trash would be emptied of it at once."""
    if run.lifecycle != "deleted":
        return None
    return run.deleted_ms or time.time_ns() // 1_000_000


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()
