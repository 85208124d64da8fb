"""Simple drawings of food, one kind per Food-11 class, for machines that cannot fetch the glyphs."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SIDE = 256  # pixels; drawn four times as large, then reduced, for smooth edges
DRAWN = 4 * SIDE
Colour = str


def _box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    return left * DRAWN, top * DRAWN, right * DRAWN, bottom * DRAWN


def _points(*pairs: tuple[float, float]) -> list[tuple[float, float]]:
    return [(x * DRAWN, y * DRAWN) for x, y in pairs]


def _bread(draw: ImageDraw, colour: Colour) -> None:
    draw.rounded_rectangle(_box(0.06, 0.28, 0.94, 0.78), DRAWN // 5, fill=colour, outline="#7a4a1c", width=24)
    for x in (0.3, 0.5, 0.7):
        draw.line(_points((x - 0.06, 0.68), (x + 0.06, 0.38)), fill="#f3d9a8", width=40)


def _dairy(draw: ImageDraw, colour: Colour) -> None:
    draw.polygon(_points((0.05, 0.7), (0.8, 0.2), (0.95, 0.45), (0.95, 0.8), (0.05, 0.8)), fill=colour)
    draw.line(_points((0.05, 0.7), (0.95, 0.45)), fill="#b8860b", width=20)
    for x, y, r in ((0.35, 0.72, 0.05), (0.6, 0.68, 0.08), (0.83, 0.6, 0.05)):
        draw.ellipse(_box(x - r, y - r, x + r, y + r), fill="#c9a227")


def _dessert(draw: ImageDraw, colour: Colour) -> None:
    draw.polygon(_points((0.2, 0.55), (0.8, 0.55), (0.68, 0.95), (0.32, 0.95)), fill="#8d6e63")
    for x, y, r in ((0.3, 0.48, 0.17), (0.7, 0.48, 0.17), (0.5, 0.34, 0.2)):
        draw.ellipse(_box(x - r, y - r, x + r, y + r), fill=colour)
    draw.ellipse(_box(0.43, 0.06, 0.57, 0.2), fill="#d50000")


def _egg(draw: ImageDraw, colour: Colour) -> None:
    draw.ellipse(_box(0.08, 0.2, 0.75, 0.85), fill="#fdfdf8")
    draw.ellipse(_box(0.35, 0.12, 0.94, 0.7), fill="#fdfdf8")
    draw.ellipse(_box(0.32, 0.3, 0.68, 0.66), fill=colour)


def _fried(draw: ImageDraw, colour: Colour) -> None:
    for x, top in ((0.2, 0.15), (0.31, 0.05), (0.42, 0.12), (0.53, 0.03), (0.64, 0.1), (0.74, 0.2)):
        draw.rectangle(_box(x, top, x + 0.08, 0.6), fill=colour, outline="#b07b12", width=10)
    draw.polygon(_points((0.12, 0.45), (0.88, 0.45), (0.8, 0.97), (0.2, 0.97)), fill="#c62828")


def _meat(draw: ImageDraw, colour: Colour) -> None:
    draw.ellipse(_box(0.05, 0.15, 0.78, 0.75), fill=colour, outline="#fbe9e7", width=50)
    draw.line(_points((0.6, 0.6), (0.9, 0.9)), fill="#fff8e1", width=90)
    for x, y in ((0.86, 0.95), (0.95, 0.86)):
        draw.ellipse(_box(x - 0.06, y - 0.06, x + 0.05, y + 0.05), fill="#fff8e1")


def _noodles(draw: ImageDraw, colour: Colour) -> None:
    for row in range(6):
        wave = [(0.05 + x / 50, 0.2 + row * 0.1 + 0.05 * math.sin(x / 2 + row)) for x in range(46)]
        draw.line(_points(*wave), fill=colour, width=46, joint="curve")
        draw.line(_points(*wave), fill="#fff3c4", width=12, joint="curve")


def _rice(draw: ImageDraw, colour: Colour) -> None:
    draw.polygon(_points((0.5, 0.08), (0.95, 0.85), (0.05, 0.85)), fill=colour)
    for row in range(5):
        for column in range(row + 1):
            x, y = 0.5 + (column - row / 2) * 0.15, 0.25 + row * 0.11
            draw.ellipse(_box(x - 0.025, y - 0.05, x + 0.025, y + 0.05), fill="#dcd8cc")
    draw.rectangle(_box(0.36, 0.55, 0.64, 0.85), fill="#1b3a2a")


def _seafood(draw: ImageDraw, colour: Colour) -> None:
    draw.ellipse(_box(0.05, 0.28, 0.75, 0.72), fill=colour)
    draw.polygon(_points((0.68, 0.5), (0.97, 0.22), (0.97, 0.78)), fill=colour)
    draw.ellipse(_box(0.15, 0.4, 0.24, 0.49), fill="white")
    for x in (0.35, 0.45, 0.55):
        draw.arc(_box(x - 0.1, 0.36, x + 0.02, 0.64), -80, 80, fill="#37474f", width=14)


def _soup(draw: ImageDraw, colour: Colour) -> None:
    draw.pieslice(_box(0.05, 0.02, 0.95, 0.92), 0, 180, fill="#5c6bc0")
    draw.ellipse(_box(0.05, 0.36, 0.95, 0.58), fill=colour, outline="#3949ab", width=24)
    draw.rectangle(_box(0.35, 0.88, 0.65, 0.95), fill="#3949ab")
    for x in (0.35, 0.5, 0.65):
        draw.arc(_box(x - 0.05, 0.05, x + 0.05, 0.3), 90, 270, fill="#eceff1", width=22)


def _vegetable(draw: ImageDraw, colour: Colour) -> None:
    draw.polygon(_points((0.25, 0.3), (0.75, 0.3), (0.5, 0.97)), fill=colour)
    draw.ellipse(_box(0.23, 0.2, 0.77, 0.45), fill=colour)
    for x in (0.34, 0.5, 0.66):
        draw.ellipse(_box(x - 0.07, 0.02, x + 0.07, 0.28), fill="#2e7d32")


DRAWINGS: tuple[tuple[Callable[[ImageDraw, Colour], None], tuple[Colour, ...]], ...] = (
    (_bread, ("#c98d4b", "#a9692f", "#dfae6f")),
    (_dairy, ("#ffd54f", "#ffe082", "#f5e6b3")),
    (_dessert, ("#f8bbd0", "#b3e5fc", "#6d4c41")),
    (_egg, ("#ffb300", "#ff8f00", "#ffd740")),
    (_fried, ("#ffca28", "#f4b942", "#e0a030")),
    (_meat, ("#b71c1c", "#8d3b2b", "#d0605a")),
    (_noodles, ("#f4d58d", "#e6b85c", "#d9a066")),
    (_rice, ("#fafafa", "#f1eee4", "#fff9e6")),
    (_seafood, ("#4fc3f7", "#ff8a65", "#90a4ae")),
    (_soup, ("#ef6c00", "#c0ca33", "#a1887f")),
    (_vegetable, ("#ff7043", "#e53935", "#8e24aa")),
)


@cache
def all_classes() -> tuple[tuple[bytes, ...], ...]:
    """The drawings of each class as PNG files with transparency."""
    return tuple(tuple(_render(drawing, colour) for colour in colours) for drawing, colours in DRAWINGS)


def _render(drawing: Callable[[ImageDraw, Colour], None], colour: Colour) -> bytes:
    from PIL import Image, ImageDraw  # noqa: PLC0415

    image = Image.new("RGBA", (DRAWN, DRAWN))
    drawing(ImageDraw.Draw(image), colour)
    content = io.BytesIO()
    image.reduce(DRAWN // SIDE).save(content, "PNG")
    return content.getvalue()
