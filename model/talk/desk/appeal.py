"""Appeals: an author says, once, why a decision on their post was wrong. Another moderator answers, where there is one.

The answer is final. A granted appeal brings the post back, or makes its new text public.
"""

from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import aliased

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group, rules
from model.groups.group import Group, Membership, asker
from model.talk import posting, review
from model.talk.channel import Channel, ChannelRow
from model.talk.decision import About, Decision, Reason
from model.talk.desk import statement
from model.talk.desk.statement import IS_OPEN, Found, Statement, StatementView
from model.talk.post import Post, PostView, visible_to
from model.talk.queue import MODERATED, Place
from pottle.errors import Conflict, Forbidden, NotFound
from pottle.store import Tx, db, writes
from pottle.store.paging import Cursor, Page, paged_aside
from pottle.translation import _
from pottle.values import line

Plea = Annotated[str, line(2_000)]
Answer = Literal["granted", "declined"]


class OpenAppeal(msgspec.Struct):
    """An appeal that waits for a moderator: the post, what was decided and by whom, and what its author says.

    `yours` says that the asker decided it, so that another moderator of the group is to answer.
    """

    id: int
    post: PostView
    place: Place
    about: About
    reason: Reason | None
    note: str | None
    found: Found
    by: str | None
    decided: str
    text: str
    created: str
    yours: bool


_by = aliased(User)
APPEAL_ID = Statement.id.label("appeal_id")
_names = ("id", "about", "reason", "note", "found", "created", "by_id", "appeal", "appealed", "group_id")
_others = (
    select(Membership.user_id)
    .join(User, User.id == Membership.user_id)
    .where(Membership.group_id == bindparam("group_id"), Membership.role == "moderator", User.disabled.is_(None))
    .where(Membership.user_id != bindparam("by_id"))
)
OTHER_MODERATOR = _others.limit(1)
WAITING = (
    review.WITH_DECISIONS.add_columns(*(getattr(Statement, name).label(f"appeal_{name}") for name in _names))
    .add_columns(_by.uid.label("appeal_by"), Group.slug.label("group"), Group.name.label("group_name"), Channel.title)
    .join(Statement, Statement.post_id == Post.id)
    .join(Decision, Decision.id == Statement.decision_id)
    .join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .outerjoin(_by, _by.id == Statement.by_id)
    .where(IS_OPEN, *MODERATED)
)
BY_ID = select(*Statement.__table__.c, Decision.id.label("stands"), Decision.version).outerjoin(
    Decision, Decision.id == Statement.decision_id
)
BY_ID = BY_ID.where(Statement.id == bindparam("id"), Statement.appeal_state.is_not(None))
CHANGE = update(Statement).where(Statement.id == bindparam("id"))


@writes
def make(tx: Tx, identity: Identity, id_: int, text: str) -> StatementView:
    """Appeals against a decision on one's own post. The same once more is no other.

    Raises NotFound; Conflict where one has appealed already, it is too late, or nothing is left to appeal against.
    """
    row = statement.own_row(tx, identity, id_)
    if row.appeal_state and row.appeal != text:
        raise Conflict(_("You have appealed against this decision already."))
    if not row.appeal_state:
        if row.ended or not row.stands:
            raise Conflict(_("This decision holds no longer, so there is nothing to appeal against."))
        if statement.appeal_until(row) is None:
            raise Conflict(_("It is too late to appeal: that can be done for half a year."))
        tx.run(CHANGE, id=id_, appeal=text, appealed=tx.now, appeal_state="open")
        tx.changed("appeal.made", subject=id_, tags=["appeals"])
    return statement.own_one.within(tx, identity, id_)


async def waiting(identity: Identity, slug: str, cursor: Cursor) -> Page[OpenAppeal]:
    """The appeals that wait in all groups that the asker moderates, or in one. Raises NotFound, Forbidden for one."""
    if slug:
        await group.moderated(identity, slug)

    def view(row: Any) -> OpenAppeal:
        return OpenAppeal(
            id=row.appeal_id,
            post=review.to_judge(row),
            place=Place(row.group, row.group_name, row.title),
            about=row.appeal_about,
            reason=row.appeal_reason,
            note=row.appeal_note,
            found=row.appeal_found,
            by=row.appeal_by,
            decided=row.appeal_created,
            text=row.appeal_appeal,
            created=row.appeal_appealed,
            yours=row.appeal_by_id == identity.user,
        )

    async with db.session() as session:
        values = {"slug": slug, **asker(identity)}
        return await paged_aside(session, WAITING, APPEAL_ID, cursor, view, review.weight, **values)


@writes
def answer(tx: Tx, identity: Identity, id_: int, state: Answer, words: str | None) -> None:
    """A moderator grants or declines an appeal, with an answer for its author.

    Raises NotFound; Forbidden for whoever decided before, where the group has another moderator; Conflict where it was
    answered, or what it is about is gone.
    """
    row, post, channel = _found(tx, identity, id_)
    if row.appeal_state != "open":
        raise Conflict(_("This appeal was answered already."))
    if not row.stands:
        raise Conflict(_("Its author has deleted what this appeal is about, or sent another text."))
    if row.by_id == identity.user and tx.one(OTHER_MODERATOR, group_id=row.group_id, by_id=identity.user):
        raise Forbidden(_("You decided it yourself: another moderator of the group answers the appeal."))
    if state == "granted":
        _give_way(tx, identity, row, post)
    given = {"appeal_state": state, "answer": words, "answered": tx.now, "answered_by": identity.user}
    tx.run(CHANGE, id=id_, **given)
    action: audit.Action = "appeal.granted" if state == "granted" else "appeal.declined"
    posting.note(tx, identity, post, channel, action)
    tx.changed("appeal.answered", subject=id_, tags=["appeals"])


def _found(tx: Tx, identity: Identity, id_: int) -> tuple[Any, Any, ChannelRow]:
    row = tx.one(BY_ID, id=id_)
    if row is None or row.post_id is None:
        raise NotFound(_("There is no such appeal."))
    post, channel = visible_to.within(tx, identity, row.post_id)
    rules.must_moderate(channel, identity)
    return row, post, channel


def _give_way(tx: Tx, identity: Identity, row: Any, post: Any) -> None:
    """What was removed is restored; a new text that was declined is approved."""
    if row.about == "post":
        posting.moderate.within(tx, identity, post.id, {row.version}, "published")
        return
    if post.state == "removed":
        raise Conflict(_("The post has been removed. Restore it first."))
    tx.run(review.SET_EDIT, post_id=post.id, state="pending")
    review.decide.within(tx, identity, post.id, {row.version}, "published")
    statement.end(tx, post.id, "edit", "restored", identity)
