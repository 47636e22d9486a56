"""`/flask/api/groups` and `/flask/api/channels`: where one may read and write."""

from typing import Annotated, Any

import msgspec
from quart import Blueprint

from api.flask.lists import kept_for
from api.flask.texts import meant, safe
from api.http.answers import gives, takes
from api.http.asking import anyone, asker
from api.http.bodies import Tolerant
from model import overview
from model.errors import NotFound
from model.values import as_it_is

blueprint = Blueprint("places", __name__, url_prefix="/api")


class FlaskPlace(msgspec.Struct):
    """A group or a channel."""

    id: int
    name: str


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
    return [_group(row) for row in found.rows]


@blueprint.post("/groups/filter")
@anyone
@takes(FlaskOfSection)
@gives(list[FlaskPlace])
async def groups_of_section(data: FlaskOfSection) -> list[FlaskPlace]:
    """The groups of a section, of those that you may see; all of them where there is no such section."""
    rows = await overview.groups_of_section(asker(), data.section_name, meant(data.section_name))
    return [_group(row) for row in rows]


@blueprint.get("/channels")
@anyone
@gives(list[FlaskPlace])
async def channels() -> list[FlaskPlace]:
    """The channels that you may see."""
    found = await overview.channels(asker())
    kept_for(found.audience, "groups", "channels")
    return [_channel(place) for place in found.rows]


@blueprint.post("/channels/filter")
@anyone
@takes(FlaskOfGroup)
@gives(list[FlaskPlace])
async def channels_of_group(data: FlaskOfGroup) -> list[FlaskPlace]:
    """The channels of a group that you may see."""
    places = await overview.channels_of(asker(), data.group_name, meant(data.group_name))
    if places is None:
        raise NotFound("Group not found")
    return [_channel(place) for place in places]


def _group(row: Any) -> FlaskPlace:
    return FlaskPlace(row.id, safe(row.name))


def _channel(place: Any) -> FlaskPlace:
    return FlaskPlace(place.id, safe(place.title))
