"""What whoever starts a server with sign-in should know: where files can be reached past their permissions."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from typing import NamedTuple

from trackside.core.app import App
from trackside.store.database import Transaction

NAMED = 5  # overlaps; the rest is counted


class Overlap(NamedTuple):
    """Two experiments, one of which keeps its files at or below the other's place."""

    outer: int
    inner: int
    location: str  # the inner one's


async def warnings(app: App) -> list[str]:
    """One line for each thing that is not as it should be."""
    return [*_readable_folder(app), *_overlaps(await overlaps(app))]


async def overlaps(app: App) -> list[Overlap]:
    """Experiments in the artifact store whose places overlap. They come from before this was refused, or from
    who manages both."""

    async def job(tx: Transaction) -> list[tuple[str, int]]:
        rows = await tx.all("locations_in_store", store=app.blobs.uri)
        return sorted((f"{row['artifact_location'].rstrip('/')}/", row["id"]) for row in rows)

    found: list[Overlap] = []
    around: list[tuple[str, int]] = []  # the places that the one before lies in, and itself
    for location, number in await app.db.read(job):
        while around and not location.startswith(around[-1][0]):
            around.pop()
        if around:
            found.append(Overlap(around[-1][1], number, location.rstrip("/")))
        around.append((location, number))
    return found


def _overlaps(found: list[Overlap]) -> Iterable[str]:
    if found:
        pairs = ", ".join(f"{each.outer} and {each.inner} ({each.location})" for each in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield (
            f"The artifact locations of experiments overlap: {pairs}{more}. Files there belong to the longest"
            " location; give experiments with different readers locations of their own."
        )


def _readable_folder(app: App) -> Iterable[str]:
    if app.settings.storage is not None:
        return  # artifacts are in no folder, and there may be none
    folder = app.settings.artifact_dir.resolve()
    if all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents)):
        yield (
            f"Other users of this machine can reach the files in {folder}, whatever is granted here."
            f" To keep them out: chmod o= {app.settings.data_dir}"
        )
