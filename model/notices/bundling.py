"""Bundles: the notices that go into one mail, and what of them is still to be told.

When one is due, all that waits about the same goes with it: a discussion, the decisions in a group, what waits in one
for moderators; or, in the daily summary and at the end of quiet hours, everything. What is a mail's content is asked
again when that is sent, so that what was read or removed meanwhile is not in it.
"""

from typing import Any, Literal, NamedTuple

from sqlalchemy import bindparam, or_, select

from model.accounts.session import Identity
from model.groups.group import Group
from model.mail import outbox
from model.mail.outbox import Letter
from model.notices import choices, notice, telling
from model.notices.notice import FOR_MODERATORS, TO_ONE, Kind, Notice
from model.notices.telling import Item
from model.talk import queue
from model.talk.post import Post
from model.talk.queue import GroupCount
from pottle.store import Snapshot, Tx, writes

Form = Literal["discussion", "decided", "waiting", "digest"]
PEOPLE = 10  # in one unit
MOST = 20  # posts in a mail; it says how many more there are, up to MOST_COUNTED
MOST_COUNTED = 100


class Bundle(NamedTuple):
    """What a mail tells: posts, and how many more there are; how much waits for its reader; and of which kinds."""

    who: Identity
    items: list[Item]
    more: int
    waiting: list[GroupCount]
    kinds: list[Kind]


_has_own = select(Notice.id).where(
    *(Notice.post_id == Post.id, Notice.user_id == bindparam("user_id"), Notice.kind.in_(TO_ONE)),
    Notice.bundle.is_distinct_from(bindparam("bundle")),
)
NEW_POSTS = (
    select(Post.id)
    .where(
        *(Post.channel_id == bindparam("channel_id"), Post.state == "published"),
        or_(Post.id == bindparam("first"), (Post.id > bindparam("first")) & (Post.created > bindparam("after"))),
        *(Post.created <= bindparam("until"), Post.author_id.is_distinct_from(bindparam("user_id"))),
        ~_has_own.exists(),
    )
    .order_by(Post.id)
    .limit(MOST_COUNTED)
)


@writes
def bundle(tx: Tx) -> bool:
    """Puts what is due into the outbox, of a few people; whether there was anything."""
    found = tx.all(notice.DUE_USERS, now=tx.now, limit=PEOPLE)
    for row in found:
        _bundle_for(tx, row.user_id)
    return bool(found)


def _bundle_for(tx: Tx, user_id: int) -> None:
    mails: dict[tuple[Form, int], list[Any]] = {}
    for row in tx.all(notice.OPEN_OF, user_id=user_id):
        if row.way == "soon" or row.due <= tx.now:
            mails.setdefault(_about(row), []).append(row)
    for (form, _number), rows in mails.items():
        if any(row.due <= tx.now for row in rows):
            _put(tx, user_id, form, rows)


def _about(row: Any) -> tuple[Form, int]:
    """What a notice is mailed with."""
    if row.way == "digest":
        return "digest", 0
    if row.kind in FOR_MODERATORS:
        return "waiting", row.group_id
    return ("decided", row.group_id) if row.kind == "decided" else ("discussion", row.channel_id)


def _put(tx: Tx, user_id: int, form: Form, rows: list[Any]) -> None:
    number = rows[-1].id
    tx.run(notice.SETTLE, ids=[row.id for row in rows], due=None, told=tx.now, bundle=number)
    if content(tx, user_id, number):
        about = {"subject_id": number, "group_id": None if form == "digest" else rows[0].group_id}
        outbox.put(tx, Letter(f"notices.{form}", user_id, key=f"notices-{number}", **about))


def content(read: Snapshot, user_id: int, number: int) -> Bundle | None:
    """What a bundle still has to tell; None where that is nothing, or nobody may be told any more."""
    who = telling.reader(read, user_id)
    rows = read.all(notice.OF_BUNDLE, user_id=user_id, bundle=number)
    rows = [row for row in rows if choices.of(read, user_id, row.group_id, row.channel_id).how(row.kind) != "off"]
    if who is None or not rows:
        return None
    kinds: dict[int, Kind] = {}
    for row in (row for row in rows if row.kind == "post"):
        kinds |= dict.fromkeys(_new_posts(read, row), "post")
    kinds |= {row.post_id: row.kind for row in rows if row.kind in TO_ONE}
    decided = [row.post_id for row in rows if row.kind == "decided" and row.seen is None]
    found = [item for item in telling.of_posts(read, who, kinds) if not item.read]
    found += telling.of_decisions(read, who, decided)
    waiting = _waiting(read, who, {row.group_id for row in rows if row.kind in FOR_MODERATORS})
    if not found and not waiting:
        return None
    told: list[Kind] = [*dict.fromkeys([item.kind for item in found] + (["waiting"] if waiting else []))]
    return Bundle(who, found[:MOST], max(0, len(found) - MOST), waiting, told)


def _new_posts(read: Snapshot, row: Any) -> list[int]:
    """The posts that a notice of new ones covers, but for those that are told of by a notice of their own."""
    last = read.one(notice.LAST_OF_POSTS, user_id=row.user_id, channel_id=row.channel_id, id=row.id)
    between = {"first": row.post_id, "after": last.told or "", "until": row.told}
    where = {"channel_id": row.channel_id, "user_id": row.user_id, "bundle": row.bundle}
    return [post.id for post in read.all(NEW_POSTS, **between, **where)]


SLUGS = select(Group.slug).where(Group.id.in_(bindparam("ids", expanding=True)))


def _waiting(read: Snapshot, who: Identity, groups: set[int]) -> list[GroupCount]:
    if not groups:
        return []
    slugs = {row.slug for row in read.all(SLUGS, ids=[*groups])}
    return [one for one in queue.counts.within(read, who) if one.slug in slugs and one.waiting]
