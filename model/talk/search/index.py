"""The index of what posts say: written in the transaction that writes the post, so that it is never behind.

A post's words are a row of `searched`, and triggers keep the full-text index (FTS5) of these rows true; also where a
channel or a group is deleted, for foreign keys delete rows, too. With the words stand facts, such as `g7 c12 y2026
m202609 u3 hascode`: its group and channel, its year and month, and its author, unless that one is anonymous. Who may
read what is not in it.

What is SQLite's own is here and in `upkeep` alone; PostgreSQL's `tsvector` would stand in its place.
"""

from typing import Any

from sqlalchemy import ForeignKey, bindparam, column, delete, insert, or_, select, table
from sqlalchemy.orm import Mapped, mapped_column

from model.talk.channel import Channel
from model.talk.post import Post
from model.talk.search.words import Term, plain, split
from pottle import times
from pottle.store import Base, Tx

MOST_GROUPS = 500  # that a query names
OLDEST = 1970  # year of a post
SHOWN_BY = {"code": "<code", "image": "<img", "link": "<a "}


class Searched(Base):
    """What is to be found of a post."""

    __tablename__ = "searched"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str]
    facts: Mapped[str]


# `schema` and `gone` stand in migration 0022 as well.
SCHEMA = (
    """CREATE VIRTUAL TABLE searched_index USING fts5(
        text, facts, content = 'searched', content_rowid = 'post_id', columnsize = 0,
        tokenize = 'unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER searched_put AFTER INSERT ON searched BEGIN
        INSERT INTO searched_index (rowid, text, facts) VALUES (new.post_id, new.text, new.facts);
    END""",
    """CREATE TRIGGER searched_drop AFTER DELETE ON searched BEGIN
        INSERT INTO searched_index (searched_index, rowid, text, facts)
            VALUES ('delete', old.post_id, old.text, old.facts);
        UPDATE searching SET erased = erased + 1;
    END""",
)
GONE = ("DROP TRIGGER searched_put", "DROP TRIGGER searched_drop", "DROP TABLE searched_index")

INDEX = table("searched_index", column("rowid"), column("searched_index"), column("rank"))
MATCHES: Any = INDEX.c.searched_index.op("MATCH")(bindparam("match"))

PUT = insert(Searched)
DROP = delete(Searched).where(Searched.post_id == bindparam("post_id"))
ROWS = select(
    *(Post.id, Post.channel_id, Post.author_id, Post.anonymous, Post.html, Post.created, Channel.group_id),
    or_(Post.answer, Post.endorsed).label("answers"),
).join(Channel, Channel.id == Post.channel_id)
ROW = ROWS.where(Post.id == bindparam("id"))


def put(tx: Tx, id_: int) -> None:
    """Within a unit: has a post be found by what it says now."""
    drop(tx, id_)
    put_new(tx, id_)


def put_new(tx: Tx, id_: int) -> None:
    """Within a unit: as `put`, of a post that nothing finds yet."""
    row = tx.one(ROW, id=id_)
    if row.html:
        tx.run(PUT, **said(row))


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


def matching(
    terms: tuple[Term, ...], without: tuple[Term, ...], facts: list[list[str]], not_of: list[str] | None = None
) -> str:
    """FTS5's query for posts with all these words, none of those, of each of the `facts` one, and none of `not_of`."""
    wanted = [f"text : ({' AND '.join(map(_phrase, terms))})"] if terms else []
    found = " AND ".join(wanted + [f"facts : ({' OR '.join(some)})" for some in facts])
    if found and without:
        found = f"({found}) NOT (text : ({' OR '.join(map(_phrase, without))}))"
    return f"({found}) NOT (facts : ({' OR '.join(not_of)}))" if found and not_of else found


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


def _phrase(term: Term) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.beginning else ""}'
