"""Posts: messages in a channel, some of them replies; how they are read (posting.py writes)."""

import re
from contextlib import closing
from itertools import takewhile
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model.accounts.session import Identity
from model.accounts.user import User, avatar_path
from model.groups import rules
from model.groups.group import Membership
from model.talk import channel as channels
from model.talk.channel import Channel, ChannelRow
from model.talk.decision import DecisionView
from pottle.errors import NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, changes, db, partial_index, reads
from pottle.store.paging import Cursor, Filling, Page, paged
from pottle.translation import _
from pottle.values import as_it_is, line

Body = Annotated[str, as_it_is("Markdown; model/talk/posting.py looks whether it shows anything", shortest=1)]
GuestName = Annotated[str, line(80)]
State = Literal["published", "pending", "removed"]
FORMER_USER = "Former user"
ASKS = re.compile(r"[?？؟](?![\w/=&%#+-])")  # noqa: RUF001  # what ends a question, and no address
MOST_ABOVE = 30  # posts that one answers, and those answer, shown with it
MOST_TOGETHER = 100  # posts of a conversation shown on one page


class Post(Base):
    """One message. Its text stays when a moderator removes it, who may restore it; its author's deletion erases it."""

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_channel", "channel_id", "id"),
        Index("ix_posts_conversation", "channel_id", "root_id", "id"),
        partial_index("ix_posts_withheld", "channel_id", "author_id", where="state != 'published'"),
        partial_index("ix_posts_pending", "channel_id", where="'pending' = state"),  # which SQLite 3.40 never uses
        # `IS`, not `=`: else SQLite would prepare each statement with `state = ?` again whenever it runs.
        partial_index(
            "ix_posts_waits",
            "channel_id",
            where="state IS 'pending'",
            postgresql="state IS NOT DISTINCT FROM 'pending'",
        ),
        partial_index("ix_posts_pinned", "channel_id", where="pinned = 1", postgresql="pinned"),
        partial_index("ix_posts_anonymous", "author_id", where="anonymous = 1", postgresql="anonymous"),
        partial_index("ix_posts_answered", "answered_id", "id", where="answered_id IS NOT NULL"),
        partial_index("ix_posts_digest", "digest", where="digest IS NOT NULL"),
        partial_index("ix_posts_shown_after", "channel_id", "shown_after", where="shown_after IS NOT NULL"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    guest: Mapped[str | None] = mapped_column(String(80))
    body: Mapped[str]
    html: Mapped[str]
    state: Mapped[State] = mapped_column(String(10))
    reactions: Mapped[str]  # JSON, how many of each kind; counted again from the table at every reaction
    replies: Mapped[int]  # published ones
    created: Mapped[Time]
    edited: Mapped[Time | None]
    version: Mapped[int]
    root_id: Mapped[int | None]  # of a reply: the post that its conversation begins with
    anonymous: Mapped[bool] = mapped_column(server_default=false())  # for good: only moderators learn `author_id`
    question: Mapped[bool] = mapped_column(server_default=false())  # it begins a conversation, and asks something
    pinned: Mapped[bool] = mapped_column(server_default=false())
    endorsed: Mapped[bool] = mapped_column(server_default=false())  # by a moderator
    answer: Mapped[bool] = mapped_column(server_default=false())  # to the question that its conversation begins with
    answered_id: Mapped[int | None]  # of a reply: the user whose post it answers, if that is somebody else
    digest: Mapped[int | None] = mapped_column(BigInteger)  # of what a newcomer wrote, by which repeats are found
    shown_after: Mapped[int | None]  # of one that was approved after newer ones were there: the id of the newest


class Edit(Base):
    """A post's new text that is pending, or was declined (`removed`).

    A post has at most one; its approved text stays public meanwhile. Each has an id of its own, which is its version.
    """

    __tablename__ = "edits"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), unique=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    body: Mapped[str]
    html: Mapped[str]
    state: Mapped[Literal["pending", "removed"]] = mapped_column(String(10))
    created: Mapped[Time]


class PostRow(Post):
    """A post with what is shown of its author, as its queries return it. Only a type: never made.

    BY_ID and WITH_EDIT return its edit, too, as `edit_id`, `edit_body` and so on.
    """

    __abstract__ = True

    uid: str | None
    name: str
    avatar_hash: str | None
    badge: rules.Badge | None


