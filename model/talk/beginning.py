"""Beginning discussions: they are found by their keys, or made, and wait where their titles are to be looked at."""

import msgspec
from msgspec.structs import replace

from model.accounts.session import Identity
from model.groups import group, rules
from model.groups.group import asker
from model.talk import channel as channels
from model.talk import keys
from model.talk.channel import ChannelView
from model.talk.judging import block, look
from pottle.errors import Conflict
from pottle.store import Tx, limits, writes
from pottle.translation import _


@writes
def get_or_create(
    tx: Tx, identity: Identity | None, slug: str, key: str, title: str | None, url: str | None, origin: str | None
) -> tuple[ChannelView, bool]:
    """The channel with `key`, made if the group has none, and whether it was made. Raises what rules.may_post does."""
    if (found := tx.one(channels.BY_KEY, slug=slug, key=key, **asker(identity))) is not None:
        return replace(channels.view(found), key=key), False
    in_group = group.visible_to.within(tx, identity, slug)
    rules.may_post(in_group, identity, origin)
    here = block.here(tx, in_group, identity)
    held = look.at_title(in_group, identity, here, title or key, url).holds
    limits.use(tx, channels.uses(len(msgspec.json.encode((key, title, url))), channels.BEGUN))
    state = "pending" if held else rules.first_state(in_group, identity)
    begun_by = identity.user if identity and state == "pending" else None
    made = channels.add(tx, in_group.id, key, title or key, url, state, begun_by)
    return channels.view(tx.one(channels.BY_ID, id=made, **asker(identity)), given=True), True


@writes
def begin(
    tx: Tx, identity: Identity | None, slug: str, title: str, url: str | None, origin: str | None
) -> tuple[ChannelView, bool]:
    """Makes a discussion with a new title. Raises Conflict, which names the one that has the title already."""
    rules.may_post(group.visible_to.within(tx, identity, slug), identity, origin)
    key, who = keys.of_title(title), asker(identity)
    there = tx.one(channels.BY_KEY, slug=slug, key=key, **who) or tx.one(
        channels.BY_TITLE, slug=slug, title=title, **who
    )
    if there:
        said = _("There is a discussion of that title already.")
        named = {"id": there.id, "title": there.title}
        raise Conflict(said, channel=named, errors=[{"field": "title", "message": said}])
    return get_or_create.within(tx, identity, slug, key, title, url, origin)
