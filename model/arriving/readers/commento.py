"""Commento and Commento++, and Comentario's first format, which is the same but for a few names."""

from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened
from model.arriving.plan import Part, Person, Report, Thread
from model.arriving.values import comment, is_so, moment, objects, said, votes

NAME, SAYS = "commento", "Commento"
STATES = {"approved": "published", "unapproved": "pending", "flagged": "pending"}
DELETED = ("", "[deleted]")


def looks_like(head: bytes, _: str) -> bool:
    """Whether there are hex ids."""
    return b'"commentHex"' in head or b'"commenterHex"' in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """People first; `anonymous` is none of them."""
    whole = file.json(dict[str, Any])
    people = set[str]()
    for one in objects(whole.get("commenters") or [], "Commenter"):
        key, name = said(one.get("commenterHex")), said(one.get("name"))
        if key and name:
            people.add(key)
            email, link = said(one.get("email")), said(one.get("link"))
            website = link if "/" in link else ""
            yield Person(f"user {key}", name, email or None, website or None, is_so(one.get("isModerator")))
    known = set[str]()
    for one in objects(whole.get("comments") or [], "Comment"):
        yield from _comment(one, people, known, report)


def _comment(one: dict[str, Any], people: set[str], known: set[str], report: Report) -> Iterator[Part]:
    id_, who, parent = (said(one.get(name)) for name in ("commentHex", "commenterHex", "parentHex"))
    host, path = said(one.get("domain") or one.get("host")), said(one.get("url") or one.get("path"))
    if said(one.get("state")) == "spam":
        report.left_out("comment", id_, "is spam")
        return
    if not path:
        report.left_out("comment", id_, "is of no page")
        return
    address = f"https://{host}/{path.lstrip('/')}" if host and "://" not in path else path
    if address not in known:
        known.add(address)
        yield Thread(address)
    markdown, html = said(one.get("markdown")), said(one.get("html"))
    deleted = is_so(one.get("deleted")) or (markdown in DELETED and html in DELETED)
    yield from comment(
        report,
        id_,
        moment(one.get("creationDate")),
        thread=address,
        person=f"user {who}" if who in people else None,
        parent=parent if parent not in ("", "root") else None,
        text=markdown or html,
        form="markdown" if markdown else "html",
        state="removed" if deleted else STATES.get(said(one.get("state")), "published"),
        votes=votes(one.get("score")),
    )
