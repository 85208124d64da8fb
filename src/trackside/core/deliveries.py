"""Sends what webhooks are to be told: from the store, until it has arrived.

A delivery stays in the store until its receiver has answered 2xx, so one that was due when the
server ended is sent by the next. It may arrive twice (the answer can be lost), always with the
same id. Each webhook is sent to one at a time, and none waits for another's slow receiver.
"""

from __future__ import annotations

import asyncio
import logging
import random

from trackside.core import outbound
from trackside.core.app import App
from trackside.core.names import now_ms
from trackside.errors import InvalidParameter, TracksideError
from trackside.store.database import Job, Row, Transaction

log = logging.getLogger("trackside.webhooks")
AT_ONCE = 8  # receivers that are sent to at the same time
PATIENCE_MS = 24 * 3600 * 1000  # then a delivery is given up
LONGEST_PAUSE_SECONDS = 15 * 60.0
PAUSE_SECONDS = 30.0  # after the store refused, or what nobody foresaw


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
                seconds = await self._start()
                try:
                    async with asyncio.timeout(seconds):
                        await due.wait()
                except TimeoutError:
                    pass
        finally:
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
            pause = await self._attempt(row)
            await self._app.db.write(_done(row) if pause is None else _put_off(row, pause))
        except TracksideError as error:  # the store's: the delivery is still in it
            log.warning("webhook %s: %s", row["name"], error.message)
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception:  # a mistake of ours must not be repeated as fast as it can be
            log.exception("webhook %s: %s", row["name"], row["event"])
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            del self._busy[hook]
            self._app.deliveries_due.set()

    async def _attempt(self, row: Row) -> float | None:
        """Send once. Seconds until the next attempt; None when there is none to be."""
        asked: float | None = None
        try:
            answer = await self._send(row)
        except (outbound.Unreachable, outbound.Unresolvable) as error:
            why, again = error.message, True
        except InvalidParameter as error:  # an address that is not allowed any more: no attempt makes it so
            why, again = error.message, False
        else:
            if 200 <= answer.status < 300:
                return None
            why, again = f"it answered {answer.status}", answer.status == 429 or answer.status >= 500
            asked = answer.retry_after_seconds
        if again and now_ms() - row["created_ms"] < PATIENCE_MS:
            log.info("webhook %s: %s did not arrive: %s", row["name"], row["event"], why)
            return _pause(row["attempts"], asked)
        log.warning(
            "webhook %s: %s (%s) is given up at attempt %d: %s",
            row["name"],
            row["event"],
            row["uuid"],
            row["attempts"] + 1,
            why,
        )
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


def _put_off(row: Row, seconds: float) -> Job[None]:
    async def job(tx: Transaction) -> None:
        await tx.run("put_off_delivery", id=row["id"], due_ms=now_ms() + int(seconds * 1000))

    return job
