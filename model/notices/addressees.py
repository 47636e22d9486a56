"""Whom a change concerns: whom a post answers or mentions, who follows its discussion, its author, its moderators."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, or_, select

from model.accounts.user import User
from model.groups.group import Group, Membership
from model.notices import notice
from model.notices.choices import Follow
from model.notices.notice import OPEN, Kind, Notice, Told, open_since
from model.talk.channel import Channel
from model.talk.decision import Decision
from model.talk.desk.statement import Statement
from model.talk.mention import Mention
from model.talk.post import Post
from model.talk.posting import IMPORTED
from pottle.store import Snapshot, Tx
from pottle.store.changes import Change, LoggedChange

_placed = select(Post.id, Post.author_id, Post.answered_id, Post.state, Post.channel_id, Channel.group_id)
POST = _placed.join(Channel, Channel.id == Post.channel_id).where(Post.id == bindparam("id"))
STATEMENT = (
    select(Post.id, Post.channel_id, Statement.group_id, Statement.user_id.label("author_id"))
    .join(Post, Post.id == Statement.post_id)
    .where(Statement.id == bindparam("id"))
)
CHANNEL = select(Channel.id, Channel.group_id, Channel.state).where(Channel.id == bindparam("id"))
MENTIONED = select(Mention.user_id, Mention.created).where(Mention.post_id == bindparam("post_id"))
_covered = select(Notice.id).where(
    Notice.user_id == Follow.user_id, Notice.kind == "post", Notice.channel_id == Follow.channel_id, *OPEN
)
FOLLOWERS = select(Follow.user_id).where(
    Follow.channel_id == bindparam("channel_id"), Follow.how == "follow", ~_covered.exists()
)
WHEN = select(LoggedChange.created).where(LoggedChange.seq == bindparam("seq"))
DECIDED = select(Decision.id).where(
    Decision.post_id == bindparam("post_id"), Decision.by_id.is_distinct_from(Decision.author_id)
)
_member = Membership.group_id == bindparam("group_id"), Membership.user_id == User.id
_public = select(Group.id).where(Group.id == bindparam("group_id"), Group.reading == "public")
READERS = select(User.id).where(
    User.id.in_(bindparam("ids", expanding=True)),
    User.disabled.is_(None),
    or_(User.role == "admin", _public.exists(), select(Membership.user_id).where(*_member).exists()),
)
MODERATORS = select(User.id).join(Membership, Membership.user_id == User.id)
MODERATORS = MODERATORS.where(_member[0], Membership.role == "moderator", User.disabled.is_(None))
ADMINS = select(User.id).where(User.role == "admin", User.disabled.is_(None))


def of(tx: Tx, change: Change) -> list[Told]:
    """Who is to be told of a change."""
    find = notice.finders.get(change.kind)
    return find(tx, change) if find else []


def moderators_of(read: Snapshot, group_id: int) -> list[int]:
    """Who looks after a group, by their ids: its moderators; where there are none, the admins."""
    found = read.all(MODERATORS, group_id=group_id) or read.all(ADMINS)
    return [row.id for row in found]


def _of_new_post(tx: Tx, change: Change) -> list[Told]:
    """Whom it answers, whom it mentions, and who follows its discussion; each once."""
    row = tx.one(POST, id=change.subject)
    if row is None or row.state != "published" or IMPORTED in change.tags.split():
        return []
    followers = tx.all(FOLLOWERS, channel_id=row.channel_id, since=open_since(tx.now, "post"))
    kinds: dict[int, Kind] = dict.fromkeys((one.user_id for one in followers), "post")
    kinds |= dict.fromkeys((one.user_id for one in tx.all(MENTIONED, post_id=row.id)), "mention")
    if row.answered_id is not None:
        kinds[row.answered_id] = "reply"
    kinds.pop(row.author_id, None)
    return [Told(id_, kinds[id_], row.id, row.channel_id, row.group_id) for id_ in _readers(tx, row, kinds)]


def _of_edit(tx: Tx, change: Change) -> list[Told]:
    """Whom the new text mentions and the old one did not."""
    row, when = tx.one(POST, id=change.subject), tx.one(WHEN, seq=change.seq)
    if row is None or when is None or row.state != "published":
        return []
    new = [one.user_id for one in tx.all(MENTIONED, post_id=row.id) if one.created == when.created]
    return [Told(id_, "mention", row.id, row.channel_id, row.group_id) for id_ in _readers(tx, row, new)]


def _readers(tx: Tx, row: Any, ids: Iterable[int]) -> list[int]:
    """Those of some users who may read the group of a post."""
    wanted = [*ids]
    return [one.id for one in tx.all(READERS, ids=wanted, group_id=row.group_id)] if wanted else []


def _of_pending(tx: Tx, change: Change) -> list[Told]:
    row = tx.one(POST, id=change.subject)
    return _waiting(tx, row, row.id, row.channel_id) if row else []


def _of_new_channel(tx: Tx, change: Change) -> list[Told]:
    row = tx.one(CHANNEL, id=change.subject)
    return _waiting(tx, row, None, row.id) if row and row.state == "pending" else []


def _waiting(tx: Tx, row: Any, post_id: int | None, channel_id: int, kind: Kind = "waiting") -> list[Told]:
    return [Told(id_, kind, post_id, channel_id, row.group_id) for id_ in moderators_of(tx, row.group_id)]


def _of_decision(tx: Tx, change: Change) -> list[Told]:
    """Its author, unless it was their own decision."""
    row = tx.one(POST, id=change.subject)
    if row is None or row.author_id is None or tx.one(DECIDED, post_id=row.id) is None:
        return []
    return [Told(id_, "decided", row.id, row.channel_id, row.group_id) for id_ in _readers(tx, row, [row.author_id])]


def _of_report(tx: Tx, change: Change) -> list[Told]:
    row = tx.one(POST, id=change.subject)
    return _waiting(tx, row, row.id, row.channel_id, "report") if row else []


def _of_appeal(tx: Tx, change: Change) -> list[Told]:
    row = tx.one(STATEMENT, id=change.subject)
    return _waiting(tx, row, row.id, row.channel_id, "appeal") if row else []


def _of_answer(tx: Tx, change: Change) -> list[Told]:
    """Its author. One that was granted changed the decision, too, which is told already."""
    row = tx.one(STATEMENT, id=change.subject)
    if row is None or row.author_id is None:
        return []
    return [Told(id_, "decided", row.id, row.channel_id, row.group_id) for id_ in _readers(tx, row, [row.author_id])]


notice.of_change("post.created", _of_new_post)
notice.of_change("post.edited", _of_edit)
notice.of_change("post.pending", _of_pending)
notice.of_change("edit.pending", _of_pending)
notice.of_change("channel.created", _of_new_channel)
notice.of_change("post.decided", _of_decision)
notice.of_change("report.made", _of_report)
notice.of_change("appeal.made", _of_appeal)
notice.of_change("appeal.answered", _of_answer)
