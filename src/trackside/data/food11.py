"""Prepare Food-11: fetch, check every image, organise by class, count, and record what was done."""

from __future__ import annotations

import itertools
import re
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trackside.data import files, images, manifest, sources
from trackside.data.archive import DamagedError, Limits, ZipSource
from trackside.data.errors import DataError, NoSourceError, OptionsError
from trackside.data.fetch import Patience
from trackside.data.layout import CLASS_FOLDERS, CLASSES, PUBLISHED, REJECTED, SPLITS, Place, Plan, plan
from trackside.data.manifest import Manifest, Reject, Source
from trackside.data.parallel import in_threads
from trackside.data.progress import Progress, on_stderr
from trackside.data.report import Report
from trackside.data.sources import FolderSource

KIND = "food11"
PUBLISHER = "https://www.epfl.ch/labs/mmspg/downloads/food-image-datasets/"
MIRROR = "https://www.kaggle.com/datasets/trolukovich/food11-image-dataset"


@dataclass(frozen=True)
class Settled:
    """One file after it was looked at: in its place, put aside with a reason, or a copy of another."""

    place: Place
    size: int = 0
    sha256: str = ""
    problem: str | None = None
    moved_to: str | None = None
    duplicate: bool = False

    @property
    def good(self) -> bool:
        """Whether it is in its place."""
        return not self.problem and not self.duplicate


