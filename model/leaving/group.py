"""A group's export as JSON. It is written in pieces, and each piece read on its own: a slow client holds no snapshot.

docs/administration.md says what is in it. Posts whose author deleted them come as tombstones, and only where somebody
answered; those that a moderator removed come with their text, for moderators may restore them. An anonymous post tells
nobody's name. E-mail addresses never come.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Executable, bindparam, or_, select

from model.accounts.session import Identity, confirm
from model.accounts.user import User
from model.groups import group
from model.groups.group import GroupRow, GroupView
from model.talk.channel import Channel
from model.talk.post import FORMER_USER, Post, State, as_counts, as_sent
from pottle import times
from pottle.errors import Forbidden, NotFound, Unauthenticated
from pottle.store import Snapshot, db, reads

Format = Literal["json", "wxr"]
FORMAT, VERSION = "pottle-group", 1
PORTION = 200  # rows read at once


class ExportedAuthor(msgspec.Struct):
    """Who wrote a post: an account (`uid`, `name`), a guest, or somebody anonymous."""

    uid: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    guest: str | UnsetType = UNSET
    anonymous: bool | UnsetType = UNSET


class ExportedChannel(msgspec.Struct):
    """A discussion: what its group finds it by (`key`), and whether it is closed (`locked`)."""

    id: int
    key: str
    title: str
    url: str | None
    locked: bool
    pinned: bool
    state: Literal["published", "pending"]
    created: str


class ExportedPost(msgspec.Struct):
    """A post: `body` is its Markdown; `parent` the id of the post that it answers, which comes before it."""

    id: int
    channel: int
    parent: int | None
    author: ExportedAuthor
    body: str
    html: str
    state: State
    reactions: dict[str, int]
    created: str
    edited: str | None
    pinned: bool
    endorsed: bool
    answer: bool


class GroupExport(msgspec.Struct):
    """A group with everything in it. A file that was cut off lacks `complete`, and is no JSON."""

    format: Literal["pottle-group"]
    version: int
    made: str
    group: GroupView
    channels: list[ExportedChannel]
    posts: list[ExportedPost]
    complete: bool


Pieces = AsyncIterator[bytes]
Writing = Callable[["Leaving"], Pieces]

CHANNELS = (
    select(*(Channel.__table__.c[name] for name in ExportedChannel.__struct_fields__))
    .where(Channel.group_id == bindparam("group_id"), Channel.id > bindparam("after"))
    .order_by(Channel.id)
    .limit(PORTION)
)
_THERE = or_(Post.state != "removed", Post.body != "", Post.replies > 0)
_POSTS = (
    select(*Post.__table__.c, User.uid, User.name)
    .join(Channel, Channel.id == Post.channel_id)
    .outerjoin(User, User.id == Post.author_id)
    .where(_THERE, Post.id > bindparam("after"))
    .order_by(Post.id)
    .limit(PORTION)
)
POSTS = _POSTS.where(Channel.group_id == bindparam("group_id"))
POSTS_IN = _POSTS.where(Post.channel_id == bindparam("channel_id"))


class Leaving:
    """An export under way, of the group `row`, for `by` (None: the operator)."""

    def __init__(self, by: Identity | None, row: GroupRow) -> None:
        self.by, self.row = by, row

    async def channels(self) -> AsyncIterator[ExportedChannel]:
        """The group's channels, oldest first. Raises what `take` does, where the right to read has ended."""
        async for row in self._each(CHANNELS, group_id=self.row.id):
            yield ExportedChannel(
                row.id, row.key, row.title, row.url, bool(row.locked), bool(row.pinned), row.state, row.created
            )

    async def posts(self, channel_id: int | None = None) -> AsyncIterator[ExportedPost]:
        """The posts of one channel, or of all, oldest first. Raises as `channels`."""
        if channel_id is None:
            found = self._each(POSTS, group_id=self.row.id)
        else:
            found = self._each(POSTS_IN, channel_id=channel_id)
        async for row in found:
            yield _post(row)

    async def _each(self, statement: Executable, **values: int) -> AsyncIterator[Any]:
        after, more = 0, True
        while more:
            await _still_may(self.by, self.row.slug)
            async with db.session() as session:
                rows = (await session.execute(statement, {**values, "after": after})).all()
            for row in rows:
                yield row
            more = len(rows) == PORTION
            after = rows[-1].id if rows else after


def _post(row: Any) -> ExportedPost:
    return ExportedPost(
        id=row.id,
        channel=row.channel_id,
        parent=row.parent_id,
        author=_author(row),
        body=row.body,
        html=as_sent(row.html),
        state=row.state,
        reactions=as_counts(row.reactions),
        created=row.created,
        edited=row.edited,
        pinned=bool(row.pinned),
        endorsed=bool(row.endorsed),
        answer=bool(row.answer),
    )


def _author(row: Any) -> ExportedAuthor:
    if row.anonymous:
        return ExportedAuthor(anonymous=True)
    if row.uid is None:
        return ExportedAuthor(guest=row.guest or FORMER_USER)
    return ExportedAuthor(uid=row.uid, name=row.name)


@reads
def _still_may(read: Snapshot, by: Identity | None, slug: str) -> None:
    if by:
        confirm(read, by)
    group.managed(read, by, slug)


async def take(by: Identity | None, slug: str, written: Writing) -> Pieces:
    """Begins an export, which the caller has yet to read. For the group's moderators and the operator (None).

    Raises NotFound, Unauthenticated, Forbidden; while it is read, too, where the session, the right or the group ends.
    """
    return written(Leaving(by, await db.read(group.managed, by, slug)))


async def until_it_ends(pieces: Pieces) -> Pieces:
    """Breaks off where the right to read ends: what came is not whole then, and cannot be read."""
    with suppress(Unauthenticated, Forbidden, NotFound):
        async for piece in pieces:
            yield piece


async def as_json(leaving: Leaving) -> Pieces:
    """The object in pieces, a line for each channel and post."""
    about = msgspec.json.encode(group.view(leaving.row))
    yield b'{"format": "%b", "version": %d, "made": "%b",\n"group": %b' % (
        FORMAT.encode(),
        VERSION,
        times.now().encode(),
        about,
    )
    for name, items in (("channels", leaving.channels()), ("posts", leaving.posts())):
        yield b',\n"%b": [' % name.encode()
        between = b"\n"
        async for piece in _joined(items, between):
            yield piece
        yield b"\n]"
    yield b',\n"complete": true}\n'


async def _joined(items: AsyncIterator[msgspec.Struct], between: bytes) -> Pieces:
    """The items as JSON with commas between them, some hundred to a piece: each piece is a chunk on the wire."""
    piece = bytearray()
    async for item in items:
        piece += between + msgspec.json.encode(item)
        between = b",\n"
        if len(piece) > 64 * 1024:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
