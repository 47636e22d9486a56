"""WordPress: the file of Tools, Export (WXR), of any version."""

from collections.abc import Iterator
from typing import Literal

from model.arriving.opened import Opened
from model.arriving.plan import Comment, Part, Person, Report, Thread
from model.arriving.readers.disqus import when
from model.arriving.texts import with_breaks
from model.arriving.xml import Element, elements

NAME, SAYS = "wordpress", "WordPress"
State = Literal["published", "pending", "removed"]
STATES: dict[str, State] = {"1": "published", "approve": "published", "0": "pending", "hold": "pending"}
STATES |= {"trash": "removed", "post-trashed": "removed"}
PUBLIC = ("", "publish", "inherit")  # states of pages
COMMENT = ("", "comment")  # other types are pings


def looks_like(head: bytes, _: str) -> bool:
    """Whether it is an export of WordPress."""
    return b"wordpress.org/export/" in head or b"WordPress eXtended RSS" in head


def read(file: Opened, report: Report) -> Iterator[Part]:
    """Each page with its comments, in the order of the file."""
    for item in elements(file, "item"):
        comments = [child for child in item.children if child.name == "comment"]
        if not comments:
            continue
        address = item.text("link") or item.text("guid")
        hidden = item.text("post_password") or item.text("status") not in PUBLIC
        if hidden or not address:
            why = "is not public, or only with a password" if hidden else "has no address"
            for comment in comments:
                report.left_out("comment", comment.text("comment_id"), f"its page {why}")
            continue
        yield Thread(address, item.text("title"), item.text("comment_status") == "closed")
        for comment in comments:
            yield from _comment(comment, address, report)


def _comment(comment: Element, address: str, report: Report) -> Iterator[Part]:
    id_, approved = comment.text("comment_id"), comment.text("comment_approved") or "1"
    # Drafts have 0000-00-00 00:00:00 for the time in UTC.
    created = when(comment.text("comment_date_gmt")) or when(comment.text("comment_date"))
    kind = comment.text("comment_type")
    why = {
        "has no id": not id_,
        f"is a {kind:.30}, and no comment": kind not in COMMENT,
        "is spam": approved == "spam",
        f"is in a state that is not known here ({approved:.30})": approved not in STATES,
        "has no time": created is None,
    }
    reasons = [reason for reason, applies in why.items() if applies]
    if reasons or created is None:
        report.left_out("comment", id_ or f"at line {comment.line}", reasons[0])
        return
    person = _person(comment)
    if person:
        yield person
    parent = comment.text("comment_parent")
    yield Comment(
        id=id_,
        thread=address,
        person=person.key if person else None,
        parent=parent if parent not in ("", "0") else None,
        text=with_breaks(comment.text("comment_content")),
        form="html",
        created=created,
        state=STATES[approved],
    )


def _person(comment: Element) -> Person | None:
    """Who has an account is known by it, others by address and name. Of whom there is only a name, each comment is
    another's: namesakes are not one person."""
    name, email = comment.text("comment_author"), comment.text("comment_author_email")
    user, website = comment.text("comment_user_id"), comment.text("comment_author_url")
    key = f"email {email.lower()} {name}" if email else f"comment {comment.text('comment_id')}"
    key = f"user {user}" if user not in ("", "0") else key
    return Person(key, name, email or None, website or None) if name or email else None
