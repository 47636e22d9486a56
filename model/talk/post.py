"""Posts: one message in a channel, maybe a reply to another there; how they are read (posting.py writes)."""

from contextlib import closing
from itertools import takewhile
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ForeignKey, Index, String, bindparam, case, literal_column, or_, select
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model.accounts.session import Identity
from model.accounts.user import User, avatar_path
from model.groups import rules
from model.groups.group import Membership
from model.talk import channel
from model.talk.edit import EditView
from pottle.errors import NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, changes, db
from pottle.store.paging import Cursor, Filling, Page, paged
from pottle.values import as_it_is, line

Body = Annotated[str, as_it_is("Markdown; model/talk/posting.py looks whether it shows anything", shortest=1)]
GuestName = Annotated[str, line(80)]
State = Literal["published", "pending", "removed"]
FORMER_USER = "Former user"


class Post(Base):
    """One message. Its text is kept when a moderator removes it (who may restore it), erased when its author does."""

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_channel", "channel_id", "id"),
        Index("ix_posts_withheld", "channel_id", "author_id", sqlite_where=literal_column("state != 'published'")),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    guest: Mapped[str | None] = mapped_column(String(80))
    body: Mapped[str]
    html: Mapped[str]
    state: Mapped[str] = mapped_column(String(10))
    reactions: Mapped[str]  # JSON, how many of each kind; counted again from the table at every reaction
    replies: Mapped[int]  # published ones
    created: Mapped[Time]
    edited: Mapped[Time | None]
    version: Mapped[int]


class Author(msgspec.Struct):
    """Who wrote a post: a user (`uid`, `name`, `avatar`), or somebody without an account (`guest`, the name given).

    `badge` says that the user looks after the group, now: posts show it, so that nobody else is taken for that one.
    """

    uid: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    avatar: str | UnsetType | None = UNSET
    guest: str | UnsetType = UNSET
    badge: rules.Badge | UnsetType = UNSET


class PostView(msgspec.Struct):
    """A post as every reader sees it; a removed one is a tombstone, without its text.

    `edit` is there only in answers for its author and for moderators, where it has an edit that is not approved.
    """

    id: int
    channel: int
    parent: int | None
    author: Author
    body: str
    html: str
    state: State
    reactions: dict[str, int]
    replies: int
    created: str
    edited: str | None
    version: int
    edit: EditView | UnsetType = UNSET


class PostsPage(msgspec.Struct):
    """One page of a channel's posts, newest first, and the channel's position at that moment (L4)."""

    page: Any
    seq: int
    place: Any


_place = aliased(channel.Channel)
_moderates = (
    select(Membership.user_id)
    .join(_place, _place.group_id == Membership.group_id)
    .where(_place.id == Post.channel_id, Membership.user_id == Post.author_id, Membership.role == "moderator")
    .correlate(Post)
    .exists()
)
BADGE = case((User.role == "admin", "admin"), (_moderates, "moderator")).label("badge")
FOUND = select(*Post.__table__.c, User.uid, User.name, User.avatar_hash, BADGE).outerjoin(
    User, User.id == Post.author_id
)
BY_ID = FOUND.where(Post.id == bindparam("post"))
SHOWN = or_(Post.state == "published", (Post.state == "removed") & (Post.replies > 0))
IN_CHANNEL = FOUND.where(Post.channel_id == bindparam("channel"))
LISTED = IN_CHANNEL.where(SHOWN)
ANSWERS = FOUND.where(Post.parent_id == bindparam("parent"), SHOWN).order_by(Post.id)

MOST_ABOVE = 30  # posts that one answers, and those answer, shown with it
MOST_TOGETHER = 100  # posts of a conversation shown on one page

as_counts = msgspec.json.Decoder(dict[str, int]).decode


def view(row: Any) -> PostView:
    """A row of FOUND as clients see it."""
    return _view(row, row.state != "removed")


def full_view(row: Any) -> PostView:
    """As view, with the text of a removed one: for its author and moderators only."""
    return _view(row, True)


