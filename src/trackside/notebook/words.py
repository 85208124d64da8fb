"""Numbers and times as the web app writes them."""

from __future__ import annotations

import math

THIN = "\u2009"


def number(value: float | None) -> str:
    """Four significant digits; whole numbers in full."""
    if value is None:
        return "\u2013"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "\u221e" if value > 0 else "\u2212\u221e"
    size = abs(value)
    if (value == round(value) and size < 1e9) or 1e3 <= size < 1e7:
        text = f"{value:,.0f}".replace(",", THIN)
    elif size < 1e-4 or size >= 1e7:
        digits, _, power = f"{value:.3e}".partition("e")
        text = f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", "\u2212")


def short(value: float) -> str:
    """For an axis: 20k, 1.5M, 3G."""
    for least, size, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if least <= abs(value) < 1e12:
            return f"{number(value / size)}{unit}"
    return number(value)


def duration(ms: float | None) -> str:
    """The two largest units: 2h 05m, 3m 12s, 4.2s."""
    if ms is None:
        return "\u2013"
    seconds = max(0.0, ms / 1000)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {whole % 60:02}s" if minutes else f"{whole}s"


def cut(text: str, most: int) -> str:
    """The text, or its beginning."""
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"
