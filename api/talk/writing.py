"""Posting, replying, reacting, editing and deleting by forms that need no JavaScript: by the API's units and limits."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, GUESTS, POSTING, REACTING, asker, me
from model.groups import rules
from model.talk import channel, posting, reaction
from model.talk.post import Body, GuestName
from model.talk.posting import Draft
from model.talk.reaction import Kind
from pottle.errors import Refusal
from pottle.http.application import rendered
from pottle.http.asking import anyone, foreign_origin, signed_in
from pottle.http.forms import Trouble, fills, fresh_key, go_to, or_again
from pottle.http.limits import idempotent, limited

blueprint = Blueprint("writing", __name__)

Version = Annotated[int, Meta(ge=1, le=10**18 - 1)]


class Written(msgspec.Struct):
    """A post or a reply, as in the API."""

    body: Body
    guest: GuestName | None = None
    anonymous: bool = False


class Rewritten(msgspec.Struct):
    """Another text for one's own post, and the version that was shown."""

    body: Body
    version: Version


class Reacted(msgspec.Struct):
    """A reaction to give, or one to take back."""

    add: Kind | None = None
    remove: Kind | None = None


class Deleted(msgspec.Struct):
    """The version that was shown."""

    version: Version


@blueprint.get("/channels/<id:channel_id>/write", endpoint="write")
@hide
@anyone
async def write(channel_id: int, trouble: Trouble | None = None) -> Response:
    """Where one writes without JavaScript."""
    found = await channel.visible_to(asker(), channel_id)
    return await _page("write.html", trouble, channel=found)


@blueprint.post("/channels/<id:channel_id>/write")
@hide
@or_again(write)
@limited(POSTING, guests=GUESTS)
@anyone
@idempotent
@fills(Written)
async def post(channel_id: int, data: Written) -> Response:
    """Post, by a form."""
    return await _published(channel_id, data, None)


@blueprint.get("/posts/<id:post_id>/act", endpoint="act")
@hide
@anyone
async def act(post_id: int, trouble: Trouble | None = None) -> Response:
    """What can be done to a post: reply, react; edit and delete one's own."""
    who = asker()
    found = await posting.to_act_on(who, post_id)
    marked = await reaction.mine(who, found.channel.id) if who else []
    kinds = {one.kind for one in marked if one.post == post_id}
    return await _page("act.html", trouble, channel=found.channel, post=found.post, mine=found.mine, marked=kinds)


@blueprint.post("/posts/<id:post_id>/reply")
@hide
@or_again(act)
@limited(POSTING, guests=GUESTS)
@anyone
@idempotent
@fills(Written)
async def reply(post_id: int, data: Written) -> Response:
    """Reply, by a form."""
    found = await posting.to_act_on(asker(), post_id)
    return await _published(found.channel.id, data, post_id)


@blueprint.post("/posts/<id:post_id>/react")
@hide
@or_again(act)
@limited(REACTING)
@signed_in
@fills(Reacted)
async def react(post_id: int, data: Reacted) -> Response:
    """React, or take a reaction back, by a form."""
    if data.add:
        await reaction.add(me(), post_id, data.add)
    if data.remove:
        await reaction.remove(me(), post_id, data.remove)
    return go_to(f"/posts/{post_id}#p{post_id}")


@blueprint.post("/posts/<id:post_id>/edit")
@hide
@or_again(act)
@limited(EDITING)
@signed_in
@fills(Rewritten)
async def edit(post_id: int, data: Rewritten) -> Response:
    """Change one's post, by a form."""
    await posting.revise(me(), post_id, {data.version}, data.body)
    return go_to(f"/posts/{post_id}#p{post_id}")


@blueprint.post("/posts/<id:post_id>/delete")
@hide
@or_again(act)
@limited(EDITING)
@signed_in
@fills(Deleted)
async def delete(post_id: int, data: Deleted) -> Response:
    """Delete one's post, by a form."""
    found = await posting.to_act_on(me(), post_id)
    await posting.remove(me(), post_id, {data.version})
    return go_to(f"/channels/{found.channel.id}")


async def _published(channel_id: int, data: Written, parent: int | None) -> Response:
    new = Draft(data.body, parent=parent, guest=data.guest, anonymous=data.anonymous)
    made = await posting.publish(asker(), channel_id, new, foreign_origin())
    if made.state == "published":
        return go_to(f"/posts/{made.id}#p{made.id}")
    return go_to(f"/posts/{made.id}/act" if asker() else f"/channels/{channel_id}")


async def _page(template: str, trouble: Trouble | None, channel: channel.ChannelRow, **context: object) -> Response:
    who = asker()
    try:
        rules.may_post(channel, who, foreign_origin())
        may_write = True
    except Refusal:
        may_write = False
    said = {"me": who, "channel": channel, "may_write": may_write, "key": fresh_key(), "trouble": trouble}
    body = await rendered(template, **said, **context)
    return Response(body, headers={"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")
