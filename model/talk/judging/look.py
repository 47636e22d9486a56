"""Looks at what somebody is about to post: what is to be known of them and of the text, and what the judge says."""

from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, case, func, select

from model.accounts.session import Identity
from model.groups import group
from model.talk.channel import ChannelRow
from model.talk.judging import judge, ruleset, text
from model.talk.judging.block import DAY, Here, before
from model.talk.judging.judge import NOT_SEEN, Copies, History, Rules
from model.talk.judging.text import Seen, seen
from model.talk.judging.verdict import ASKED, FINE, Code, Verdict, in_words
from model.talk.post import Post
from pottle import times
from pottle.errors import Invalid, TooMany
from pottle.rates import Allowance, Rate
from pottle.store import Snapshot, db, limits, reads
from pottle.store.unit import envelope
from pottle.translation import _

DAYS = 7  # that copies and removals count
MOST_COPIES = 100  # that are counted
MOST_OWN = 100  # posts of a week
FAST_SECONDS = 300

_same = (
    select(Post.author_id, Post.state)
    .where(Post.digest == bindparam("digest"), Post.created > bindparam("since"), Post.id != bindparam("id"))
    .order_by(Post.id.desc())
    .limit(MOST_COPIES)
    .cte("same")
)
_own = _same.c.author_id == bindparam("author_id")
COPIES = select(
    func.coalesce(func.sum(case((_own, 1), else_=0)), 0).label("own"),
    func.count().label("all"),
    func.coalesce(func.sum(case((_same.c.state == "removed", 1), else_=0)), 0).label("removed"),
).select_from(_same)
_mine = (
    select(Post.created).where(Post.author_id == bindparam("author_id")).order_by(Post.id.desc()).limit(MOST_OWN)
).subquery()
WEEK = select(func.count().label("n")).select_from(_mine).where(_mine.c.created > bindparam("since"))
# Of an account that is new. `+ 0`: else PostgreSQL takes the way through everybody's posts, the newest first.
TENTH = select(Post.created).where(Post.author_id == bindparam("author_id")).order_by((Post.id + 0).desc())
TENTH = TENTH.limit(1).offset(9)


class SlowMode(TooMany):
    """Between two posts of one person there has to be some time."""

    status = 429
    title = "Slow Mode"

    def __init__(self, retry_after: int, allowance: Allowance) -> None:
        super().__init__(retry_after, allowance)
        self.detail = _("Slow mode is on here. You can post again in %(seconds)s s.", seconds=retry_after)


class Look(NamedTuple):
    """What the judge says of a text, and the number by which it is found again."""

    verdict: Verdict = FINE
    digest: int | None = None

    def with_service(self, here: Here) -> Verdict:
        """The verdict until the group's service was asked, where posts wait for that."""
        unjudged = here.looks_after or here.trusted or not here.rules.service_holds or here.rules.service == "none"
        return self.verdict if unjudged else Verdict((*self.verdict.reasons, ASKED))


UNJUDGED = Look()


def at(
    read: Snapshot, there: ChannelRow, identity: Identity | None, here: Here, body: str, html: str, post_id: int = 0
) -> Look:
    """Looks at a text for a channel; `post_id` is that of a post whose new text it is. Raises Invalid for a word."""
    if here.looks_after:
        return UNJUDGED
    if word := judge.refused(body, here.rules):
        raise Invalid({"body": _("has a word that cannot be posted here: %(word)s", word=word)})
    if here.trusted:
        return UNJUDGED
    found = seen(body, html, own_hosts(there.origins, here.rules))
    copied = _to_find_again(body, found)
    digest = text.digest(copied) if copied else None
    copies = NOT_SEEN
    if digest is not None and here.rules.judging:
        copies = _copies(read, identity, digest, post_id, 0 if found.hosts else len(copied))
    return Look(judge.judged(body, found, _history(read, identity, here), here.rules, copies), digest)


class ReasonView(msgspec.Struct):
    """One thing that speaks against it, and how that is said."""

    code: Code
    points: float
    says: str


