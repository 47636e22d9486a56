"""Artalk: its export, and the form between systems that goes by the name Artrans."""

from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened
from model.arriving.plan import Part, Report, Thread
from model.arriving.values import comment, entries, is_so, moment, number, person, said, written

NAME, SAYS = "artalk", "Artalk (Artrans)"


def looks_like(head: bytes, _: str) -> bool:
    """Whether there are keys of pages, as Artalk has them."""
    return b'"page_key"' in head and b'"content"' in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Comments, each with what is known of its page."""
    known = set[str]()
    for one in entries(file):
        id_, address = said(one.get("id")), said(one.get("page_key"))
        if not address:
            report.left_out("comment", id_, "is of no page")
            continue
        if address not in known:
            known.add(address)
            yield Thread(address, said(one.get("page_title")), is_so(one.get("page_admin_only")))
        yield from _comment(one, id_, address, report)


def _comment(one: dict[str, Any], id_: str, address: str, report: Report) -> Iterator[Part]:
    who = person(id_, said(one.get("nick")), said(one.get("email")), said(one.get("link")))
    if who:
        yield who
    parent = said(one.get("rid"))
    yield from comment(
        report,
        id_,
        moment(one.get("created_at")),
        thread=address,
        person=who.key if who else None,
        parent=parent if parent not in ("", "0") else None,
        **written(said(one.get("content"))),
        state="pending" if is_so(one.get("is_pending")) else "published",
        votes={kind: number(one.get(f"vote_{kind}")) for kind in ("up", "down")},
        pinned=is_so(one.get("is_pinned")),
    )
