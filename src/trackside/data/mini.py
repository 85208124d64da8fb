"""Make a small stand-in for Food-11: the same classes, folders and names, from pictures composed on this machine."""

from __future__ import annotations

import importlib.metadata
import re
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackside.data import files, glyphs, images, manifest
from trackside.data.errors import DataError, OptionsError
from trackside.data.layout import CLASSES, SPLITS, class_folder
from trackside.data.manifest import Manifest, Source
from trackside.data.parallel import in_threads
from trackside.data.progress import Progress, on_stderr
from trackside.data.report import Report

if TYPE_CHECKING:
    from trackside.data.scenes import Studio

KIND = "mini"
PER_CLASS = (60, 20, 20)  # 660, 220 and 220 images
SIZE = 512  # pixels, the longer side, as in Food-11
MOST_PER_CLASS = 10_000
_OURS = re.compile(r"\w+/class_\d\d/\d+_\d+\.jpg")
SOURCES = ("auto", "glyphs", "shapes")


@dataclass(frozen=True)
class _Job:
    """One image to be made."""

    split: int
    label: int
    index: int

    @property
    def path(self) -> str:
        return f"{SPLITS[self.split]}/{class_folder(self.label)}/{self.label}_{self.index}.jpg"


class _Recipe(msgspec.Struct):
    """What decides every byte; kept while the work goes on, so that a restart knows what is already right."""

    parameters: dict[str, str]
    clearing: bool  # images of another recipe are being removed


def make(
    target: str | Path,
    *,
    seed: int = 0,
    per_class: tuple[int, int, int] = PER_CLASS,
    size: int = SIZE,
    pictures: str = "auto",
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Make `per_class` images of each class for training, validation and evaluation under `target`.

    `size` is the longer side in pixels. `pictures` is `glyphs` (an npm package, fetched once into
    `cache`), `shapes` (drawn here) or `auto` (glyphs if they can be had). The same arguments and the
    same versions of NumPy and Pillow give the same bytes. A finished folder is only looked at, an
    interrupted one is gone on with, one made with other arguments is made anew.

    Raises DataError if the folder holds anything else, or the disk fails; OptionsError for a number
    out of range.
    """
    start = time.monotonic()
    target, progress = Path(target).expanduser(), progress or on_stderr()
    _check(per_class, size, pictures, seed)
    _require_libraries()
    expected = {split: (count,) * len(CLASSES) for split, count in zip(SPLITS, per_class, strict=True)}
    wanted = _parameters(seed, per_class, size)
    known = _known(target)
    if known and _made_alike(known, wanted, pictures) and manifest.intact(target, known):
        files.tidy_finished(target)
        return Report(target, known, expected, changed=False, seconds=time.monotonic() - start)
    folder = Path(cache) if cache else Path.home() / ".cache" / "trackside"
    found = glyphs.pictures(pictures, folder.expanduser(), progress)
    with files.claim(target):
        known = _known(target)  # again: another process may have made other images here meanwhile
        source = Source(found.kind, found.where, found.sha256, parameters=wanted)
        _clear_others(target, _Recipe({**wanted, "pictures": found.kind}, clearing=False), known)
        record = _make_all(found, source, target, (seed, per_class, size), progress)
        files.tidy(target)
    notes = [found.note] if found.note else []
    return Report(target, record, expected, changed=True, seconds=time.monotonic() - start, notes=notes)


def _make_all(
    found: glyphs.Pictures,
    source: Source,
    target: Path,
    what: tuple[int, tuple[int, int, int], int],
    progress: Progress,
) -> Manifest:
    from trackside.data.scenes import Studio  # noqa: PLC0415  (needs NumPy and Pillow)

    seed, per_class, size = what
    jobs = [
        _Job(split, label, index)
        for split, count in enumerate(per_class)
        for label in range(len(CLASSES))
        for index in range(count)
    ]
    work = partial(_make_one, studio=Studio(found.by_class, size, seed), target=target)
    sums = in_threads(work, jobs, label="Making images", unit="images", progress=progress)
    present = manifest.scan(target)
    record = Manifest(
        kind=KIND,
        prepared_at=manifest.now(),
        source=source,
        classes=list(CLASSES),
        counts={split: [count] * len(CLASSES) for split, count in zip(SPLITS, per_class, strict=True)},
        bytes=sum(present[path] for path, _ in sums),
        digest="",
        listing=manifest.listing(present.items()),
        strays=sorted(present.keys() - {path for path, _ in sums}),
    )
    manifest.write(target, record, sums)
    return record


def _make_one(job: _Job, *, studio: Studio, target: Path) -> tuple[str, str]:
    """Make one image, unless it is there already; its path and SHA-256."""
    path = target / job.path
    content = path.read_bytes() if path.is_file() else b""
    if images.defect(content):
        content = studio.photo(job.split, job.label, job.index)
        files.place(target, path, content)
    return job.path, files.sha256_of_bytes(content)


def _known(target: Path) -> Manifest | None:
    """The manifest of a set made here before. Raises DataError if the folder holds anything else."""
    known = manifest.read(target)
    other = known.kind if known and known.kind != KIND else None
    if other or (known is None and not files.mini_recipe(target).exists() and manifest.scan(target)):
        raise DataError(
            f"{target} holds another data set ({other or 'not made by this command'}). "
            "Choose another folder with --to."
        )
    return known


def _made_alike(known: Manifest, wanted: dict[str, str], pictures: str) -> bool:
    """Whether a finished set is what is asked for. Newer libraries are no reason to make it again."""
    was = known.source.parameters
    alike = all(was.get(name) == wanted[name] for name in ("seed", "per_class", "size"))
    return alike and pictures in ("auto", known.source.kind)


def _clear_others(target: Path, recipe: _Recipe, known: Manifest | None) -> None:
    """Remove images made by another recipe, so that those left are right. Can be interrupted anywhere."""
    path = files.mini_recipe(target)
    try:
        before = msgspec.json.decode(path.read_bytes(), type=_Recipe)
    except (FileNotFoundError, msgspec.DecodeError):
        before = None
    if before == recipe:
        return
    if before or known:
        files.write_durably(path, msgspec.json.encode(_Recipe(recipe.parameters, clearing=True)))
        manifest.forget(target)
        for image in manifest.scan(target):
            if _OURS.fullmatch(image):  # what a user has put there is not ours to remove
                (target / image).unlink()
    files.write_durably(path, msgspec.json.encode(recipe))


def _parameters(seed: int, per_class: tuple[int, int, int], size: int) -> dict[str, str]:
    return {
        "seed": str(seed),
        "per_class": ",".join(map(str, per_class)),
        "size": str(size),
        **{name: importlib.metadata.version(name) for name in ("numpy", "pillow")},
    }


def _check(per_class: tuple[int, int, int], size: int, pictures: str, seed: int) -> None:
    if min(per_class) < 1 or max(per_class) > MOST_PER_CLASS:
        raise OptionsError(
            f"The images per class and split must be 1 to {MOST_PER_CLASS:,}, not {per_class}."
        )
    if not 32 <= size <= 4096:
        raise OptionsError(f"The size must be 32 to 4096 pixels, not {size}.")
    if pictures not in SOURCES:
        raise OptionsError(f"Pictures are one of {', '.join(SOURCES)}, not {pictures}.")
    if seed < 0:
        raise OptionsError(f"The seed must not be negative, not {seed}.")


def _require_libraries() -> None:
    try:
        import numpy  # noqa: F401, ICN001, PLC0415
    except ImportError:
        raise DataError(
            "NumPy is needed to make images. Install it: pip install 'trackside[train]'"
        ) from None
    images.require_pillow()
