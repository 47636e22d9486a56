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
OTHERS = b"tid REFERENCES threads"  # of Isso's tables
TABLES = {"comments", "pages"}
PAGES = "SELECT * FROM pages"
PROJECTS = "SELECT * FROM projects"
COMMENTS = "SELECT * FROM comments ORDER BY created_at"


def looks_like(head: bytes, _: str) -> bool:
    """Whether it is a database, and none of Isso: the tables of Cusdis are named beyond what is looked at."""
    return head.startswith(SQLITE) and OTHERS not in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Pages and their comments."""
    with file.database() as path:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as raw:
                raw.row_factory, raw.text_factory = sqlite3.Row, lambda data: data.decode(errors="replace")
                raw.execute("BEGIN")
                if missing := TABLES - _tables(raw):
                    raise Unreadable(
                        f"It is no database of Cusdis: it has no table {' and no '.join(sorted(missing))}."
                    )
                yield from _rows(raw, report)
        except sqlite3.Error as error:
            raise Unreadable(f"The database cannot be read: {error}.") from error


def _tables(raw: sqlite3.Connection) -> set[str]:
    """Tables only: a view may be made to never end."""
    return {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _rows(raw: sqlite3.Connection, report: Report) -> Iterator[Part]:
    pages: dict[str, str] = {}
    projects = map(dict, raw.execute(PROJECTS)) if "projects" in _tables(raw) else ()
    deleted = {said(project.get("id")) for project in projects if project.get("deleted_at")}
    for row in map(dict, raw.execute(PAGES)):
        url, id_ = said(row.get("url")), said(row.get("id"))
        # The slug is whatever a site's template gave as an id: often a number.
        address = url if "://" in url else said(row.get("slug")) or url
        if address and said(row.get("projectId")) not in deleted:
            pages[id_] = address
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
