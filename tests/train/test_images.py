"""Our transforms give torchvision's pictures, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from trackside.train.errors import TrainingError
from trackside.train.images import Augmentation, augment, read_image, resize_and_crop, to_tensor


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colours with noise, so that resizing and hue have something to do."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (6, 7, 3), dtype=np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    return Image.fromarray((pixels + random.normal(0, 9, pixels.shape)).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("width", "height"),
    [(512, 512), (512, 384), (384, 512), (512, 342), (341, 512), (224, 224), (225, 224), (80, 61), (33, 301)],
)
@pytest.mark.parametrize("size", [224, 97])
def test_resize_and_crop(torchvision: Any, width: int, height: int, size: int) -> None:
    transforms = torchvision.transforms
    theirs = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size)])
    image = picture(width, height)
    ours = resize_and_crop(image, size)
    assert ours.size == (size, size)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs(image)))


def test_to_tensor(torchvision: Any) -> None:
    image = picture(64, 48)
    assert torch.equal(to_tensor(image).float().div(255), torchvision.transforms.ToTensor()(image))


@pytest.mark.parametrize("seed", range(40))
def test_the_whole_augmentation_with_the_same_seed(torchvision: Any, seed: int) -> None:
    transforms = torchvision.transforms
    theirs = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(15),
            transforms.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1),
        ]
    )
    image = picture(96, 96, seed)
    torch.manual_seed(seed)
    expected = theirs(image)
    got = augment(image, Augmentation(), torch.Generator().manual_seed(seed))
    assert np.array_equal(np.asarray(got), np.asarray(expected))


def test_unreadable_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "3_1.jpg"
    for content in (b"not an image", b"", _jpeg()[:400]):
        path.write_bytes(content)
        with pytest.raises(TrainingError, match=r"cannot read image .*3_1\.jpg"):
            read_image(path)


def _jpeg() -> bytes:
    import io

    file = io.BytesIO()
    picture(64, 64).save(file, "JPEG")
    return file.getvalue()


def test_grey_and_transparent_images_become_rgb(tmp_path: Path) -> None:
    for mode in ("L", "RGBA", "P", "CMYK"):
        path = tmp_path / f"{mode}.{'jpg' if mode == 'CMYK' else 'png'}"
        picture(8, 8).convert(mode).save(path)
        assert read_image(path).mode == "RGB"
