"""Pictures that people send: decoded and drawn again as WebP, so that nothing hidden in an upload reaches a reader."""

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from pottle.errors import Invalid
from pottle.translation import _

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
MEDIA_TYPE = "image/webp"
MOST_PIXELS = 50_000_000  # of a telephone's photo; a JPEG is decoded at an eighth of its size
MOST_DECODED = 16_000_000  # pixels in memory, twice, at 4 bytes each
QUALITIES = (85, 60, 30, 5)
# One after the other: a file of 6 kB can be a picture of 16 million pixels, and a hundred would fill the memory.
_executor = ThreadPoolExecutor(1, thread_name_prefix="pictures")


class Drawn(NamedTuple):
    """A picture as WebP."""

    data: bytes
    width: int
    height: int


async def drawn(how: Callable[[bytes, int, int], Drawn], upload: bytes, side: int, largest: int) -> Drawn:
    """What `square` or `whole` makes of an upload, beside the event loop. Raises Invalid."""
    return await asyncio.get_running_loop().run_in_executor(_executor, how, upload, side, largest)


def square(upload: bytes, side: int, largest: int) -> Drawn:
    """The middle of a picture, of `side` pixels and at most `largest` bytes. Raises Invalid."""
    return _saved(ImageOps.fit(_opened(upload, side * 2), (side, side)), largest)


def whole(upload: bytes, side: int, largest: int) -> Drawn:
    """A picture, or the first one of an animation, of at most `side` pixels each way and `largest` bytes.

    Raises Invalid.
    """
    picture = _opened(upload, side)
    picture.thumbnail((side, side))
    return _saved(picture, largest)


def _opened(upload: bytes, side: int) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(upload), formats=FORMATS)
        _check_size(picture, MOST_PIXELS)
        picture.draft("RGB", (side, side))
        _check_size(picture, MOST_DECODED)
        ImageOps.exif_transpose(picture, in_place=True)
        return picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise Invalid({"image": _("is not a PNG, JPEG, GIF or WebP image")}) from error


def _saved(picture: Image.Image, largest: int) -> Drawn:
    """Without what else the file held."""
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality)
        if out.tell() <= largest:
            break
    return Drawn(out.getvalue(), *picture.size)


def _check_size(picture: Image.Image, most: int) -> None:
    if picture.width * picture.height > most:
        raise Invalid({"image": _("has too many pixels")})
