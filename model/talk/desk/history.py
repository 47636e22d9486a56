"""A person's history in a group at a glance, for its moderators: since when, what was removed, reports, blocks, notes.

It looks at the newest posts of somebody, people.MOST_LOOKED_AT of them in all groups together, so it costs the same for
whoever it is. It tells of no other group, and does not say which anonymous posts are theirs.
"""

from typing import Any

import msgspec
from sqlalchemy import bindparam, case, func, or_, select

from model.accounts.session import Identity
from model.accounts.user import avatar_path
from model.groups.rules import Standing
from model.talk.channel import Channel
from model.talk.decision import About, Reason
from model.talk.desk import note, people
from model.talk.desk.note import ModeratorNote, NoteView
from model.talk.desk.people import NEWEST
from model.talk.desk.statement import AppealState, Statement
from model.talk.judging import block
from model.talk.judging.block import Block, BlockView
from model.talk.judging.report import Report
from model.talk.judging.trust import Level, Trust
from model.talk.post import Post, State
from pottle import times
from pottle.store import db

MOST_COUNTED = 1_000  # reports of one person
MOST_SHOWN = 10
EXCERPT = 200  # characters of a post


class PostsWritten(msgspec.Struct):
    """Of somebody's newest posts in a group: how many there are by state, and since when.

    `share` of those that do not wait were removed by moderators; null where there are none. What the person deleted is
    left out.
    """

    published: int
    pending: int
    removed: int
    share: float | None
    first: str | None


class ReportCounts(msgspec.Struct):
    """How often somebody reported posts of others, in how many of these cases moderators removed them, and how often
    posts of theirs were reported."""

    made: int
    upheld: int
    received: int


class PastDecision(msgspec.Struct):
    """Something that was decided against a post of theirs. `ended` says since when it holds no longer."""

    post: int | None
    about: About
    reason: Reason | None
    created: str
    ended: str | None
    appeal: AppealState | None


class LatestPost(msgspec.Struct):
    """One of their newest posts: where it is, and how it begins."""

    id: int
    channel: int
    title: str
    state: State
    created: str
    words: str


class HistoryView(msgspec.Struct):
    """Somebody in a group: the account, `since` when; what they are there, `joined` when; what they did and what was
    done about it; whether the group trusts them or watches their posts (`level`).

    `blocks` also has those that hold everywhere.
    """

    uid: str
    name: str
    avatar: str | None
    since: str
    disabled: bool
    admin: bool
    standing: Standing | None
    joined: str | None
    level: Level | None
    posts: PostsWritten
    reports: ReportCounts
    blocks: list[BlockView]
    notes: list[NoteView]
    decisions: list[PastDecision]
    latest: list[LatestPost]


_here = Channel.group_id == bindparam("group_id")
COUNTS = (
    select(NEWEST.c.state, func.count().label("many"), func.min(NEWEST.c.created).label("first"))
    .join(Channel, Channel.id == NEWEST.c.channel_id)
    .where(_here, NEWEST.c.kept)
    .group_by(NEWEST.c.state)
)
LATEST = (
    select(NEWEST.c.id, Channel.id.label("channel"), Channel.title, NEWEST.c.state, NEWEST.c.created, Post.body)
    .join(Post, Post.id == NEWEST.c.id)
    .join(Channel, Channel.id == NEWEST.c.channel_id)
    .where(_here, NEWEST.c.kept, NEWEST.c.anonymous.is_(False))
    .order_by(NEWEST.c.id.desc())
    .limit(MOST_SHOWN)
)
_made = (
    select(Report.outcome)
    .join(Post, Post.id == Report.post_id)
    .join(Channel, Channel.id == Post.channel_id)
    .where(Report.by_id == bindparam("user_id"), _here)
    .limit(MOST_COUNTED)
    .subquery()
)
MADE = select(func.count().label("many"), func.sum(case((_made.c.outcome == "removed", 1), else_=0)).label("upheld"))
MADE = MADE.select_from(_made)
RECEIVED = (
    select(func.count().label("many"))
    .select_from(NEWEST)
    .join(Report, Report.post_id == NEWEST.c.id)
    .join(Channel, Channel.id == NEWEST.c.channel_id)
    .where(_here)
)
LEVEL = select(Trust.level).where(Trust.group_id == bindparam("group_id"), Trust.user_id == bindparam("user_id"))
BLOCKS = block.SHOWN.where(
    Block.user_id == bindparam("user_id"),
    or_(Block.group_id == bindparam("group_id"), Block.group_id.is_(None)),
    or_(Block.until.is_(None), Block.until > bindparam("now")),
).order_by(Block.id.desc())
DECIDED = (
    select(Statement.post_id, Statement.about, Statement.reason, Statement.created, Statement.ended)
    .add_columns(Statement.appeal_state)
    .outerjoin(Post, Post.id == Statement.post_id)
    .where(Statement.user_id == bindparam("user_id"), Statement.group_id == bindparam("group_id"))
    .where(func.coalesce(Post.anonymous, False).is_(False))
    .order_by(Statement.id.desc())
    .limit(MOST_SHOWN)
)
NOTES = note.OF_PERSON.order_by(ModeratorNote.id.desc()).limit(MOST_SHOWN)


async def at_a_glance(identity: Identity, slug: str, uid: str) -> HistoryView:
    """Somebody's history in a group that the asker moderates. Raises NotFound, Forbidden."""
    person = await people.known(identity, slug, uid)
    user, of = person.user, {"group_id": person.group_id, "user_id": person.id}
    async with db.session() as session:

        async def rows(statement: Any, **more: Any) -> Any:
            return (await session.execute(statement, {**of, **more})).all()

        return HistoryView(
            uid=user.uid,
            name=user.name,
            avatar=avatar_path(user.uid, user.avatar_hash),
            since=user.created,
            disabled=user.disabled is not None,
            admin=user.role == "admin",
            standing=person.standing,
            joined=person.joined,
            level=next((row.level for row in await rows(LEVEL)), None),
            posts=_written(await rows(COUNTS)),
            reports=_reported(*await rows(MADE), *await rows(RECEIVED)),
            blocks=[block.view(row) for row in await rows(BLOCKS, now=times.now())],
            notes=[note.view(row) for row in await rows(NOTES)],
            decisions=[PastDecision(*row) for row in await rows(DECIDED)],
            latest=[_said(row) for row in await rows(LATEST)],
        )


def _written(rows: Any) -> PostsWritten:
    many = {row.state: row.many for row in rows}
    published, pending, removed = (many.get(state, 0) for state in ("published", "pending", "removed"))
    share = round(removed / (published + removed), 3) if published + removed else None
    return PostsWritten(published, pending, removed, share, min((row.first for row in rows), default=None))


def _reported(made: Any, received: Any) -> ReportCounts:
    return ReportCounts(made.many, made.upheld or 0, received.many)


def _said(row: Any) -> LatestPost:
    words = row.body if len(row.body) <= EXCERPT else row.body[:EXCERPT].rstrip() + "…"
    return LatestPost(row.id, row.channel, row.title, row.state, row.created, words)
