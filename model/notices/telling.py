"""What is still to be told of posts: to whom may read them, and has not."""

from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import and_, bindparam, case, select

from model.accounts import session
from model.accounts.session import Identity
from model.accounts.user import User, avatar_path
from model.groups.group import VISIBLE, Group, asker
from model.notices.notice import Kind
from model.talk import inbox, review, unread
from model.talk.channel import SHOWN_TITLE, Channel
from model.talk.decision import DecisionView
from model.talk.desk.statement import Statement
from model.talk.mention import Mention
from model.talk.post import FOUND, Post, PostView, view
from model.talk.unread import ReadMark
from pottle.store import Snapshot

Verdict = Literal["approved", "removed", "declined", "upheld"]  # the last: after an appeal


class Item(NamedTuple):
    """A post that somebody is told of. `title` is that of its discussion, `page` where that is, if not here.

    Of what was decided: the `verdict`, why, and the number of the statement that says all of it.
    """

    kind: Any
    post: PostView
    title: str
    page: str | None
    group: str
    group_name: str
    read: bool
    verdict: Verdict | None = None
    decision: DecisionView | None = None
    statement: int | None = None


WHO = session.WHO.where(User.id == bindparam("id"))
_ids = Post.id.in_(bindparam("ids", expanding=True))
_mark = and_(ReadMark.user_id == bindparam("user"), ReadMark.channel_id == Post.channel_id)
_mentioned = select(Mention.post_id).where(Mention.post_id == Post.id, Mention.user_id == bindparam("user"))
PAGE = case((Channel.state == "published", Channel.url)).label("page"), Group.origins.label("origins")
_place = (
    *PAGE,
    SHOWN_TITLE,
    Group.slug.label("group"),
    Group.name.label("group_name"),
)
PUBLISHED = (
    FOUND.join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .outerjoin(ReadMark, _mark)
    .add_columns(*_place, *inbox.OF_MARK)
    .add_columns((Post.answered_id == bindparam("user")).label("replies_to_one"), _mentioned.exists().label("mentions"))
    .where(_ids, Post.state == "published", VISIBLE)
    .order_by(Post.id)
)
DECIDED = (
    review.WITH_DECISIONS.join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .add_columns(*_place)
    .where(_ids, Post.author_id == bindparam("user"), Post.body != "", VISIBLE)
    .order_by(Post.id)
)
STATEMENT = (
    select(Statement.id, Statement.appeal_state)
    .where(Statement.post_id == bindparam("post_id"), Statement.about == bindparam("about"), Statement.ended.is_(None))
    .order_by(Statement.id.desc())
    .limit(1)
)


def reader(read: Snapshot, user_id: int) -> Identity | None:
    """A user as who reads, for what is sent; None where the account is disabled, or gone."""
    row = read.one(WHO, id=user_id)
    if row is None:
        return None
    return Identity(row.user, row.uid, row.name, avatar_path(row.uid, row.avatar_hash), row.role, row.language)


def of_posts(read: Snapshot, who: Identity, kinds: dict[int, Kind]) -> list[Item]:
    """What is told of posts, by their ids: of those that are public, that one may read, and that still concern one."""
    if not kinds:
        return []
    caught_up = unread.caught_up(read, who)
    found = []
    for row in read.all(PUBLISHED, ids=[*kinds], **asker(who)):
        kind = kinds[row.id]
        if kind == "post" or row.replies_to_one or row.mentions:
            found.append(as_item(row, caught_up, kind))
    return found


def as_item(row: Any, caught_up: int, kind: Kind = "mention") -> Item:
    """A post that is addressed to somebody, as it is told."""
    return _item("reply" if row.replies_to_one else kind, view(row), row, not inbox.is_unread(row, caught_up))


def of_decisions(read: Snapshot, who: Identity, ids: list[int]) -> list[Item]:
    """What was decided on posts of one's own, by their ids, as it is now; nothing of what waits again."""
    found = []
    for row in read.all(DECIDED, ids=ids, **asker(who)) if ids else ():
        post = review.judged(row)
        verdict: Verdict | None = "removed" if row.state == "removed" else "approved"
        if row.state == "pending" or row.edit_state == "pending":
            verdict = None
        elif row.edit_state == "removed":
            verdict = "declined"
        if verdict:
            why = post.edit.decision if verdict == "declined" and post.edit else post.decision
            item = _item("decided", post, row, False)._replace(verdict=verdict, decision=why or None)
            found.append(_with_statement(read, item, row.id, verdict))
    return found


def _with_statement(read: Snapshot, item: Item, post_id: int, verdict: Verdict) -> Item:
    """With the newest statement on a post, or on its new text, that holds; and what became of an appeal against it."""
    row = read.one(STATEMENT, post_id=post_id, about="edit" if verdict == "declined" else "post")
    if row is None or verdict == "approved":
        return item
    return item._replace(statement=row.id, verdict="upheld" if row.appeal_state == "declined" else verdict)


def _item(kind: Kind, post: PostView, row: Any, as_read: bool) -> Item:
    return Item(kind, post, row.title, _page(row), row.group, row.group_name, as_read)


def _page(row: Any) -> str | None:
    """The page that a discussion is about, if it is one of the group's sites: nobody is led anywhere else."""
    parts = urlsplit(row.page or "")
    return row.page if parts.netloc and f"{parts.scheme}://{parts.netloc}".lower() in row.origins else None


def still(read: Snapshot, user_id: int, kind: Kind, post_id: int) -> Item | None:
    """What is told of a post, if it is still to be told: it is there, may be read, and was not."""
    who = reader(read, user_id)
    if who is None:
        return None
    found = of_decisions(read, who, [post_id]) if kind == "decided" else of_posts(read, who, {post_id: kind})
    return next((item for item in found if not item.read), None)
