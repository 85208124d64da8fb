"""Sends what webhooks are to be told: from the store, until it has arrived.

A delivery stays in the store until its receiver has answered 2xx, so one that was due when the
server ended is sent by the next. It may arrive twice (the answer can be lost), always with the
same id. Each webhook is sent to one at a time, in the order of the changes, and none waits for
another's slow receiver. After a failure all that waits for that receiver pauses: the first of
it keeps until when, in the store, so the next server pauses too.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import NamedTuple

from trackside.core import outbound
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.errors import InvalidParameter, TracksideError
from trackside.store.database import Job, Row, Transaction

log = logging.getLogger("trackside.webhooks")
AT_ONCE = 8  # receivers that are sent to at the same time
PATIENCE_MS = 24 * 3600 * 1000  # what is older when an attempt fails is given up
LONGEST_PAUSE_SECONDS = 15 * 60.0
PAUSE_SECONDS = 30.0  # after the store refused, or what nobody foresaw


class _Failure(NamedTuple):
    """Why a delivery did not arrive that may arrive later."""

    why: str
    asked: float | None = None  # seconds that the receiver wants to be left alone


class Deliveries:
    """The one sender of a server."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._busy: dict[int, asyncio.Task[None]] = {}  # by webhook

    async def run(self) -> None:
        """Send what is due, for ever; cancel it to stop. What is being sent then will be sent again."""
        due = self._app.deliveries_due
        try:
            while True:
                due.clear()
                seconds = None
                if self._is_sender:
                    seconds = await self._start()
                else:
                    await self._stop()
                try:
                    async with asyncio.timeout(seconds):
                        await due.wait()
                except TimeoutError:
                    pass
        finally:
            await self._stop()

    @property
    def _is_sender(self) -> bool:
        """Of several servers on one store only one sends, so that each webhook is still sent to one at a time."""
        peers = self._app.db.peers
        return peers is None or peers.leads

    async def _stop(self) -> None:
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _start(self) -> float | None:
        """Start what is due and not yet under way; seconds until the next is due, None when none is waiting."""
        busy = frozenset(self._busy)  # what ends while the rows are read may still be among them
        try:
            rows = await self._app.db.read(_next)
        except TracksideError as error:
            log.warning("webhooks wait: %s", error.message)
            return PAUSE_SECONDS
        for row in rows:
            hook = row["webhook_id"]
            if hook in busy:
                continue  # its end wakes us
            wait_ms: int = row["due_ms"] - now_ms()
            if wait_ms > 0:
                return wait_ms / 1000  # they come in the order of their time
            if len(self._busy) >= AT_ONCE:
                return None  # the end of one of them wakes us
            self._busy[hook] = asyncio.create_task(self._deliver(hook, row))
        return None

    async def _deliver(self, hook: int, row: Row) -> None:
        try:
            failure = await self._attempt(row)
            if failure is None:
                await self._app.db.write(_done(row))
            else:
                given_up = await self._app.db.write(_put_off(row, _pause(row["attempts"], failure.asked)))
                _say(row, failure.why, given_up)
        except TracksideError as error:  # the store's: the delivery is still in it
            log.warning("webhook %s: %s", row["name"], error.message)
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception:  # a mistake of ours must not be repeated as fast as it can be
            log.exception("webhook %s: %s", row["name"], row["event"])
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            del self._busy[hook]
            self._app.deliveries_due.set()

    async def _attempt(self, row: Row) -> _Failure | None:
        """Send once. None when the delivery is done with: it arrived, or no repetition could make it."""
        try:
            answer = await self._send(row)
        except (outbound.Unreachable, outbound.Unresolvable) as error:
            return _Failure(error.message)
        except InvalidParameter as error:  # an address that is not allowed any more: no attempt makes it so
            why = error.message
        else:
            if 200 <= answer.status < 300:
                return None
            why = f"it answered {answer.status}"
            if answer.status == 429 or answer.status >= 500:
                return _Failure(why, answer.retry_after_seconds)
        log.warning("webhook %s: %s (%s) is given up: %s", row["name"], row["event"], row["uuid"], why)
        return None

    async def _send(self, row: Row) -> outbound.Answer:
        body = row["body"].encode()
        headers = outbound.headers(row["uuid"], body, row["secret"])
        return await outbound.post(row["url"], body, headers, self._app.settings)


def _pause(attempts: int, asked: float | None) -> float:
    """1 s, 2 s, 4 s, … and up to half as much again, so that receivers are not met by all at once."""
    seconds = min(2.0 ** min(attempts, 16), LONGEST_PAUSE_SECONDS) * random.uniform(1, 1.5)  # noqa: S311
    return max(seconds, min(asked or 0, LONGEST_PAUSE_SECONDS))


async def _next(tx: Transaction) -> list[Row]:
    return await tx.all("next_deliveries")


def _done(row: Row) -> Job[None]:
    async def job(tx: Transaction) -> None:
        await tx.run("delete_delivery", id=row["id"])

    return job


def _put_off(row: Row, seconds: float) -> Job[int]:
    """Let all that waits for this receiver wait, without what has waited too long; how many that was."""

    async def job(tx: Transaction) -> int:
        hook = row["webhook_id"]
        first = await tx.one("first_delivery", webhook_id=hook)
        if first is None or (first["id"], first["due_ms"]) != (row["id"], row["due_ms"]):
            return 0  # deleted, or tried out or changed since this attempt began: the pause has ended
        now = now_ms()
        given_up = await tx.run("delete_old_deliveries", webhook_id=hook, before_ms=now - PATIENCE_MS)
        due = now + int(seconds * 1000)
        await tx.run("set_pause", webhook_id=hook, attempts=row["attempts"] + 1, due_ms=due)
        return given_up

    return job


def _say(row: Row, why: str, given_up: int) -> None:
    if not given_up:
        log.info("webhook %s: %s did not arrive: %s", row["name"], row["event"], why)
        return
    log.warning(
        "webhook %s: %d deliveries from more than %g hours ago are given up, the first of them %s (%s) at attempt %d: %s",
        row["name"],
        given_up,
        PATIENCE_MS / 3_600_000,
        row["event"],
        row["uuid"],
        row["attempts"] + 1,
        why,
    )