class Author(msgspec.Struct):
    """Who wrote a post: a user (`uid`, `name`, `avatar`), a guest (`guest`, the name given), or somebody `anonymous`.

    `badge` says that the user looks after the group, now: posts show it, so that nobody else is taken for that one.
    """

    uid: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    avatar: str | UnsetType | None = UNSET
    guest: str | UnsetType = UNSET
    badge: rules.Badge | UnsetType = UNSET
    anonymous: bool | UnsetType = UNSET  # else absent

    def shown(self, anonymous: str = "Anonymous") -> str:
        """The name that readers see; `anonymous` is the word for somebody without one."""
        return self.name or self.guest or anonymous


ANONYMOUS = Author(anonymous=True)


class EditView(msgspec.Struct):
    """A post's new text, for its author and moderators: pending, or declined (`removed`)."""

    body: str
    html: str
    state: Literal["pending", "removed"]
    created: str
    version: int
    decision: DecisionView | UnsetType = UNSET


class PostView(msgspec.Struct):
    """A post as every reader sees it; a removed one is a tombstone, without its text.

    `edit` is there only in answers for its author and for moderators, where it has an edit that is not approved; and
    `decision` where a moderator decided on it.
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
    pinned: bool
    endorsed: bool
    answer: bool
    edit: EditView | UnsetType = UNSET
    decision: DecisionView | UnsetType = UNSET


class PostsPage(NamedTuple):
    """One page of a channel's posts, newest first, and the channel's position at that moment (L4)."""

    page: Page[PostView]
    seq: int
    channel: ChannelRow


_its, _theirs = aliased(Channel), aliased(Membership)
BADGE = case((User.role == "admin", "admin"), (_theirs.role == "moderator", "moderator")).label("badge")
# A row whose truth values stay SQLite's 0 and 1 is read in half the time.
_columns = [
    type_coerce(column, Integer).label(column.name) if isinstance(column.type, Boolean) else column
    for column in Post.__table__.c
    if column.name != "digest"
]
FOUND = (
    select(*_columns, User.uid, User.name, User.avatar_hash, BADGE)
    .outerjoin(User, User.id == Post.author_id)
    .outerjoin(_its, _its.id == Post.channel_id)
    .outerjoin(_theirs, (_theirs.group_id == _its.group_id) & (_theirs.user_id == Post.author_id))
)
SHOWN = or_(Post.state == "published", (Post.state == "removed") & (Post.replies > 0))
LISTED = FOUND.where(Post.channel_id == bindparam("channel_id"), SHOWN)
REPLIES = FOUND.where(Post.parent_id == bindparam("parent_id"), SHOWN).order_by(Post.id)
OF_EDIT = [column.label(f"edit_{column.name}") for column in Edit.__table__.c]
WITH_EDIT = FOUND.add_columns(*OF_EDIT).outerjoin(Edit, Edit.post_id == Post.id)
BY_ID = WITH_EDIT.where(Post.id == bindparam("id"))
ROOT = select(func.coalesce(Post.root_id, Post.id).label("id"), Post.author_id).where(Post.id == bindparam("id"))

as_counts = msgspec.json.Decoder(dict[str, int]).decode


def inbox_of(user_id: int) -> str:
    """The tag of what there is in a user's inbox, but for what posts say."""
    return f"inbox-of:{user_id}"


def as_sent(html: str) -> str:
    """The HTML of a post as clients get it: its images with our address, where POTTLE_URL says it."""
    return html.replace('<img src="/', f'<img src="{db.settings.url}/') if "<img" in html else html


def view(row: PostRow, removed_too: bool = False) -> PostView:
    """A post as clients see it. `removed_too` shows the text of a removed one: for its author and moderators."""
    there = removed_too or row.state != "removed"
    return PostView(
        id=row.id,
        channel=row.channel_id,
        parent=row.parent_id,
        author=_author(row),
        body=row.body if there else "",
        html=as_sent(row.html) if there else "",
        state=row.state,
        reactions=as_counts(row.reactions) if there else {},
        replies=row.replies,
        created=row.created,
        edited=row.edited,
        version=row.version,
        pinned=there and bool(row.pinned),
        endorsed=there and bool(row.endorsed),
        answer=there and bool(row.answer),
    )


def own_view(row: Any, removed_too: bool = True) -> PostView:
    """A post with its edit, as its author and moderators see it."""
    found = view(row, removed_too)
    if row.edit_id is not None:
        found.edit = EditView(row.edit_body, as_sent(row.edit_html), row.edit_state, row.edit_created, row.edit_id)
    return found


