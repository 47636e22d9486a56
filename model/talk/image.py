"""Images in posts, where a group allows them: drawn again when they are sent, and kept in the database.

An image belongs to whoever sent it and, from the moment that a text with it is sent, to that one post: it is shown to
those who may read the post, and goes with it, or when the post is changed and shows it no more. One that no post shows
goes after a day. It goes with its owner's account, too; then posts show its description.
"""

import secrets
from typing import NamedTuple

import msgspec
from sqlalchemy import ForeignKey, Index, String, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import settings
from model.accounts.session import Identity
from model.groups import rules
from model.pictures import drawn, whole
from model.talk import channel as channels
from model.talk import post
from model.talk.channel import ChannelRow
from model.talk.judging import block
from model.talk.markdown import images_in, shown_images
from pottle import times
from pottle.errors import Conflict, NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, limits, reads, writes
from pottle.translation import _

SIDE = 1_600  # pixels, the longer one
LARGEST = 512 * 1024  # bytes of one
MOST = 20  # of one text; later ones are only words
FORGOTTEN = 86_400  # seconds after which one goes that no post shows


class Image(Base):
    """An image as WebP. `key` is in its address, and cannot be guessed."""

    __tablename__ = "images"
    __table_args__ = (Index("ix_images_user_id", "user_id", "size"), NEVER_REUSE_IDS)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(22), unique=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    created: Mapped[Time]
    data: Mapped[bytes]


class ImageView(msgspec.Struct):
    """An image that was sent. `url` is what stands in the Markdown: `![what it shows](url)`."""

    url: str
    width: int
    height: int


class Shown(NamedTuple):
    """An image, and whether everybody may see it."""

    data: bytes
    public: bool


META = select(Image.width, Image.height, Image.user_id, Image.post_id, Image.channel_id)
BY_KEY = META.where(Image.key == bindparam("key"))
DATA = select(Image.data).where(Image.key == bindparam("key"))
OF_POST = select(Image.key).where(Image.post_id == bindparam("post_id"))
OF_USER = select(func.coalesce(func.sum(Image.size), 0).label("size")).where(Image.user_id == bindparam("user_id"))
OF_ALL = select(func.coalesce(func.sum(Image.size), 0).label("size"))
ADD = insert(Image)
_own = Image.key == bindparam("key"), Image.user_id == bindparam("owner"), Image.post_id.is_(None)
BELONG = update(Image).where(*_own)
DROP = delete(Image).where(Image.key == bindparam("key"))
DROP_FORGOTTEN = delete(Image).where(Image.post_id.is_(None), Image.created < bindparam("before"))


async def put(identity: Identity, channel_id: int, upload: bytes) -> ImageView:
    """Keeps an image for a text that is being written.

    Raises NotFound; Forbidden where the asker may not post, or the group has no images; Conflict where there is no
    more room; Invalid for what is no image.
    """
    await _check(identity, channel_id, len(upload))
    return await _add(identity, channel_id, secrets.token_urlsafe(16), await drawn(whole, upload, SIDE, LARGEST))


@reads
def _check(read: Snapshot, identity: Identity, channel_id: int, size: int) -> None:
    _where(read, identity, channel_id)
    limits.check_all(read, channels.uses(size))
    _check_room(read, identity, 0)


@writes
def _add(tx: Tx, identity: Identity, channel_id: int, key: str, made: tuple[bytes, int, int]) -> ImageView:
    _where(tx, identity, channel_id)
    data, width, height = made
    _check_room(tx, identity, len(data))
    limits.use(tx, channels.uses(len(data)))
    tx.run(DROP_FORGOTTEN, before=times.later(seconds=-FORGOTTEN))
    whose = {"channel_id": channel_id, "user_id": identity.user, "post_id": None}
    shape = {"width": width, "height": height, "size": len(data)}
    tx.run(ADD, key=key, **whose, **shape, created=tx.now, data=data)
    return ImageView(f"/api/images/{key}", width, height)


def _where(read: Snapshot, identity: Identity, channel_id: int) -> ChannelRow:
    there = channels.visible_to.within(read, identity, channel_id)
    rules.may_post(there, identity, None)
    block.here(read, there, identity)
    rules.may_have_images(there)
    return there


def _check_room(read: Snapshot, identity: Identity, more: int) -> None:
    chosen = settings.chosen()
    if read.one(OF_USER, user_id=identity.user).size + more > chosen.user_image_bytes:
        raise Conflict(_("Your images fill all the room that you have. Delete posts with images that nobody needs."))
    if read.one(OF_ALL).size + more > chosen.image_bytes:
        raise Conflict(_("There is no more room for images on this server. Please tell whoever runs it."))


@reads
def find(read: Snapshot, identity: Identity | None, key: str) -> Shown:
    """An image that the asker may see. Raises NotFound."""
    gone, row = NotFound(_("There is no such image.")), read.one(BY_KEY, key=key)
    if row is None:
        raise gone
    own = identity is not None and row.user_id == identity.user
    public = False
    if row.post_id is None:
        if not own:
            raise gone
    else:
        found, channel = post.visible_to.within(read, identity, row.post_id)
        shown = found.state == "published" and key in shown_images(found.html)
        public = shown and channel.reading == "public"
        if not (shown or own or rules.moderates(channel, identity)):
            raise gone
    return Shown(read.one(DATA, key=key).data, public)


@writes
def remove(tx: Tx, identity: Identity, key: str) -> None:
    """Drops an image of one's own that no post has. Raises NotFound, Conflict."""
    row = tx.one(BY_KEY, key=key)
    if row is None or row.user_id != identity.user:
        raise NotFound(_("There is no such image."))
    if row.post_id is not None:
        raise Conflict(_("It is in a post: edit that, or delete it."))
    tx.run(DROP, key=key)


def usable(
    read: Snapshot, identity: Identity | None, there: ChannelRow, body: str, post_id: int | None = None
) -> dict[str, tuple[int, int]]:
    """The images that a text may show, by key, with their sizes: one's own, that no other post has."""
    if identity is None or not (there.images or post_id) or "/api/images/" not in body:
        return {}
    rows = {key: read.one(BY_KEY, key=key) for key in images_in(body, MOST)}
    places = (None, post_id) if there.images else (post_id,)
    return {
        key: (row.width, row.height)
        for key, row in rows.items()
        if row and row.user_id == identity.user and row.channel_id == there.id and row.post_id in places
    }


def keep(tx: Tx, post_id: int, author_id: int | None, html: str, before: str = "") -> None:
    """Within a unit: a post shows the images of its HTML (and of that of its edit), and no longer those of `before`."""
    shown = shown_images(html)
    if not shown and not shown_images(before):
        return
    for row in tx.all(OF_POST, post_id=post_id):
        if row.key not in shown:
            tx.run(DROP, key=row.key)
    for key in shown:
        tx.run(BELONG, key=key, owner=author_id, post_id=post_id)
