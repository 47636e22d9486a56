"""Waline: the JSON file that its manager exports. Its hashes of passwords are not looked at."""

from collections.abc import Iterator
from typing import Any

from model.arriving.opened import Opened
from model.arriving.plan import Part, Report, Thread, Unreadable
from model.arriving.values import comment, is_so, moment, number, objects, person, said, written

NAME, SAYS = "waline", "Waline"
STATES = {"approved": "published", "": "published", "waiting": "pending"}


def looks_like(head: bytes, _: str) -> bool:
    """Whether it says so."""
    return b'"type"' in head and b'"waline"' in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """The table of comments; names of its users from theirs."""
    data = file.json(dict[str, Any]).get("data")
    if not isinstance(data, dict) or "Comment" not in data:
        raise Unreadable("It has no table of comments: `data` has no `Comment`.")
    users = {said(one.get("objectId") or one.get("id")): one for one in objects(data.get("Users") or [], "User")}
    known = set[str]()
    for one in objects(data["Comment"], "Comment"):
        yield from _comment(one, users, known, report)


def _comment(one: dict[str, Any], users: dict[str, Any], known: set[str], report: Report) -> Iterator[Part]:
    id_, address, status = said(one.get("objectId") or one.get("id")), said(one.get("url")), said(one.get("status"))
    if status not in STATES or not address:
        why = f"is in the state {status:.30}" if status != "spam" else "is spam"
        report.left_out("comment", id_, why if address else "is of no page")
        return
    if address not in known:
        known.add(address)
        yield Thread(address)
    user = said(one.get("user_id"))
    name = said(users.get(user, {}).get("display_name")) or said(one.get("nick"))
    who = person(id_, name, said(one.get("mail")), said(one.get("link")), user if user in users else "")
    if who:
        yield who
    yield from comment(
        report,
        id_,
        moment(one.get("insertedAt")) or moment(one.get("createdAt")),
        thread=address,
        person=who.key if who else None,
        parent=said(one.get("pid")) or said(one.get("rid")) or None,
        **written(said(one.get("comment"))),
        state=STATES[status],
        votes={"up": max(number(one.get("like")), 0)},
        pinned=is_so(one.get("sticky")),
    )