def prepare(
    source: str | Path | None,
    target: str | Path,
    *,
    sha256: str | None = None,
    verify: bool = False,
    refetch: bool = False,
    keep_archive: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Report:
    """Make `target` hold Food-11 as `training|validation|evaluation/class_NN/CLASS_INDEX.jpg`.

    `source` is an http(s) address, a zip or a folder; None organises and checks what is in `target`.
    A folder that is finished is only looked at; `verify` reads every image and takes those that have
    changed from the source again, `refetch` takes all again. One that was interrupted is gone on with.
    Images that can't be decoded go to `target/rejected`. A report that is not `complete` raises nothing.

    Raises DataError if the source can't be had or is unsafe, or the disk fails: then `target` has what it
    had, and what the next try can go on from; OptionsError if what is asked for makes no sense, above all
    NoSourceError if there is no source and nothing in `target`.
    """
    start = time.monotonic()
    target, progress = Path(target).expanduser(), progress or on_stderr()
    given = "" if source is None else str(source)
    sha256 = _checked_sha256(sha256)
    with files.explain(target):
        known = _known(target)
        found = sources.describe(given, target)
        if found.kind == "folder":
            _known(Path(found.where))  # a stand-in is no source of Food-11
    if (
        known
        and not refetch
        and sources.recognised(found, known, sha256)
        and manifest.intact(target, known)
        and not (verify and _has_changed(target, known, found, progress))
    ):
        files.tidy_finished(target, keep_download=keep_archive)
        return Report(target, known, PUBLISHED, changed=False, seconds=time.monotonic() - start)
    _require_source(found, target, sha256)
    images.require_pillow()
    with files.claim(target):
        _known(target)  # again: another process may have made another data set here meanwhile
        with sources.open_source(
            given,
            found,
            target,
            sha256=sha256,
            refetch=refetch,
            limits=limits or Limits(),
            progress=progress,
            patience=patience,
        ) as opened:
            record = _organise(opened, found, target, progress)
        files.tidy(target, keep_download=keep_archive)
    return Report(target, record, PUBLISHED, changed=True, seconds=time.monotonic() - start)


def _require_source(found: Source, target: Path, sha256: str | None) -> None:
    """Refuse, before anything is written, what cannot be a source."""
    if found.kind == "missing":
        raise DataError(
            f"{found.where} does not exist. --from takes an http(s) address, a zip file or a folder."
        )
    if found.kind == "in place" and not _has_images(target):
        raise NoSourceError(_where_to_get(target))
    if sha256 and found.kind in ("folder", "in place"):
        raise OptionsError("--sha256 checks an archive; this source is a folder. Leave it out.")


def _organise(opened: ZipSource | FolderSource, found: Source, target: Path, progress: Progress) -> Manifest:
    todo = plan(opened.files())
    if not todo.claims:
        raise DataError(_nothing_in(found, todo) + _kept(opened, found))
    if not opened.in_place:
        present = manifest.scan(target)
        firsts = [claim[0] for claim in todo.claims]
        needed = sum(place.size for place in firsts if present.get(place.destination) != place.size)
        files.require_space(target, needed, "the data set")
    manifest.forget(target)
    work = partial(_settle_claim, mover=_Mover(opened, target))
    groups = in_threads(work, todo.claims, label="Checking images", unit="images", progress=progress)
    settled = [one for group in groups for one in group]
    if opened.in_place:
        _remove_emptied(target)
    return _record(settled, todo, found, target)


class _Mover:
    """Puts files where they belong. May be used from several threads."""

    def __init__(self, opened: ZipSource | FolderSource, target: Path) -> None:
        self.opened, self._target = opened, target
        self._aside = threading.Lock()

    def accept(self, place: Place, content: bytes) -> None:
        """Put a good image into the data set. Doing it again changes nothing."""
        self._put(place, place.destination, content)

    def reject(self, place: Place, content: bytes, *, rival: bool) -> str:
        """Put a file aside; where it is now. A rival of a good image has a `~` in its new name."""
        if self.opened.in_place and place.path.startswith(f"{REJECTED}/"):
            return place.path
        with self._aside:  # else two threads find the same name free, and one file replaces the other
            path = _free_name(self._target, f"{REJECTED}/{place.destination}", content, numbered=rival)
            self._put(place, path, content)
        return path

    def _put(self, place: Place, path: str, content: bytes) -> None:
        if self.opened.in_place:
            if place.path != path:
                files.move(self._target / place.path, self._target / path)
        elif not _holds(self._target / path, content):
            files.place(self._target, self._target / path, content)


def _settle_claim(claim: list[Place], *, mover: _Mover) -> list[Settled]:
    """Settle the files that claim one place: the first good one gets it."""
    settled, holder = list[Settled](), None
    for place in claim:
        if holder and not mover.opened.in_place and mover.opened.same(holder.path, place.path):
            settled.append(Settled(place, duplicate=True))
            continue
        settled.append(_settle(place, holder, mover))
        holder = holder or (place if settled[-1].good else None)
    return settled


def _settle(place: Place, holder: Place | None, mover: _Mover) -> Settled:
    """Check one file and put it where it belongs, or aside if it is broken or its place has a holder."""
    try:
        content = mover.opened.read(place.path)
    except DamagedError as error:
        return Settled(place, problem=str(error))
    problem = place.problem or images.defect(content)
    if problem:
        return Settled(place, problem=problem, moved_to=mover.reject(place, content, rival=False))
    if holder:
        moved_to = mover.reject(place, content, rival=True)
        return Settled(place, problem=f"same place as {holder.path}", moved_to=moved_to)
    mover.accept(place, content)
    return Settled(place, len(content), files.sha256_of_bytes(content))


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _free_name(target: Path, path: str, content: bytes, *, numbered: bool) -> str:
    """A name among the rejected that is free, or taken by the same content."""
    first = Path(path)
    numbers = itertools.count(2)
    candidate = first.with_name(f"{first.stem}~{next(numbers)}{first.suffix}") if numbered else first
    while (target / candidate).exists() and not _holds(target / candidate, content):
        candidate = first.with_name(f"{first.stem}~{next(numbers)}{first.suffix}")
    return candidate.as_posix()


def _record(settled: list[Settled], todo: Plan, found: Source, target: Path) -> Manifest:
    good = {one.place.destination: one for one in settled if one.good}
    counts = {
        split: [
            sum(1 for one in good.values() if one.place.folder == f"{split}/{name}") for name in CLASS_FOLDERS
        ]
        for split in SPLITS
    }
    present = manifest.scan(target)
    record = Manifest(
        kind=KIND,
        prepared_at=manifest.now(),
        source=found,
        classes=list(CLASSES),
        counts=counts,
        bytes=sum(one.size for one in good.values()),
        digest="",
        listing=manifest.listing(present.items()),
        rejected=[Reject(one.place.path, one.problem, one.moved_to) for one in settled if one.problem],
        unplaced=[Reject(path, reason) for path, reason in todo.unplaced],
        duplicates=sum(one.duplicate for one in settled),
        strays=[path for path in present if path not in good] + _strange_folders(target),
    )
    manifest.write(target, record, ((path, one.sha256) for path, one in good.items()))
    return record


def _strange_folders(target: Path) -> list[str]:
    """Folders that ImageFolder would take for classes, or fail on."""
    return sorted(
        f"{split}/{entry.name}/"
        for split in SPLITS
        if (target / split).is_dir()
        for entry in (target / split).iterdir()
        if entry.is_dir() and entry.name not in CLASS_FOLDERS
    )


def _remove_emptied(target: Path) -> None:
    """Remove the folders that organising in place has emptied: ImageFolder fails on an empty class."""
    for split in SPLITS:
        for folder in (target / split).glob("*/"):
            if not any(folder.iterdir()):
                folder.rmdir()


def _known(folder: Path) -> Manifest | None:
    """The manifest, if the folder was prepared before. Raises DataError if another data set is in it."""
    if files.mini_recipe(folder).exists():
        raise DataError(
            f"{folder} holds a small stand-in that was not finished. Finish it with `trackside data mini`, "
            "or choose another folder."
        )
    known = manifest.read(folder)
    if known and known.kind != KIND:
        raise DataError(f"{folder} holds another data set ({known.kind}). Choose another folder.")
    return known


def _has_changed(target: Path, known: Manifest, found: Source, progress: Progress) -> bool:
    """Whether reading every image shows a change. Raises DataError if there is no source to mend it from."""
    changed = manifest.verify(target, known)
    if not changed:
        return False
    named = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")
    what = f"{len(changed):,} files in {target} are not as they were prepared: {named}."
    if found.kind in ("in place", "missing"):
        raise DataError(f"{what} {_how_to_mend(target)}")
    progress.note(f"{what} Taking what differs from {found.where}.")
    return True


def _how_to_mend(target: Path) -> str:
    return (
        f"Give the source to have them replaced: trackside data food11 --verify --from SOURCE --to {target}\n"
        f"Or, to accept them as they are, remove {target / manifest.NAME} and run: trackside data food11 --to {target}"
    )


def _has_images(target: Path) -> bool:
    return target.is_dir() and bool(plan(FolderSource(target, target).files()).claims)


def _checked_sha256(text: str | None) -> str | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        raise OptionsError(f"--sha256 takes 64 hexadecimal digits, not '{text}'.")
    return text.strip().lower()


def _where_to_get(target: Path) -> str:
    return (
        f"{target} holds no Food-11 images, and no source was given. Get the archive from its publisher "
        f"({PUBLISHER}) or a mirror ({MIRROR}), then run: trackside data food11 --from ARCHIVE.zip --to {target}\n"
        "--from also takes an http(s) address or a folder. For a small stand-in made on this machine, "
        "run: trackside data mini"
    )


def _kept(opened: ZipSource | FolderSource, found: Source) -> str:
    if found.kind != "url" or not isinstance(opened, ZipSource):
        return ""
    return f" The download is kept: {opened.path}. With --refetch it is downloaded again."


def _nothing_in(found: Source, todo: Plan) -> str:
    seen = ", ".join(path for path, _ in todo.unplaced[:3]) or "nothing"
    inner = next((path for path, _ in todo.unplaced if path.lower().endswith(".zip")), None)
    advice = (
        f"It holds another archive, {inner}: unpack that and give it with --from."
        if inner
        else "Expected are training, validation and evaluation with CLASS_INDEX.jpg files or class folders."
    )
    return f"No Food-11 images in {found.where}; it has {seen}. {advice}"
