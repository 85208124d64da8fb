"""Image transforms that give, bit for bit, what torchvision's give on PIL images.

The random ones draw from a generator of their own, in torchvision's order: with the same seed
both make the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Generator, Tensor

from trackside.train.errors import TrainingError


@dataclass(frozen=True)
class Augmentation:
    """How much a training image may be changed."""

    flip: float = 0.5  # probability of mirroring left and right
    rotation: float = 15.0  # degrees, either way
    brightness: float = 0.2  # factors from 1 - x to 1 + x
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.1  # of the colour circle, either way


def read_image(path: Path) -> Image.Image:
    """The image as RGB. Raises TrainingError, naming the file, when it cannot be read."""
    try:
        with path.open("rb") as file:
            return Image.open(file).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        message = f"cannot read image {path}: {error}. Remove it, or prepare the data set again"
        raise TrainingError(message) from error


def resize_and_crop(image: Image.Image, size: int) -> Image.Image:
    """Resize(size), CenterCrop(size): the shorter side becomes `size`, the middle square stays."""
    width, height = image.size
    if width <= height:
        width, height = size, int(size * height / width)
    else:
        width, height = int(size * width / height), size
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def augment(image: Image.Image, amount: Augmentation, generator: Generator) -> Image.Image:
    """RandomHorizontalFlip, RandomRotation, ColorJitter."""
    if torch.rand(1, generator=generator) < amount.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    angle = _uniform(-amount.rotation, amount.rotation, generator)
    image = image.rotate(angle, Image.Resampling.NEAREST, fillcolor=(0, 0, 0))
    return _jitter(image, amount, generator)


def to_tensor(image: Image.Image) -> Tensor:
    """The image as bytes, (3, H, W). Scaling and normalising are the model's, on its device."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def _jitter(image: Image.Image, amount: Augmentation, generator: Generator) -> Image.Image:
    order = torch.randperm(4, generator=generator).tolist()
    brightness = _uniform(1 - amount.brightness, 1 + amount.brightness, generator)
    contrast = _uniform(1 - amount.contrast, 1 + amount.contrast, generator)
    saturation = _uniform(1 - amount.saturation, 1 + amount.saturation, generator)
    hue = _uniform(-amount.hue, amount.hue, generator)
    for change in order:
        if change == 0:
            image = ImageEnhance.Brightness(image).enhance(brightness)
        elif change == 1:
            image = ImageEnhance.Contrast(image).enhance(contrast)
        elif change == 2:
            image = ImageEnhance.Color(image).enhance(saturation)
        else:
            image = _shift_hue(image, hue)
    return image


def _shift_hue(image: Image.Image, amount: float) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    # Bytes wrap around, as the colour circle does; the shift is truncated towards zero.
    shifted = np.array(hue) + np.array(int(amount * 255)).astype(np.uint8)
    return Image.merge("HSV", (Image.fromarray(shifted), saturation, value)).convert("RGB")


def _uniform(low: float, high: float, generator: Generator) -> float:
    return float(torch.empty(1).uniform_(low, high, generator=generator))
