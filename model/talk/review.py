"""Review: what is pending, how moderators decide on edits, and what authors see of their own posts.

All of it is for moderators or for one author; what everybody gets comes from model/talk/post.py.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Select, bindparam, literal_column, select, union_all, update

from model.accounts.session import Identity
from model.groups import group, rules
from model.groups.group import HERE, VISIBLE, Group, asker
from model.talk import channel as channels
from model.talk import posting
from model.talk.channel import Channel
from model.talk.post import (
    WITH_EDIT,
    Author,
    Edit,
    EditView,
    Post,
    PostRow,
    PostsPage,
    PostView,
    known_author,
    own_view,
    visible_to,
)
from pottle.errors import Conflict, Forbidden, NotFound, Versions, check_version
from pottle.store import Snapshot, Tx, db, reads, writes
from pottle.store.paging import Cursor, Page, paged, paged_aside

Where = ColumnElement[bool]
WITHHELD = Post.state != literal_column("'published'")  # spelt as in the index ix_posts_withheld, which it is found by
KEPT = Post.body != ""  # what its author deleted has no text
IN_CHANNEL = Post.channel_id == bindparam("channel_id")
IN_GROUP = Post.channel_id.in_(select(Channel.id).where(Channel.group_id == bindparam("group_id")))


def _withheld(*where: Where) -> Select[Any]:
    return select(Post.id).where(WITHHELD, *where)


def _edited(of_edit: Where, *where: Where) -> Select[Any]:
    """Begins with the edits, of which there are few: their posts are looked up by id."""
    return select(Edit.post_id).where(of_edit, select(Post.id).where(Post.id == Edit.post_id, *where).exists())


def _found(*ids: Select[Any]) -> Select[Any]:
    return WITH_EDIT.where(Post.id.in_(union_all(*ids)))


def _pending(where: Where) -> Select[Any]:
    public = _edited(Edit.state == "pending", where, Post.state == "published")
    return _found(_withheld(where, Post.state == "pending"), public)


def _own(*where: Where) -> Select[Any]:
    """A user's posts that are pending, were removed by a moderator, have an edit, or are anonymous."""
    own = Post.author_id == bindparam("user"), KEPT
    anonymous = select(Post.id).where(Post.anonymous, *where, *own)
    mine = _found(_withheld(*where, *own), _edited(Edit.author_id == bindparam("user"), *where), anonymous)
    mine = mine.join(Channel, Channel.id == Post.channel_id).join(Group, Group.id == Channel.group_id)
    return mine.where(VISIBLE, HERE)


PENDING_IN_CHANNEL = _pending(IN_CHANNEL)
TO_MODERATE = {"pending": _pending(IN_GROUP), "removed": _found(_withheld(IN_GROUP, Post.state == "removed", KEPT))}
OWN = _own()
OWN_IN_CHANNEL = _own(IN_CHANNEL)
DECLINE = update(Edit).where(Edit.post_id == bindparam("post_id"))


def weight(row: Any) -> int:
    """Bytes of the texts of a post and its edit as JSON."""
    return len(msgspec.json.encode((row.body, row.html, row.edit_body, row.edit_html)))


@reads
def pending_in(read: Snapshot, identity: Identity | None, channel_id: int, cursor: Cursor) -> PostsPage:
    """A channel's pending posts and edits, for moderators. Raises NotFound, Unauthenticated, Forbidden."""
    channel = channels.visible_to.within(read, identity, channel_id)
    rules.must_moderate(channel, identity)
    page = paged(read, PENDING_IN_CHANNEL, Post.id, cursor, own_view, weight, channel_id=channel_id)
    return PostsPage(page, channels.position(read, channel.id), channel)


async def to_moderate(
    identity: Identity, slug: str, state: Literal["pending", "removed"], cursor: Cursor
) -> Page[PostView]:
    """A group's pending posts and edits, or what moderators removed and may restore. Raises NotFound, Forbidden."""
    in_group = await group.moderated(identity, slug)
    async with db.session() as session:
        return await paged_aside(session, TO_MODERATE[state], Post.id, cursor, own_view, weight, group_id=in_group.id)


@reads
def own(read: Snapshot, identity: Identity, channel_id: int | None, cursor: Cursor) -> Page[PostView]:
    """The user's own posts that are pending, removed by a moderator, edited or anonymous; of one channel or of all."""
    of_channel = {} if channel_id is None else {"channel_id": channel_id}
    statement = OWN if channel_id is None else OWN_IN_CHANNEL
    return paged(read, statement, Post.id, cursor, own_view, weight, **of_channel, **asker(identity))


@reads
def author_of(read: Snapshot, identity: Identity, post_id: int) -> Author:
    """Who wrote a post, also where it is anonymous; for moderators. Raises NotFound, Forbidden."""
    row, channel = visible_to.within(read, identity, post_id)
    rules.must_moderate(channel, identity)
    return known_author(row)


@reads
def edit_of(read: Snapshot, identity: Identity, post_id: int) -> EditView:
    """A post's edit that is not approved, for its author and moderators. Raises NotFound."""
    row, channel = visible_to.within(read, identity, post_id)
    own = row.author_id == identity.user and rules.good_in(channel, identity)
    return _edit(row, shown=own or rules.moderates(channel, identity))


def _edit(row: PostRow, shown: bool = True) -> EditView:
    edit = own_view(row).edit
    if edit is UNSET or not shown:
        raise NotFound(f"There is no edit of post {row.id}.")
    return edit


def latest_text(found: PostView) -> str:
    """The newest text of a post that is the reader's own: that of its pending edit, if it has one."""
    return found.edit.body if found.edit and found.edit.state == "pending" else found.body


@reads
def own_text(read: Snapshot, identity: Identity, found: PostView) -> str:
    """The newest text for its author, as latest_text; for others the public one."""
    row, _ = visible_to.within(read, identity, found.id)
    return latest_text(own_view(row)) if row.author_id == identity.user else found.body


@writes
def decide(
    tx: Tx, identity: Identity, post_id: int, versions: Versions, state: Literal["published", "removed"]
) -> PostView:
    """A moderator approves (`published`) or declines (`removed`) a post's edit.

    Raises NotFound, Forbidden, Stale; Unseen for an approval without a version; Conflict if it is not pending.
    """
    row, channel = visible_to.within(tx, identity, post_id)
    rules.must_moderate(channel, identity)
    edit = _edit(row)
    check_version(edit.version, versions)
    if edit.state == "removed":
        raise Conflict("The edit was declined already. Its author may send it again.")
    if state == "removed":
        tx.run(DECLINE, post_id=post_id, state="removed")
    else:
        posting.must_name_a_version(versions)
        if row.state == "removed":
            raise Conflict("The post has been removed. Restore it first.")
        posting.rewrite(tx, row, edit.body, edit.html)
    posting.note(tx, identity, row, channel, "edit.declined" if state == "removed" else "edit.approved")
    return posting.current(tx, post_id)


@writes
def withdraw(tx: Tx, identity: Identity, post_id: int, versions: Versions) -> None:
    """Its author takes an edit back. Raises NotFound, Forbidden, Stale."""
    row, channel = visible_to.within(tx, identity, post_id)
    rules.must_be_good_in(channel, identity)
    if row.author_id != identity.user:
        raise Forbidden("Only its author may take an edit back.")
    check_version(_edit(row).version, versions)
    tx.run(posting.DROP_EDIT, post_id=post_id)
