"""Core statements on a bare connection answer as SQLAlchemy itself does."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from model.accounts import account, session, user
from model.groups import group
from model.talk import channel, post, reaction, review
from pottle.store import db
from pottle.store.paging import Cursor, paged
from pottle.store.statements import Snapshot, _parameters, _prepared
from tests.cases import in_turn
from tests.conftest import Person, World
from tests.store.conftest import bare

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("shut", Boolean),
    Column("tags", JSON),
    Column("at", DateTime),
    Column("data", LargeBinary),
)
BY_NAME = select(THINGS).where(THINGS.c.name == bindparam("named"))
ADD = insert(THINGS).values(
    name=bindparam("named"), shut=bindparam("closed"), tags=bindparam("told"), at=bindparam("when"), data=b"\x00\xff"
)
ADDED = ADD.returning(THINGS.c.id)
NOON = datetime(2026, 11, 22, 12)  # noqa: DTZ001


@pytest.fixture
def things() -> Iterator[Snapshot]:
    """An empty table of things of several types."""
    with bare(THINGS) as things:
        yield things


def test_it_works(things: Snapshot) -> None:
    assert things.run(ADD, named="a", closed=True, told=["x", {"y": None}], when=NOON) == 1
    row = things.one(BY_NAME, named="a")
    assert row == (1, "a", True, ["x", {"y": None}], NOON, b"\x00\xff")
    assert (row.id, row.name, row.shut, row.tags, row.at, row.data) == row
    assert row.shut is True


def test_what_is_null_stays_null(things: Snapshot) -> None:
    things.run(ADD, named=None, closed=None, told=None, when=None)
    (row,) = things.all(select(THINGS))
    assert (row.name, row.shut, row.tags, row.at) == (None, None, None, None)


def test_an_insert_or_update_writes_the_columns_that_it_is_given(things: Snapshot) -> None:
    added = things.one(insert(THINGS).returning(THINGS.c.id), name="a", shut=True, tags=["x"])
    assert things.run(update(THINGS).where(THINGS.c.id == bindparam("id")), id=added.id, at=NOON, shut=False) == 1
    row = things.one(BY_NAME, named="a")
    assert (row.shut, row.tags, row.at) == (False, ["x"], NOON)


def test_a_column_that_there_is_not_is_an_error(things: Snapshot) -> None:
    with pytest.raises(KeyError, match="nmae"):
        things.run(insert(THINGS), nmae="a")
    with pytest.raises(KeyError, match="nmae"):
        things.run(update(THINGS).where(THINGS.c.id == bindparam("id")), id=1, nmae="a")


def test_a_name_that_the_statement_does_not_have_is_an_error(things: Snapshot) -> None:
    """SQLite would ignore it, and the slip of a pen would go unseen."""
    with pytest.raises(KeyError, match="nmaed"):
        things.all(BY_NAME, nmaed="a")


def test_a_value_that_is_missing_is_an_error(things: Snapshot) -> None:
    """It must not silently be NULL, for `WHERE name = NULL` finds nothing."""
    with pytest.raises(Exception, match="named"):
        things.all(BY_NAME)


def test_a_value_that_no_statement_asks_for_is_an_error(things: Snapshot) -> None:
    """It would be left out silently, be it a condition that is gone or a name that is misspelt."""
    with pytest.raises(KeyError, match="nmaed"):
        things.all(BY_NAME, named="a", nmaed="b")


def test_values_are_never_part_of_the_sql(things: Snapshot) -> None:
    evil = "'; DROP TABLE things; --"
    things.run(ADD, named=evil, closed=False, told=[], when=NOON)
    assert things.one(BY_NAME, named=evil).name == evil
    assert len(things.all(select(THINGS))) == 1


def test_rows_that_an_update_or_delete_touched_are_counted(things: Snapshot) -> None:
    for name in "aab":
        things.run(ADD, named=name, closed=False, told=[], when=NOON)
    where = THINGS.c.name == bindparam("named")
    assert things.run(update(THINGS).where(where).values(shut=True), named="a") == 2
    assert things.run(delete(THINGS).where(where), named="b") == 1
    assert things.run(delete(THINGS).where(where), named="b") == 0


def test_none_is_the_first_of_nothing(things: Snapshot) -> None:
    assert things.one(BY_NAME, named="nobody") is None


def test_columns_may_have_labels_and_be_functions(things: Snapshot) -> None:
    things.run(ADD, named="a", closed=True, told=[], when=NOON)
    row = things.one(select(THINGS.c.shut.label("closed"), func.length(THINGS.c.name).label("number")))
    assert (row.closed, row.number) == (True, 1)


@pytest.mark.sqlite("its cursors; those of psycopg have read all")
def test_a_returning_insert_leaves_no_cursor_open(things: Snapshot) -> None:
    """An open cursor would hold the transaction."""
    things.raw.execute("BEGIN")
    assert things.one(ADDED, named="a", closed=True, told=[], when=NOON).id == 1
    things.raw.execute("COMMIT")
    assert not things.raw.in_transaction


def test_a_statement_is_compiled_once(things: Snapshot) -> None:
    before = _prepared.cache_info().misses
    statement = select(THINGS.c.id).where(THINGS.c.name == bindparam("named"))
    for name in "abc":
        things.all(statement, named=name)
    assert _prepared.cache_info().misses == before + 1


@pytest.fixture
async def written(alice: Person, bob: Person, root: Person, world: World) -> int:
    """The id of a post in the class, after a bit of everything; beside it are others of every state."""
    posts = f"/api/channels/{world.class_channel}/posts"
    made = (await alice.post(posts, {"body": "**one**"})).json()["id"]
    reply = (await bob.post(posts, {"body": "two", "parent": made})).json()["id"]
    removed = (await bob.post(posts, {"body": "three"})).json()["id"]
    await alice.patch(f"/api/posts/{removed}", {"state": "removed"})
    await bob.patch(f"/api/posts/{reply}", {"body": "two, edited"})
    await alice.patch("/api/groups/class", {"review": "all"})
    await bob.patch(f"/api/posts/{reply}", {"body": "two, edited again"})
    await bob.post(posts, {"body": "four"})
    await bob.post("/api/groups/class/channels", {"key": "bobs"})
    await root.put(f"/api/posts/{made}/reactions/heart")
    await alice.patch(f"/api/channels/{world.class_channel}", {"locked": True})
    await root.patch("/api/groups/class", {"origins": ["https://a.example", "http://b.example:8080"]})
    await alice.post("/api/me/tokens", {"name": "bell"})
    return int(made)


@pytest.fixture
async def orm(app: object) -> AsyncIterator[AsyncSession]:
    """SQLAlchemy's own way to the same database."""
    async with db.session() as opened:
        yield opened


