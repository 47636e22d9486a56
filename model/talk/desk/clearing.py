"""Clearing up after somebody: all that they wrote in a group in the last days is removed, and they are blocked.

The block comes first, so that nothing new follows. Then posts are removed a portion at a time, for others write too.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import bindparam, func, select

from model import audit
from model.accounts.session import Identity
from model.talk import decision, posting, review
from model.talk.channel import Channel
from model.talk.decision import Why
from model.talk.desk import people
from model.talk.desk.people import NEWEST, Known
from model.talk.judging import block
from model.talk.judging.block import BlockView
from model.talk.post import Edit, visible_to
from pottle import times
from pottle.errors import Conflict, Refusal
from pottle.store import Tx, db, writes
from pottle.translation import _

Days = Annotated[int, Meta(ge=1, le=366)]
AT_ONCE = 50  # posts that are removed in one transaction


class ToClear(msgspec.Struct):
    """How much would be removed: posts that are public or pending, how many of them are anonymous, and new texts that
    wait. It is of the newest 2,000 posts of that person; `more` says whether there are others."""

    posts: int
    anonymous: int
    edits: int
    more: bool


class Cleared(msgspec.Struct):
    """What was removed: how many posts and new texts, and the ids of the decisions, by which it can be undone; and the
    block, if that was wanted."""

    posts: int
    edits: int
    decisions: list[int]
    block: BlockView | None


_there = (
    select(NEWEST.c.id, NEWEST.c.state, NEWEST.c.anonymous, Edit.state.label("edit"))
    .join(Channel, Channel.id == NEWEST.c.channel_id)
    .outerjoin(Edit, Edit.post_id == NEWEST.c.id)
    .where(Channel.group_id == bindparam("group_id"), NEWEST.c.created >= bindparam("since"), NEWEST.c.kept)
)
TO_CLEAR = _there.where((NEWEST.c.state != "removed") | (Edit.state == "pending")).order_by(NEWEST.c.id.desc())
LOOKED_AT = select(func.count().label("many"), func.min(NEWEST.c.created).label("oldest")).select_from(NEWEST)


async def preview(identity: Identity, slug: str, uid: str, days: int) -> ToClear:
    """What `clear` would remove. Raises what it does."""
    _person, found, more = await _found(identity, slug, uid, days)
    posts = [row for row in found if row.state != "removed"]
    edits = sum(row.edit == "pending" for row in found)
    return ToClear(len(posts), sum(bool(row.anonymous) for row in posts), edits, more)


async def _found(identity: Identity, slug: str, uid: str, days: int) -> tuple[Known, list[Any], bool]:
    person = await people.known(identity, slug, uid)
    if person.looks_after_it:
        raise Conflict(_("%(name)s looks after this group.", name=person.user.name))
    of = {"user_id": person.id, "group_id": person.group_id, "since": times.later(days=-days)}
    async with db.session() as session:
        found = [*await session.execute(TO_CLEAR, of)]
        looked_at = (await session.execute(LOOKED_AT, of)).one()
    more = looked_at.many == people.MOST_LOOKED_AT and looked_at.oldest > of["since"]
    return person, found, more


async def clear(
    identity: Identity, slug: str, uid: str, days: int, why: Why, blocked: tuple[str | None, str] | None
) -> Cleared:
    """Removes what somebody wrote in a group in the last `days`, and blocks them: `blocked` is until when, and why.

    Its moderators may. Raises NotFound, Forbidden; Conflict for who looks after the group; Invalid for the block.
    """
    decision.check("removed", why)
    person, _before, _more = await _found(identity, slug, uid, days)
    made = await _begin(identity, slug, person.user.uid, days, blocked)
    _person, found, _more = await _found(identity, slug, uid, days)
    done = Cleared(0, 0, [], made)
    for at in range(0, len(found), AT_ONCE):
        ids = [(row.id, row.edit == "pending") for row in found[at : at + AT_ONCE]]
        for edit, id_ in await _remove(identity, person.id, ids, why):
            done.posts += not edit
            done.edits += edit
            done.decisions.append(id_)
    return done


@writes
def _begin(
    tx: Tx, identity: Identity, slug: str, uid: str, days: int, blocked: tuple[str | None, str] | None
) -> BlockView | None:
    made = block.put.within(tx, identity, slug, uid, *blocked) if blocked else None
    audit.note(tx, identity, "posts.cleared", uid, group=slug, detail=f"of the last {days} days")
    return made


@writes
def _remove(tx: Tx, identity: Identity, user_id: int, ids: list[tuple[int, bool]], why: Why) -> list[tuple[bool, int]]:
    """The decisions that were made, and whether each is on an edit. What is gone or decided by now is left out."""
    made: list[tuple[bool, int]] = []
    for id_, with_edit in ids:
        for edit in (True, False) if with_edit else (False,):
            try:
                _decide(tx, identity, user_id, id_, edit, why)
            except Refusal:  # before it wrote anything
                continue
            if found := decision.of(tx, id_, "edit" if edit else "post"):
                made.append((edit, found.id))
    return made


def _decide(tx: Tx, identity: Identity, user_id: int, id_: int, edit: bool, why: Why) -> None:
    row, _channel = visible_to.within(tx, identity, id_)
    if row.author_id != user_id or (row.state == "removed" and not edit):
        raise Conflict(_("The post has changed since."))
    if edit:
        review.decide.within(tx, identity, id_, None, "removed", why)
    else:
        posting.moderate.within(tx, identity, id_, {row.version}, "removed", why)
