"""Writes registered models and their versions, whose sources follow the files that were moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackside.importers.plan import Uris
from trackside.importers.records import RegisteredModel, Version

if TYPE_CHECKING:
    from trackside.core.app import App
    from trackside.store.database import Transaction


class Registry:
    """The registry of one store."""

    def __init__(self, app: App, uris: Uris, *, keeps_uris: bool) -> None:
        self._app = app
        self._uris = uris
        self._keeps_uris = keeps_uris
        self.outside: list[str] = []  # versions whose sources lie among nobody's artifacts that were moved
        self.refused = 0  # those of an export whose sources are not kept for that reason

    async def write(self, model: RegisteredModel) -> list[str]:
        """A registered model with its versions; what could not be written, in words."""
        self.outside += [
            f"{model.name} {each.version}" for each in model.versions if self._is_outside(each.source)
        ]
        last = max([model.last_version, *(each.version for each in model.versions)])

        async def job(tx: Transaction) -> list[str]:
            row = await tx.insert(
                "move_registered_model", name=model.name, description=model.description, last_version=last,
                created_ms=model.created_ms, updated_ms=model.updated_ms,
            )  # fmt: skip
            tags = [{"id": row["id"], "key": key, "value": value} for key, value in model.tags.items()]
            await tx.many("set_registered_model_tag", tags)
            refused = [
                version.version
                for version in model.versions
                if not await self._version(tx, row["id"], version)
            ]
            there = {version.version for version in model.versions} - set(refused)
            for alias, number in model.aliases.items():
                if number in there:
                    await tx.run("set_registered_model_alias", id=row["id"], alias=alias, version=number)
            return [taken(model.name, each) for each in refused]

        return await self._app.db.write(job)

    async def _version(self, tx: Transaction, model_id: int, version: Version) -> bool:
        at = {"model_id": model_id, "version": version.version}
        known = await tx.one("model_version", **at)
        if known and (known["created_ms"], known["run_uuid"]) != (version.created_ms, version.run_id):
            return False
        source, location = self._sources(version)
        await tx.run(
            "move_version",
            **at,
            stage=version.stage,
            status=version.status,
            status_message=version.status_message,
            description=version.description,
            user_id=version.user_id,
            source=source,
            storage_location=location,
            run_uuid=version.run_id,
            run_link=version.run_link,
            logged_model_uuid=version.model_id,
            created_ms=version.created_ms,
            updated_ms=version.updated_ms,
        )
        await tx.many(
            "set_model_version_tag",
            [{**at, "key": key, "value": value} for key, value in version.tags.items()],
        )
        return True

    def _sources(self, version: Version) -> tuple[str, str]:
        """The source of a version and its storage location, as they are now."""
        source = version.source
        location = version.location
        if location or not self._keeps_uris:
            location = self._uris.moved(location or source) or self._unless_refused(location or source)
        if not source.startswith(("models:", "runs:")):
            source = self._uris.moved(source) or self._unless_refused(source)
        return source, location or source

    def _unless_refused(self, source: str) -> str:
        if not self._uris.is_refused_source(source):
            return source
        self.refused += 1
        return ""

    def _is_outside(self, source: str) -> bool:
        is_place = "/" in source and not source.startswith(("models:", "runs:"))  # a prompt has none
        return is_place and not self._keeps_uris and self._uris.moved(source) is None


def taken(model: str, version: int) -> str:
    """That the target has given this number to another version."""
    return f"model '{model}', version {version}: the target has another version {version}"
