"""Scoring: posts that a service outside (Akismet, or one of the group's own) is still to be asked about.

What it says counts as much as the group's own rules do. Where it does not answer, nothing is lost: after a few attempts
the post is treated as if nobody had been asked.
"""

from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model.groups.group import Group
from model.talk import posting
from model.talk.channel import Channel
from model.talk.judging import ruleset, source, verdict
from model.talk.judging.judge import Rules
from model.talk.judging.verdict import ASKED, Reason, Verdict
from model.talk.post import BY_ID, Post
from pottle import times
from pottle.store import Base, Snapshot, Time, Tx, reads, writes

PAUSES = (0, 10, 60, 300)  # seconds before each attempt; after the last one it is given up
AT_ONCE = 20


class Scoring(Base):
    """A post to be asked about. It goes once that was answered or given up."""

    __tablename__ = "scorings"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    attempts: Mapped[int]
    due: Mapped[Time] = mapped_column(index=True)


class Job(NamedTuple):
    """A post to be asked about now, with what is told of it."""

    post: Any
    group: str  # its slug
    rules: Rules
    secret: str | None
    address: str
    agent: str
    attempts: int


class Answer(NamedTuple):
    """What a service said: a score as the judge's, and why; None where it did not answer."""

    score: float | None
    why: str = ""


ADD = insert(Scoring)
_its = Scoring.post_id == bindparam("post_id")
DROP = delete(Scoring).where(_its)
LATER = update(Scoring).where(_its)
DUE = select(Scoring.post_id).where(Scoring.due <= bindparam("now")).order_by(Scoring.due).limit(AT_ONCE)
NEXT = select(func.min(Scoring.due).label("due"))
ONE = select(Scoring.attempts).where(_its)
PLACE = (
    select(Channel.group_id, Group.slug, Group.rules_version)
    .select_from(Post)
    .join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .where(Post.id == bindparam("id"))
)


def ask(tx: Tx, post_id: int) -> None:
    """Within a unit: has the group's service be asked about a post, as it is then."""
    tx.run(DROP, post_id=post_id)
    tx.run(ADD, post_id=post_id, attempts=0, due=tx.now)


@reads
def due(read: Snapshot) -> tuple[list[int], str | None]:
    """The posts to be asked about now, and when the next one is due."""
    found = [row.post_id for row in read.all(DUE, now=times.now())]
    return found, read.one(NEXT).due


@reads
def job(read: Snapshot, post_id: int) -> Job | None:
    """What is to be asked; None where the post is gone, or the group asks nobody any more."""
    one, row, place = read.one(ONE, post_id=post_id), read.one(BY_ID, id=post_id), read.one(PLACE, id=post_id)
    if one is None or row is None or not row.body:
        return None
    rules = ruleset.of(read, place.group_id, place.rules_version)
    if rules.service == "none":
        return None
    secret = ruleset.secret_of(read, place.group_id)
    return Job(row, place.slug, rules, secret, *source.of(read, post_id), one.attempts)


@writes
def record(tx: Tx, post_id: int, version: int, answer: Answer) -> None:
    """Does what a service said about a post in that version. Without an answer it is asked again, or given up."""
    one, row = tx.one(ONE, post_id=post_id), tx.one(BY_ID, id=post_id)
    if one is None or row is None:
        return
    if answer.score is None and one.attempts + 1 < len(PAUSES):
        pause = times.later(seconds=PAUSES[one.attempts + 1])
        tx.run(LATER, post_id=post_id, attempts=one.attempts + 1, due=pause)
        return
    if row.version != version and answer.score is not None and row.body:
        tx.run(LATER, post_id=post_id, attempts=one.attempts, due=tx.now)  # what was judged is not what is there
        return
    _let_go(tx, row, answer)


@writes
def drop(tx: Tx, post_id: int) -> None:
    """Asks no more about a post, and lets it go where it waited for that alone."""
    if row := tx.one(BY_ID, id=post_id):
        _let_go(tx, row, Answer(None))


def _let_go(tx: Tx, row: Any, answer: Answer) -> None:
    tx.run(DROP, post_id=row.id)
    if row.author_id is not None:
        source.forget(tx, row.id)
    before = verdict.of(tx, row.id, "post") or Verdict()
    reasons = tuple(reason for reason in before.reasons if reason.code not in ("asked", "service"))
    if answer.score:
        reasons += (Reason("service", min(answer.score, 10.0), answer.why[:100]),)
    found = Verdict(reasons)
    if found.holds and row.state == "published":
        posting.hide(tx, row, found)
    elif row.state == "pending" and (before.reasons or reasons):
        verdict.keep(tx, row.id, "post", found)
        if not found.holds and ASKED in before.reasons:
            posting.set_state(tx, row, "published")


posting.on_asking(ask)
