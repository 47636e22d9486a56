"""Full-text indexes: rows of a table found by their words, newest first. FTS5 on SQLite, GIN on PostgreSQL.

The table has a `text` (of type Words) and `facts`, which are words too: what a row is, such as `g7 y2026`. To a
statement the index is one more table, `NAME_index` with a `rowid`. On SQLite it is a virtual table that triggers keep
true, and migrations make it. On PostgreSQL it is a view of the table, and an index on the words of its rows, made with
the table. It is written in the transaction that writes the row, and also where a foreign key deletes one.

Both find the same rows. FTS5 splits and folds texts itself; for PostgreSQL `tokens` does, in texts and in queries, so
that neither its parser nor its locale matter. A lexeme has no positions there, which end at 16,383: phrases are looked
for in the texts of the rows that have all their words.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Dialect,
    String,
    Table,
    bindparam,
    column,
    delete,
    event,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from pottle.store.paging import LARGEST, Cursor, Page, paged_aside
from pottle.store.unit import Tx

NEAR = 2_000  # ids in which PostgreSQL looks before it asks for all that match
CANDIDATES = 400  # that it is asked for at first: nearly all of them may be read, for facts say where to look
# Migrations have these, too.
FTS5 = (
    """CREATE VIRTUAL TABLE {name}_index USING fts5(
        text, facts, content = '{name}', content_rowid = '{key}', columnsize = 0,
        tokenize = 'unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER {name}_put AFTER INSERT ON {name} BEGIN
        INSERT INTO {name}_index (rowid, text, facts) VALUES (new.{key}, new.text, new.facts);
    END""",
    """CREATE TRIGGER {name}_drop AFTER DELETE ON {name} BEGIN
        INSERT INTO {name}_index ({name}_index, rowid, text, facts)
            VALUES ('delete', old.{key}, old.text, old.facts);
        UPDATE {counting} SET {counter} = {counter} + 1;
    END""",
)
GONE = "DROP TRIGGER {name}_put", "DROP TRIGGER {name}_drop", "DROP TABLE {name}_index"
LEXEMES = "array_to_tsvector(array_remove(string_to_array(text || replace(' ' || facts, ' ', ' /'), ' '), ''))"
# New rows wait in a list, which the insert that fills it sorts in: one of 256 KiB in 20 ms every 450 posts, one of the
# usual 4 MiB in 300 ms every 7,000. Without the list each insert takes 0.2 ms more.
GIN = (
    "CREATE INDEX {name}_lexemes_index ON {name} USING gin (({lexemes})) WITH (gin_pending_list_limit = 256)",
    "CREATE VIEW {name}_index AS SELECT {key} AS rowid, text, {lexemes} AS lexemes FROM {name}",
)
IDS = func.unnest(bindparam("ids", type_=ARRAY(BigInteger))).table_valued("rowid", name="found").render_derived()
KEY = (IDS.c.rowid + literal_column("0")).label("rowid")  # as no index has it, or the planner walks through all posts
NOBODY = "/"  # a lexeme that no row has
WRITTEN = select(func.total_changes().label("rows"))

Tokens = Callable[[str], list[str]]
Phrase = tuple[Sequence[str], bool]  # words that stand together, and whether the last one is the beginning of a word


class Wanted(NamedTuple):
    """What rows are to say: all `phrases`, and none of `without`; of each of `facts` one, and none of `not_of`."""

    phrases: Sequence[Phrase] = ()
    without: Sequence[Phrase] = ()
    facts: Sequence[Sequence[str]] = ()
    not_of: Sequence[str] = ()


class Words(TypeDecorator[str]):
    """A text for an index. PostgreSQL keeps its words alone, each with a space around it."""

    impl = String
    cache_ok = True

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self.tokens = tokens

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """What is kept of a text."""
        return value if dialect.name == "sqlite" else _spaced(self.tokens(value))


class _Match(TypeDecorator[Wanted]):
    """A `Wanted` in the words of each index."""

    impl = String
    cache_ok = True

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self.tokens = tokens

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """FTS5's query, or three lines: PostgreSQL's, and what texts must be like and must not."""
        return fts5(value) if dialect.name == "sqlite" else tsquery(value, self.tokens)


class _Matches(FunctionElement[Any]):
    inherit_cache = True


@compiles(_Matches)
def _on_sqlite(element: Any, compiler: Any, **how: Any) -> str:
    index, *_, match = (compiler.process(part, **how) for part in element.clauses)
    return f"{index} MATCH {match}"


@compiles(_Matches, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **how: Any) -> str:
    _, text, lexemes, match = (compiler.process(part, **how) for part in element.clauses)
    query, like, unlike = (f"split_part({match}, E'\\n', {n})" for n in (1, 2, 3))
    return (
        f"({lexemes} @@ CAST({query} AS tsquery) AND {text} LIKE ALL (string_to_array({like}, ','))"
        f" AND {text} NOT LIKE ALL (string_to_array({unlike}, ',')))"
    )


class FullText:
    """The index of a table with a key, a `text` and `facts`; SQLite counts its deleted rows in a column, `erased`."""

    def __init__(self, of: Table, tokens: Tokens, erased: str) -> None:
        name, key = of.name, next(iter(of.primary_key)).name
        self.table = of
        self.rows = table(f"{name}_index", *map(column, ("rowid", f"{name}_index", "text", "lexemes", "rank")))
        self._column = self.rows.c[f"{name}_index"]  # as FTS5 calls all that it knows of a row
        match = bindparam("match", type_=_Match(tokens))
        self.matches: Any = _Matches(self._column, self.rows.c.text, self.rows.c.lexemes, match)
        ways = (True, False)
        self._candidates = {(newer, near): self._nearest(newer, near) for newer in ways for near in ways}
        counting, counter = erased.split(".")
        names = {"name": name, "key": key, "counting": counting, "counter": counter, "lexemes": LEXEMES}
        self.schema, self._gone, made = ([part.format(**names) for part in parts] for parts in (FTS5, GONE, GIN))
        for moment, statement in (
            *(("after_create", each) for each in made),
            ("before_drop", f"DROP VIEW {name}_index"),
        ):
            event.listen(of, moment, DDL(statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]

    async def page(
        self,
        session: AsyncSession,
        statement: Callable[[Any], Any],
        cursor: Cursor,
        view: Callable[[Any], Any],
        weigh: Callable[[Any], int],
        /,
        **values: Any,
    ) -> Page[Any]:
        """A page of what `statement(found)` selects, newest first; `found` has the `rowid` of each row that matches.

        It is asked for each `statement` once, which so must be a constant.

        FTS5 has its rows in order, GIN has not: all that match would be sorted for twenty. So on PostgreSQL the nearest
        rows are looked through first, which is enough for words that are common; all that match is few otherwise.
        """
        if _is_sqlite(session):
            return await paged_aside(
                session, _over_index(statement, self), self.rows.c.rowid, cursor, view, weigh, **values
            )
        newer, near, most = cursor.after is not None, True, CANDIDATES
        edge = (cursor.before or LARGEST) if cursor.after is None else cursor.after
        while True:
            asked = {"match": values["match"], "from": edge, "most": most, **({"near": NEAR} if near else {})}
            ids = (await session.scalars(self._candidates[newer, near], asked)).all()
            page = await paged_aside(session, _over_ids(statement), KEY, cursor, view, weigh, **values, ids=ids)
            if (page.prev if newer else page.next) is not None or (len(ids) < most and not near):
                return page
            near, most = False, most if near else most * 10

    def _nearest(self, newer: bool, near: bool) -> Any:
        """PostgreSQL's statement for the ids of rows that match, beyond an edge."""
        key, edge, distance = self.rows.c.rowid, *(bindparam(name, type_=BigInteger) for name in ("from", "near"))
        newest = func.least(edge, select(func.max(key)).scalar_subquery())
        bounds = [key > edge, key <= edge + distance] if newer else [key < edge, key >= newest - distance]
        # Without MATERIALIZED the planner hopes to meet enough of them soon, whichever they are.
        all_ = select(key).where(self.matches, *bounds[: 1 + near]).cte("matching").prefix_with("MATERIALIZED")
        return select(all_).order_by(all_.c.rowid if newer else all_.c.rowid.desc()).limit(bindparam("most"))

    def make_anew(self, tx: Tx) -> None:
        """Within a unit: empties the table and its index, whose files forget what was in them."""
        if _is_sqlite(tx.session):
            statements = [*self._gone, str(delete(self.table)), *self.schema]
        else:
            statements = [f"TRUNCATE {self.table.name}"]
        for statement in statements:
            tx.session.execute(text(statement))

    def damage(self, tx: Tx) -> str | None:
        """What is wrong with SQLite's index, which is compared with its rows; PostgreSQL has nothing to say."""
        if not _is_sqlite(tx.session):
            return None
        try:
            tx.run(insert(self.rows), **{self._column.name: "integrity-check", "rank": 1})
        except sqlite3.DatabaseError as error:
            return str(error)
        return None

    def merge(self, tx: Tx, pages: int, begins: bool) -> bool:
        """Within a unit: has SQLite's index forget deleted words, in at most so many pages; whether there are more.

        FTS5 keeps them until its parts are merged. PostgreSQL's VACUUM does so by itself.
        """
        before = tx.one(WRITTEN).rows
        tx.run(insert(self.rows), **{self._column.name: "merge", "rank": -pages if begins else pages})
        more: bool = tx.one(WRITTEN).rows - before >= 2  # as FTS5 says it
        return more


@lru_cache(maxsize=100)
def _over_index(statement: Callable[[Any], Any], index: FullText) -> Any:
    return statement(index.rows).where(index.matches)


@lru_cache(maxsize=100)
def _over_ids(statement: Callable[[Any], Any]) -> Any:
    return statement(IDS)


def _is_sqlite(session: AsyncSession | Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def fts5(wanted: Wanted) -> str:
    """FTS5's query."""
    texts = [f"text : ({' AND '.join(map(_quoted, wanted.phrases))})"] if wanted.phrases else []
    found = " AND ".join(texts + [f"facts : ({' OR '.join(some)})" for some in wanted.facts])
    if found and wanted.without:
        found = f"({found}) NOT (text : ({' OR '.join(map(_quoted, wanted.without))}))"
    return f"({found}) NOT (facts : ({' OR '.join(wanted.not_of)}))" if found and wanted.not_of else found


def _quoted(phrase: Phrase) -> str:
    words, begins = phrase
    return f'"{" ".join(words)}"{" *" if begins else ""}'


def tsquery(wanted: Wanted, tokens: Tokens) -> str:
    """PostgreSQL's query; in a second line the patterns of phrases, in a third those of phrases that must not be."""
    phrases, without = ([(tokens(" ".join(words)), begins) for words, begins in some] for some in wanted[:2])
    parts = [" & ".join(_lexemes(words, begins)) or NOBODY for words, begins in phrases]
    parts += [f"({' | '.join(f'/{fact}' for fact in some)})" for some in wanted.facts]
    parts += [f"!{lexeme}" for words, begins in without if len(words) == 1 for lexeme in _lexemes(words, begins)]
    parts += [f"!/{fact}" for fact in wanted.not_of]
    like, unlike = (
        [f"%{_spaced(words)[:-1] if begins else _spaced(words)}%" for words, begins in some if len(words) > 1]
        for some in (phrases, without)
    )
    return "\n".join((" & ".join(parts), ",".join(like), ",".join(unlike)))


def _lexemes(words: Sequence[str], begins: bool) -> list[str]:
    return [f"{word}:*" if begins and n == len(words) else word for n, word in enumerate(words, 1)]


def _spaced(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "
