"""What mails about notices say."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from model.mail import address, letters, outbox
from model.mail.address import Address
from model.mail.letters import Content, Quote
from model.mail.outbox import Waiting
from model.notices import bundling, examples, notice, unsubscribing
from model.notices.bell import words
from model.notices.bundling import Bundle, Form
from model.notices.telling import Item
from model.talk.queue import GroupCount
from pottle.store import Snapshot, reads
from pottle.translation import _, ngettext

MOST_WORDS = 1_200  # characters of a post
ANCHOR = "pottle-"  # of a post on the page of another site
ANYBODY = select(Address.user_id).where(Address.proven.is_not(None), Address.off.is_(None)).limit(1)
REASONS = {
    "off-topic": _("Off topic"),
    "unkind": _("Unkind or hurtful"),
    "personal": _("Tells something private about somebody"),
    "solution": _("Gives the solution away"),
    "repeated": _("Was said already"),
    "spam": _("Advertising"),
    "other": _("Something else"),
}


def reaches(read: Snapshot, user_id: int) -> bool:
    """Whether somebody gets mail."""
    return outbox.on() and address.of(read, user_id) is not None


def _anybody(read: Snapshot) -> bool:
    return outbox.on() and read.one(ANYBODY) is not None


def url(item: Item) -> str:
    """Where a post is read: on the page that it is about, if it is about one, else here."""
    if item.kind == "decided" and item.statement:
        return letters.at(f"/decisions/{item.statement}")
    if item.page and item.kind != "decided":
        return f"{item.page.partition('#')[0]}#{ANCHOR}{item.post.id}"
    return letters.at(f"/posts/{item.post.id}")


def said(item: Item) -> Any:
    """What happened, in a few words."""
    name = item.post.author.shown(_("Somebody"))
    by_kind = {
        "reply": _("%(name)s replied to you", name=name),
        "mention": _("%(name)s mentioned you", name=name),
        "post": _("%(name)s wrote", name=name),
    }
    by_verdict = {
        "approved": _("What you wrote is public now"),
        "removed": _("Your post was removed"),
        "declined": _("Your new text was declined"),
        "upheld": _("Your appeal was answered: the decision stays"),
    }
    return by_verdict[item.verdict] if item.verdict else by_kind[item.kind]


def _quote(item: Item, with_group: bool) -> Quote:
    where = f"{item.title} · {item.group_name}" if with_group else item.title
    return Quote(words(item.post.html, MOST_WORDS), said(item), where, url(item))


def _why(item: Item) -> list[str]:
    """What a moderator said of a post."""
    found = item.decision
    if found is None or not (found.reason or found.note):
        return []
    reason = REASONS[found.reason] if found.reason else ""
    if reason and found.note:
        return [_("Why: %(reason)s. %(note)s", reason=reason, note=found.note)]
    return [_("Why: %(reason)s", reason=reason or found.note)]


def _parts(found: Bundle, with_group: bool) -> list[str | Quote]:
    parts: list[str | Quote] = []
    for item in found.items:
        parts += [_quote(item, with_group), *_why(item)]
    if found.more:
        parts.append(ngettext("… and %(num)s more.", "… and %(num)s more.", found.more))
    return parts


def _waits(one: GroupCount) -> str:
    return ngettext("%(num)s thing waits for you in %(group)s.", "%(num)s things wait for you in %(group)s.",
                    one.waiting, group=one.name)  # fmt: skip


def _content(token: str, **said: Any) -> Content:
    choose = letters.at("/account/messages#messages")
    return Content(**said, unsubscribe=letters.at(f"/unsubscribe/{token}"), choose=choose)


def _of_discussion(found: Bundle, token: str) -> Content:
    first, many = found.items[0], len(found.items) + found.more
    parent = [f"post-{first.post.parent}"] if many == 1 and first.post.parent else []
    why = {
        "reply": _("You get this because somebody replied to you."),
        "mention": _("You get this because somebody mentioned you."),
        "post": _("You get this because you follow this discussion."),
    }
    return _content(
        token,
        subject=f"[{first.group_name}] {first.title}",
        heading=said(first) if many == 1 else ngettext("%(num)s post for you", "%(num)s posts for you", many),
        paragraphs=_parts(found, with_group=False),
        button=(_("Read and reply"), url(first)),
        reason=why[found.kinds[0]],
        group=(first.group, first.group_name),
        message=f"post-{first.post.id}" if many == 1 else None,
        follows=(f"channel-{first.post.channel}", *parent),
    )


def _of_decisions(found: Bundle, token: str) -> Content:
    first, many = found.items[0], len(found.items) + found.more
    heading = said(first)
    if many > 1:
        heading = ngettext("%(num)s decision on your posts", "%(num)s decisions on your posts", many)
    return _content(
        token,
        subject=_("[%(group)s] %(about)s", group=first.group_name, about=heading),
        heading=heading,
        paragraphs=_parts(found, with_group=False),
        button=(_("Look at it"), url(first) if many == 1 else letters.at("/inbox")),
        reason=_("You get this because a moderator decided on something that you wrote."),
        group=(first.group, first.group_name),
    )


def _of_waiting(found: Bundle, token: str) -> Content:
    one = found.waiting[0]
    parts = [
        (one.pending, ngettext("%(num)s to approve", "%(num)s to approve", one.pending)),
        (one.reported, ngettext("%(num)s reported post", "%(num)s reported posts", one.reported)),
        (one.appeals, ngettext("%(num)s appeal", "%(num)s appeals", one.appeals)),
    ]
    return _content(
        token,
        subject=_("[%(group)s] %(about)s", group=one.name, about=_("Waiting for you")),
        heading=_("Waiting for you in %(group)s", group=one.name),
        paragraphs=[text for many, text in parts if many],
        button=(_("Look at it"), letters.at(f"/groups/{one.slug}/queue")),
        reason=_("You get this because you look after this group. It comes once an hour at most."),
        group=(one.slug, one.name),
    )


def _of_digest(found: Bundle, token: str) -> Content:
    many, what = len(found.items) + found.more, _("Waiting for you")
    if many:
        what = ngettext("%(num)s new post for you", "%(num)s new posts for you", many)
    return _content(
        token,
        subject=what,
        heading=_("What you missed") if many else _("Waiting for you"),
        paragraphs=[*map(_waits, found.waiting), *_parts(found, with_group=True)],
        button=(_("Look at all of it"), letters.at("/inbox" if many else "/queue")),
        reason=_("You get this because you chose to hear of it once a day, or not in your quiet hours."),
    )


def _wording(form: Form, make: Callable[[Bundle, str], Content]) -> None:
    @reads
    def made(read: Snapshot, letter: Waiting) -> Content | None:
        found = bundling.content(read, letter.user_id or 0, letter.subject_id or 0)
        if found is None:
            return None
        return make(found, unsubscribing.token(read, found.who.user, found.kinds, letter.group_id or 0))

    letters.wording(f"notices.{form}", made, lambda: make(examples.of(form), "example"))


_wording("discussion", _of_discussion)
_wording("decided", _of_decisions)
_wording("waiting", _of_waiting)
_wording("digest", _of_digest)
notice.reached_by(_anybody)
