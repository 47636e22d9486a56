"""Reading the SQLite database of a Flask back end: rows by their columns' usual names, whatever exactly these are.

Known are the schemas of flask_portfolio, flask_2025, flocker_backend and Open Coding Society's flask (of 2026), and
what is like them: columns with or without a leading underscore, and many of them missing. Nothing is written, and all
is read in one snapshot.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pottle.errors import NotFound
from pottle.store.copies import Progress
from pottle.store.files import WrongDatabase

NOTHING = "Nothing was imported."
ADVICE = {  # by how SQLite's name of an error begins
    ("SQLITE_BUSY", "SQLITE_LOCKED"): " Stop the Flask server, or try again.",
    ("SQLITE_READONLY", "SQLITE_CANTOPEN"): (
        " It may have been left in the middle of a write: start the Flask server once and stop it, or copy the file "
        "with its -journal, -wal and -shm to where you may write, and open it there with sqlite3."
    ),
}
WAIT_SECONDS = 5.0  # for a server that writes at this moment
PORTION = 100  # rows or items between two reports of progress

PAGE_POSTS = "page_posts"  # what a table `posts` is called here that has pages and no channels

# The columns of each table that are read: those that it must have, and those that it may have.
KNOWN: dict[str, tuple[set[str], set[str]]] = {
    "users": ({"id", "uid", "name", "password"}, {"email", "role"}),
    "sections": ({"id", "name"}, {"abbreviation"}),
    "user_sections": ({"user_id", "section_id"}, set()),
    "groups": ({"id", "name"}, {"section_id"}),
    "group_moderators": ({"group_id", "user_id"}, set()),
    "channels": ({"id", "name", "group_id"}, {"attributes"}),
    "posts": ({"id", "comment", "user_id"}, {"title", "content", "channel_id"}),
    "votes": ({"id", "vote_type", "user_id", "post_id"}, set()),
    "topics": ({"id", "page_path"}, {"page_key", "page_title"}),
    "microblogs": ({"id", "user_id", "content"}, {"topic_id", "data", "timestamp", "updated_at"}),
    PAGE_POSTS: (
        {"id", "user_id", "content", "page_url"},
        {"page_title", "grade_received", "parent_id", "timestamp", "updated_at"},
    ),
}
ALIASES = {"userid": "user_id", "note": "comment"}  # flask_portfolio's posts

Row = dict[str, Any]
T = TypeVar("T")


class Source(NamedTuple):
    """What a database holds: the rows of each known table in the order of their ids, and what was not read, and why."""

    rows: dict[str, list[Row]]
    unread: dict[str, str]


def read(path: Path, progress: Progress) -> Source:
    """Everything that is known. Raises NotFound, and WrongDatabase for what is damaged or no Flask back end's."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=WAIT_SECONDS)) as raw:
            raw.text_factory = _text
            raw.execute("BEGIN")
            return _read(raw, path, progress)
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        advice = next((says for beginnings, says in ADVICE.items() if name.startswith(beginnings)), "")
        raise WrongDatabase(f"{path}: {error}.{advice} {NOTHING}") from error


def _read(raw: sqlite3.Connection, path: Path, progress: Progress) -> Source:
    wrong = [line for (line,) in raw.execute("PRAGMA quick_check(1)") if line != "ok"]
    if wrong:
        raise WrongDatabase(f"{path} is damaged: {str(wrong[0]).splitlines()[-1]}. {NOTHING}")
    tables = _tables(raw)
    if missing := KNOWN["users"][0] - tables.get("users", {}).keys():
        why = "it has no table users"
        if "users" in tables:
            hint = ", but is Pottle's own (quart --app main restore)" if "password_hash" in tables["users"] else ""
            why = f"its table users has no {', '.join(sorted(missing))}{hint}"
        raise WrongDatabase(f"{path} is no database of a Flask back end: {why}. {NOTHING}")
    source = Source({name: [] for name in KNOWN}, {})
    for name, columns in tables.items():
        called = PAGE_POSTS if name == "posts" and KNOWN[PAGE_POSTS][0] <= columns.keys() else name
        needed, more = KNOWN.get(called, (set(), set()))
        (all_,) = raw.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()  # noqa: S608  # quoted
        if called in KNOWN and needed <= columns.keys():
            wanted = {usual: column for usual, column in columns.items() if usual in needed | more}
            listed = ", ".join(map(_quoted, wanted.values()))
            found = raw.execute(f"SELECT {listed} FROM {_quoted(name)} ORDER BY rowid")  # noqa: S608  # quoted
            for row in counted(f"Reading {name}", found, all_, progress):
                source.rows[called].append(dict(zip(wanted, row, strict=True)))
            for column in (column for usual, column in columns.items() if usual not in wanted):
                source.unread[f"{name}.{column}"] = "is not known here"
        elif all_:
            lacking = f"lacks {', '.join(sorted(needed - columns.keys()))}" if name in KNOWN else "is not known here"
            source.unread[name] = f"{lacking} ({all_} rows)"
    return source


def _tables(raw: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """The columns of each table: their names there by their usual names."""
    names = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'")
    return {
        name: {_usual(column): column for _, column, *_ in raw.execute(f"PRAGMA table_info({_quoted(name)})")}
        for (name,) in names.fetchall()
    }


def _usual(column: str) -> str:
    plain = column.lower().lstrip("_")
    return ALIASES.get(plain, plain)


def _text(value: bytes) -> str | bytes:
    """Text, or the bytes of what says that it is text and is not."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def counted(step: str, items: Iterable[T], all_: int, progress: Progress) -> Iterator[T]:
    """The items as they are; tells the progress now and then, and at the end."""
    for number, item in enumerate(items):
        if number % PORTION == 0:
            progress(step, number, all_)
        yield item
    progress(step, all_, all_)


def _quoted(name: str) -> str:
    return '"' + re.sub('"', '""', name) + '"'
