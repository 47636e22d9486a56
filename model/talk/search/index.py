"""The index of what posts say: written in the transaction that writes the post, so that it is never behind.

A post's words are a row of `searched`, which has a full-text index (pottle/store/fulltext.py); also where a channel or
a group is deleted, for foreign keys delete rows, too. With the words stand facts, such as `g7 c12 y2026 m202609 u3
hascode`: its group and channel, its year and month, and its author, unless that one is anonymous. Who may read what is
not in it.
"""

from typing import Any, NamedTuple, cast

from sqlalchemy import ForeignKey, Table, bindparam, delete, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from model.talk.channel import Channel
from model.talk.post import Post
from model.talk.search.words import plain, split, tokens
from pottle import times
from pottle.store import Base, Tx
from pottle.store.fulltext import FullText, Words

MOST_GROUPS = 500  # that a query names
OLDEST = 1970  # year of a post
SHOWN_BY = {"code": "<code", "image": "<img", "link": "<a "}


class Searched(Base):
    """What is to be found of a post."""

    __tablename__ = "searched"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(Words(tokens))
    facts: Mapped[str]


INDEX = FullText(cast(Table, Searched.__table__), tokens, erased="searching.erased")

PUT = insert(Searched)
DROP = delete(Searched).where(Searched.post_id == bindparam("post_id"))
ROWS = select(
    *(Post.id, Post.channel_id, Post.author_id, Post.anonymous, Post.html, Post.created, Channel.group_id),
    or_(Post.answer, Post.endorsed).label("answers"),
).join(Channel, Channel.id == Post.channel_id)
ROW = ROWS.where(Post.id == bindparam("id"))


class Made(NamedTuple):
    """A new post, as a row of ROWS."""

    id: int
    channel_id: int
    group_id: int
    author_id: int | None
    anonymous: bool
    html: str
    created: str
    answers: bool = False


def put(tx: Tx, id_: int) -> None:
    """Within a unit: has a post be found by what it says now."""
    drop(tx, id_)
    put_new(tx, tx.one(ROW, id=id_))


def put_new(tx: Tx, row: Any) -> None:
    """Within a unit: has a post be found that nothing finds yet: a Made, or a row of ROWS."""
    if row.html:
        tx.later(PUT, **said(row))


def said(row: Any) -> dict[str, Any]:
    """What a row of ROWS says, and what it is, as words of the index."""
    facts = [f"g{row.group_id}", f"c{row.channel_id}", f"y{row.created[:4]}", f"m{row.created[:7].replace('-', '')}"]
    facts += [f"u{row.author_id}"] if row.author_id and not row.anonymous else []
    facts += [f"has{name}" for name, mark in SHOWN_BY.items() if mark in row.html]
    facts += ["hasanswer"] if row.answers else []
    return {"post_id": row.id, "text": split(plain(row.html)), "facts": " ".join(facts)}


def drop(tx: Tx, id_: int) -> None:
    """Within a unit: nothing finds the post any more."""
    tx.run(DROP, post_id=id_)


def between(since: str | None, before: str | None) -> list[list[str]]:
    """Facts of the posts of these months; of the first and the last one, some are too old or too new."""
    years = range(OLDEST, int(times.now()[:4]) + 2)
    facts = []
    for day, of_year, of_month in ((since, int.__gt__, int.__ge__), (before, int.__lt__, int.__le__)):
        if day is not None:
            year, month = int(day[:4]), int(day[5:7])
            months = [f"m{day[:4]}{n:02}" for n in range(1, 13) if of_month(n, month)]
            facts.append([f"y{n}" for n in years if of_year(n, year)] + months)
    return facts
