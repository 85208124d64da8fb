"""What an import has done: counts, what did not match, what was left out, how long it took."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from trackside.importers.records import LeftOut

KINDS = (
    *("experiments", "runs", "params", "tags", "metrics", "points", "datasets", "model_uses"),
    *("logged_models", "model_params", "model_tags", "model_metrics"),
    *("registered_models", "versions", "aliases", "files", "bytes"),
)  # fmt: skip
_EVERY_SECONDS = 1.0
MOST_NAMED = 20


@dataclass
class Report:
    """The outcome of an import; `is_good` when all that was read is in the target."""

    source: str
    target: str
    dry_run: bool = False
    found: Counter[str] = field(default_factory=Counter)  # in the source
    there: Counter[str] = field(default_factory=Counter)  # read back from the target
    skipped: int = 0  # runs and logged models that an earlier start had moved
    runs: Counter[str] = field(default_factory=Counter)  # new in the target, updated there, unchanged
    repeated: int = 0  # points that the source holds more than once
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def all_wrong(self) -> list[str]:
        """With what the source could not read of its own."""
        return self.wrong + [
            f"{each.what} was left out: {each.why}" for each in self.left_out if each.is_wrong
        ]

    @property
    def is_good(self) -> bool:
        if self.all_wrong or self.dry_run:
            return not self.all_wrong
        # What an earlier start has moved may have grown since.
        return all(self.there[kind] >= self.found[kind] for kind in KINDS)

    def leave(self, what: str, why: str, count: int = 1) -> None:
        """Count something that is not moved."""
        for index, known in enumerate(self.left_out):
            if (known.what, known.why) == (what, why):
                self.left_out[index] = known._replace(number=known.number + count)
                return
        self.left_out.append(LeftOut(what, count, why))

    def fields(self) -> dict[str, Any]:
        """For --json."""
        return {
            "source": self.source, "target": self.target, "dry_run": self.dry_run, "ok": self.is_good,
            "found": {kind: self.found[kind] for kind in KINDS},
            "there": None if self.dry_run else {kind: self.there[kind] for kind in KINDS},
            "runs": None if self.dry_run else {kind: self.runs[kind] for kind in ("new", "updated", "unchanged")},
            "skipped": self.skipped, "repeated_points": self.repeated, "wrong": self.all_wrong, "notes": self.notes,
            "left_out": [
                {"what": each.what, "number": each.number, "why": each.why}
                for each in self.left_out if not each.is_wrong
            ], "seconds": round(self.seconds, 3),
        }  # fmt: skip

    def text(self) -> str:
        """For people."""
        lines = [f"{'Would import' if self.dry_run else 'Imported'} from {self.source}:", ""]
        lines.append(f"{'':18}{'source':>16}" + ("" if self.dry_run else f"{'target':>16}"))
        for kind in KINDS:
            row = f"{kind.replace('_', ' '):18}{self.found[kind]:>16,}"
            same = self.found[kind] <= self.there[kind]
            lines.append(
                row if self.dry_run else f"{row}{self.there[kind]:>16,}{'' if same else '  DIFFERS'}"
            )
        lines.append("")
        if not self.dry_run:
            new, updated, unchanged = (self.runs[kind] for kind in ("new", "updated", "unchanged"))
            lines.append(f"Runs: {new:,} new, {updated:,} brought up to date, {unchanged:,} unchanged.")
        if self.repeated:
            lines.append(
                f"{self.repeated:,} points stood in the source more than once; the same point is kept once."
            )
        lines += _cut([f"Note: {each}." for each in self.notes])
        for what, count, why, is_wrong in self.left_out:
            if is_wrong:
                continue
            lines.append(f"Left out: {f'{count:,} ' if count >= 0 else ''}{what}: {why}.")
        lines += _cut([f"WRONG: {each}." for each in self.all_wrong])
        rate = (
            f"{self.found['runs'] / self.seconds:,.0f} runs/s, {self.found['points'] / self.seconds:,.0f} points/s"
            if self.seconds
            else ""
        )
        verdict = "Nothing was written" if self.dry_run else "Verified" if self.is_good else "NOT the same"
        lines.append(f"{verdict}. {self.seconds:.1f} s ({rate}).")
        return "\n".join(lines)


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_NAMED
    return lines if more <= 0 else [*lines[:MOST_NAMED], f"… and {more:,} more: see --json."]


class Progress:
    """A line on stderr once a second: over the last one on a terminal, below it in a log."""

    def __init__(self, report: Report, *, quiet: bool = False) -> None:
        self._report = report
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + _EVERY_SECONDS
        self._wrote = False

    def tick(self) -> None:
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        self._next = now + (_EVERY_SECONDS if self._terminal else 5 * _EVERY_SECONDS)
        found = self._report.found
        line = f"{found['runs']:,} runs, {found['points']:,} points, {found['files']:,} files ({found['bytes'] / 1e6:,.1f} MB)"
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()
        self._wrote = True

    def end(self) -> None:
        if self._wrote and self._terminal:
            sys.stderr.write("\r\x1b[K")