def _view(row: Any, there: bool) -> PostView:
    return PostView(
        id=row.id,
        channel=row.channel_id,
        parent=row.parent_id,
        author=_author(row),
        body=row.body if there else "",
        html=row.html if there else "",
        state=row.state,
        reactions=as_counts(row.reactions) if there else {},
        replies=row.replies,
        created=row.created,
        edited=row.edited,
        version=row.version,
    )


def weight(post: Any) -> int:
    """Bytes of a post's texts as JSON; a removed one is shown without."""
    return len(msgspec.json.encode((post.body, post.html))) if post.state != "removed" else 0


def _author(row: Any) -> Author:
    if row.uid is None:
        return Author(guest=row.guest or FORMER_USER)
    return Author(row.uid, row.name, avatar_path(row.uid, row.avatar_hash), badge=row.badge or UNSET)


async def listed(identity: Identity | None, channel_id: int, cursor: Cursor) -> PostsPage:
    """A page of a channel's posts. Raises NotFound."""
    with db.snapshot() as read:
        place = channel.visible_to(read, identity, channel_id)
        page = paged(read, LISTED, Post.id, cursor, view, weight, channel=channel_id)
        return PostsPage(page, channel.position(read, place.id), place)


async def find(identity: Identity | None, id_: int) -> tuple[PostView, Any]:
    """A post and its place. Raises NotFound, also for one that is pending and not one's own to see."""
    with db.snapshot() as read:
        row, place = visible_to(read, identity, id_)
        return view(row), place


def visible_to(read: Snapshot, identity: Identity | None, id_: int) -> tuple[Any, Any]:
    """The row and the place of a post that whoever asks may see: the only way to get one. Raises NotFound."""
    row = read.one(BY_ID, post=id_)
    place = row and channel.seen_by(read, identity, row.channel_id)
    if place is None or not _shown_to(row, place, identity):
        raise NotFound(f"There is no post {id_}.")
    return row, place


def _shown_to(row: Any, place: Any, identity: Identity | None) -> bool:
    """A post that is not for everybody is for its author, who may want to erase it, and for moderators.

    One that its author erased, and nobody replied to, is there for nobody.
    """
    if row.state == "published" or (row.state == "removed" and row.replies > 0):
        return True
    if not row.body:
        return False
    own = identity is not None and row.author_id == identity.user
    return own or rules.moderates(place, identity)


async def conversation(identity: Identity | None, id_: int) -> PostsPage:
    """A post with what it answers and what answers it, and of the rest of its conversation what has room.

    Raises NotFound, as `find`.
    """
    with db.snapshot() as read:
        row, place = visible_to(read, identity, id_)
        rows = _around(read, identity, row, place)
        items = [view(found) for found in sorted(rows, key=attrgetter("id"), reverse=True)]
        return PostsPage(Page(items, None, None), channel.position(read, place.id), place)


def _around(read: Snapshot, identity: Identity | None, row: Any, place: Any) -> list[Any]:
    """The rows of a conversation that are nearest to one of them, until they are many or large."""
    page: Filling[Any] = Filling(MOST_TOGETHER, weight)
    while page.takes(row) and row.parent_id is not None and len(page.items) <= MOST_ABOVE:
        row = read.one(BY_ID, post=row.parent_id)
        if not _shown_to(row, place, identity):
            break
    for above in [*page.items]:  # from the post upwards, so that what is far from it is left out first
        asked = [above]
        for row in asked:
            if row.replies and not page.more:
                known = {other.id for other in page.items}
                with closing(read.each(ANSWERS, parent=row.id)) as answers:
                    asked += takewhile(page.takes, (answer for answer in answers if answer.id not in known))
    return page.items


def views(read: Snapshot, ids: set[int]) -> dict[int, PostView]:
    """Posts by id, as clients see them now."""
    return {row.id: view(row) for id_ in ids for row in read.all(BY_ID, post=id_)}


def joined(read: Snapshot, posts: list[PostView], new: set[int]) -> list[PostView]:
    """Posts of a channel and those that came since, by id, newest first. What was replied to has a reply more."""
    came, there = views(read, new), {post.id: post for post in posts}
    answered = views(read, {post.parent for post in came.values() if post.parent in there})
    return sorted({**there, **answered, **came}.values(), key=attrgetter("id"), reverse=True)


changes.carries(["post.created", "post.edited", "post.removed", "post.restored"], "post", views)
