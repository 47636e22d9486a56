"""Marks of posts: moderators pin and endorse them; whoever asked a question says which reply answers it."""

from typing import Literal

from sqlalchemy import Executable, bindparam, func, select, update

from model import audit
from model.accounts.session import Identity
from model.groups import rules
from model.talk import channel as channels
from model.talk import posting
from model.talk.channel import ChannelRow
from model.talk.post import FOUND, Post, PostRow, PostView, view, visible_to
from model.talk.search import index
from pottle.errors import Conflict, Forbidden, Invalid, Versions, check_version
from pottle.store import Snapshot, Tx, reads, writes
from pottle.translation import _

Mark = Literal["pinned", "endorsed", "answer"]
MOST_PINNED = 10  # posts of a channel

ACTIONS: dict[tuple[Mark, bool], audit.Action] = {
    ("pinned", True): "post.pinned",
    ("pinned", False): "post.unpinned",
    ("endorsed", True): "post.endorsed",
    ("endorsed", False): "post.unendorsed",
}
CHANGE = update(Post).where(Post.id == bindparam("id")).values(version=Post.version + 1)
SET: dict[Mark, Executable] = {
    "pinned": CHANGE.values(pinned=bindparam("on")),
    "endorsed": CHANGE.values(endorsed=bindparam("on")),
    "answer": CHANGE.values(answer=bindparam("on")),
}
_pinned = Post.channel_id == bindparam("channel_id"), Post.pinned, Post.state == "published"
PINNED = FOUND.where(*_pinned).order_by(Post.id.desc()).limit(MOST_PINNED)
COUNT_PINNED = select(func.count().label("count")).where(*_pinned)
ASKED_BY = select(Post.author_id).where(Post.id == bindparam("id"))
ANSWERS = select(Post.id).where(
    Post.channel_id == bindparam("channel_id"), Post.root_id == bindparam("root_id"), Post.answer
)


@reads
def pinned(read: Snapshot, channel_id: int) -> list[PostView]:
    """The pinned posts of a channel that the asker may see, newest first."""
    return [view(row) for row in read.all(PINNED, channel_id=channel_id)]


@writes
def put(tx: Tx, identity: Identity, id_: int, versions: Versions, mark: Mark, on: bool) -> PostView:
    """Gives a post a mark, or takes it away. Raises Forbidden, Invalid, Conflict, Stale.

    Of the replies in a conversation one is the answer: another one takes its place.
    """
    row, channel = visible_to.within(tx, identity, id_)
    _may(tx, identity, row, channel, mark)
    check_version(row.version, versions)
    if row.state != "published":
        raise Conflict(_("Only a published post can be marked."))
    if bool(getattr(row, mark)) == on:
        return posting.current(tx, id_)
    if mark == "pinned" and on and tx.one(COUNT_PINNED, channel_id=row.channel_id).count >= MOST_PINNED:
        raise Conflict(
            _("At most %(most)s posts of a discussion can be pinned. Unpin another one first.", most=MOST_PINNED)
        )
    if mark == "answer":
        for other in tx.all(ANSWERS, channel_id=row.channel_id, root_id=row.root_id):
            _set(tx, other.id, row.channel_id, mark, False)
    if on or mark != "answer":
        _set(tx, id_, row.channel_id, mark, on)
    if (action := ACTIONS.get((mark, on))) is not None:
        posting.note(tx, identity, row, channel, action)
    return posting.current(tx, id_)


def _may(tx: Tx, identity: Identity, row: PostRow, channel: ChannelRow, mark: Mark) -> None:
    rules.must_be_good_in(channel, identity)
    if mark == "answer" and row.root_id is None:
        raise Invalid({"answer": _("is only for replies")})
    if rules.moderates(channel, identity):
        return
    if mark != "answer":
        raise Forbidden(_("Only a moderator may do that."))
    if tx.one(ASKED_BY, id=row.root_id).author_id != identity.user:
        raise Forbidden(_("Only who asked may say which reply is the answer, or a moderator."))
    if channel.locked:
        raise Forbidden(_("This channel is locked."))


def _set(tx: Tx, id_: int, channel_id: int, mark: Mark, on: bool) -> None:
    tx.run(SET[mark], id=id_, on=on)
    if mark != "pinned":
        index.put(tx, id_)
    tx.changed("post.edited", stream=channels.stream(channel_id), subject=id_, tags=["posts", f"post:{id_}"])
