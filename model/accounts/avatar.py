"""Avatars: the middle of a picture that somebody sent, kept in the database."""

import hashlib
from typing import NamedTuple

from sqlalchemy import ForeignKey, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import user
from model.accounts.session import Identity
from model.accounts.user import User
from model.pictures import drawn, square
from pottle.errors import NotFound
from pottle.store import Base, Snapshot, Tx, reads, writes
from pottle.translation import _

SIDE = 256  # pixels
LARGEST = 64 * 1024  # bytes


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
    image = (await drawn(square, upload, SIDE, LARGEST)).data
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
        raise NotFound(_("%(uid)s has no avatar.", uid=uid))
    return Shown(*row)


@writes
def remove(tx: Tx, identity: Identity) -> None:
    """Removes one's avatar. Raises NotFound."""
    own, kept = user.by_id(tx.session, identity.user), tx.session.get(Avatar, identity.user)
    if kept is None:
        raise NotFound(_("You have no avatar."))
    tx.session.delete(kept)
    user.change(tx, own, avatar_hash=None)
