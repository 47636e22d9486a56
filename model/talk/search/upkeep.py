"""The index's upkeep: filled for posts of before, made anew, compared with the posts, and rid of what was erased.

SQLite's index keeps deleted words until its parts are merged. So after an erasure they are, in small units: then the
text is gone from the file, too. (FTS5 has `secure-delete` for that since SQLite 3.42, and older ones then cannot open
the index any more.) PostgreSQL counts no erasures: VACUUM takes what was deleted out of its tables and indexes.
"""

import asyncio
import logging
import time
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, delete, event, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import account
from model.talk.post import Post
from model.talk.search import index
from model.talk.search.index import INDEX, ROWS, Searched
from model.talk.search.words import tokens
from pottle.errors import Conflict
from pottle.store import Base, Snapshot, Tx, db, reads, writes
from pottle.store.base import insert
from pottle.store.fulltext import Wanted
from pottle.translation import _

log = logging.getLogger("pottle")

AT_ONCE = 100  # posts in a unit that indexes those of before: 10 ms
MERGED_PAGES = 600  # of the index, in a unit: 2.4 MB, 30 ms
MOST_NAMED = 100  # differences


class Searching(Base):
    """The one row that says how far the upkeep is.

    `waiting`: the newest post that is still to be looked at, whether it is indexed; None: all were. `erased`: how many
    rows of `searched` were ever deleted. `merging`: how many of them were when the merge began that is under way;
    `cleaned`: when the last one had begun that is done.
    """

    __tablename__ = "searching"

    id: Mapped[int] = mapped_column(primary_key=True)
    erased: Mapped[int]
    merging: Mapped[int | None]
    cleaned: Mapped[int]
    waiting: Mapped[int | None]


@event.listens_for(Searching.__table__, "after_create")
def _add_row(of: Table, connection: Connection, **_: object) -> None:
    connection.execute(insert(of).values(id=1, erased=0, cleaned=0))


class Unnamed(Base):
    """A user who is gone, and whose posts the index still knows as theirs."""

    __tablename__ = "unnamed"

    gone: Mapped[int] = mapped_column(primary_key=True)  # the user's id, which nobody has again


class Progress(NamedTuple):
    """How many posts there are, and how many of them are still to be looked at."""

    posts: int
    waiting: int


PUT_MISSING = insert(Searched).on_conflict_do_nothing()
NEWEST = select(func.max(Post.id).label("id"))
ANY = select(Searched.post_id).limit(1)
_missing = Searched.post_id.is_(None).label("missing")
NEXT = (
    ROWS.add_columns(_missing)
    .outerjoin(Searched, Searched.post_id == Post.id)
    .where(Post.id <= bindparam("waiting"))
    .order_by(Post.id.desc())
    .limit(AT_ONCE)
)
COMPARED = (
    ROWS.add_columns(Searched.text, Searched.facts)
    .outerjoin(Searched, Searched.post_id == Post.id)
    .where(Post.id > bindparam("after"))
    .order_by(Post.id)
    .limit(AT_ONCE)
)
POSTS = select(func.count().label("posts"), func.count().filter(Post.id <= bindparam("waiting")).label("waiting"))
STATE = select(Searching)
NOTED = update(Searching)
UNNAMED = select(Unnamed.gone).limit(1)
UNNAME = insert(Unnamed)
IS_NAMELESS = delete(Unnamed).where(Unnamed.gone == bindparam("gone"))
MATCHING = select(INDEX.rows.c.rowid.label("id")).where(INDEX.matches).limit(AT_ONCE)


async def go_on() -> int:
    """Indexes what is not, newest first, in units that others hardly notice; returns how many posts it were.

    It goes on where it was when a server ended. What is posted meanwhile is indexed already. Several may do this at
    once: each takes the next ones.
    """
    done = 0
    if not await _is_behind():  # where nothing is to be done, no write waits for it
        return done
    while (indexed := await _timed_next()) is not None:
        done += indexed
    if done:
        log.warning("Search finds %d more posts now: all are indexed.", done)
    return done


async def complete() -> int:
    """Looks at every post again, and indexes those that are not: after an import. Returns as `go_on`."""
    await _look_at_all()
    return await go_on()