def places(uid: str) -> dict[str, Any]:
    who = {"alice": 1, "bob": 2, "charlie": 3, "root": 4, "": 0}[uid]
    return {"user": who, "admin": int(uid == "root"), "only": 0}


HOT: dict[str, tuple[Select[Any], dict[str, Any]]] = {
    "post.BY_ID": (post.BY_ID, {"id": "{made}"}),
    "post.LISTED": (post.LISTED, {"channel_id": "{class}"}),
    "review.PENDING_IN_CHANNEL": (review.PENDING_IN_CHANNEL, {"channel_id": "{class}"}),
    "channel.BY_ID": (channel.BY_ID, {"id": "{class}"}),
    "channel.BY_KEY": (channel.BY_KEY, {"slug": "class", "key": "room"}),
    "channel.IN_GROUP": (channel.IN_GROUP, {"slug": "class"}),
    "channel.LISTED": (channel.LISTED, {}),
    "channel.PENDING": (channel.PENDING, {"group_id": 2}),
    "group.BY_SLUG": (group.BY_SLUG, {"slug": "class"}),
    "group.LISTED": (group.LISTED, {}),
    "group.MEMBERS": (group.MEMBERS, {"group_id": 2}),
    "session.BY_SESSION": (session.BY_SESSION, {"secret_hash": "{secret}"}),
    "session.BY_TOKEN": (session.BY_TOKEN, {"secret_hash": "{secret}"}),
    "account.PASSWORD": (account.PASSWORD, {"uid_folded": "alice"}),
    "reaction.COUNT": (reaction.COUNT, {"post_id": "{made}"}),
    "reaction.MINE": (reaction.MINE, {"user_id": 4, "channel_id": "{class}"}),
    "user.TAKEN": (user.TAKEN, {"uid_folded": "bob"}),
}


@in_turn("name", HOT)
@in_turn("uid", ["alice", "charlie", "root", ""])
async def test_each_hot_statement_answers_like_its_orm_version(
    written: int, orm: AsyncSession, world: World, alice: Person, name: str, uid: str
) -> None:
    """The same rows, with the same names and types."""
    statement, wanted = HOT[name]
    given = {"{made}": written, "{class}": world.class_channel, "{secret}": session.hashed(alice.token)}
    values = {key: given.get(value, value) for key, value in wanted.items()}
    if {"user", "admin"} <= _parameters(statement):
        values |= places(uid)
    hot = await db.read(Snapshot.all, statement, **values)
    slow = (await orm.execute(statement, values)).all()
    assert [tuple(row) for row in hot] == [tuple(row) for row in slow]
    assert [[type(value) for value in row] for row in hot] == [[type(value) for value in row] for row in slow]
    assert all(row._fields == other._fields for row, other in zip(hot, slow, strict=True))


