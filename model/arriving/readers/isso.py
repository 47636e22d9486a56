"""Isso: its database, and the JSON file that it imports itself."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from model.arriving.opened import Opened
from model.arriving.plan import Comment, Part, Person, Report, Thread, Unreadable
from model.arriving.readers.disqus import when

NAME, SAYS = "isso", "Isso"
SQLITE = b"SQLite format 3\0"
State = Literal["published", "pending", "removed"]
STATES: dict[int, State] = {1: "published", 2: "pending", 4: "removed"}
THREADS = "SELECT id, uri, title FROM threads"
COMMENTS = "SELECT * FROM comments ORDER BY id"
_JSON = re.compile(rb'\s*\[\s*\{(?=.*"comments"\s*:\s*\[)(?=.*"author")(?=.*"text")', re.DOTALL)


def looks_like(head: bytes, _: str) -> bool:
    """Whether it is Isso's database, or an array of pages with comments."""
    if head.startswith(SQLITE):
        return b"tid REFERENCES threads" in head
    return _JSON.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Pages and their comments."""
    return _of_database(file, report) if file.head.startswith(SQLITE) else _of_json(file, report)


def _of_database(file: Opened, report: Report) -> Iterator[Part]:
    with file.database() as path:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as raw:
                raw.row_factory, raw.text_factory = sqlite3.Row, lambda data: data.decode(errors="replace")
                raw.execute("BEGIN")
                _must_be_isso(raw)
                threads = {row["id"]: row for row in raw.execute(THREADS)}
                for row in threads.values():
                    yield Thread(str(row["uri"]), str(row["title"] or ""))
                for row in raw.execute(COMMENTS):
                    yield from _row({key: row[key] for key in row.keys()}, threads, report)  # noqa: SIM118
        except sqlite3.Error as error:
            raise Unreadable(f"The database cannot be read: {error}.") from error


def _must_be_isso(raw: sqlite3.Connection) -> None:
    wrong = [line for (line,) in raw.execute("PRAGMA quick_check(1)") if line != "ok"]
    if wrong:
        raise Unreadable(f"The database is damaged: {str(wrong[0]).splitlines()[-1]}.")
    # A view may be made to never end.
    tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if missing := {"threads", "comments"} - tables:
        raise Unreadable(f"It is no database of Isso: it has no table {' and no table '.join(sorted(missing))}.")


def _row(row: dict[str, Any], threads: dict[Any, Any], report: Report) -> Iterator[Part]:
    id_, state, created = row.get("id"), STATES.get(row.get("mode", 1)), _epoch(row.get("created"))
    if state is None or row.get("tid") not in threads or created is None:
        why = "has a state that is not known here" if state is None else "has no time"
        report.left_out("comment", id_, "is of a page that is not there" if row.get("tid") not in threads else why)
        return
    person = _person(row, str(id_))
    if person:
        yield person
    counts = {"up": row.get("likes"), "down": row.get("dislikes")}
    yield Comment(
        id=str(id_),
        thread=str(threads[row["tid"]]["uri"]),
        person=person.key if person else None,
        parent=str(row["parent"]) if row.get("parent") else None,
        text=str(row.get("text") or ""),
        form="markdown",
        created=created,
        edited=_epoch(row.get("modified")),
        state=state,
        votes={kind: count for kind, count in counts.items() if isinstance(count, int)},
    )


def _epoch(seconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _person(about: dict[str, Any], comment: str) -> Person | None:
    """Isso has no accounts: who gives the same name and address is the same, and of names alone each is another's."""
    name, email, website = (str(about.get(field) or "").strip() for field in ("author", "email", "website"))
    key = f"email {email.lower()} {name}" if email else f"comment {comment}"
    return Person(key, name, email or None, website or None) if name or email else None


class _Said(msgspec.Struct):
    text: str = ""
    author: str | None = None
    email: str | None = None
    website: str | None = None
    created: float | str | None = None


class _Page(msgspec.Struct):
    id: str
    title: str | None = None
    comments: list[_Said] = []


def _of_json(file: Opened, report: Report) -> Iterator[Part]:
    for page in file.json(list[_Page]):
        yield Thread(page.id, page.title or "")
        for said in page.comments:
            id_ = _made_up(page, said)
            created = when(said.created) if isinstance(said.created, str) else _epoch(said.created)
            if created is None:
                report.left_out("comment", id_, "has no time")
                continue
            person = _person(msgspec.to_builtins(said), id_)
            if person:
                yield person
            who = person.key if person else None
            yield Comment(id_, page.id, who, None, said.text, "html", created)


def _made_up(page: _Page, said: _Said) -> str:
    """An id, the same at the next import: those in the file count from 0 on each page, or are all 0."""
    return hashlib.sha256(msgspec.json.encode([page.id, said])).hexdigest()[:16]