class Tried(msgspec.Struct):
    """What would become of a text, and why."""

    score: float
    waits: bool
    refused: str | None
    reasons: list[ReasonView]


@reads
def tried(read: Snapshot, identity: Identity, slug: str, body: str, html: str, guest: bool) -> Tried:
    """What would become of a text by somebody new, or by a guest, in a group that one moderates."""
    there = group.moderated.within(read, identity, slug)
    rules = ruleset.of(read, there.group_id, there.rules_version)
    found = seen(body, html, own_hosts(there.origins, rules))
    verdict = judge.judged(body, found, History(guest=guest), rules)
    says = zip(verdict.ordered, in_words(verdict.reasons), strict=True)
    reasons = [ReasonView(reason.code, reason.points, sentence) for reason, sentence in says]
    refused = judge.refused(body, rules)
    return Tried(verdict.score, verdict.holds, refused, reasons)


def at_title(there: Any, identity: Identity | None, here: Here, title: str, url: str | None) -> Verdict:
    """As `at`, of what a new discussion is called. Raises Invalid for some words."""
    if here.looks_after:
        return FINE
    if word := judge.refused(title, here.rules):
        raise Invalid({"title": _("has a word that cannot be posted here: %(word)s", word=word)})
    if here.trusted:
        return FINE
    rules = msgspec.structs.replace(here.rules, hold_first=0)  # it is the first post that waits, not its place
    found = seen(title, f'<a href="{escape(url)}">' if url else "", own_hosts(there.origins, rules))
    history = History(identity is None, here.level == "watched", here.approved)
    return judge.judged(title, found, history, rules)


def own_hosts(origins: Iterable[str], rules: Rules) -> frozenset[str]:
    """The hosts to which a link says nothing: ours, those of the group's sites, and those that its rules name."""
    return text.hosts_of((db.settings.url, *origins)) | frozenset(rules.hosts)


def _to_find_again(body: str, found: Seen) -> str:
    """What is looked for in others' posts: the strange site that a text links to, else the text, if it is not short."""
    if found.hosts:
        return "//" + found.hosts[0][0]
    alike = text.likeness(body)
    return alike if len(alike) >= text.ENOUGH_TO_COPY else ""


def _copies(read: Snapshot, identity: Identity | None, digest: int, post_id: int, letters: int) -> Copies:
    whose = {"author_id": identity.user if identity else 0, "id": post_id}
    row = read.one(COPIES, digest=digest, since=before(times.now(), DAYS * DAY), **whose)
    return Copies(row.own, row.all - row.own, row.removed, letters)


def _history(read: Snapshot, identity: Identity | None, here: Here) -> History:
    if identity is None:
        return History(guest=True)
    week, now = 0, times.now()
    if here.removed:
        week = read.one(WEEK, author_id=identity.user, since=before(now, DAYS * DAY)).n
    fast = False
    if here.account > before(now, DAY):
        tenth = read.one(TENTH, author_id=identity.user)
        fast = tenth is not None and tenth.created > before(now, FAST_SECONDS)
    return History(False, here.level == "watched", here.approved, here.removed, week, fast)


def turn(there: ChannelRow, identity: Identity | None, here: Here) -> list[tuple[str, Rate, int]]:
    """What it uses up to post where slow mode is on: the channel's own, else the group's."""
    seconds = there.slow or here.rules.slow
    if not seconds or here.looks_after:
        return []
    around = envelope.get()
    who = identity.party if identity else f"address {around.address if around else ''}"
    where = f"channel {there.id}" if there.slow else f"group {there.group_id}"
    return [(f"{who}, {where}", Rate("slow mode", 1, per=seconds), 1)]


def check_turn(read: Snapshot, wanted: list[tuple[str, Rate, int]]) -> None:
    """Raises SlowMode where somebody has to wait before they post again."""
    try:
        limits.check_all(read, wanted)
    except TooMany as early:
        raise SlowMode(early.retry_after, early.allowance) from None
