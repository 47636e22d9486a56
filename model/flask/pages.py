"""The discussions of a site's pages as front ends of 2026 call for them: each post with its replies, and with the page.

They are the channels of one group, found by the paths of pages, as `<pottle-thread>` on such a page finds its own.
"""

import re
from typing import Any, Literal, NamedTuple

from sqlalchemy import and_, bindparam, false, or_, select

from model import settings
from model.accounts.session import Identity
from model.flask.extras import OF_CHANNEL
from model.flask.overview import MOST, MOST_BYTES, SEEN, PostRow
from model.groups import rules
from model.groups.group import Group, asker
from model.talk import channel, post
from model.talk.channel import BY_KEY, IN_GROUP, SHOWN_KEY, Channel, Key
from model.talk.post import Post
from model.talk.reaction import Kind, Reaction
from model.talk.search import results
from pottle.errors import Invalid, NotFound, Refusal
from pottle.store import Snapshot, db, reads
from pottle.store.paging import Cursor, Filling, paged_aside
from pottle.values import Unfit, fit

MOST_REPLIES = 2_000  # to all posts of a list, the newest
MOST_FOUND = 100  # by one search
NOWHERE = "posts"  # the key of the discussion for what belongs to no page
ADDRESS = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
# What pages call the kinds of reactions; the first is what they are sent.
REACTIONS: dict[Kind, tuple[str, ...]] = {
    "up": ("👍", "like", "thumbsup", "upvote", "+1"),
    "down": ("👎", "dislike", "thumbsdown", "downvote", "-1"),
    "heart": ("❤️", "❤", "love"),
    "laugh": ("😂", "😄", "😆", "haha", "funny"),
    "hooray": ("🎉", "celebrate", "clap", "👏"),
    "eyes": ("👀", "look"),
}
BY_NAME = {name: kind for kind, names in REACTIONS.items() for name in (kind, *names)}

Which = Literal["all", "page", "author", "found", "one"]


class PageRow(PostRow):
    """A post with the key of its discussion: the path of its page."""

    __abstract__ = True

    channel_key: str


class TopicRow(channel.ChannelRow):
    """A page's discussion, with the number that pages call it by."""

    __abstract__ = True

    number: int


class Thread(NamedTuple):
    """A post and all that answers it, oldest first; and the kinds of one's own reactions to it."""

    post: PageRow
    replies: list[PageRow]
    mine: set[str]


# One's own that wait for a moderator are in the lists that one gets.
_shown = or_(Post.state == "published", and_(Post.state == "pending", Post.author_id == bindparam("mine")))
_named = or_(Post.anonymous == false(), Post.author_id == bindparam("mine"))
_ALL = SEEN.add_columns(SHOWN_KEY.label("channel_key")).where(Group.slug == bindparam("slug"), _shown)
_BEGUN = _ALL.where(Post.parent_id.is_(None))
THREADS: dict[Which, Any] = {
    "all": _BEGUN,
    "page": _BEGUN.where(Post.channel_id == bindparam("channel_id")),
    "author": _BEGUN.where(Post.author_id == bindparam("author_id"), _named),
    "found": _BEGUN.where(Post.id.in_(bindparam("ids", expanding=True))),
    "one": _ALL.where(Post.id == bindparam("id")),
}
REPLIES = (
    _ALL.where(
        Post.channel_id.in_(bindparam("channels", expanding=True)), Post.root_id.in_(bindparam("roots", expanding=True))
    )
    .order_by(Post.id.desc())
    .limit(MOST_REPLIES)
)
REACTED = select(Reaction.post_id, Reaction.kind).where(
    Reaction.user_id == bindparam("user_id"), Reaction.post_id.in_(bindparam("posts", expanding=True))
)
TOPIC = BY_KEY.add_columns(*OF_CHANNEL)
TOPICS = (
    IN_GROUP.add_columns(*OF_CHANNEL)
    .where(Channel.key.like(bindparam("key")), Channel.title.ilike(bindparam("title"), escape="\\"))
    .order_by(Channel.title)
    .limit(MOST)
)


