"""Review: what waits for a group's moderators, what they do with it, and what its authors see of it.

All of this is private: for the one author, or for moderators. What everybody gets comes from model/talk/post.py alone.
"""

from typing import Any, Literal

import msgspec
from sqlalchemy import bindparam, literal_column, select, union_all

from model.accounts.session import Identity
from model.groups import group, rules
from model.groups.group import VISIBLE, Group, asker
from model.talk import channel, edit, posting
from model.talk.channel import Channel
from model.talk.edit import Edit, EditView
from model.talk.post import BY_ID, FOUND, Post, PostsPage, PostView, full_view, visible_to
from pottle.errors import Conflict, Forbidden, NotFound, Versions, check_version, must_name_a_version
from pottle.store import Tx, db
from pottle.store.paging import Cursor, Page, paged, paged_aside

OF_EDIT = [column.label(f"edit_{column.name}") for column in Edit.__table__.c]
WITH_EDIT = FOUND.add_columns(*OF_EDIT).outerjoin(Edit, Edit.post_id == Post.id)
WITHHELD = Post.state != literal_column("'published'")  # spelt as in the index ix_posts_withheld, which it is found by


def _waiting(where: Any) -> Any:
    """Posts (where …) that wait, and those whose edit does."""
    return _found(_withheld(where, Post.state == "pending"), _edited(Edit.state == "pending", where, PUBLISHED))


def _own(*where: Any) -> Any:
    """A user's posts (where …) that are not as their author left them: they wait, were removed, or have an edit."""
    withheld = _withheld(*where, Post.author_id == bindparam("user"), KEPT)
    found = _found(withheld, _edited(Edit.author_id == bindparam("user"), *where))
    found = found.join(Channel, Channel.id == Post.channel_id).join(Group, Group.id == Channel.group_id)
    return found.where(VISIBLE)


def _withheld(*where: Any) -> Any:
    return select(Post.id).where(WITHHELD, *where)


def _edited(of_edit: Any, *where: Any) -> Any:
    """Begins with the edits, of which there are few: their posts are looked up by id."""
    return select(Edit.post_id).where(of_edit, select(Post.id).where(Post.id == Edit.post_id, *where).exists())


def _found(*ids: Any) -> Any:
    return WITH_EDIT.where(Post.id.in_(union_all(*ids)))


PUBLISHED = Post.state == "published"
KEPT = Post.body != ""  # what its author erased is gone
IN_CHANNEL = Post.channel_id == bindparam("channel")
IN_GROUP = Post.channel_id.in_(select(Channel.id).where(Channel.group_id == bindparam("group")))
WAITING_IN_CHANNEL = _waiting(IN_CHANNEL)
TO_MODERATE: dict[str, Any] = {
    "pending": _waiting(IN_GROUP),
    "removed": _found(_withheld(IN_GROUP, Post.state == "removed", KEPT)),
}
OWN = _own()
OWN_IN_CHANNEL = _own(IN_CHANNEL)


def view(row: Any) -> PostView:
    """A row of WITH_EDIT, all of it, as its author and moderators see it."""
    found = full_view(row)
    if row.edit_id is not None:
        found.edit = EditView(row.edit_body, row.edit_html, row.edit_state, row.edit_created, row.edit_id)
    return found


def weight(row: Any) -> int:
    """Bytes of its texts as JSON."""
    return len(msgspec.json.encode((row.body, row.html, row.edit_body, row.edit_html)))


async def waiting_in(identity: Identity | None, channel_id: int, cursor: Cursor) -> PostsPage:
    """A page of what waits in a channel for its moderators. Raises NotFound, Unauthenticated, Forbidden."""
    with db.snapshot() as read:
        place = channel.visible_to(read, identity, channel_id)
        rules.must_moderate(place, identity)
        page = paged(read, WAITING_IN_CHANNEL, Post.id, cursor, view, weight, channel=channel_id)
        return PostsPage(page, channel.position(read, place.id), place)


async def to_moderate(
    identity: Identity, slug: str, state: Literal["pending", "removed"], cursor: Cursor
) -> Page[PostView]:
    """A page of what waits in a group for its moderators, or of what they removed, with its text, and may restore.

    Raises NotFound, Forbidden.
    """
    of = (await group.moderated(identity, slug)).id
    async with db.session() as session:
        return await paged_aside(session, TO_MODERATE[state], Post.id, cursor, view, weight, group=of)


async def own(identity: Identity, channel_id: int | None, cursor: Cursor) -> Page[PostView]:
    """A page of one's own posts that wait, were removed by a moderator, or have an edit; of one channel or of all."""
    with db.snapshot() as read:
        if channel_id is None:
            return paged(read, OWN, Post.id, cursor, view, weight, **asker(identity))
        return paged(read, OWN_IN_CHANNEL, Post.id, cursor, view, weight, channel=channel_id, **asker(identity))


async def edit_of(identity: Identity, post_id: int) -> EditView:
    """The edit of a post that is not approved, for its author and moderators. Raises NotFound."""
    with db.snapshot() as read:
        row, place = visible_to(read, identity, post_id)
        found = edit.find(read, post_id)
        if found is None or not (row.author_id == identity.user or rules.moderates(place, identity)):
            raise NotFound(f"There is no edit of post {post_id}.")
        return edit.view(found)


def latest_text(found: PostView) -> str:
    """The text that its author wrote last, of a view for the author: that of an edit which waits, if there is one."""
    return found.edit.body if found.edit and found.edit.state == "pending" else found.body


async def own_text(identity: Identity, found: PostView) -> str:
    """As latest_text, of a view for everybody. To others than the author it is what everybody sees."""
    with db.snapshot() as read:
        row, written = read.one(BY_ID, post=found.id), edit.find(read, found.id)
    own = row is not None and row.author_id == identity.user
    return written.body if own and written is not None and written.state == "pending" else found.body


def decide(
    tx: Tx, identity: Identity, post_id: int, versions: Versions, state: Literal["published", "removed"]
) -> PostView:
    """Unit: a moderator approves (`published`) or declines (`removed`) the edit of a post.

    Raises NotFound, Forbidden, Stale; Unseen where an approval names no version; Conflict for one that does not wait.
    """
    row, place = visible_to(tx, identity, post_id)
    rules.must_moderate(place, identity)
    found = edit.find(tx, post_id)
    if found is None:
        raise NotFound(f"There is no edit of post {post_id}.")
    check_version(found.id, versions)
    if found.state == "removed":
        raise Conflict("The edit was declined already. Its author may send it again.")
    if state == "removed":
        edit.decline(tx, post_id)
    else:
        must_name_a_version(versions)
        if row.state == "removed":
            raise Conflict("The post has been removed. Restore it first.")
        posting.rewrite(tx, row, found.body, found.html)
    posting.note(tx, identity, row, place, "edit.declined" if state == "removed" else "edit.approved")
    return posting.private_view(tx, post_id)


def withdraw(tx: Tx, identity: Identity, post_id: int, versions: Versions) -> None:
    """Unit: an author takes an edit back. Raises NotFound, Forbidden, Stale."""
    row, _ = visible_to(tx, identity, post_id)
    if row.author_id != identity.user:
        raise Forbidden("Only its author may take an edit back.")
    found = edit.find(tx, post_id)
    if found is None:
        raise NotFound(f"There is no edit of post {post_id}.")
    check_version(found.id, versions)
    edit.drop(tx, post_id)
