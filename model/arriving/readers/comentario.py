"""Comentario, from its third format on."""

from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened
from model.arriving.plan import Part, Person, Report, Thread
from model.arriving.values import comment, is_so, moment, objects, said, votes

NAME, SAYS = "comentario", "Comentario"


def looks_like(head: bytes, _: str) -> bool:
    """Whether there are pages with ids, and comments of them."""
    return b'"pages"' in head and b'"commentHex"' not in head and (b'"pageId"' in head or b'"isReadonly"' in head)


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Pages, people, comments."""
    whole = file.json(dict[str, Any])
    paths: dict[str, str] = {}
    for page in objects(whole.get("pages") or [], "Page"):
        if path := said(page.get("path")):
            paths[said(page.get("id"))] = path
            yield Thread(path, said(page.get("title")), is_so(page.get("isReadonly")))
    people = set[str]()
    for one in objects(whole.get("commenters") or [], "Commenter"):
        key, name = said(one.get("id")), said(one.get("name"))
        if key and name:
            people.add(key)
            website = said(one.get("websiteUrl"))
            yield Person(f"user {key}", name, said(one.get("email")) or None, website or None)
    for one in objects(whole.get("comments") or [], "Comment"):
        yield from _comment(one, paths, people, report)


def _comment(one: dict[str, Any], paths: dict[str, str], people: set[str], report: Report) -> Iterator[Part]:
    id_, page, who = (said(one.get(name)) for name in ("id", "pageId", "userCreated"))
    if page not in paths:
        report.left_out("comment", id_, "is of a page that is not in the file")
        return
    deleted, pending, approved = (is_so(one.get(name)) for name in ("isDeleted", "isPending", "isApproved"))
    if not (deleted or approved or pending):
        report.left_out("comment", id_, "was rejected by a moderator")
        return
    markdown, named = said(one.get("markdown")), said(one.get("authorName"))
    if who not in people and named:
        yield Person(f"comment {id_}", named)
    yield from comment(
        report,
        id_,
        moment(one.get("createdTime") or one.get("creationDate")),
        thread=paths[page],
        person=f"user {who}" if who in people else f"comment {id_}" if named else None,
        parent=said(one.get("parentId")) or None,
        text=markdown or said(one.get("html")),
        form="markdown" if markdown else "html",
        edited=moment(one.get("editedTime")),
        state="removed" if deleted else "pending" if pending else "published",
        votes=votes(one.get("score")),
        pinned=is_so(one.get("isSticky")),
    )
