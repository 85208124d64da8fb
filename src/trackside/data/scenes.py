"""Made-up food photos: cut-out pictures on procedural table tops, with the light, blur and noise of a camera.

Every image is a pure function of (pictures, size, seed, split, class, index): two runs with the same
versions of NumPy and Pillow give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

Field = NDArray[np.float32]  # height x width, about 0 to 1

# Height to width of the photos, as in Food-11: squares, landscape, portrait.
SHAPES = ((1.0, 1.0), (0.75, 1.0), (1.0, 0.75), (2 / 3, 1.0))


class Studio:
    """Takes the photos of one data set."""

    def __init__(self, by_class: tuple[tuple[bytes, ...], ...], size: int, seed: int) -> None:
        """`by_class` are encoded cut-outs, `size` is the longer side in pixels."""
        self._cutouts = [[Image.open(io.BytesIO(one)).convert("RGBA") for one in many] for many in by_class]
        self._size, self._seed = size, seed
        # Drawing fresh noise for each photo would cost more than all else; each takes its own window of this.
        self._noise = np.random.default_rng(seed).normal(0, 1, (2 * size, 2 * size, 3)).astype(np.float32)

    def photo(self, split: int, label: int, index: int) -> bytes:
        """The JPEG of one image."""
        rng = np.random.default_rng((self._seed, split, label, index))
        high, wide = SHAPES[rng.integers(len(SHAPES))]
        height, width = round(self._size * high), round(self._size * wide)
        image = _table(rng, height, width)
        for _ in range(rng.choice((1, 2, 3), p=(0.6, 0.25, 0.15))):
            self._serve(rng, image, self._cutouts[label][rng.integers(len(self._cutouts[label]))])
        return self._expose(rng, image)

    def _serve(self, rng: Generator, image: Image.Image, cutout: Image.Image) -> None:
        """Put one cut-out on the table, perhaps on a plate, with a shadow under it."""
        side = round(min(image.size) * rng.uniform(0.25, 0.7))
        piece = cutout.resize((round(side * rng.uniform(0.8, 1.25)), side), Image.Resampling.BILINEAR)
        if rng.random() < 0.5:
            piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        piece = piece.rotate(rng.uniform(-60, 60), Image.Resampling.BILINEAR, expand=True)
        piece = _graded(rng, piece)
        left = round(rng.uniform(-0.15, 1.15) * (image.width - piece.width))
        top = round(rng.uniform(-0.15, 1.15) * (image.height - piece.height))
        if rng.random() < 0.4:
            _plate(rng, image, left + piece.width / 2, top + piece.height / 2, side)
        shade = piece.getchannel("A").filter(ImageFilter.BoxBlur(side / 20)).point(lambda a: a * 0.45)
        image.paste((20, 15, 10), (left + side // 20, top + side // 14), shade)
        image.paste(piece, (left, top), piece)

    def _expose(self, rng: Generator, image: Image.Image) -> bytes:
        """Focus, light from one side, sensor noise, compression."""
        blur = rng.uniform(0, 1.4)
        if blur > 0.5:
            image = image.filter(ImageFilter.BoxBlur(blur))
        pixels = np.array(image, dtype=np.float32)
        angle, strength = rng.uniform(0, 2 * np.pi), np.float32(rng.uniform(0, 0.45))
        across = np.linspace(-1, 1, image.width, dtype=np.float32)[None, :, None] * np.float32(np.cos(angle))
        down = np.linspace(-1, 1, image.height, dtype=np.float32)[:, None, None] * np.float32(np.sin(angle))
        # In place: temporary arrays of this size cost as much as the arithmetic.
        pixels *= 1 + strength * (across + down)
        pixels *= (rng.uniform(0.88, 1.12, 3) * rng.uniform(0.65, 1.2)).astype(np.float32)
        top = rng.integers(self._noise.shape[0] - image.height)
        left = rng.integers(self._noise.shape[1] - image.width)
        grain = self._noise[top : top + image.height, left : left + image.width]
        pixels += grain * np.float32(rng.uniform(2, 11))
        np.clip(pixels, 0, 255, out=pixels)
        content = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(content, "JPEG", quality=int(rng.integers(75, 93)))
        return content.getvalue()


def _graded(rng: Generator, piece: Image.Image) -> Image.Image:
    """Other brightness and saturation, the transparency kept."""
    alpha = piece.getchannel("A")
    colours = ImageEnhance.Brightness(piece.convert("RGB")).enhance(rng.uniform(0.6, 1.25))
    colours = ImageEnhance.Color(colours).enhance(rng.uniform(0.35, 1.3))
    colours.putalpha(alpha)
    return colours


def _plate(rng: Generator, image: Image.Image, x: float, y: float, side: float) -> None:
    draw, tone = ImageDraw.Draw(image), rng.integers(150, 250, 3)
    for radius, shift in ((0.78, -25), (0.76, 0), (0.58, -12), (0.56, 5)):
        across, down = side * radius, side * radius * 0.85
        red, green, blue = (int(c) for c in (tone + shift).clip(0, 255))
        draw.ellipse((x - across, y - down, x + across, y + down), fill=(red, green, blue))


def _table(rng: Generator, height: int, width: int) -> Image.Image:
    """A surface in shades between two colours, mixed by one of several patterns."""
    pattern = PATTERNS[rng.integers(len(PATTERNS))](rng, height, width)
    dark = rng.uniform(25, 190) + rng.uniform(-40, 40, 3)
    light = dark + rng.uniform(15, 90) + rng.uniform(-30, 30, 3)
    shades = np.linspace(dark, light, 256).clip(0, 255).astype(np.uint8)
    mixed = Image.fromarray((pattern * 255).clip(0, 255).astype(np.uint8))
    return Image.merge("RGB", [mixed.point(shades[:, channel].tolist()) for channel in range(3)])


def _cloud(rng: Generator, height: int, width: int, *, coarse: int, octaves: int, stretch: int = 1) -> Field:
    """Smooth noise: random grids, each finer and fainter, enlarged and added."""
    total = np.zeros((height, width), dtype=np.float32)
    cells, weight = coarse, 0.5
    for _ in range(octaves):
        grid = rng.random((cells * stretch, cells), dtype=np.float32)
        total += np.asarray(
            Image.fromarray(grid).resize((width, height), Image.Resampling.BILINEAR)
        ) * np.float32(weight)
        cells, weight = cells * 2, weight / 2
    return total


def _stone(rng: Generator, height: int, width: int) -> Field:
    return _cloud(rng, height, width, coarse=int(rng.integers(3, 9)), octaves=6)


def _wood(rng: Generator, height: int, width: int) -> Field:
    grain = _cloud(rng, height, width, coarse=2, octaves=5, stretch=int(rng.integers(6, 14)))
    rings: Field = 0.5 + 0.5 * np.sin(grain * np.float32(rng.uniform(20, 60)))
    return rings


def _marble(rng: Generator, height: int, width: int) -> Field:
    veins: Field = np.abs(_cloud(rng, height, width, coarse=3, octaves=6) - np.float32(0.5)) * 6
    return veins.clip(0, 1)


def _cloth(rng: Generator, height: int, width: int) -> Field:
    cell = rng.uniform(12, 60)
    rows = (np.arange(height, dtype=np.float32)[:, None] // cell) % 2
    columns = (np.arange(width, dtype=np.float32)[None, :] // cell) % 2
    weave = _cloud(rng, height, width, coarse=32, octaves=3)
    cloth: Field = (rows + columns).astype(np.float32) * np.float32(0.4) + weave * np.float32(0.3)
    return cloth


def _crumbs(rng: Generator, height: int, width: int) -> Field:
    grain = _cloud(rng, height, width, coarse=int(rng.integers(24, 64)), octaves=3)
    return (grain > 0.47).astype(np.float32) * np.float32(0.6) + grain * np.float32(0.4)


PATTERNS: tuple[Callable[[Generator, int, int], Field], ...] = (_stone, _wood, _marble, _cloth, _crumbs)
