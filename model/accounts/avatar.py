"""Avatars: decoded and drawn again, so that nothing hidden in an upload reaches a reader; kept in the database."""

import asyncio
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import ForeignKey, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import user
from model.accounts.session import Identity
from model.accounts.user import User
from pottle.errors import Invalid, NotFound
from pottle.store import Base, Snapshot, Tx, reads, writes

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
SIDE = 256  # pixels
LARGEST = 64 * 1024  # bytes
MOST_PIXELS = 50_000_000  # of a telephone's photo; a JPEG is decoded at an eighth of its size
MOST_DECODED = 16_000_000  # pixels in memory, twice, at 4 bytes each
MEDIA_TYPE = "image/webp"
# One after the other: a file of 6 kB can be a picture of 16 million pixels, and a hundred would fill the memory.
_executor = ThreadPoolExecutor(1, thread_name_prefix="avatar")


class Avatar(Base):
    """A user's image, as WebP."""

    __tablename__ = "avatars"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    image: Mapped[bytes]


BY_UID = (
    select(Avatar.image, User.avatar_hash, User.uid)
    .join(User, User.id == Avatar.user_id)
    .where(User.uid_folded == bindparam("uid_folded"))
)


class Shown(NamedTuple):
    """An avatar, with its hash and the user's uid as it is written."""

    image: bytes
    hash: str
    uid: str


async def put(identity: Identity, upload: bytes) -> str:
    """Makes an uploaded image the user's avatar and returns its path. Raises Invalid for what is no image."""
    image = await asyncio.get_running_loop().run_in_executor(_executor, drawn, upload)
    return await _put(identity, image, hashlib.sha256(image).hexdigest()[:12])


@writes
def _put(tx: Tx, identity: Identity, image: bytes, avatar_hash: str) -> str:
    own = user.by_id(tx.session, identity.user)
    tx.session.merge(Avatar(user_id=identity.user, image=image))
    user.change(tx, own, avatar_hash=avatar_hash)
    return own.avatar or ""


@reads
def find(read: Snapshot, uid: str) -> Shown:
    """A user's avatar. Raises NotFound."""
    row = read.one(BY_UID, uid_folded=uid.lower())
    if row is None:
        raise NotFound(f"{uid} has no avatar.")
    return Shown(*row)


@writes
def remove(tx: Tx, identity: Identity) -> None:
    """Removes one's avatar. Raises NotFound."""
    own, kept = user.by_id(tx.session, identity.user), tx.session.get(Avatar, identity.user)
    if kept is None:
        raise NotFound("You have no avatar.")
    tx.session.delete(kept)
    user.change(tx, own, avatar_hash=None)


def drawn(upload: bytes) -> bytes:
    """The middle square of an image as WebP of at most 64 KB, without what else the file held. Raises Invalid."""
    try:
        picture = Image.open(io.BytesIO(upload), formats=FORMATS)
        _check_size(picture, MOST_PIXELS)
        picture.draft("RGB", (SIDE * 2, SIDE * 2))
        _check_size(picture, MOST_DECODED)
        ImageOps.exif_transpose(picture, in_place=True)
        square = ImageOps.fit(picture.convert("RGBA"), (SIDE, SIDE))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise Invalid({"image": "is not a PNG, JPEG, GIF or WebP image"}) from error
    for quality in (85, 60, 30, 5):
        out = io.BytesIO()
        square.save(out, "WEBP", quality=quality)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()


def _check_size(picture: Image.Image, most: int) -> None:
    if picture.width * picture.height > most:
        raise Invalid({"image": "has too many pixels"})
