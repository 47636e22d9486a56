"""`/api/channels/…/unread`, `/api/channels/…/read`, `/api/me/unread` and `/api/me/inbox`: what one has not read yet."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint

from api.access import EDITING, me
from model.accounts.session import Identity
from model.talk import inbox, unread
from model.talk.inbox import InboxItem
from model.talk.unread import UnreadPosts
from pottle.errors import Invalid
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed, takes
from pottle.http.asking import signed_in
from pottle.http.caching import made_of
from pottle.http.limits import limited
from pottle.rates import Rate
from pottle.store import Snapshot, reads
from pottle.translation import _

READING = Rate("reading", 120, per=60)
PostId = Annotated[int, Meta(ge=1, le=10**18 - 1)]

blueprint = Blueprint("unread", __name__, url_prefix="/api/channels/<id:channel_id>")
own = Blueprint("own_unread", __name__, url_prefix="/api/me")
PARTS = (blueprint, own)


class Reading(msgspec.Struct):
    """What one has read: these `posts`; or all of the discussion, `until` this post."""

    posts: Annotated[list[PostId], Meta(max_length=100)] | UnsetType = UNSET
    until: PostId | UnsetType = UNSET


class UnreadView(msgspec.Struct):
    """How many posts one has not read: in each channel that has some, by its id, and in one's inbox; at most 100."""

    channels: dict[str, int]
    inbox: int


class InboxView(msgspec.Struct):
    """Posts that are addressed to one, newest first."""

    inbox: list[InboxItem]
    next: str | None
    prev: str | None


@blueprint.get("/unread")
@signed_in
@gives(UnreadPosts)
async def show(channel_id: int) -> UnreadPosts:
    """The posts of a channel that one has not read."""
    return await unread.of_channel(me(), channel_id)


@blueprint.put("/read")
@limited(READING)
@signed_in
@takes(Reading)
@gives(UnreadPosts)
async def see(channel_id: int, data: Reading) -> UnreadPosts:
    """Mark posts as read, on all one's devices. It answers with those that are left.

    From then on one follows the channel, also where one does not belong to its group: new posts count as unread.
    """
    if data.until is not UNSET:
        if data.posts is not UNSET:
            raise Invalid({"until": _("cannot be sent together with posts")})
        return await unread.see_until(me(), channel_id, data.until)
    return await unread.see(me(), channel_id, [] if data.posts is UNSET else data.posts)


@own.get("/unread")
@signed_in
@gives(UnreadView)
async def count() -> UnreadView:
    """How many posts one has not read."""
    found, addressed = await _counts(me())
    made_of(*found.tags, *inbox.tags(me()))
    return UnreadView({str(id_): count for id_, count in found.counts.items()}, addressed)


@reads
def _counts(read: Snapshot, identity: Identity) -> tuple[unread.Unread, int]:
    return unread.counts.within(read, identity), inbox.count.within(read, identity)


@own.delete("/unread")
@limited(EDITING)
@signed_in
@gives(None, 204)
async def see_all() -> None:
    """Mark everything as read."""
    await unread.see_all(me())


@own.get("/inbox")
@signed_in
@asks(Paging)
@gives(InboxView)
async def list_inbox(query: Paging) -> Answer:
    """Replies to one's own posts, and posts that mention one.

    `unread` says which one has not read yet: reading them in their discussion marks them as read, too.
    """
    return listed(InboxView, await inbox.listed(me(), cursor(query)))
