"""Verdicts: what the rules said of a post or an edit, for moderators: a score, and why."""

from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import JSON, Float, ForeignKey, String, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store import Base, Snapshot, Time, Tx
from pottle.translation import Text, _

About = Literal["post", "edit"]
Code = Literal[
    "watched", "first", "word", "links", "link", "host", "dubious", "sales", "contact", "shouting", "marks", "new",
    "guest", "removed", "fast", "removed-copy", "copy", "copies", "own-host", "others-host", "service", "asked",
    "reports",
]  # fmt: skip
HELD_AT = 1.0  # a score from which a post waits


class Reason(msgspec.Struct, frozen=True):
    """One thing that speaks against a text: how much, and what was found, such as a number or a word."""

    code: Code
    points: float
    found: str = ""


class Verdict(NamedTuple):
    """What the rules say of a text. `refused` is a word that nobody may post there."""

    reasons: tuple[Reason, ...] = ()
    refused: str | None = None

    @property
    def score(self) -> float:
        """The sum of what speaks against it."""
        return round(sum(reason.points for reason in self.reasons), 2)

    @property
    def ordered(self) -> list[Reason]:
        """The reasons, what weighs most first."""
        return sorted(self.reasons, key=lambda reason: -reason.points)

    @property
    def holds(self) -> bool:
        """Whether it waits for a moderator."""
        return self.score >= HELD_AT


FINE = Verdict()
ASKED = Reason("asked", HELD_AT)


class Judged(Base):
    """A verdict that was kept: of a post that was held back, or of its edit."""

    __tablename__ = "verdicts"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    about: Mapped[About] = mapped_column(String(10), primary_key=True)
    score: Mapped[float] = mapped_column(Float)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    created: Mapped[Time]


ADD = insert(Judged)
_its = Judged.post_id == bindparam("post_id"), Judged.about == bindparam("about")
DROP = delete(Judged).where(*_its)
OF = select(Judged.reasons).where(*_its)


def keep(tx: Tx, post_id: int, about: About, found: Verdict) -> None:
    """Within a unit: keeps a verdict instead of the one before."""
    tx.run(DROP, post_id=post_id, about=about)
    reasons = [msgspec.to_builtins(reason) for reason in found.reasons]
    tx.run(ADD, post_id=post_id, about=about, score=found.score, reasons=reasons, created=tx.now)


def of(read: Snapshot, post_id: int, about: About) -> Verdict | None:
    """What was said of a post, or of its edit; None where nothing was."""
    row = read.one(OF, post_id=post_id, about=about)
    return Verdict(of_column(row.reasons)) if row else None


def of_column(reasons: Any) -> tuple[Reason, ...]:
    """The reasons in a row of `verdicts`."""
    return msgspec.convert(reasons, tuple[Reason, ...])


def in_words(reasons: tuple[Reason, ...]) -> list[Text]:
    """Why, in sentences for moderators, what weighs most first."""
    return [_sentence(reason) for reason in Verdict(reasons).ordered]


def _sentence(reason: Reason) -> Text:
    found = reason.found
    said: dict[Code, Text] = {
        "watched": _("A moderator wants to see all posts of this person."),
        "first": _("First posts wait here; approved so far: %(found)s.", found=found),
        "word": _("It has words of the list: %(found)s.", found=found),
        "links": _("It has many links: %(found)s.", found=found),
        "link": _("It links to %(found)s.", found=found),
        "host": _("It links to the same site again and again: %(found)s times.", found=found),
        "dubious": _("It links to an address of a kind that spam has: %(found)s.", found=found),
        "sales": _("It has words that spam often has: %(found)s.", found=found),
        "contact": _("It asks to be contacted elsewhere: %(found)s.", found=found),
        "shouting": _("It is written in capitals."),
        "marks": _("It has piles of marks, or letters of several scripts in a word."),
        "new": _("The person is new here; approved posts: %(found)s.", found=found),
        "guest": _("It is by a guest."),
        "removed": _("Of this person's posts of 7 days moderators removed many: %(found)s.", found=found),
        "fast": _("The account is new, and posted ten times in five minutes."),
        "removed-copy": _("A moderator has removed the same before: %(found)s times.", found=found),
        "copy": _("This person has posted the same text before: %(found)s times.", found=found),
        "copies": _("Others have posted the same text: %(found)s times.", found=found),
        "own-host": _("This person has linked to the same site before: %(found)s times.", found=found),
        "others-host": _("Other newcomers have linked to the same site: %(found)s times.", found=found),
        "service": _("The service that was asked takes it for spam: %(found)s.", found=found),
        "asked": _("It waits for the answer of the service that is asked."),
        "reports": _("It was hidden because people reported it: %(found)s.", found=found),
    }
    return said[reason.code]
