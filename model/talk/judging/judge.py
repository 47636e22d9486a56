"""The judge: pure functions that give a text a score, and say why, by the rules of its group and what is known.

Only newcomers are judged: people whom the group does not trust yet, and guests. From a score of 1 a text waits for a
moderator. One thing alone seldom holds a text back; docs/moderation.md has the table of what counts how much.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from model.talk.judging.text import LONG_COPY, Seen
from model.talk.judging.verdict import HELD_AT, Reason, Verdict
from model.talk.judging.words import ready

Service = Literal["none", "akismet", "url"]
FEW = 3  # approved posts: whoever has fewer is new
MANY_REMOVED = 2  # posts, from which a share of them counts


class Rules(msgspec.Struct, frozen=True):
    """What a group's moderators choose. The usual ones hold back what looks like spam, and nothing else."""

    judging: bool = True
    hold_first: int = 0
    trusted_after: int = 5
    removed_share: int = 30  # per cent of the posts of 7 days
    links: int = 3
    hosts: tuple[str, ...] = ()
    hold_words: tuple[str, ...] = ()
    refuse_words: tuple[str, ...] = ()
    slow: int = 0  # seconds
    hide_after: int = 0  # reports
    proof: bool = False
    service: Service = "none"
    service_url: str | None = None
    service_holds: bool = False


USUAL_RULES = Rules()


class History(NamedTuple):
    """What is known of whoever writes. `approved`: posts in the group that have stood; `week`: those of 7 days."""

    guest: bool = False
    watched: bool = False
    approved: int = 0
    removed: int = 0  # by moderators, in 7 days
    week: int = 0
    fast: bool = False  # ten posts in five minutes, on the first day of the account


class Copies(NamedTuple):
    """How often the same text, or a link to the same host, was posted before by newcomers in 7 days."""

    own: int = 0
    others: int = 0
    removed: int = 0
    letters: int = 0  # of the text; 0 where it is a host that is the same


NOT_SEEN = Copies()


def refused(body: str, rules: Rules) -> str | None:
    """The first of the words that nobody may post there; None without one."""
    return next(iter(ready(rules.refuse_words).found(body)), None) if rules.refuse_words else None


def judged(body: str, seen: Seen, history: History, rules: Rules, copies: Copies = NOT_SEEN) -> Verdict:
    """What speaks against a newcomer's text."""
    reasons = [*_said_by_moderators(body, history, rules)]
    if rules.judging:
        reasons += [*_by_text(seen, rules), *_by_history(history, rules), *_by_copies(copies)]
    return Verdict(tuple(reasons))


def _said_by_moderators(body: str, history: History, rules: Rules) -> Iterator[Reason]:
    """What holds a text back alone, because moderators want it so."""
    if history.watched:
        yield Reason("watched", HELD_AT)
    if history.approved < rules.hold_first:
        yield Reason("first", HELD_AT, str(history.approved))
    if rules.hold_words and (found := ready(rules.hold_words).found(body)):
        yield Reason("word", HELD_AT, ", ".join(found[:5]))


def _by_text(seen: Seen, rules: Rules) -> Iterator[Reason]:
    strange = sum(times for _host, times in seen.hosts)
    if seen.links > rules.links:
        yield Reason("links", min(0.5 + 0.1 * (seen.links - rules.links), 0.8), str(seen.links))
    elif strange:
        yield Reason("link", min(round(0.2 + 0.1 * strange, 1), 0.4), seen.hosts[0][0])
    if seen.hosts and seen.hosts[0][1] >= 3:  # as Discourse
        yield Reason("host", 0.3, f"{seen.hosts[0][0]}, {seen.hosts[0][1]}")
    if seen.dubious:
        yield Reason("dubious", 0.3, seen.dubious[0])
    if seen.sales:
        yield Reason("sales", min(0.3 * len(seen.sales) + 0.1, 1.0), ", ".join(seen.sales[:3]))
    if seen.contact:
        yield Reason("contact", 0.5, seen.contact)
    if seen.shouts:
        yield Reason("shouting", 0.3)
    if seen.marks:
        yield Reason("marks", 0.5)


def _by_history(history: History, rules: Rules) -> Iterator[Reason]:
    if history.guest:
        yield Reason("guest", 0.3)
    elif history.approved < FEW:
        yield Reason("new", 0.2, str(history.approved))
    if history.removed >= MANY_REMOVED and 100 * history.removed >= rules.removed_share * history.week:
        yield Reason("removed", HELD_AT, f"{history.removed} / {history.week}")
    if history.fast:
        yield Reason("fast", 0.3)


def _by_copies(copies: Copies) -> Iterator[Reason]:
    if copies.removed:
        yield Reason("removed-copy", 0.9, str(copies.removed))
    if copies.letters:
        long = copies.letters >= LONG_COPY
        if points := _first_of(((2, 0.9), (1, 0.4)) if long else ((4, 0.9), (1, 0.3)), copies.own):
            yield Reason("copy", points, str(copies.own))
        # Short texts are the same by chance in a class of thirty; long ones are not.
        points = _first_of(((3, 1.0), (2, 0.9), (1, 0.5)) if long else ((10, 1.0), (5, 0.7), (2, 0.4)), copies.others)
    else:
        if copies.own >= 2:
            yield Reason("own-host", 0.3, str(copies.own))
        points = _first_of(((10, 0.4), (3, 0.3)), copies.others)
    if points:
        yield Reason("copies" if copies.letters else "others-host", points, str(copies.others))


def _first_of(steps: tuple[tuple[int, float], ...], number: int) -> float:
    """The points of the first step that a number reaches."""
    return next((points for least, points in steps if number >= least), 0.0)
