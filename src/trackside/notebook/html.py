"""HTML whose text cannot be anything but text."""

from __future__ import annotations

import html
from collections.abc import Iterable

VOID = ("path", "line", "polyline", "polygon", "br")


class Html(str):
    """Markup made by `el`. Any other text is escaped where it is put in."""

    __slots__ = ()


def el(name: str, /, *children: str | Iterable[str], **attributes: str | float | None) -> Html:
    """An element; `class_` is the attribute class, `stroke_width` is stroke-width, None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: Iterable[str | Iterable[str]]) -> Html:
    """Texts, escaped, and elements one after the other."""
    return Html("".join(_child(child) for child in children))


def _child(child: str | Iterable[str]) -> str:
    if isinstance(child, Html):
        return child
    return html.escape(child) if isinstance(child, str) else joined(child)
