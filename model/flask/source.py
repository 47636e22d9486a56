"""Reading the SQLite database of a Flask back end: rows by their columns' usual names, whatever exactly these are.

Known are the schemas of flask_portfolio, flask_2025 and flocker_backend and what is like them: columns with or without
a leading underscore, and many of them missing. Nothing is written, and all is read in one snapshot.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pottle.errors import NotFound
from pottle.store.copies import Progress
from pottle.store.files import WrongDatabase

NOTHING = "Nothing was imported."
UNFINISHED = (
    " It may have been left in the middle of a write: start the Flask server once and stop it, or copy the file with "
    "its -journal, -wal and -shm to where you may write, and open it there with sqlite3."
)
WAIT_SECONDS = 5.0  # for a server that writes at this moment
PORTION = 1_000  # rows between two reports

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
    with _explained(path), closing(_opened(path)) as raw:
        raw.execute("BEGIN")
        _check_whole(raw, path)
        tables = _tables(raw)
        if missing := _missing(tables.get("users", {}), "users"):
            raise WrongDatabase(f"{path} is no database of a Flask back end: {_why(tables, missing)}. {NOTHING}")
        rows: dict[str, list[Row]] = {name: [] for name in KNOWN}
        unread: dict[str, str] = {}
        for name, columns in tables.items():
            if name in KNOWN and not _missing(columns, name):
                rows[name] = list(_rows(raw, name, columns, progress))
                unread |= {f"{name}.{column}": "is not known here" for column in _strange(columns, name)}
            elif count := raw.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0]:  # noqa: S608  # quoted
                lacking = (
                    f"lacks {', '.join(sorted(_missing(columns, name)))}" if name in KNOWN else "is not known here"
                )
                unread[name] = f"{lacking} ({count} rows)"
    return Source(rows, unread)


def _opened(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    raw = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=WAIT_SECONDS)
    raw.text_factory = _text
    return raw


def _text(value: bytes) -> str | bytes:
    """Text, or the bytes of what says that it is text and is not."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise WrongDatabase(f"{path}: {error}.{_advice(getattr(error, 'sqlite_errorname', ''))} {NOTHING}") from error


def _advice(name: str) -> str:
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return " Stop the Flask server, or try again."
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return UNFINISHED
    return ""


def _check_whole(raw: sqlite3.Connection, path: Path) -> None:
    wrong = [line for (line,) in raw.execute("PRAGMA quick_check(1)") if line != "ok"]
    if wrong:
        raise WrongDatabase(f"{path} is damaged: {str(wrong[0]).splitlines()[-1]}. {NOTHING}")


def _tables(raw: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """The columns of each table: the column that there is by the name that it has here."""
    names = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'")
    return {
        name: {_usual(column): column for _, column, *_ in raw.execute(f"PRAGMA table_info({_quoted(name)})")}
        for (name,) in names.fetchall()
    }


def _usual(column: str) -> str:
    plain = column.lower().lstrip("_")
    return ALIASES.get(plain, plain)


def _missing(columns: dict[str, str], name: str) -> set[str]:
    return KNOWN.get(name, (set(), set()))[0] - columns.keys()


def _strange(columns: dict[str, str], name: str) -> list[str]:
    needed, more = KNOWN[name]
    return [column for usual, column in columns.items() if usual not in needed | more]


def _why(tables: dict[str, dict[str, str]], missing: set[str]) -> str:
    if "users" not in tables:
        return "it has no table users"
    hint = ", but is Pottle's own (quart --app main restore)" if "password_hash" in tables["users"] else ""
    return f"its table users has no {', '.join(sorted(missing))}{hint}"


def _rows(raw: sqlite3.Connection, name: str, columns: dict[str, str], progress: Progress) -> Iterator[Row]:
    needed, more = KNOWN[name]
    wanted = {usual: column for usual, column in columns.items() if usual in needed | more}
    listed = ", ".join(map(_quoted, wanted.values()))
    (all_,) = raw.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()  # noqa: S608  # quoted
    found = raw.execute(f"SELECT {listed} FROM {_quoted(name)} ORDER BY rowid")  # noqa: S608
    for row in counted(f"Reading {name}", found, all_, progress, PORTION):
        yield dict(zip(wanted, row, strict=True))


def counted(step: str, items: Iterable[T], all_: int, progress: Progress, portion: int) -> Iterator[T]:
    """The items as they are; tells the progress before each `portion` of them, and at the end."""
    for number, item in enumerate(items):
        if number % portion == 0:
            progress(step, number, all_)
        yield item
    progress(step, all_, all_)


def _quoted(name: str) -> str:
    return '"' + re.sub('"', '""', name) + '"'
