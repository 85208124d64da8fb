"""Food-11 on disk: its classes, its published counts, and where each file of a known layout belongs.

Three layouts are understood, below any number of top folders:
flat (`training/3_17.jpg`, as published), organised (`training/class_03/3_17.jpg`)
and with named folders (`training/Egg/17.jpg`, as mirrors have it).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

SPLITS = ("training", "validation", "evaluation")
CLASSES = (
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles/Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable/Fruit",
)
# Images of each class as published; the sums are the published 9,866, 3,430 and 3,347.
PUBLISHED: dict[str, tuple[int, ...]] = {
    "training": (994, 429, 1500, 986, 848, 1325, 440, 280, 855, 1500, 709),
    "validation": (362, 144, 500, 327, 326, 449, 147, 96, 347, 500, 232),
    "evaluation": (368, 148, 500, 335, 287, 432, 147, 96, 303, 500, 231),
}
# What torchvision's ImageFolder takes for an image.
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})

REJECTED = "rejected"
_SPLIT_NAMES = {name: name for name in SPLITS} | {
    "train": "training",
    "val": "validation",
    "valid": "validation",
    "eval": "evaluation",
    "test": "evaluation",
}
_LITTER = re.compile(r"(^|/)(__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)")
_NUMBERED = re.compile(r"(?:([0-9]{1,2})_)?([0-9]{1,20})")
_USABLE = re.compile(r"\w[\w .()+-]{0,99}")
_PUT_ASIDE = re.compile(rf"{REJECTED}/({'|'.join(SPLITS)})/(class_[0-9]{{2}})/(\w[\w .()+~-]{{0,120}}\.\w+)")


def split_of(folder: str) -> str | None:
    """The split that a folder stands for: `training`, `Train`, `val`; None if it is none."""
    return _SPLIT_NAMES.get(folder.casefold())


def class_folder(index: int) -> str:
    """The folder of a class, such as `class_03`; in this order ImageFolder gives it the same number."""
    return f"class_{index:02}"


CLASS_FOLDERS = tuple(class_folder(index) for index in range(len(CLASSES)))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


_CLASS_NAMES = {_letters(name): index for index, name in enumerate(CLASSES)}


@dataclass(frozen=True)
class Place:
    """One file of a source and where in the data set it belongs."""

    path: str  # in the source
    size: int  # bytes
    folder: str  # such as training/class_03
    name: str
    problem: str | None = None  # known before looking inside; it then belongs among the rejected

    @property
    def destination(self) -> str:
        """Path in the data set."""
        return f"{self.folder}/{self.name}"


@dataclass
class Plan:
    """What is to become of each file of a source."""

    claims: list[list[Place]] = field(default_factory=list)  # the files for one place, best claim first
    unplaced: list[tuple[str, str]] = field(default_factory=list)  # path, reason


def plan(files: Iterable[tuple[str, int]]) -> Plan:
    """Give every file its place. `files` are paths with their sizes in bytes."""
    result, claims = Plan(), dict[str, list[Place]]()
    found = [_locate(path, size) for path, size in files if not _LITTER.search(path)]
    for item in sorted(found, key=_rank):
        if isinstance(item, Unplaced):
            result.unplaced.append((item.path, item.reason))
        elif item.problem:
            result.claims.append([item])
        else:
            claims.setdefault(item.destination, []).append(item)
    result.claims += claims.values()
    return result


@dataclass(frozen=True)
class Unplaced:
    """A file that belongs nowhere in the data set."""

    path: str
    reason: str


def _rank(item: Place | Unplaced) -> tuple[bool, bool, str]:
    """Best claim first: a file that is in its place already; last, one that was put aside before."""
    settled = isinstance(item, Place) and item.path == item.destination
    return not settled, item.path.startswith(f"{REJECTED}/"), item.path


def _locate(path: str, size: int) -> Place | Unplaced:
    parts = path.split("/")
    suffix = PurePosixPath(parts[-1]).suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        return Unplaced(path, "not an image by its name")
    suffix = ".jpg" if suffix == ".jpeg" else suffix
    stem = PurePosixPath(parts[-1]).stem
    if "~" in stem and (aside := _PUT_ASIDE.fullmatch(path)):
        return Place(path, size, f"{aside[1]}/{aside[2]}", aside[3], "put aside before")
    if len(parts) >= 2 and (split := split_of(parts[-2])):
        return _locate_flat(path, size, split, stem, suffix)
    if len(parts) >= 3 and (split := split_of(parts[-3])):
        return _locate_in_class(path, size, f"{split}/{parts[-2]}", stem, suffix)
    return Unplaced(path, f"in none of the folders {', '.join(SPLITS)}")


def _locate_flat(path: str, size: int, split: str, stem: str, suffix: str) -> Place | Unplaced:
    numbers = _NUMBERED.fullmatch(stem)
    if not numbers or numbers[1] is None:
        return Unplaced(path, "its name is not CLASS_INDEX")
    index = int(numbers[1])
    if index >= len(CLASSES):
        return Unplaced(path, f"class {index} is not one of 0 to {len(CLASSES) - 1}")
    return Place(path, size, f"{split}/{class_folder(index)}", f"{index}_{numbers[2]}{suffix}")


def _locate_in_class(path: str, size: int, folder: str, stem: str, suffix: str) -> Place | Unplaced:
    split, _, folder = folder.partition("/")
    index = class_index(folder)
    if index is None:
        return Unplaced(path, f"'{folder}' is not a class of Food-11")
    where = f"{split}/{class_folder(index)}"
    numbers = _NUMBERED.fullmatch(stem)
    if numbers and numbers[1] is not None and int(numbers[1]) != index:
        problem = f"its name says class {int(numbers[1])}, its folder {folder}"
        return Place(path, size, where, f"{stem}{suffix}", problem)
    if numbers:
        return Place(path, size, where, f"{index}_{numbers[2]}{suffix}")
    if _USABLE.fullmatch(stem):
        return Place(path, size, where, f"{stem}{suffix}")
    return Unplaced(path, "its name is too long or has characters that are not usable everywhere")


def class_index(folder: str) -> int | None:
    """The class that a folder stands for: `class_03`, `3`, `Egg`, `Noodles-Pasta`; None if it is none."""
    if number := re.fullmatch(r"(?:class[_-]?)?([0-9]{1,2})", folder.casefold()):
        index = int(number[1])
        return index if index < len(CLASSES) else None
    return _CLASS_NAMES.get(_letters(folder))
