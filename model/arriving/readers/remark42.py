"""Remark42: the backup that it makes of itself each day, `backup-SITE-DATE.gz`."""

from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened, decoded
from model.arriving.plan import Part, Report, Thread, Unreadable
from model.arriving.values import comment, is_so, moment, person, said

NAME, SAYS = "remark42", "Remark42"


def looks_like(head: bytes, _: str) -> bool:
    """Whether its first line says the version, and the next ones have locators."""
    return head.lstrip()[:1] == b"{" and (
        (b'"users"' in head.split(b"\n", 1)[0] and b'"version"' in head.split(b"\n", 1)[0]) or b'"locator"' in head
    )


def read(file: Opened, report: Report) -> Iterator[Part]:
    """A comment in each line, after the one of the version."""
    known = set[str]()
    for number, line in file.lines():
        found = decoded(line, dict[str, Any], where=f"Line {number}")
        if number == 1 and "locator" not in found:
            if found.get("version") not in (0, 1):
                raise Unreadable(f"This backup has version {said(found.get('version'))!r}, and known here are 0 and 1.")
            continue
        yield from _comment(found, known, report)


def _comment(found: dict[str, Any], known: set[str], report: Report) -> Iterator[Part]:
    locator, user, edit = (found.get(name) for name in ("locator", "user", "edit"))
    address = said(locator.get("url")) if isinstance(locator, dict) else ""
    id_ = said(found.get("id"))
    if not address:
        report.left_out("comment", id_, "is of no page")
        return
    if address not in known:
        known.add(address)
        yield Thread(address, said(found.get("title")))
    user = user if isinstance(user, dict) else {}
    who = person(id_, said(user.get("name")), user=said(user.get("id")))
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


def _votes(votes: Any, score: Any) -> dict[str, int]:
    """By whom, where that is known; else the score alone is."""
    if isinstance(votes, dict) and votes:
        up = sum(vote is True for vote in votes.values())
        return {"up": up, "down": len(votes) - up}
    total = score if isinstance(score, int) and not isinstance(score, bool) else 0
    return {"up": max(total, 0), "down": max(-total, 0)}
