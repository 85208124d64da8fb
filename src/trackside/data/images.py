"""Whether a file's bytes are a whole image, found out by decoding every pixel."""

from __future__ import annotations

import io

from trackside.data.errors import DataError

MAX_PIXELS = 64_000_000  # a 64-megapixel photo; a few kB that decode to more are an attack, not a photo


def require_pillow() -> None:
    """Raise DataError with the command that installs Pillow, if it is not there."""
    try:
        import PIL.Image  # noqa: F401, PLC0415
    except ImportError:
        raise DataError(
            "Pillow is needed to check images. Install it: pip install 'trackside[train]'"
        ) from None


def defect(content: bytes) -> str | None:
    """What is wrong with an image, or None.

    Decoding finds truncated and unreadable files. It cannot find bits that changed inside
    the picture: those decode to other colours.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    if not content:
        return "empty file"
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_PIXELS:
                return f"too large: {image.width} x {image.height} pixels"
            image.load()
    except UnidentifiedImageError:
        return "not an image"
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  (a damaged image can raise anything; the bytes are in memory, so it is the image)
        return f"corrupt: {error}"
    return None
