"""Feeds: the newest posts of a channel, a conversation or a group, or the replies to one user."""

import secrets
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.orm import aliased

from model.accounts.session import Credential, Identity, hashed
from model.accounts.user import User
from model.groups.group import VISIBLE, Group
from model.talk import channel as channels
from model.talk import post as posts
from model.talk import thread
from model.talk.channel import SHOWN_TITLE, Channel, ChannelRow
from model.talk.post import FOUND, Post, PostView, view
from pottle.errors import NotFound
from pottle.store import Base, Snapshot, Tx, db, reads, writes
from pottle.store.paging import Cursor
from pottle.translation import _

MOST = 30  # entries


class FeedAddress(Credential, Base):
    """The secret in the address of a user's feed of replies. Making another one replaces it."""

    __tablename__ = "feed_addresses"


class Entry(NamedTuple):
    """A post in a feed, and the title of its discussion."""

    post: PostView
    discussion: str


class Feed(NamedTuple):
    """Posts, newest first, and what they are the newest of: `about` is the path of its page."""

    title: str
    about: str
    begun: str
    entries: list[Entry]
    tags: frozenset[str] = frozenset()  # of what it shows, for the response cache


class FeedSecret(msgspec.Struct):
    """A new secret, shown this once."""

    secret: str
    created: str


_answered = aliased(Post)
REPLIES = (
    FOUND.add_columns(SHOWN_TITLE)
    .join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .join(_answered, _answered.id == Post.parent_id)
    .where(_answered.author_id == bindparam("user"), Post.author_id.is_distinct_from(bindparam("user")))
    .where(Post.state == "published", VISIBLE)
    .order_by(Post.id.desc())
    .limit(MOST)
)
WHOSE = select(User.id, User.name, User.role, FeedAddress.created).join(FeedAddress, FeedAddress.user_id == User.id)
WHOSE = WHOSE.where(FeedAddress.secret_hash == bindparam("secret_hash"), User.disabled.is_(None))
ADD = insert(FeedAddress)
DROP = delete(FeedAddress).where(FeedAddress.user_id == bindparam("user_id"))


@reads
def of_channel(read: Snapshot, id_: int) -> Feed:
    """The newest posts of a channel that everybody may read. Raises NotFound."""
    listed = posts.listed.within(read, None, id_, Cursor(MOST))
    return _of(listed.channel, f"/channels/{id_}", listed.page.items)


@reads
def of_conversation(read: Snapshot, id_: int) -> Feed:
    """The newest posts around one, of those that answer it or that it answers. Raises NotFound."""
    found = posts.conversation.within(read, None, id_)
    return _of(found.channel, f"/posts/{id_}", found.page.items[:MOST])


def _of(channel: ChannelRow, about: str, found: list[PostView]) -> Feed:
    entries = [Entry(post, channel.title) for post in found if post.state == "published"]
    tags = frozenset({f"group:{channel.group_id}", channels.stream(channel.id)})
    return Feed(f"{channel.title} · {channel.group_name}", about, channel.created, entries, tags)


async def of_group(slug: str) -> Feed:
    """The newest posts of a group that everybody may read. Raises NotFound."""
    found, recent = await thread.recent(None, slug, MOST)
    entries = [Entry(one.post, one.title) for one in recent]
    tags = {f"group:{found.id}", f"posts-of:{found.id}", "channels", *(f"post:{one.post.id}" for one in recent)}
    return Feed(found.name, f"/groups/{slug}", found.created, entries, frozenset(tags))


async def of_replies(secret: str) -> Feed:
    """The newest replies to the posts of the user with this secret, of what that one may read. Raises NotFound."""
    async with db.session() as session:
        whose = (await session.execute(WHOSE, {"secret_hash": hashed(secret)})).one_or_none()
        if whose is None:
            raise NotFound(_("There is no such feed. Its address may have been replaced."))
        found = await session.execute(REPLIES, {"user": whose.id, "admin": int(whose.role == "admin"), "only": 0})
        return Feed(f"Replies to {whose.name}", "/account", whose.created, [_entry(row) for row in found])


def _entry(row: Any) -> Entry:
    return Entry(view(row), row.title)


@writes
def make_address(tx: Tx, identity: Identity) -> FeedSecret:
    """Makes the address of the user's feed of replies, in place of the one before."""
    secret = secrets.token_urlsafe(32)
    tx.run(DROP, user_id=identity.user)
    tx.run(ADD, user_id=identity.user, secret_hash=hashed(secret), created=tx.now)
    return FeedSecret(secret, tx.now)


@writes
def drop_address(tx: Tx, identity: Identity) -> None:
    """Ends the address of the user's feed of replies. Raises NotFound."""
    if not tx.run(DROP, user_id=identity.user):
        raise NotFound(_("Your replies have no feed."))
