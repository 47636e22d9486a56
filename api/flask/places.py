"""`/flask/api/groups` and `/flask/api/channels`: where one may read and write."""

from typing import Annotated, Any

import msgspec
from quart import Blueprint

from api.flask.asking import by_any_program
from api.flask.lists import kept_for, that_fit
from api.flask.posts import Number
from api.flask.texts import is_too_deep, meant, safe, safe_content
from model.flask import numbers as flask_numbers
from model.flask import overview
from model.talk import channel
from model.talk.channel import Key
from pottle.errors import Invalid, NotFound
from pottle.http.answers import gives, takes
from pottle.http.asking import anyone, asker, me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import POSTING, limited
from pottle.store import db
from pottle.values import as_it_is

blueprint = Blueprint("places", __name__, url_prefix="/api")

MOST_ATTRIBUTES = 4_096  # bytes of JSON


class FlaskPlace(msgspec.Struct):
    """A group."""

    id: int
    name: str


class FlaskChannel(msgspec.Struct):
    """A channel. `attributes` is what a page kept with it, {} without any."""

    id: int
    name: str
    attributes: Any
    group_id: int


class FlaskNewChannel(Tolerant):
    """A channel to make in a group, and what to keep with it."""

    name: Key
    group_id: Number
    attributes: Any = None


Wanted = Annotated[str, as_it_is("a name to look for, maybe as it was sent to the page")]


class FlaskOfSection(Tolerant):
    """Of which section. Pottle has none: it is a group's name, or what the slugs of several begin with."""

    section_name: Wanted


class FlaskOfGroup(Tolerant):
    """Of which group: its name or slug."""

    group_name: Wanted


@blueprint.get("/groups")
@anyone
@gives(list[FlaskPlace])
async def groups() -> list[FlaskPlace]:
    """The groups that you may see."""
    found = await overview.groups(asker())
    kept_for(found.audience, "groups")
    return _groups(found.rows)


@blueprint.post("/groups/filter")
@by_any_program
@anyone
@takes(FlaskOfSection)
@gives(list[FlaskPlace])
async def groups_of_section(data: FlaskOfSection) -> list[FlaskPlace]:
    """The groups of a section, of those that you may see; all of them where there is no such section."""
    rows = await overview.groups_of_section(asker(), data.section_name, meant(data.section_name))
    return _groups(rows)


@blueprint.get("/channels")
@anyone
@gives(list[FlaskChannel])
async def channels() -> list[FlaskChannel]:
    """The channels that you may see."""
    found = await overview.channels(asker())
    kept_for(found.audience, "groups", "channels")
    return that_fit(_channels(found.rows))


@blueprint.post("/channels/filter")
@by_any_program
@anyone
@takes(FlaskOfGroup)
@gives(list[FlaskChannel])
async def channels_of_group(data: FlaskOfGroup) -> list[FlaskChannel]:
    """The channels of a group that you may see."""
    places = await overview.channels_of(asker(), data.group_name, meant(data.group_name))
    if places is None:
        raise NotFound("Group not found")
    return that_fit(_channels(places))


@blueprint.post("/channel")
@limited(POSTING)
@signed_in
@takes(FlaskNewChannel)
@gives(FlaskChannel)
async def create_channel(data: FlaskNewChannel) -> FlaskChannel:
    """Make a channel, or get the one of that name. Whoever may post in the group may."""
    attributes = data.attributes if data.attributes is not None else {}
    if is_too_deep(attributes):
        raise Invalid({"attributes": "has too many levels"})
    if len(msgspec.json.encode(attributes)) > MOST_ATTRIBUTES:
        raise Invalid({"attributes": f"must have at most {MOST_ATTRIBUTES} bytes"})
    in_group = flask_numbers.ours("group", int(data.group_id))
    opened = await db.write(flask_numbers.open_channel, me(), in_group, data.name, attributes)
    return _channels([await channel.find(me(), opened.channel.id)])[0]


def _groups(rows: list[Any]) -> list[FlaskPlace]:
    numbers = flask_numbers.theirs("group", (row.id for row in rows))
    return [FlaskPlace(numbers[row.id], safe(row.name)) for row in rows]


def _channels(places: list[Any]) -> list[FlaskChannel]:
    ids = [place.id for place in places]
    numbers, attributes = flask_numbers.theirs("channel", ids), flask_numbers.attributes(ids)
    groups = flask_numbers.theirs("group", (place.group_id for place in places))
    return [
        FlaskChannel(numbers[place.id], safe(place.title), safe_content(attributes[place.id]), groups[place.group_id])
        for place in places
    ]
