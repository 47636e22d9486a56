"""Review: what is pending, how moderators decide on edits, and what authors see of their own posts.

All of it is for moderators or for one author; what everybody gets comes from model/talk/post.py.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Select, bindparam, literal_column, select, union_all, update
from sqlalchemy.orm import aliased

from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group, rules
from model.groups.group import HERE, VISIBLE, Group, asker
from model.talk import channel as channels
from model.talk import decision, posting
from model.talk.channel import Channel
from model.talk.decision import UNSAID, Decision, Why
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
from pottle.translation import _

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


_of_post, _of_edit, _by = aliased(Decision), aliased(Decision), aliased(User)
_shown = [
    *(getattr(_of_post, name).label(f"decision_{name}") for name in decision.SHOWN),
    *(getattr(_of_edit, name).label(f"edit_decision_{name}") for name in decision.SHOWN),
    _by.uid.label("decision_by"),
]
WITH_DECISIONS = (  # of what was removed or declined
    WITH_EDIT.add_columns(*_shown)
    .outerjoin(_of_post, (_of_post.post_id == Post.id) & (_of_post.about == "post") & (Post.state == "removed"))
    .outerjoin(_of_edit, (_of_edit.post_id == Post.id) & (_of_edit.about == "edit") & (Edit.state == "removed"))
    .outerjoin(_by, _by.id == _of_post.by_id)
)


def found_by(*ids: Select[Any]) -> Select[Any]:
    """The posts with these ids, as `to_judge` takes them."""
    return WITH_DECISIONS.where(Post.id.in_(union_all(*ids)))


def _pending(where: Where) -> Select[Any]:
    public = _edited(Edit.state == "pending", where, Post.state == "published")
    return found_by(_withheld(where, Post.state == "pending"), public)


def _own(*where: Where) -> Select[Any]:
    """A user's posts that are pending, were removed by a moderator, have an edit, or are anonymous."""
    own = Post.author_id == bindparam("user"), KEPT
    anonymous = select(Post.id).where(Post.anonymous, *where, *own)
    mine = found_by(_withheld(*where, *own), _edited(Edit.author_id == bindparam("user"), *where), anonymous)
    mine = mine.join(Channel, Channel.id == Post.channel_id).join(Group, Group.id == Channel.group_id)
    return mine.where(VISIBLE, HERE)


PENDING_POSTS = select(Post.id).where(channels.is_pending(Post.state))
PENDING_EDITS = _edited(Edit.state == "pending", Post.state == "published")
REMOVED_POSTS = _withheld(Post.state == "removed", KEPT)
PENDING_IN_CHANNEL = _pending(IN_CHANNEL)
TO_MODERATE = {"pending": _pending(IN_GROUP), "removed": found_by(_withheld(IN_GROUP, Post.state == "removed", KEPT))}
OWN = _own()
OWN_IN_CHANNEL = _own(IN_CHANNEL)
SET_EDIT = update(Edit).where(Edit.post_id == bindparam("post_id"))


def weight(row: Any) -> int:
    """Bytes of the texts of a post and its edit as JSON."""
    return len(msgspec.json.encode((row.body, row.html, row.edit_body, row.edit_html)))


def judged(row: Any) -> PostView:
    """A post with its edit, as its author sees it: with what was said why it was removed, or its edit declined."""
    found = own_view(row)
    if row.decision_reason or row.decision_note:
        found.decision = decision.view(row, "decision_")
    if found.edit and (row.edit_decision_reason or row.edit_decision_note):
        found.edit.decision = decision.view(row, "edit_decision_")
    return found


def to_judge(row: Any) -> PostView:
    """As `judged`, but whatever was said, and by whom it was removed: as moderators see it."""
    found = judged(row)
    if row.decision_id is not None:
        found.decision = decision.view(row, "decision_", row.decision_by)
    return found


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
        return await paged_aside(session, TO_MODERATE[state], Post.id, cursor, to_judge, weight, group_id=in_group.id)


@reads
def own(read: Snapshot, identity: Identity, channel_id: int | None, cursor: Cursor) -> Page[PostView]:
    """The user's own posts that are pending, removed by a moderator, edited or anonymous; of one channel or of all."""
    of_channel = {} if channel_id is None else {"channel_id": channel_id}
    statement = OWN if channel_id is None else OWN_IN_CHANNEL
    return paged(read, statement, Post.id, cursor, judged, weight, **of_channel, **asker(identity))


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
        raise NotFound(_("There is no edit of post %(id)s.", id=row.id))
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
    tx: Tx,
    identity: Identity,
    post_id: int,
    versions: Versions,
    state: Literal["published", "removed"],
    why: Why = UNSAID,
) -> PostView:
    """A moderator approves (`published`) or declines (`removed`) a post's edit.

    Raises NotFound, Forbidden, Stale; Unseen for an approval without a version; Conflict if it is not pending; Invalid
    for a reason of an approval.
    """
    decision.check(state, why)
    row, channel = visible_to.within(tx, identity, post_id)
    rules.must_moderate(channel, identity)
    edit = _edit(row)
    check_version(edit.version, versions)
    if edit.state == "removed":
        raise Conflict(_("The edit was declined already. Its author may send it again."))
    if state == "removed":
        tx.run(SET_EDIT, post_id=post_id, state="removed")
        what: dict[str, Any] = {"version": edit.version}
    else:
        posting.must_name_a_version(versions)
        if row.state == "removed":
            raise Conflict(_("The post has been removed. Restore it first."))
        posting.rewrite(tx, row, edit.body, edit.html)
        what = {"version": row.version + 1, "body": row.body, "html": row.html, "edited": row.edited}
    posting.note(tx, identity, row, channel, "edit.declined" if state == "removed" else "edit.approved", why)
    decision.record(tx, identity, row, "edit", why, was="pending", state=state, **what)
    return posting.current(tx, post_id)


@writes
def withdraw(tx: Tx, identity: Identity, post_id: int, versions: Versions) -> None:
    """Its author takes an edit back. Raises NotFound, Forbidden, Stale."""
    row, channel = visible_to.within(tx, identity, post_id)
    rules.must_be_good_in(channel, identity)
    if row.author_id != identity.user:
        raise Forbidden(_("Only its author may take an edit back."))
    check_version(_edit(row).version, versions)
    posting.drop_edit(tx, row)
    decision.drop(tx, post_id, "edit")
    tx.changed("edit.withdrawn", subject=post_id, tags=[decision.made_on(post_id)])