async def test_hot_statements_are_not_compared_empty(written: int, world: World, alice: Person) -> None:
    """Each of them finds something for Alice; but her session is no token."""
    given = {"{made}": written, "{class}": world.class_channel, "{secret}": session.hashed(alice.token)}
    empty = set()
    for name, (statement, wanted) in HOT.items():
        values = {key: given.get(value, value) for key, value in wanted.items()}
        if {"user", "admin"} <= _parameters(statement):
            values |= places("alice")
        if not await db.read(Snapshot.all, statement, **values):
            empty.add(name)
    assert empty == {"session.BY_TOKEN"}


async def test_pages_are_those_of_a_sorted_list(alice: Person) -> None:
    """Every page of every size, both ways, against Python's slices."""
    made = [(await alice.post("/api/channels/1/posts", {"body": f"{n}"})).json()["id"] for n in range(9)]
    newest_first = made[::-1]

    async def page(**cursor: Any) -> Any:
        return await db.read(paged, post.LISTED, post.Post.id, Cursor(**cursor), lambda row: row.id, channel_id=1)

    for limit in range(1, 11):
        first = await page(limit=limit)
        assert first.items == newest_first[:limit]
        assert (first.next is None) == (limit >= 9)
        for edge in made:
            older, newer = await page(limit=limit, before=edge), await page(limit=limit, after=edge)
            at = newest_first.index(edge)
            assert older.items == newest_first[at + 1 : at + 1 + limit]
            assert newer.items == newest_first[max(0, at - limit) : at]
            assert (older.next is None) == (at + 1 + limit >= 9)
            assert (newer.prev is None) == (at - limit <= 0)


MADE = Table(
    "made",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("stars", Integer, default=3),
    Column("tags", JSON, default=lambda: ["new"]),
    Column("at", DateTime, default=NOON, onupdate=lambda: LATER),
    Column("kind", String(20), default=func.lower("PLAIN")),
)
LATER = datetime(2026, 11, 23, 12)  # noqa: DTZ001
MAKE = insert(MADE).values(name=bindparam("named"))


@pytest.fixture
def made() -> Iterator[Snapshot]:
    """An empty table whose columns have defaults that Python makes."""
    with bare(MADE) as made:
        yield made


def test_a_columns_default_is_kept(made: Snapshot) -> None:
    """Fails (it is NULL) where only the values that are given count."""
    made.run(MAKE, named="a")
    assert made.one(select(MADE))[1:] == ("a", 3, ["new"], NOON, "plain")
    made.run(MAKE.values(stars=bindparam("given")), named="b", given=None)
    assert made.all(select(MADE))[1].stars is None, "a value that is given counts, also none"
    made.run(MAKE, named="c", stars=5)
    assert made.all(select(MADE))[2].stars == 5


def test_what_an_update_makes_is_kept(made: Snapshot) -> None:
    made.run(MAKE, named="a")
    made.run(update(MADE).where(MADE.c.name == bindparam("named")).values(stars=4), named="a")
    assert made.one(select(MADE)).at == LATER


def test_a_default_that_needs_the_statement_is_refused_with_a_sentence(made: Snapshot) -> None:
    column = Column("twice", Integer, default=lambda context: context.get_current_parameters()["stars"] * 2)
    table = Table("twice", MetaData(), Column("id", Integer, primary_key=True), Column("stars", Integer), column)
    with pytest.raises(TypeError, match=r"twice\.twice asks for the statement's other values"):
        made.run(insert(table).values(stars=bindparam("given")), given=1)


NAMED = select(MADE.c.name).where(MADE.c.name.in_(bindparam("names", expanding=True))).order_by(MADE.c.name)


@pytest.mark.parametrize("names", [[], ["a"], ["a", "c"], ["a", "c", "nobody"], ("b",)])
def test_in_takes_as_many_values_as_there_are(made: Snapshot, names: list[str]) -> None:
    for name in "abc":
        made.run(MAKE, named=name)
    assert [name for (name,) in made.all(NAMED, names=names)] == [name for name in names if name != "nobody"]
    assert [name for (name,) in made.all(select(MADE.c.name).where(MADE.c.name.in_([*names])))] == [
        name for name in names if name != "nobody"
    ]
    assert made.run(delete(MADE).where(MADE.c.name.in_(bindparam("names", expanding=True))), names=names) == len(
        {*names} & {*"abc"}
    )


def test_in_binds_values_as_the_columns_type_does(made: Snapshot) -> None:
    made.run(MAKE, named="a")
    at = select(MADE.c.name).where(MADE.c.at.in_(bindparam("times", expanding=True)), MADE.c.stars == bindparam("n"))
    assert made.one(at, times=[LATER, NOON], n=3) == ("a",)
    with pytest.raises(KeyError):
        made.one(at, n=3)


async def test_a_unit_that_is_async_is_refused_with_a_sentence(app: object) -> None:
    """Fails where it commits, and gives back a coroutine that nobody awaits."""

    async def unit(_tx: object) -> int:
        return 1

    with pytest.raises(TypeError, match=r"unit.* is async\. A unit is a plain function"):
        await db.write(unit)  # type: ignore[unused-coroutine]
