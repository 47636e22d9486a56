"""Cusdis, which exports nothing: its SQLite database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from model.arriving.opened import Opened
from model.arriving.plan import Part, Report, Thread, Unreadable
from model.arriving.values import comment, is_so, moment, person, said

NAME, SAYS = "cusdis", "Cusdis"
SQLITE = b"SQLite format 3\0"
TABLES = {"comments", "pages"}
PAGES = "SELECT * FROM pages"
COMMENTS = "SELECT * FROM comments ORDER BY created_at"


def looks_like(head: bytes, _: str) -> bool:
    """Whether it is a database in which comments have nicknames."""
    return head.startswith(SQLITE) and b"by_nickname" in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Pages and their comments."""
    with file.database() as path:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as raw:
                raw.row_factory, raw.text_factory = sqlite3.Row, lambda data: data.decode(errors="replace")
                raw.execute("BEGIN")
                # A view may be made to never end.
                there = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                if missing := TABLES - there:
                    raise Unreadable(
                        f"It is no database of Cusdis: it has no table {' and no '.join(sorted(missing))}."
                    )
                yield from _rows(raw, report)
        except sqlite3.Error as error:
            raise Unreadable(f"The database cannot be read: {error}.") from error


def _rows(raw: sqlite3.Connection, report: Report) -> Iterator[Part]:
    pages: dict[str, str] = {}
    for row in map(dict, raw.execute(PAGES)):
        if address := said(row.get("slug")) or said(row.get("url")):
            pages[said(row.get("id"))] = address
            yield Thread(address, said(row.get("title")))
    for row in map(dict, raw.execute(COMMENTS)):
        yield from _comment(row, pages, report)


def _comment(row: dict[str, Any], pages: dict[str, str], report: Report) -> Iterator[Part]:
    id_, page = said(row.get("id")), said(row.get("pageId"))
    if page not in pages:
        report.left_out("comment", id_, "is of a page that is not there")
        return
    who = person(id_, said(row.get("by_nickname")), said(row.get("by_email")))
    if who:
        yield who
    approved, deleted = is_so(row.get("approved")), row.get("deletedAt") or row.get("deleted_at")
    yield from comment(
        report,
        id_,
        moment(row.get("created_at")),
        thread=pages[page],
        person=who.key if who else None,
        parent=said(row.get("parentId")) or None,
        text=said(row.get("content")),
        form="markdown",
        state="removed" if deleted else "published" if approved else "pending",
    )
