"""What preparing a data set came to: for a person as text, for a program as a dict."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackside.data.layout import CLASS_FOLDERS, CLASSES, SPLITS
from trackside.data.manifest import Manifest
from trackside.data.progress import amount, duration

SHOWN = 10  # of a long list


@dataclass(frozen=True)
class Report:
    """The outcome. `complete` says whether every class of every split has the expected number of images."""

    target: Path
    manifest: Manifest
    expected: dict[str, tuple[int, ...]]
    changed: bool  # False: it was all there and nothing was done
    seconds: float
    notes: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[str]:
        """Each way in which the counts are not the expected ones."""
        found = []
        for split in SPLITS:
            for folder, name, have, want in zip(
                CLASS_FOLDERS, CLASSES, self.manifest.counts[split], self.expected[split], strict=True
            ):
                if have != want:
                    missing = f"{want - have:,} missing" if have < want else f"{have - want:,} too many"
                    found.append(f"{split}/{folder} ({name}): {have:,} of {want:,} images, {missing}")
        found += [f"{path}: does not belong here" for path in self.manifest.strays]
        return found

    @property
    def complete(self) -> bool:
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        manifest = self.manifest
        return {
            "target": str(self.target),
            "kind": manifest.kind,
            "complete": self.complete,
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
            "images": sum(map(sum, manifest.counts.values())),
            "bytes": manifest.bytes,
            "digest": manifest.digest,
            "source": {
                "kind": manifest.source.kind,
                "where": manifest.source.where,
                "sha256": manifest.source.sha256,
            },
            "parameters": manifest.source.parameters,
            "classes": manifest.classes,
            "counts": manifest.counts,
            "expected": {split: list(counts) for split, counts in self.expected.items()},
            "differences": self.differences,
            "rejected": [
                {"path": r.path, "reason": r.reason, "moved_to": r.moved_to} for r in manifest.rejected
            ],
            "unplaced": [{"path": r.path, "reason": r.reason} for r in manifest.unplaced],
            "duplicates": manifest.duplicates,
            "notes": self.notes,
        }

    def text(self) -> str:
        """The table of counts, what differs, and what was put aside."""
        lines = [*self._table(), ""]
        lines += _named("Differences from what is expected", self.differences)
        lines += _named("Put aside", [_line(r.path, r.reason, r.moved_to) for r in self.manifest.rejected])
        lines += _named("Not part of the data set", [_line(r.path, r.reason) for r in self.manifest.unplaced])
        if self.manifest.duplicates:
            lines.append(f"{self.manifest.duplicates:,} files were second copies of others.")
        lines += self.notes
        images, size = sum(map(sum, self.manifest.counts.values())), amount(self.manifest.bytes, "B")
        state = "complete" if self.complete else "NOT complete"
        done = (
            f"prepared in {duration(self.seconds)}" if self.changed else "as prepared before; nothing to do"
        )
        lines.append(f"{self.target}: {images:,} images, {size}, {state}; {done}.")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        lines = [f"{'':26}" + "".join(f"{split:>18}" for split in SPLITS)]
        for index, (folder, name) in enumerate(zip(CLASS_FOLDERS, CLASSES, strict=True)):
            cells = [(self.manifest.counts[split][index], self.expected[split][index]) for split in SPLITS]
            lines.append(f"{folder}  {name:16}" + "".join(_cell(*cell) for cell in cells))
        totals = [(sum(self.manifest.counts[split]), sum(self.expected[split])) for split in SPLITS]
        lines.append(f"{'all':26}" + "".join(_cell(*cell) for cell in totals))
        return lines


def _cell(have: int, want: int) -> str:
    return f"{have:,}".rjust(18) if have == want else f"{have:,} of {want:,}".rjust(18)


def _line(path: str, reason: str, moved_to: str | None = None) -> str:
    return f"{path}: {reason}" + (f" -> {moved_to}" if moved_to else "")


def _named(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = [f"  … and {len(items) - SHOWN:,} more, in manifest.json"] if len(items) > SHOWN else []
    return [f"{title} ({len(items):,}):", *(f"  {item}" for item in items[:SHOWN]), *more, ""]
