"""Made-up notices, for the page that shows how each mail looks."""

from model.accounts.session import Identity
from model.notices.bundling import Bundle, Form
from model.notices.notice import Kind
from model.notices.telling import Item, Verdict
from model.talk.decision import DecisionView
from model.talk.post import Author, PostView
from model.talk.queue import GroupCount

WHEN = "2026-11-27T08:30:00.000Z"
WHO = Identity(1, "ada", "Ada Okafor", None, "user")
WAITING = GroupCount("class-5b", "Class 5b", 5, 3, 1, 1)


def of(form: Form) -> Bundle:
    """What a mail of one form tells."""
    reply = _item("reply", 17, "Theo", "Thanks! And what if the list is empty?")
    mention = _item("mention", 18, "Grace", "@ada showed us yesterday how to do it with a loop.")
    why = DecisionView(3, "off-topic", "This belongs to the discussion on chess.", WHEN)
    removed = _item("decided", 19, "Ada Okafor", "Who plays chess on Friday?", "removed", why)
    approved = _item("decided", 20, "Ada Okafor", "My question about loops.", "approved")
    if form == "waiting":
        return Bundle(WHO, [], 0, [WAITING], ["waiting"])
    if form == "decided":
        return Bundle(WHO, [removed, approved], 0, [], ["decided"])
    if form == "digest":
        return Bundle(WHO, [reply, mention, removed], 4, [WAITING], ["reply", "mention", "decided", "waiting"])
    return Bundle(WHO, [reply, mention], 0, [], ["reply", "mention"])


def _item(
    kind: Kind, id_: int, name: str, text: str, verdict: Verdict | None = None, why: DecisionView | None = None
) -> Item:
    author = Author(name.lower().partition(" ")[0], name, None)
    state = "removed" if verdict == "removed" else "published"
    where = {"channel": 7, "parent": 16, "state": state, "reactions": {}, "replies": 0, "edited": None, "version": 1}
    marks = {"pinned": False, "endorsed": False, "answer": False}
    post = PostView(id=id_, author=author, body=text, html=f"<p>{text}</p>", created=WHEN, **where, **marks)  # type: ignore[arg-type]
    return Item(kind, post, "Homework 3", None, "class-5b", "Class 5b", False, verdict, why)
