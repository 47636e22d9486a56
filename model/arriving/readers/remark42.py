"""Remark42: the backup that it makes of itself each day, `backup-SITE-DATE.gz`."""

from collections.abc import Iterator
from hashlib import sha1
from typing import Any

from model.arriving.opened import Opened, decoded
from model.arriving.plan import Part, Report, Thread, Unreadable
from model.arriving.values import comment, is_so, moment, objects, person, said, votes

NAME, SAYS = "remark42", "Remark42"
NOBODY = "deleted"  # whose comments those of deleted users are


def looks_like(head: bytes, _: str) -> bool:
    """Whether its first line says the version, and the next ones have locators."""
    return head.lstrip()[:1] == b"{" and (
        (b'"users"' in head.split(b"\n", 1)[0] and b'"version"' in head.split(b"\n", 1)[0]) or b'"locator"' in head
    )


def read(file: Opened, report: Report) -> Iterator[Part]:
    """A comment in each line, after the one of the version, which also says which pages are closed."""
    known, closed = set[str](), set[str]()
    for number, line in file.lines():
        found = decoded(line, dict[str, Any], where=f"Line {number}")
        if number == 1 and "locator" not in found:
            if found.get("version") not in (0, 1):
                raise Unreadable(f"This backup has version {said(found.get('version'))!r}, and known here are 0 and 1.")
            pages = objects(found.get("posts") or [], "Line 1: post")
            closed = {said(page.get("url")) for page in pages if is_so(page.get("read_only"))}
            continue
        yield from _comment(found, known, closed, report)


def _comment(found: dict[str, Any], known: set[str], closed: set[str], report: Report) -> Iterator[Part]:
    locator, user, edit = (found.get(name) for name in ("locator", "user", "edit"))
    address = said(locator.get("url")) if isinstance(locator, dict) else ""
    id_ = said(found.get("id"))
    if not address:
        report.left_out("comment", id_, "is of no page")
        return
    if address not in known:
        known.add(address)
        yield Thread(address, said(found.get("title")), address in closed)
    user = user if isinstance(user, dict) else {}
    name, key = said(user.get("name")), said(user.get("id"))
    who = person(id_, "" if key == NOBODY else name, user="" if _is_name_alone(key, name) else key)
    if who:
        yield who
    deleted, written = is_so(found.get("delete")), said(found.get("orig"))
    yield from comment(
        report,
        id_,
        moment(found.get("time")),
        thread=address,
        person=who.key if who else None,
        parent=said(found.get("pid")) or None,
        text=written or said(found.get("text")),
        form="markdown" if written else "html",
        edited=moment(edit.get("time")) if isinstance(edit, dict) else None,
        state="removed" if deleted else "published",
        votes=_votes(found.get("votes"), found.get("score")),
        pinned=is_so(found.get("pin")),
    )


def _is_name_alone(key: str, name: str) -> bool:
    """Whether an id is but a digest of the name, as in what Remark42 imported itself: it stands for all namesakes."""
    digests = {sha1(text.encode(errors="replace"), usedforsecurity=False).hexdigest() for text in (name, "anonymous")}
    return key.partition("_")[2] in digests


def _votes(found: Any, score: Any) -> dict[str, int]:
    """By whom, where that is known; else the score alone is."""
    if isinstance(found, dict) and found:
        up = sum(vote is True for vote in found.values())
        return {"up": up, "down": len(found) - up}
    return votes(score)
