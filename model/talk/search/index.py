"""The index of what posts say: written in the transaction that writes the post, so that it is never behind.

A post's words are a row of `searched`, and triggers keep the full-text index (FTS5) of these rows true; also where a
channel or a group is deleted, for foreign keys delete rows, too. With the words stand facts that never change, such as
`g7 c12 u3 hascode`: its group, channel and author, unless that one is anonymous. Who may read what is not in it.

A full-text index keeps deleted words until its parts are merged. So after an erasure they are, in small units: then the
text is gone from the file, too. What is SQLite's own is here alone; PostgreSQL's `tsvector` would stand in its place.
"""

import logging
import sqlite3
from typing import Any

from sqlalchemy import ForeignKey, bindparam, column, delete, func, insert, select, table, text, update
from sqlalchemy.orm import Mapped, mapped_column

from model.talk.channel import Channel
from model.talk.post import Post
from model.talk.search.words import Term, plain, split
from pottle.errors import Conflict
from pottle.store import Base, Snapshot, Tx, db, reads, writes
from pottle.translation import _

log = logging.getLogger("pottle")

AT_ONCE = 200  # posts in a unit that indexes those of before
MERGED_PAGES = 500  # of the index, in a unit: 2 MB
MOST_GROUPS = 200  # that a query names; with more, all are looked through
SHOWN_BY = {"code": "<code", "image": "<img", "link": "<a "}


class Searched(Base):
    """What is to be found of a post."""

    __tablename__ = "searched"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str]
    facts: Mapped[str]


class Searching(Base):
    """How many rows were ever deleted (`erased`), up to which the merge goes that is under way, and the last one."""

    __tablename__ = "searching"

    id: Mapped[int] = mapped_column(primary_key=True)
    erased: Mapped[int]
    merging: Mapped[int | None]
    cleaned: Mapped[int]


# `schema` and `gone` stand in migration 0022 as well.
SCHEMA = (
    """CREATE VIRTUAL TABLE searched_index USING fts5(
        text, facts, content = 'searched', content_rowid = 'post_id', tokenize = 'unicode61 remove_diacritics 2')""",
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
ORDERED = insert(INDEX)  # a command to FTS5, such as `merge`

PUT = insert(Searched)
PUT_MISSING = PUT.prefix_with("OR IGNORE")
DROP = delete(Searched).where(Searched.post_id == bindparam("post_id"))
GROUP_OF = select(Channel.group_id).where(Channel.id == bindparam("channel_id"))
_of_post = Post.id, Post.channel_id, Post.author_id, Post.anonymous, Post.html
_said = Post.html != ""
WITHOUT = (
    select(Post.id)
    .outerjoin(Searched, Searched.post_id == Post.id)
    .where(Post.id < bindparam("before"), _said, Searched.post_id.is_(None))
    .order_by(Post.id.desc())
    .limit(AT_ONCE)
)
POSTS = select(*_of_post).where(Post.id.in_(bindparam("ids", expanding=True)), _said)
COMPARED = (
    select(*_of_post, Searched.text, Searched.facts)
    .outerjoin(Searched, Searched.post_id == Post.id)
    .where(Post.id > bindparam("after"))
    .order_by(Post.id)
    .limit(AT_ONCE)
)
COUNTS = select(
    select(func.count()).where(_said).scalar_subquery().label("posts"),
    select(func.count()).select_from(Searched).scalar_subquery().label("indexed"),
)
ANY = select(Post.id).limit(1)
STATE = select(Searching)
WRITTEN = select(func.total_changes().label("rows"))
NOTED = update(Searching)


def put(tx: Tx, id_: int, channel_id: int, author_id: int | None, html: str) -> None:
    """Within a unit: has a post be found by what it says. `author_id` is None where nobody may learn whose it is."""
    tx.run(PUT, **_row(tx, id_, channel_id, author_id, html))


def _row(read: Snapshot, id_: int, channel_id: int, author_id: int | None, html: str) -> dict[str, Any]:
    group_id = read.one(GROUP_OF, channel_id=channel_id).group_id
    return {"post_id": id_, "text": split(plain(html)), "facts": facts(group_id, channel_id, author_id, html)}


def facts(group_id: int, channel_id: int, author_id: int | None, html: str) -> str:
    """What a post is, as words of the index."""
    known = [f"g{group_id}", f"c{channel_id}", *([f"u{author_id}"] if author_id else [])]
    return " ".join(known + [f"has{name}" for name, mark in SHOWN_BY.items() if mark in html])


def drop(tx: Tx, id_: int) -> None:
    """Within a unit: nothing finds the post any more."""
    tx.run(DROP, post_id=id_)


def matching(terms: tuple[Term, ...], without: tuple[Term, ...], facts: list[list[str]]) -> str:
    """FTS5's query for posts with all these words, none of those, and of each of the `facts` one."""
    wanted = [f"text : ({' AND '.join(map(_phrase, terms))})"] if terms else []
    wanted += [f"facts : ({' OR '.join(some)})" for some in facts]
    found = " AND ".join(wanted)
    return f"({found}) NOT (text : ({' OR '.join(map(_phrase, without))}))" if without and found else found


def _phrase(term: Term) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.beginning else ""}'


