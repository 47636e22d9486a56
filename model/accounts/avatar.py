"""Avatars: decoded and drawn anew by us, so that nothing hidden in an upload reaches a reader; kept in the database."""

import asyncio
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import ForeignKey, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.accounts.user import User, avatar_path
from pottle.errors import Invalid, NotFound
from pottle.store import Base, Tx, db

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
SIDE = 256  # pixels
LARGEST = 64 * 1024  # bytes
MOST_PIXELS = 50_000_000  # of a telephone's photo; a JPEG is decoded at an eighth of its size
MOST_DECODED = 16_000_000  # pixels in memory, twice, at 4 bytes each
MEDIA_TYPE = "image/webp"


# One after the other: a file of 6 kB can be a picture of 16 million pixels, and a hundred of them would be the memory.
_executor = ThreadPoolExecutor(1, thread_name_prefix="avatar")


class Avatar(Base):
    """A user's image, as WebP."""

    __tablename__ = "avatars"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    image: Mapped[bytes]


BY_UID = (
    select(Avatar.image, User.avatar_hash, User.uid)
    .join(User, User.id == Avatar.user_id)
    .where(User.uid_folded == bindparam("folded"))
)
PUT = insert(Avatar).values(user_id=bindparam("user"), image=bindparam("drawn"))
PUT = PUT.on_conflict_do_update(index_elements=[Avatar.user_id], set_={"image": PUT.excluded.image})
NAME = (
    update(User).where(User.id == bindparam("user")).values(avatar_hash=bindparam("hashed"), version=User.version + 1)
)
DROP = delete(Avatar).where(Avatar.user_id == bindparam("user"))


async def put(identity: Identity, upload: bytes) -> str:
    """Keeps an uploaded image as the user's avatar and returns its path. Raises Invalid for what is no image."""
    image = await asyncio.get_running_loop().run_in_executor(_executor, drawn, upload)
    return await db.write(_put, identity, image, hashlib.sha256(image).hexdigest()[:12])


async def find(uid: str) -> tuple[bytes, str, str]:
    """(the image, its hash, the user's uid). Raises NotFound."""
    with db.snapshot() as read:
        row = read.one(BY_UID, folded=uid.lower())
    if row is None:
        raise NotFound(f"{uid} has no avatar.")
    return row.image, row.avatar_hash, row.uid


def remove(tx: Tx, identity: Identity) -> None:
    """Unit: takes one's avatar away. Raises NotFound."""
    if not tx.run(DROP, user=identity.user):
        raise NotFound("You have no avatar.")
    _name(tx, identity, None)


def _put(tx: Tx, identity: Identity, image: bytes, hashed: str) -> str:
    tx.run(PUT, user=identity.user, drawn=image)
    _name(tx, identity, hashed)
    return avatar_path(identity.uid, hashed) or ""


def _name(tx: Tx, identity: Identity, hashed: str | None) -> None:
    tx.run(NAME, user=identity.user, hashed=hashed)
    tx.changed("user.edited", subject=identity.user, tags=[f"user:{identity.uid}"])


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
    return _encoded(square)


def _check_size(picture: Image.Image, most: int) -> None:
    if picture.width * picture.height > most:
        raise Invalid({"image": "has too many pixels"})


def _encoded(square: Image.Image) -> bytes:
    for quality in (85, 60, 30, 5):
        out = io.BytesIO()
        square.save(out, "WEBP", quality=quality)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()
