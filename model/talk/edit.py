"""Edits that wait for a moderator: the new text of a post whose approved text stays public meanwhile.

A post has at most one. Nothing that readers get is made of this table: model/talk/review.py reads it for authors and
moderators, and only an approval copies its text into the post.
"""

from typing import Any, Literal

import msgspec
from sqlalchemy import ForeignKey, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx


class Edit(Base):
    """A text that waits, or that a moderator declined. Each text has an id of its own, which is its version."""

    __tablename__ = "edits"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), unique=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    body: Mapped[str]
    html: Mapped[str]
    state: Mapped[str] = mapped_column(String(10))  # pending or removed
    created: Mapped[Time]


class EditView(msgspec.Struct):
    """A post's new text, for its author and moderators: it waits (`pending`) or was declined (`removed`)."""

    body: str
    html: str
    state: Literal["pending", "removed"]
    created: str
    version: int


OF_POST = select(*Edit.__table__.c).where(Edit.post_id == bindparam("post"))
ADD = insert(Edit).values(
    post_id=bindparam("post"),
    author_id=bindparam("author"),
    body=bindparam("text"),
    html=bindparam("shown"),
    state="pending",
    created=bindparam("now"),
)
DECLINE = update(Edit).where(Edit.post_id == bindparam("post")).values(state="removed")
DROP = delete(Edit).where(Edit.post_id == bindparam("post"))


def find(read: Snapshot, post_id: int) -> Any:
    """The row of a post's edit, or None."""
    return read.one(OF_POST, post=post_id)


def put(tx: Tx, post_id: int, author: int, body: str, html: str) -> None:
    """Within a unit: has a new text wait, in the place of one that waited or was declined."""
    tx.run(DROP, post=post_id)
    tx.run(ADD, post=post_id, author=author, text=body, shown=html, now=tx.now)


def decline(tx: Tx, post_id: int) -> None:
    """Within a unit: keeps the text for its author alone, who is shown that it was declined."""
    tx.run(DECLINE, post=post_id)


def drop(tx: Tx, post_id: int) -> int:
    """Within a unit: forgets a post's edit; how many there were."""
    return tx.run(DROP, post=post_id)


def view(row: Any) -> EditView:
    """A row as its author and moderators see it."""
    return EditView(row.body, row.html, row.state, row.created, row.id)
