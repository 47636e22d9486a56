"""Disqus: the XML file that its export sends, packed or not."""

from collections.abc import Iterator
from datetime import UTC, datetime

from model.arriving.opened import Opened
from model.arriving.plan import Comment, Part, Person, Report, Thread
from model.arriving.xml import Element, elements

NAME, SAYS = "disqus", "Disqus"


def looks_like(head: bytes, _: str) -> bool:
    """Whether it is a Disqus export."""
    return b"<disqus" in head and b"disqus.com" in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Threads first, then posts: in the file posts may come before their threads."""
    addresses: dict[str, str] = {}
    for thread in elements(file, "thread", "post"):
        if thread.name == "thread" and (key := _address(thread)):
            addresses[thread.attributes.get("id", "")] = key
            yield Thread(key, thread.text("title"), thread.yes("isClosed"))
    for post in elements(file, "post"):
        yield from _post(post, addresses, report)


def _address(thread: Element) -> str:
    """`link`; or, where there is none, what follows in `id`: sometimes `1234 https://…`."""
    link = thread.text("link")
    return link or next((word for word in thread.text("id").split() if "/" in word), "")


def _post(post: Element, addresses: dict[str, str], report: Report) -> Iterator[Part]:
    id_ = post.attributes.get("id", "")
    thread = _named(post, "thread")
    created = when(post.text("createdAt"))
    why = {
        "has no id": not id_,
        "is spam": post.yes("isSpam"),
        "is of a page that is not in the file, or has no address": thread not in addresses,
        "has no time": created is None,
    }
    reasons = [reason for reason, applies in why.items() if applies]
    if reasons or created is None:
        report.left_out("comment", id_ or f"at line {post.line}", reasons[0])
        return
    person = _person(post.find("author"), id_)
    if person:
        yield person
    yield Comment(
        id=id_,
        thread=addresses[thread],
        person=person.key if person else None,
        parent=_named(post, "parent") or None,
        text=post.text("message"),
        form="html",
        created=created,
        state="removed" if post.yes("isDeleted") else "published",
    )


def _named(post: Element, name: str) -> str:
    found = post.find(name)
    return found.attributes.get("id", "") if found else ""


def _person(author: Element | None, comment: str) -> Person | None:
    """A guest is known by the address; of whom there is only a name, each comment is another's."""
    if author is None:
        return None
    name, email, username = author.text("name"), author.text("email"), author.text("username")
    key = f"user {username.lower()}" if username else f"email {email.lower()} {name}" if email else f"comment {comment}"
    return Person(key, name or username, email or None) if name or username else None


def when(said: str) -> datetime | None:
    """A time as `2013-10-10T19:20:29Z`, or with a zone; None for anything else."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
