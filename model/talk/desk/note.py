"""Notes: what moderators of a group write down about somebody there, or about one post, for each other.

They are opinions about a person, so they are that person's data (EU Court of Justice, C-434/16): no page shows them to
the person, but the export of their account has them, without who wrote them; and they go with the account.
"""

from operator import attrgetter
from typing import Annotated, Any

import msgspec
from sqlalchemy import ForeignKey, Index, String, bindparam, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group
from model.talk.desk import people
from model.talk.post import Post, visible_to
from pottle.errors import Conflict, NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads, replays, writes
from pottle.store.paging import Cursor, Page, paged
from pottle.translation import _
from pottle.values import line

Words = Annotated[str, line(1_000)]
MOST = 200  # notes on one person or post of a group


class ModeratorNote(Base):
    """A note on somebody in a group, or on a post of theirs there; of a guest's post on that alone."""

    __tablename__ = "moderator_notes"
    __table_args__ = (Index("ix_moderator_notes_person", "user_id", "group_id", "id"), NEVER_REUSE_IDS)

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))  # whom it is about
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    text: Mapped[str] = mapped_column(String(1_000))
    created: Mapped[Time]


class NoteView(msgspec.Struct):
    """A note, for moderators of its group: on a person, or on one post (`post`). `by` is null where that one left."""

    id: int
    text: str
    by: str | None
    post: int | None
    created: str


_by = aliased(User)
_shown = select(
    *(ModeratorNote.id, ModeratorNote.text, _by.uid.label("by"), ModeratorNote.post_id, ModeratorNote.created)
).outerjoin(_by, _by.id == ModeratorNote.by_id)
_here = ModeratorNote.group_id == bindparam("group_id")
_not_anonymous = select(Post.id).where(Post.id == ModeratorNote.post_id, Post.anonymous.is_(False)).exists()
OF_PERSON = _shown.where(
    _here,
    ModeratorNote.user_id == bindparam("user_id"),
    or_(ModeratorNote.post_id.is_(None), _not_anonymous),  # else it would tell whose an anonymous post is
)
OF_POST = _shown.where(_here, ModeratorNote.post_id == bindparam("post_id"))
ONE = select(ModeratorNote.id, ModeratorNote.post_id, User.uid)
ONE = ONE.outerjoin(User, User.id == ModeratorNote.user_id).where(_here, ModeratorNote.id == bindparam("id"))
_count = select(func.count().label("n")).select_from(ModeratorNote).where(_here)
COUNT_OF_PERSON = _count.where(ModeratorNote.user_id == bindparam("user_id"))
COUNT_OF_POST = _count.where(ModeratorNote.post_id == bindparam("post_id"))
ADD = insert(ModeratorNote).returning(ModeratorNote.id)
BY_ID = _shown.where(ModeratorNote.id == bindparam("id"))
DROP = delete(ModeratorNote).where(ModeratorNote.id == bindparam("id"))


def view(row: Any) -> NoteView:
    """A note as moderators see it."""
    return NoteView(*row)


def weight(row: Any) -> int:
    """Bytes of a note's text."""
    return len(row.text.encode())


@reads
def of_person(read: Snapshot, identity: Identity, slug: str, uid: str, cursor: Cursor) -> Page[NoteView]:
    """The notes on somebody in a group and on their posts there, but for anonymous ones. For its moderators.

    Raises NotFound, Forbidden.
    """
    person = people.known.within(read, identity, slug, uid)
    return paged(read, OF_PERSON, ModeratorNote.id, cursor, view, weight, group_id=person.group_id, user_id=person.id)


@reads
def of_post(read: Snapshot, identity: Identity, slug: str, post_id: int, cursor: Cursor) -> Page[NoteView]:
    """The notes on one post. For moderators of its group. Raises NotFound, Forbidden."""
    group_id, _author = _whose(read, identity, slug, post_id)
    return paged(read, OF_POST, ModeratorNote.id, cursor, view, weight, group_id=group_id, post_id=post_id)


def _whose(read: Snapshot, identity: Identity, slug: str, post_id: int) -> tuple[int, Any]:
    """The group that a post is in, which the asker moderates, and the post."""
    in_group = group.moderated.within(read, identity, slug)
    row, channel = visible_to.within(read, identity, post_id)
    if channel.group_id != in_group.id:
        raise NotFound(_("There is no post %(id)s.", id=post_id))
    return in_group.id, row


@writes
def put(tx: Tx, identity: Identity, slug: str, uid: str | None, post_id: int | None, text: str) -> NoteView:
    """Notes something on a person or, where `post_id` is given, on that post. Its group's moderators may.

    Raises NotFound, Forbidden; Conflict where there are too many.
    """
    if post_id is not None:
        group_id, row = _whose(tx, identity, slug, post_id)
        of, many = {"user_id": row.author_id, "post_id": post_id}, COUNT_OF_POST
        about, subject = {"post_id": post_id}, f"post {post_id}"
    else:
        person = people.known.within(tx, identity, slug, uid or "")
        group_id, of, many = person.group_id, {"user_id": person.id, "post_id": None}, COUNT_OF_PERSON
        about, subject = {"user_id": person.id}, person.user.uid
    if tx.one(many, group_id=group_id, **about).n >= MOST:
        raise Conflict(_("There are too many notes already. Delete some first."))
    made = tx.one(ADD, group_id=group_id, **of, by_id=identity.user, text=text, created=tx.now)
    audit.note(tx, identity, "note.made", subject, group=slug)
    return NoteView(made.id, text, identity.uid, post_id, tx.now)


@writes
def drop(tx: Tx, identity: Identity, slug: str, id_: int) -> None:
    """Deletes a note. Any moderator of the group may, for what is wrong about a person must go. Raises NotFound."""
    in_group = group.moderated.within(tx, identity, slug)
    row = tx.one(ONE, group_id=in_group.id, id=id_)
    if row is None:
        raise NotFound(_("There is no such note."))
    tx.run(DROP, id=id_)
    subject = f"post {row.post_id}" if row.post_id else row.uid
    audit.note(tx, identity, "note.deleted", subject, group=slug)


def again(read: Snapshot, id_: int) -> NoteView:
    """The note that a repeated request made."""
    row = read.one(BY_ID, id=id_)
    if row is None:
        raise NotFound(_("There is no such note."))
    return view(row)


replays.kept_as(NoteView, attrgetter("id"), again)
