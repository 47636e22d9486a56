"""Posting many at once: one unit and one commit, an outcome for each; one that is refused stops none of the others."""

import asyncio
from typing import Any, NamedTuple, cast

import msgspec

from model.accounts.session import Identity
from model.groups import rules
from model.talk import channel as channels
from model.talk import posting
from model.talk.channel import ChannelRow
from model.talk.markdown import is_plain
from model.talk.notation import NOTHING, Known
from model.talk.post import PostView
from model.talk.posting import Draft
from pottle.errors import Invalid, Refusal, TooMany
from pottle.rates import Rate
from pottle.store import Snapshot, Tx, db, limits, reads, replays, writes
from pottle.store.unit import answered, envelope
from pottle.translation import SOURCE, _, translated

MOST = 500
PORTION = 10
IN_BULK = Rate("posting in bulk", 5_000, per=3600)  # by those who look after the group; others' limit is as ever


class Item(NamedTuple):
    """A post to be made; `parent_index` is that of the one, of the same request, that it replies to."""

    draft: Draft
    parent_index: int | None = None


Checked = tuple[Item, Known] | Refusal  # with what its text may refer to


class Outcomes(msgspec.Struct):
    """What became of each, in their order: the post, or why there is none."""

    each: list[PostView | Refusal]


async def publish_all(
    identity: Identity | None, channel_id: int, items: list[Item | Refusal], origin: str | None
) -> Outcomes:
    """Makes posts, those that may be made; an item that is a Refusal was found to be wrong already.

    Raises what posting.where_to_post does.
    """
    if (made := await db.read(answered, create_all.within)) is not None:
        return cast(Outcomes, made)
    channel = await db.read(posting.where_to_post, identity, channel_id, origin)
    checked, size = list[Checked](), 0
    for number, item in enumerate(items, start=1):
        size += len(item.draft.body) if isinstance(item, Item) else 0
        checked.append(await _checked(identity, channel, item, number, size))
        if number % PORTION == 0:
            await asyncio.sleep(0)  # each is quick, and all of them together are not
    return await create_all(identity, channel_id, await asyncio.to_thread(_finish_all, checked), origin)


@reads
def _checked(
    read: Snapshot, identity: Identity | None, channel: ChannelRow, item: Item | Refusal, number: int, size: int
) -> Checked:
    """Says before there is work what a post would be refused for; `size` characters are asked for so far."""
    if isinstance(item, Refusal):
        return item
    try:
        if limit := _limit(identity, channel):
            limits.check(read, *limit, number)
        limits.check_all(read, channels.uses(size))
        posting.check_draft(read, identity, channel, item.draft)
        body = item.draft.body
        return item, NOTHING if is_plain(body) else posting.known_in(read, identity, channel, body)
    except Refusal as refusal:
        return refusal


def _limit(identity: Identity | None, channel: ChannelRow) -> tuple[str, Rate] | None:
    """Whom each post counts against, and how much they may."""
    around = envelope.get()
    if around is None or around.limit is None:
        return None
    return (around.limit[0], IN_BULK) if rules.moderates(channel, identity) else around.limit


def _finish_all(checked: list[Checked]) -> list[Item | Refusal]:
    return [one if isinstance(one, Refusal) else _finished(*one) for one in checked]


def _finished(item: Item, known: Known) -> Item | Refusal:
    try:
        return item._replace(draft=posting.finish(item.draft, known))
    except Refusal as refusal:
        return refusal


@writes
def create_all(
    tx: Tx, identity: Identity | None, channel_id: int, items: list[Item | Refusal], origin: str | None
) -> Outcomes:
    """Makes posts as posting.create does, one after another. Raises what posting.where_to_post does."""
    limit = _limit(identity, posting.where_to_post(tx, identity, channel_id, origin))
    outcomes, tried = Outcomes([]), 0
    for item in items:
        try:
            if limit:
                limits.check(tx, *limit, tried + 1)
            draft, parent = _draft(item, outcomes.each)
            made = posting.create.within(tx, identity, channel_id, draft, origin)
            outcomes.each.append(made)
            if parent and made.state == "published":
                parent.replies += 1
        except Refusal as refusal:  # raised before anything was written for it
            outcomes.each.append(refusal)
        tried += not isinstance(outcomes.each[-1], TooMany)
    around = envelope.get()
    if limit and around and limit == around.limit:
        around.uses = max(1, tried)
    elif limit:
        limits.spend(tx, *limit, tried)
    return outcomes


def _draft(item: Item | Refusal, before: list[PostView | Refusal]) -> tuple[Draft, PostView | None]:
    """An item's draft, and the post of the same request that it replies to, if any. Raises Invalid."""
    if isinstance(item, Refusal):
        raise item
    if item.parent_index is None:
        return item.draft, None
    if item.parent_index >= len(before):
        raise Invalid({"parent_index": _("must name a post that comes before it in the list")})
    answers = before[item.parent_index]
    if isinstance(answers, Refusal):
        raise Invalid({"parent_index": _("names a post that was not made")})
    return item.draft._replace(parent=answers.id), answers


def _brief(outcomes: Outcomes) -> list[Any]:
    """What is kept to repeat an answer: ids, and refusals."""
    return [one.id if isinstance(one, PostView) else _told(one) for one in outcomes.each]


def _told(refusal: Refusal) -> tuple[Any, ...]:
    return refusal.status, refusal.title, translated(refusal.detail, SOURCE), translated(refusal.extra, SOURCE)


def _again(read: Snapshot, brief: list[Any]) -> Outcomes:
    return Outcomes([_one_again(read, one) for one in brief])


def _one_again(read: Snapshot, brief: Any) -> PostView | Refusal:
    if isinstance(brief, int):
        try:
            return posting.again(read, brief)
        except Refusal as gone:
            return gone
    status, title, detail, extra = brief
    refusal = Refusal(detail, **extra)
    refusal.status, refusal.title = status, title
    return refusal


replays.kept_as(Outcomes, _brief, _again)
