"""The record of who did what: changes of access, deletions, and what was refused."""

from __future__ import annotations

from trackside.core.accounts import NAME_LENGTH
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.model import AuditEntry
from trackside.store.database import Transaction

KEPT = 500_000  # entries; about 100 MB
MOST = 1000  # a page
_LENGTH = 500  # characters of a text, which strangers choose


async def add(app: App, *, who: str, action: str, detail: str, address: str, outcome: int) -> None:
    """Add an entry; it is on disk when this returns."""

    async def job(tx: Transaction) -> None:
        row = await tx.insert(
            "add_audit",
            time_ms=now_ms(),
            who=_kept(who, NAME_LENGTH),
            action=_kept(action),
            detail=_kept(detail),
            address=address,
            outcome=outcome,
        )
        if row["id"] % 1000 == 0:
            await tx.run("trim_audit", id=row["id"] - KEPT)

    await app.db.write(job)


def _kept(text: str, most: int = _LENGTH) -> str:
    """As it may be shown: strangers choose it, and a terminal obeys control characters. What is cut ends in "…"."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    shown = "".join(character if character.isprintable() else "\ufffd" for character in cut)
    return shown.encode("utf-8", "replace").decode()


async def entries(app: App, before: int | None, limit: int) -> list[AuditEntry]:
    """The newest entries, or those older than one, newest first."""

    async def job(tx: Transaction) -> list[AuditEntry]:
        rows = await tx.all(
            "audit_before", before=2**62 if before is None else before, limit=min(limit, MOST)
        )
        return [AuditEntry(**dict(row)) for row in rows]

    return await app.db.read(job)
