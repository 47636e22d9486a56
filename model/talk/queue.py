"""The queue: what moderators have to look at in all their groups, and how much of it there is.

Three lists of posts: those that are `pending`, themselves or with an edit; public ones that were `reported`, those by
most people first; and what was `removed`.
"""

from collections import defaultdict
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Select,
    String,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)

from model.accounts.session import Identity
from model.groups import group
from model.groups.group import HERE, STANDING, Group, Membership, asker
from model.talk import channel as channels
from model.talk import review
from model.talk.channel import Channel, ChannelView
from model.talk.decision import Decision
from model.talk.desk import beside
from model.talk.desk.beside import ReportBeside, VerdictView
from model.talk.desk.statement import IS_OPEN, Statement
from model.talk.judging.report import OPEN, Report
from model.talk.post import Edit, Post, PostView
from pottle.store import Snapshot, db, reads
from pottle.store.paging import Cursor, Page, paged, paged_aside

MOST_COUNTED = 1_000


class Place(msgspec.Struct):
    """The discussion that a post is in, and its group."""

    group: str
    group_name: str
    title: str


class QueuedPost(PostView, kw_only=True):
    """A post for moderators, and where it is.

    Where there are any: what the group's rules say of it (`verdict`), how many have reported it (`reported`; of their
    `reports` the newest), and how many `notes` there are on it.
    """

    place: Place
    verdict: VerdictView | UnsetType = UNSET
    reported: int | UnsetType = UNSET
    reports: list[ReportBeside] | UnsetType = UNSET
    notes: int | UnsetType = UNSET


class GroupCount(msgspec.Struct):
    """A group where something waits: how much in all; how many posts, edits and discussions are pending, how many
    posts were reported, and how many appeals there are."""

    slug: str
    name: str
    waiting: int
    pending: int
    reported: int
    appeals: int


_in_group = bindparam("slug", type_=String)  # "" for all
MODERATED = or_(bindparam("admin") == 1, STANDING == "moderator"), HERE, or_(_in_group == "", Group.slug == _in_group)


def _placed(found: Select[Any]) -> Select[Any]:
    """With the discussion and the group of each post, of those groups that the asker moderates."""
    found = found.join(Channel, Channel.id == Post.channel_id).join(Group, Group.id == Channel.group_id)
    place = Group.slug.label("group"), Group.name.label("group_name"), Channel.title.label("title")
    return found.add_columns(*place).where(*MODERATED)


State = Literal["pending", "reported", "removed"]
REPORTED = select(Report.post_id, func.count().label("many")).where(OPEN).group_by(Report.post_id).cte("reported")
# Who has most reports first, and then the newest.
URGENCY = (REPORTED.c.many * literal(1 << 40, BigInteger) + Post.id).label("urgency")
QUEUES = {
    "pending": (_placed(review.found_by(review.PENDING_POSTS, review.PENDING_EDITS)), Post.id),
    "reported": (
        _placed(review.WITH_DECISIONS.add_columns(URGENCY).join(REPORTED, REPORTED.c.post_id == Post.id)).where(
            Post.state == "published"
        ),
        URGENCY,
    ),
    "removed": (_placed(review.found_by(review.REMOVED_POSTS)), Post.id),
}


def _kind(name: str) -> Any:
    return literal_column(f"'{name}'").label("kind")


_waiting = union_all(
    select(Channel.group_id, _kind("pending"))
    .join(Post, Post.channel_id == Channel.id)
    .where(channels.is_pending(Post.state)),
    select(Channel.group_id, _kind("pending"))
    .join(Post, Post.channel_id == Channel.id)
    .where(Post.id.in_(select(Edit.post_id).where(Edit.state == "pending")), Post.state == "published"),
    select(Channel.group_id, _kind("pending")).where(channels.is_pending(Channel.state)),
    select(Channel.group_id, _kind("reported"))
    .join(Post, Post.channel_id == Channel.id)
    .join(REPORTED, REPORTED.c.post_id == Post.id)
    .where(Post.state == "published"),
    select(Statement.group_id, _kind("appeal")).join(Decision, Decision.id == Statement.decision_id).where(IS_OPEN),
).cte("waiting")
_counted = (
    select(Group.id, _waiting.c.kind)
    .join(_waiting, _waiting.c.group_id == Group.id)
    .where(*MODERATED)
    .limit(MOST_COUNTED)
    .cte("counted")
)


def _many(kind: str) -> Any:
    return func.sum(case((_counted.c.kind == literal_column(f"'{kind}'"), 1), else_=0))


_mine = Membership.user_id == bindparam("user"), Membership.role == "moderator"
ANY = select(Group.id).join(Membership, Membership.group_id == Group.id).where(*_mine, HERE).limit(1)
BEGUN = channels.PENDING_ANYWHERE.where(*MODERATED)
COUNTS = (
    select(Group.slug, Group.name, func.count().label("waiting"), *map(_many, ("pending", "reported", "appeal")))
    .join(_counted, _counted.c.id == Group.id)
    .group_by(Group.id)
    .order_by(Group.name)
)


def _view(row: Any) -> QueuedPost:
    place = Place(row.group, row.group_name, row.title)
    return QueuedPost(**asdict(review.to_judge(row)), place=place)


async def listed(identity: Identity, slug: str, state: State, cursor: Cursor) -> Page[QueuedPost]:
    """One of the lists, of all groups that the asker moderates or of one. Raises NotFound, Forbidden for a group."""
    if slug:
        await group.moderated(identity, slug)
    found, key = QUEUES[state]
    async with db.session() as session:
        values = {"slug": slug, **asker(identity)}
        page = await paged_aside(session, found, key, cursor, _view, review.weight, **values)
        if page.items:
            await beside.put(session, page.items)
    return page


@reads
def begun(read: Snapshot, identity: Identity, slug: str, cursor: Cursor) -> Page[ChannelView]:
    """The pending discussions of all groups that the asker moderates or of one. Raises NotFound, Forbidden for one."""
    if slug:
        group.moderated.within(read, identity, slug)
    values = {"slug": slug, **asker(identity)}
    return paged(read, BEGUN, Channel.id, cursor, channels.view_with_beginner, channels.weight, **values)


@reads
def moderates(read: Snapshot, identity: Identity) -> bool:
    """Whether somebody moderates any group."""
    who = asker(identity)
    del who["admin"]
    return identity.admin or (identity.may_moderate and read.one(ANY, **who) is not None)


@reads
def counts(read: Snapshot, identity: Identity) -> list[GroupCount]:
    """What is pending in each group that the asker moderates, by name; no more than MOST_COUNTED in all."""
    return [GroupCount(*row) for row in read.all(COUNTS, slug="", **asker(identity))]


def waiting(read: Snapshot, identity: Identity) -> dict[str, int] | None:
    """How much waits for somebody in each group; 0 for any other group. None for who moderates none."""
    if not moderates.within(read, identity):
        return None
    return defaultdict(int, {found.slug: found.waiting for found in counts.within(read, identity)})
