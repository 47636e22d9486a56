"""Valine, as LeanCloud exports its class `Comment`, and Twikoo, whose comments have the same names."""

from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened
from model.arriving.plan import Part, Report, Thread
from model.arriving.values import comment, entries, is_so, moment, person, said, written

NAME, SAYS = "valine", "Valine or Twikoo"
PENDING = ("waiting", "pending", "hidden")


def looks_like(head: bytes, _: str) -> bool:
    """Whether there are comments with a nick and an address, and no table around them."""
    names = (b'"comment"', b'"nick"', b'"url"')
    return all(name in head for name in names) and b'"waline"' not in head and b'"page_key"' not in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Comments; answers name what they answer (`pid`), or what their conversation begins with (`rid`)."""
    known = set[str]()
    for one in entries(file):
        id_, address = said(one.get("objectId") or one.get("_id") or one.get("id")), said(one.get("url"))
        if is_so(one.get("isSpam")) or said(one.get("status")) == "spam":
            report.left_out("comment", id_, "is spam")
        elif not address:
            report.left_out("comment", id_, "is of no page")
        else:
            if address not in known:
                known.add(address)
                yield Thread(address)
            yield from _comment(one, id_, address, report)


def _comment(one: dict[str, Any], id_: str, address: str, report: Report) -> Iterator[Part]:
    who = person(id_, said(one.get("nick")), said(one.get("mail")), said(one.get("link")))
    if who:
        yield who
    likes = one.get("like") or one.get("ups")
    times = (moment(one.get(name)) for name in ("insertedAt", "created", "createdAt"))
    yield from comment(
        report,
        id_,
        next((time for time in times if time), None),
        thread=address,
        person=who.key if who else None,
        parent=said(one.get("pid")) or said(one.get("rid")) or None,
        **written(said(one.get("comment"))),
        state="pending" if said(one.get("status")) in PENDING else "published",
        votes={"up": len(likes)} if isinstance(likes, list) else {},
        pinned=is_so(one.get("top")) or is_so(one.get("isTop")),
    )