def group() -> str:
    """The slug of the group whose discussions the pages' are (POTTLE_FLASK_PAGES)."""
    return settings.chosen().flask_pages


def key_of(field: str, path: str) -> str:
    """The key of a page's discussion, by its path or its whole address. Raises Invalid."""
    path = ADDRESS.sub("", path, count=1)
    try:
        key: str = fit(path if path.startswith("/") else f"/{path}", Key)
    except Unfit as unfit:
        raise Invalid({field: unfit.phrase}) from unfit
    return key


def page_key(path: str) -> str:
    """A page's path as those back ends shorten it to what may stand in an address."""
    plain = re.sub(r"_+", "_", re.sub(r"[^a-zA-Z0-9_-]", "_", path.strip("/")))
    return plain[:100].strip("_")


def title_of(key: str) -> str:
    """What a discussion is called that somebody begins without saying so."""
    return " ".join(filter(None, key.split("/"))).title()[:200] or "Home"


@reads
def topic(read: Snapshot, identity: Identity | None, key: str) -> TopicRow | None:
    """The discussion with that key, where the asker may see it."""
    row: TopicRow | None = read.one(TOPIC, slug=group(), key=key, **asker(identity))
    return row


async def topics(identity: Identity | None, key: str = "", words: str = "") -> list[TopicRow]:
    """The discussions of pages, by their titles: at most MOST, with `words` in the title, or for a shortened path."""
    named = "/%" + "".join(f"{part}%" for part in key.split("_"))
    title = "%" + re.sub(r"([\\%_])", r"\\\1", words) + "%"
    async with db.session() as session:
        values = {"slug": group(), "key": named, "title": title, **asker(identity)}
        rows = (await session.execute(TOPICS, values)).all()
    return [row for row in rows if not key or page_key(row.key) == key]  # type: ignore[misc]  # rows of those columns


def may_post(row: TopicRow, identity: Identity | None) -> bool:
    """Whether the asker may post in a discussion."""
    try:
        rules.may_post(row, identity, None)
    except Refusal:
        return False
    return identity is not None


async def threads(identity: Identity | None, which: Which, limit: int = 1, **values: Any) -> list[Thread]:
    """Posts that answer none, newest first, with their replies: of all pages or of one, of a user, or with `ids`."""
    known = {"slug": group(), "mine": identity.user if identity else 0, **asker(identity)}
    whole = Cursor(limit, room=MOST_BYTES)
    async with db.session() as session:
        page = await paged_aside(
            session, THREADS[which], Post.id, whole, lambda row: row, post.weight, **known, **values
        )
        begun: list[PageRow] = page.items
        ids = [row.id for row in begun]
        among = {"roots": ids, "channels": sorted({row.channel_id for row in begun})}
        replies = (await session.execute(REPLIES, {**known, **among})).all()
        reacted = (await session.execute(REACTED, {"user_id": known["mine"], "posts": ids})).all()
    filling = Filling[Any](MOST_REPLIES, post.weight, MOST_BYTES)
    all(map(filling.takes, replies))
    return [
        Thread(
            row,
            [reply for reply in reversed(filling.items) if reply.root_id == row.id],
            {kind for post_id, kind in reacted if post_id == row.id},
        )
        for row in begun
    ]


async def found(identity: Identity, text: str, limit: int) -> list[Thread]:
    """Posts that answer none, and in which search finds a text (docs/search.md). Raises Invalid, Overloaded."""
    hits = await results.find(identity, text, group(), Cursor(min(limit, MOST_FOUND)))
    ids = [hit.post.id for hit in hits.page.items]
    return await threads(identity, "found", limit, ids=ids) if ids else []


async def thread(identity: Identity | None, id_: int) -> Thread:
    """One post of those discussions with its replies. Raises NotFound."""
    rows = await threads(identity, "one", id=id_)
    if not rows:
        raise NotFound("Post not found")
    return rows[0]
