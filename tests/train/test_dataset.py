"""The data set: ImageFolder's order, pictures that depend on seed, epoch and image alone, clear refusals."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import IMAGE, settings
from PIL import Image

from trackside.data.files import claim
from trackside.train.dataset import EpochShuffle, FoodImages, Splits
from trackside.train.errors import TrainingError
from trackside.train.images import Augmentation


def test_samples_are_image_folders(torchvision: Any, tiny: Path) -> None:
    theirs = torchvision.datasets.ImageFolder(tiny / "training")
    ours = FoodImages(tiny / "training", IMAGE)
    assert [(str(path), label) for path, label in ours.samples] == theirs.samples


def test_validation_batches_are_the_plain_scripts(torchvision: Any, tiny: Path) -> None:
    transforms = torchvision.transforms
    resize = [transforms.Resize(IMAGE), transforms.CenterCrop(IMAGE), transforms.ToTensor()]
    theirs = torchvision.datasets.ImageFolder(tiny / "validation", transforms.Compose(resize))
    images, labels = next(iter(Splits.open(settings(tiny)).batches(FoodImages(tiny / "validation", IMAGE))))
    for number in range(len(labels)):
        image, label = theirs[number]
        assert labels[number] == label
        assert torch.equal(images[number].float().div(255), image)


def epochs(data: Path, count: int, **given: Any) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
    splits = Splits.open(settings(data, **given))
    batches = splits.batches(splits.training)
    return [list(batches) for _ in range(count)]


def same(one: list[tuple[torch.Tensor, torch.Tensor]], two: list[tuple[torch.Tensor, torch.Tensor]]) -> bool:
    return all(torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(one, two, strict=True))


def test_batches_do_not_depend_on_the_number_of_workers(tiny: Path) -> None:
    alone = epochs(tiny, 2)
    before = torch.get_rng_state()
    helped = epochs(tiny, 2, num_workers=2)
    assert torch.equal(torch.get_rng_state(), before), "loading must leave dropout's random numbers alone"
    assert all(same(a, b) for a, b in zip(alone, helped, strict=True))


def test_each_epoch_and_each_seed_has_its_own_order_and_pictures(tiny: Path) -> None:
    first, second = epochs(tiny, 2)
    assert not same(first, second)
    assert not same(first, epochs(tiny, 1, seed=7)[0])
    dataset = FoodImages(tiny / "training", IMAGE, Augmentation(), seed=1)
    assert not torch.equal(dataset[3, 1][0], dataset[3, 2][0])
    assert torch.equal(dataset[3, 1][0], dataset[3, 1][0])


def test_every_image_comes_once_in_an_epoch() -> None:
    shuffle = EpochShuffle(50, seed=3)
    first, second = list(shuffle), list(shuffle)
    assert sorted(number for number, _ in first) == list(range(50))
    assert {epoch for _, epoch in first} == {1}
    assert {epoch for _, epoch in second} == {2}


def test_digest_changes_with_the_files(tiny: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny, tmp_path / "copy")
    original = FoodImages(tiny / "training", IMAGE).digest()
    assert FoodImages(copy / "training", IMAGE).digest() == original
    (copy / "training/class_03/3_0.jpg").rename(copy / "training/class_04/3_0.jpg")
    assert FoodImages(copy / "training", IMAGE).digest() != original


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no data set at .*nowhere.*trackside data food11"):
        Splits.open(settings(tmp_path / "nowhere"))


def test_an_interrupted_preparation_is_no_data_set(smallest: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(smallest, tmp_path / "copy")
    Splits.open(settings(copy))  # what a user has put together has no manifest
    with claim(copy), pytest.raises(TrainingError, match=r"copy is not finished; prepare it with"):
        Splits.open(settings(copy))


def test_a_class_too_few_or_too_many(smallest: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(smallest, tmp_path / "copy")
    shutil.rmtree(copy / "validation/class_07")
    (copy / "validation/class_11").mkdir()
    with pytest.raises(TrainingError, match=r"missing: class_07; unexpected: class_11"):
        Splits.open(settings(copy))


def test_a_class_without_images(smallest: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(smallest, tmp_path / "copy")
    (copy / "evaluation/class_02/2_0.jpg").rename(copy / "evaluation/class_02/2_0.txt")
    with pytest.raises(TrainingError, match=r"evaluation/class_02 has no images"):
        Splits.open(settings(copy))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_named(smallest: Path, tmp_path: Path, workers: int) -> None:
    copy = shutil.copytree(smallest, tmp_path / "copy")
    bad = copy / "training/class_05/5_0.jpg"
    bad.write_bytes(bad.read_bytes()[:300])
    with pytest.raises(TrainingError) as caught:
        epochs(copy, 1, num_workers=workers)
    assert str(caught.value).startswith(f"cannot read image {bad}")
    assert "Traceback" not in str(caught.value)


def test_images_of_one_pixel_high_are_no_trouble(smallest: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(smallest, tmp_path / "copy")
    Image.new("RGB", (1, 3)).save(copy / "training/class_05/5_0.jpg")
    assert sum(len(labels) for _, labels in epochs(copy, 1)[0]) == 11