async def _timed_next() -> int | None:
    """The next unit of `go_on`, and as much time again for others; None where there is nothing left."""
    begun = time.monotonic()
    indexed = await _index_next()
    await asyncio.sleep(min(time.monotonic() - begun, 1.0))
    return indexed


@writes
def _look_at_all(tx: Tx) -> None:
    tx.run(NOTED, waiting=tx.one(NEWEST).id)


@reads
def _is_behind(read: Snapshot) -> bool:
    return _waiting(read) is not None


@writes
def _index_next(tx: Tx) -> int | None:
    waiting = _waiting(tx)
    if waiting is None:
        return None
    rows = tx.all(NEXT, waiting=waiting)
    if not rows:
        tx.run(NOTED, waiting=None)
        return None
    missing = [index.said(row) for row in rows if row.missing and row.html]
    for said in missing:
        tx.run(PUT_MISSING, **said)
    tx.run(NOTED, waiting=rows[-1].id - 1)
    return len(missing)


def _waiting(read: Snapshot) -> int | None:
    """The newest post that is to be looked at; where nothing is indexed, as after an import of an export, all are."""
    waiting: int | None = read.one(STATE).waiting
    return read.one(NEWEST).id if waiting is None and read.one(ANY) is None else waiting


@reads
def progress(read: Snapshot) -> Progress:
    """How far the indexing is."""
    return Progress(*read.one(POSTS, waiting=_waiting(read) or 0))


@writes
def begin_anew(tx: Tx) -> None:
    """Empties the index at once, for `go_on` to fill."""
    INDEX.make_anew(tx)
    tx.run(NOTED, waiting=tx.one(NEWEST).id, merging=None)


async def differences(thorough: bool = False) -> tuple[int, list[int]]:
    """How many posts there are, and the ids of those that the index has wrongly or not at all, 100 at most.

    Raises Conflict where `thorough` finds that the full-text index is not that of these rows; nobody writes meanwhile.
    """
    after, seen, wrong = 0, 0, list[int]()
    while True:
        async with db.session() as session:
            rows = (await session.execute(COMPARED, {"after": after})).all()
        if not rows:
            break
        if different := [row.id for row in rows if _differs(row, row)]:
            wrong += await _still(different)
        seen, after = seen + len(rows), rows[-1].id
    if thorough:
        await _check()
    return seen, wrong[:MOST_NAMED]


def _differs(row: Any, indexed: Any) -> bool:
    if not row.html or indexed.text is None:
        return bool(row.html) or indexed.text is not None
    wanted = index.said(row)
    return tokens(indexed.text) != tokens(wanted["text"]) or indexed.facts != wanted["facts"]


@reads
def _still(read: Snapshot, ids: list[int]) -> list[int]:
    """Of what was read, what is wrong also now."""
    return [id_ for id_ in ids if (row := read.one(COMPARED, after=id_ - 1)) and row.id == id_ and _differs(row, row)]


@writes
def _check(tx: Tx) -> None:
    if why := INDEX.damage(tx):
        raise Conflict(_("The index of search is damaged: %(why)s.", why=why))


def forget(tx: Tx) -> None:
    """Sweep: has what was erased leave the index's file, a part at a time."""
    state = tx.one(STATE)
    if state is None or state.erased == state.cleaned:
        return
    begun = state.erased if state.merging is None else state.merging
    more = INDEX.merge(tx, MERGED_PAGES, begins=state.merging is None)
    tx.run(NOTED, **({"merging": begun} if more else {"merging": None, "cleaned": begun}))


def _unname(tx: Tx, user_id: int) -> None:
    tx.run(UNNAME, gone=user_id)


def forget_names(tx: Tx) -> None:
    """Sweep: has the index forget which posts were somebody's whose account is gone, some at a time."""
    if (user := tx.one(UNNAMED)) is None:
        return
    ids = [row.id for row in tx.all(MATCHING, match=Wanted(facts=[[f"u{user.gone}"]]))]
    for id_ in ids:
        index.put(tx, id_)
    if not ids:
        tx.run(IS_NAMELESS, gone=user.gone)


account.on_end(_unname)
db.on_sweep(forget)
db.on_sweep(forget_names)
