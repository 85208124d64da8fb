"""The prepared Food-11 folders as a torch data set whose random part depends on seed, epoch and image alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from trackside.data import manifest
from trackside.data.layout import CLASS_FOLDERS, IMAGE_SUFFIXES
from trackside.train.errors import TrainingError
from trackside.train.images import Augmentation, augment, read_image, resize_and_crop, to_tensor
from trackside.train.settings import Settings

PREPARE = "prepare it with `trackside data food11`, or `trackside data mini` for a small stand-in"


class FoodImages(Dataset[tuple[Tensor, int]]):
    """One split: class_00/ to class_10/ with images. Items are (bytes of shape 3xHxW, class number).

    An item's key is (image number, epoch), or the number alone where nothing is random.
    """

    def __init__(
        self, folder: Path, size: int, augmentation: Augmentation | None = None, seed: int = 0
    ) -> None:
        self.folder, self.size, self.augmentation, self.seed = folder, size, augmentation, seed
        self.samples = find_images(folder)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: int | tuple[int, int]) -> tuple[Tensor, int]:
        number, epoch = key if isinstance(key, tuple) else (key, 0)
        path, label = self.samples[number]
        image = resize_and_crop(read_image(path), self.size)
        if self.augmentation:
            image = augment(image, self.augmentation, self._generator(number, epoch))
        return to_tensor(image), label

    def _generator(self, number: int, epoch: int) -> torch.Generator:
        # Not the worker's generator: then the picture would depend on how many workers there are.
        mixed = np.random.SeedSequence([self.seed, epoch, number]).generate_state(1)
        return torch.Generator().manual_seed(int(mixed[0]))

    def digest(self) -> str:
        """16 hex digits that change when a file is added, removed, renamed or changes its size."""
        found = ((path.relative_to(self.folder).as_posix(), path.stat().st_size) for path, _ in self.samples)
        return manifest.listing(found)[:16]


def find_images(folder: Path) -> list[tuple[Path, int]]:
    """(file, class number) of each image of a split, by class and name. Raises TrainingError if it is not whole."""
    if not folder.is_dir():
        raise TrainingError(f"no data set at {folder.parent}: {folder} is missing; {PREPARE}")
    found = {path.name for path in folder.iterdir() if path.is_dir()}
    if found != set(CLASS_FOLDERS):
        missing = ", ".join(sorted(set(CLASS_FOLDERS) - found)) or "none"
        foreign = ", ".join(sorted(found - set(CLASS_FOLDERS))) or "none"
        raise TrainingError(
            f"{folder} must have the {len(CLASS_FOLDERS)} class folders {CLASS_FOLDERS[0]} to {CLASS_FOLDERS[-1]}; "
            f"missing: {missing}; unexpected: {foreign}"
        )
    samples: list[tuple[Path, int]] = []
    for label, name in enumerate(CLASS_FOLDERS):
        images = sorted(p for p in (folder / name).iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        if not images:
            raise TrainingError(f"{folder / name} has no images; {PREPARE}")
        samples += [(path, label) for path in images]
    return samples


class EpochShuffle(Sampler[tuple[int, int]]):
    """Every image once in a new order each epoch; tells the data set which epoch it is."""

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed, self.epoch = length, seed, 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        self.epoch += 1
        mixed = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)
        order = torch.randperm(self.length, generator=torch.Generator().manual_seed(int(mixed[0])))
        return ((number, self.epoch) for number in order.tolist())


Batches = DataLoader[tuple[Tensor, int]]


@dataclass(frozen=True)
class Splits:
    """The three splits and how they are loaded."""

    training: FoodImages
    validation: FoodImages
    evaluation: FoodImages
    settings: Settings
    pin_memory: bool = False  # so that a GPU can fetch a batch while it computes

    @classmethod
    def open(cls, settings: Settings, *, pin_memory: bool = False) -> Splits:
        """Find the images of all three splits; reads none yet. Raises TrainingError if they are not whole."""
        root, size = settings.data, settings.image_size
        if manifest.unfinished(root):
            raise TrainingError(f"the data set at {root} is not finished; {PREPARE}")
        return cls(
            FoodImages(root / "training", size, Augmentation(), settings.seed),
            FoodImages(root / "validation", size),
            FoodImages(root / "evaluation", size),
            settings,
            pin_memory,
        )

    def batches(self, split: FoodImages) -> Batches:
        """A loader: shuffled for the training split, in order for the others."""
        workers = self.settings.num_workers
        return DataLoader(
            split,
            batch_size=self.settings.batch_size,
            sampler=EpochShuffle(len(split), self.settings.seed) if split.augmentation else None,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.pin_memory,
            # Its own generator: drawing the workers' seeds from the global one would make dropout
            # depend on the number of workers.
            generator=torch.Generator(),
        )