def _author(row: PostRow) -> Author:
    return ANONYMOUS if row.anonymous else known_author(row)


def known_author(row: PostRow) -> Author:
    """Who wrote a post, also where it is anonymous: for moderators alone."""
    if row.uid is None:
        return Author(guest=row.guest or FORMER_USER)
    return Author(row.uid, row.name, avatar_path(row.uid, row.avatar_hash), badge=row.badge or UNSET)


def weight(post: Any) -> int:
    """Bytes of a post's texts as JSON; a removed one is shown without them."""
    return len(msgspec.json.encode((post.body, post.html))) if post.state != "removed" else 0


@reads
def visible_to(read: Snapshot, identity: Identity | None, id_: int) -> tuple[PostRow, ChannelRow]:
    """A post that the asker may see, and its channel: the only way to get one. Raises NotFound."""
    row: PostRow | None = read.one(BY_ID, id=id_)
    channel = channels.seen_by(read, identity, row.channel_id) if row else None
    if row is None or channel is None or not _shown_to(row, channel, identity):
        raise NotFound(_("There is no post %(id)s.", id=id_))
    return row, channel


def _shown_to(row: PostRow, channel: ChannelRow, identity: Identity | None) -> bool:
    """Whether the asker sees a post: one that is not public is for its author and moderators only.

    Nobody sees one that its author deleted and nobody replied to.
    """
    if row.state == "published" or (row.state == "removed" and row.replies > 0):
        return True
    if not row.body:
        return False
    own = identity is not None and row.author_id == identity.user and rules.good_in(channel, identity)
    return own or rules.moderates(channel, identity)


@reads
def find(read: Snapshot, identity: Identity | None, id_: int) -> tuple[PostView, ChannelRow]:
    """A post that the asker may see, as a view, and its channel. Raises NotFound."""
    row, channel = visible_to.within(read, identity, id_)
    return view(row), channel


@reads
def listed(read: Snapshot, identity: Identity | None, channel_id: int, cursor: Cursor) -> PostsPage:
    """A page of a channel's posts. Raises NotFound."""
    channel = channels.visible_to.within(read, identity, channel_id)
    page = paged(read, LISTED, Post.id, cursor, view, weight, channel_id=channel_id)
    return PostsPage(page, channels.position(read, channel.id), channel)


@reads
def conversation(read: Snapshot, identity: Identity | None, id_: int) -> PostsPage:
    """A post with the posts above it and its replies, and as much of the rest of its conversation as has room.

    Raises NotFound, as `find`.
    """
    row, channel = visible_to.within(read, identity, id_)
    rows = _around(read, identity, row, channel)
    items = [view(found) for found in sorted(rows, key=attrgetter("id"), reverse=True)]
    return PostsPage(Page(items, None, None), channels.position(read, channel.id), channel)


def _around(read: Snapshot, identity: Identity | None, row: PostRow, channel: ChannelRow) -> list[PostRow]:
    """The posts of a conversation nearest to one of them, until the page is full."""
    page: Filling[PostRow] = Filling(MOST_TOGETHER, weight)
    while page.takes(row) and row.parent_id is not None and len(page.items) <= MOST_ABOVE:
        row = read.one(BY_ID, id=row.parent_id)
        if not _shown_to(row, channel, identity):
            break
    for above in [*page.items]:  # from the post upwards, so that what is far from it is left out first
        asked = [above]
        for row in asked:
            if row.replies and not page.more:
                known = {other.id for other in page.items}
                with closing(read.each(REPLIES, parent_id=row.id)) as replies:
                    asked += takewhile(page.takes, (reply for reply in replies if reply.id not in known))
    return page.items


def views(read: Snapshot, ids: set[int]) -> dict[int, PostView]:
    """Posts by id, as clients see them now."""
    return {row.id: view(row) for id_ in ids for row in read.all(BY_ID, id=id_)}


def joined(read: Snapshot, posts: list[PostView], new: set[int]) -> list[PostView]:
    """A channel's posts with the new ones among them, newest first, and with the replies counted again."""
    came, there = views(read, new), {post.id: post for post in posts}
    answered = views(read, {post.parent for post in came.values() if post.parent in there})
    return sorted({**there, **answered, **came}.values(), key=attrgetter("id"), reverse=True)


changes.carries(["post.created", "post.edited", "post.removed", "post.restored"], "post", views)