@reads
def is_needed(read: Snapshot) -> bool:
    """Whether there is any post."""
    return read.one(ANY) is not None


async def complete() -> int:
    """Indexes the posts that are not, newest first, in units that others hardly notice; returns how many it were.

    Those of before there was an index, and those of an import. What is posted meanwhile is indexed already.
    """
    before, done = 2**62, 0
    while True:
        async with db.session() as session:
            ids = [row.id for row in (await session.execute(WITHOUT, {"before": before})).all()]
        if not ids:
            break
        done += await _index(ids)
        before = ids[-1]
    if done:
        log.warning("Search finds %d more posts now: all are indexed.", done)
    return done


@writes
def _index(tx: Tx, ids: list[int]) -> int:
    found = tx.all(POSTS, ids=ids)
    return sum(tx.run(PUT_MISSING, **_of(tx, row)) for row in found)


def _of(read: Snapshot, row: Any) -> dict[str, Any]:
    return _row(read, row.id, row.channel_id, None if row.anonymous else row.author_id, row.html)


@writes
def begin_anew(tx: Tx) -> None:
    """Empties the index at once, for `complete` to fill."""
    for statement in (*GONE, str(delete(Searched)), *SCHEMA):
        tx.session.execute(text(statement))


async def differences() -> tuple[int, list[int]]:
    """How many posts there are, and the ids of those that the index has wrongly or not at all, 100 at most.

    Raises Conflict where the full-text index is not that of these rows.
    """
    after, seen, wrong = 0, 0, list[int]()
    while True:
        async with db.session() as session:
            rows = (await session.execute(COMPARED, {"after": after})).all()
        if not rows:
            break
        wrong += await _unlike(rows)
        seen, after = seen + len(rows), rows[-1].id
    await _check()
    return seen, wrong[:100]


@writes
def _unlike(tx: Tx, rows: Any) -> list[int]:
    """Of what was read, what is wrong also now."""
    return [row.id for row in rows if _is_wrong(tx, row)]


def _is_wrong(tx: Tx, row: Any) -> bool:
    wanted = _of(tx, row) if row.html else {"text": None, "facts": None}
    return (row.text, row.facts) != (wanted["text"], wanted["facts"])


@writes
def _check(tx: Tx) -> None:
    try:
        tx.run(ORDERED, searched_index="integrity-check", rank=1)
    except sqlite3.DatabaseError as error:
        raise Conflict(_("The index of search is damaged: %(why)s.", why=str(error))) from error


def forget(tx: Tx) -> None:
    """Sweep: has what was erased leave the index's file, a part at a time."""
    state = tx.one(STATE)
    if state is None or state.erased == state.cleaned:
        return
    begun = state.erased if state.merging is None else state.merging
    before = tx.one(WRITTEN).rows
    tx.run(ORDERED, searched_index="merge", rank=-MERGED_PAGES if state.merging is None else MERGED_PAGES)
    if tx.one(WRITTEN).rows - before < 2:  # as FTS5 says that there is nothing left to merge
        tx.run(NOTED, merging=None, cleaned=begun)
    else:
        tx.run(NOTED, merging=begun)


db.on_sweep(forget)
