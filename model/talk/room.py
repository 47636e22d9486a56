"""The room at a glance: who of a group has written how much, in one discussion or in all. For its moderators."""

import csv
import io
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import BigInteger, and_, bindparam, case, func, or_, select

from model.accounts.session import Identity
from model.accounts.user import User, avatar_path
from model.groups import group
from model.groups.group import GroupRow, Membership
from model.groups.rules import Standing
from model.talk import channel as channels
from model.talk.channel import Channel
from model.talk.post import Post
from model.talk.unread import ReadMark
from pottle.errors import NotFound
from pottle.store import db
from pottle.translation import _

MOST = 2_000  # people: the newest accounts
Order = Literal["name", "posts", "latest"]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # begins one in a spreadsheet


class Present(msgspec.Struct):
    """Somebody who belongs to a group, and how much of theirs is published there, anonymous posts included.

    `answers` are those of them that were marked as an answer or endorsed; `latest` is when the newest was written,
    `seen` when they last read something new there.
    """

    uid: str
    name: str
    avatar: str | None
    role: Standing
    posts: int
    replies: int
    answers: int
    latest: str | None
    seen: str | None


class Room(NamedTuple):
    """Everybody in a group, and what they wrote in one channel or in all."""

    group: GroupRow
    people: list[Present]


def _many(what: Any) -> Any:
    return func.sum(case((what, 1), else_=0))


_there = or_(bindparam("channel_id", type_=BigInteger) == 0, Post.channel_id == bindparam("channel_id"))
WRITTEN = (
    select(
        Post.author_id,
        func.count().label("posts"),
        _many(Post.parent_id.is_not(None)).label("replies"),
        _many(or_(Post.answer, Post.endorsed)).label("answers"),
        func.max(Post.created).label("latest"),
    )
    .join(Channel, Channel.id == Post.channel_id)
    .where(and_(Channel.group_id == bindparam("group_id"), Post.state == "published"), _there)
    .group_by(Post.author_id)
    .cte("written")
)
_read_there = or_(bindparam("channel_id", type_=BigInteger) == 0, ReadMark.channel_id == bindparam("channel_id"))
READ = (
    select(ReadMark.user_id, func.max(ReadMark.at).label("seen"))
    .join(Channel, Channel.id == ReadMark.channel_id)
    .where(Channel.group_id == bindparam("group_id"), _read_there)
    .group_by(ReadMark.user_id)
    .cte("read")
)
PRESENT = (
    select(User.uid, User.name, User.avatar_hash, Membership.role, WRITTEN, READ.c.seen)
    .join(Membership, Membership.user_id == User.id)
    .outerjoin(WRITTEN, WRITTEN.c.author_id == User.id)
    .outerjoin(READ, READ.c.user_id == User.id)
    .where(Membership.group_id == bindparam("group_id"), User.disabled.is_(None))
    .order_by(User.id.desc())
    .limit(MOST)
)


async def at_a_glance(identity: Identity, slug: str, channel_id: int | None, order: Order = "name") -> Room:
    """The people of a group that the asker moderates. Raises NotFound, also for another group's channel; Forbidden."""
    in_group = await group.moderated(identity, slug)
    if channel_id is not None and (await channels.visible_to(identity, channel_id)).group_id != in_group.id:
        raise NotFound(_("There is no such discussion in this group."))
    async with db.session() as session:  # beside the event loop: it counts all that was ever written there
        found = await session.execute(PRESENT, {"group_id": in_group.id, "channel_id": channel_id or 0})
        people = [_present(row) for row in found]
    people.sort(key=lambda one: (one.name.casefold(), one.uid))
    if order != "name":  # who has written least, or not for longest, first
        people.sort(key=lambda one: getattr(one, order) or 0 if order == "posts" else one.latest or "")
    return Room(in_group, people)


def _present(row: Any) -> Present:
    counts = row.posts or 0, row.replies or 0, row.answers or 0
    return Present(row.uid, row.name, avatar_path(row.uid, row.avatar_hash), row.role, *counts, row.latest, row.seen)


def as_csv(people: list[Present], headings: list[str]) -> str:
    """A table for spreadsheets (RFC 4180), in UTF-8 with its mark, in which no name is taken for a formula."""
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(headings)
    for one in people:
        times = _as_time(one.latest), _as_time(one.seen)
        cells = one.name, one.uid, one.role, one.posts, one.replies, one.answers, *times
        write([harmless(str(cell)) for cell in cells])
    return "\ufeff" + out.getvalue()


def _as_time(stamp: str | None) -> str:
    """A time as spreadsheets read it, in UTC."""
    return stamp[:16].replace("T", " ") if stamp else ""


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(FORMULA) else cell
