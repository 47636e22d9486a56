"""`/flask/api/section`, `/groups` and `/channels`: where one may read and write."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from quart import Blueprint

from api.access import EDITING, POSTING, asker, me
from api.flask.front_ends import kept_for, that_fit
from api.flask.texts import Number, Wanted, is_too_deep, meant, safe, safe_content
from model.flask import extras, overview
from model.flask.extras import ChannelRow
from model.flask.overview import GroupRow
from model.groups import joining
from model.talk.channel import Key
from pottle.errors import Forbidden, Invalid, NotFound
from pottle.http.answers import gives, takes
from pottle.http.asking import address, anyone, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import limited
from pottle.values import line

blueprint = Blueprint("groups", __name__, url_prefix="/api")

MOST_ATTRIBUTES = 4_096  # bytes of JSON


class FlaskPlace(msgspec.Struct):
    """A group."""

    id: int
    name: str


class FlaskSectionView(FlaskPlace):
    """A group as a section; `abbreviation` is its slug."""

    abbreviation: str


@blueprint.get("/section")
@anyone
@gives(list[FlaskSectionView])
async def sections() -> list[FlaskSectionView]:
    """The groups that you may see."""
    found = await overview.groups(asker())
    kept_for(found.audience, "groups")
    return [FlaskSectionView(row.section_number, safe(row.name), row.slug) for row in found.rows]


class FlaskSection(FlaskSectionView):
    """A group that one belongs to, and the year since when."""

    year: int


class FlaskSections(msgspec.Struct):
    """The groups that one belongs to."""

    sections: list[FlaskSection]


@blueprint.get("/user/section")
@signed_in
@gives(FlaskSections)
async def own_sections() -> FlaskSections:
    """The groups that one belongs to."""
    return FlaskSections(await joined_sections())


class FlaskNewSections(Tolerant):
    """Which sections to belong to: a group's code for each, or the abbreviation of one that one belongs to already."""

    sections: Annotated[list[Annotated[str, line(80)]], Meta(min_length=1, max_length=20)]


@blueprint.post("/user/section")
@limited(EDITING)
@signed_in
@takes(FlaskNewSections)
@gives(FlaskSections)
async def join(data: FlaskNewSections) -> FlaskSections:
    """Join groups by their codes. Nobody joins one by its name alone."""
    mine = {row.slug for row in await overview.memberships(me().user)}
    others = {row.slug for row in (await overview.groups(asker())).rows} - mine
    if name := next((name for name in data.sections if name.lower() in others), None):
        raise Forbidden(f"Nobody joins {name} by its name alone: send the code that its moderators give out.")
    for code in data.sections:
        if code.lower() not in mine:
            await joining.accept(me(), code, address())
    return FlaskSections(await joined_sections())


async def joined_sections() -> list[FlaskSection]:
    """The groups of whoever is signed in."""
    rows = await overview.memberships(me().user)
    return [FlaskSection(row.section_number, safe(row.name), row.slug, int(row.created[:4])) for row in rows]


@blueprint.get("/groups")
@anyone
@gives(list[FlaskPlace])
async def groups() -> list[FlaskPlace]:
    """The groups that you may see."""
    found = await overview.groups(asker())
    kept_for(found.audience, "groups")
    return _groups(found.rows)


class FlaskOfSection(Tolerant):
    """Of which section. Pottle has none: it is a group's name, or what the slugs of several begin with."""

    section_name: Wanted


@blueprint.post("/groups/filter")
@anyone
@takes(FlaskOfSection)
@gives(list[FlaskPlace])
async def groups_of_section(data: FlaskOfSection) -> list[FlaskPlace]:
    """The groups of a section, of those that you may see; all of them where there is no such section."""
    return _groups(await overview.groups_of_section(asker(), data.section_name, meant(data.section_name)))


def _groups(rows: list[GroupRow]) -> list[FlaskPlace]:
    return [FlaskPlace(row.number, safe(row.name)) for row in rows]


class FlaskChannel(FlaskPlace):
    """A channel. `attributes` is what a page kept with it, {} without any."""

    attributes: Any
    group_id: int


@blueprint.get("/channels")
@anyone
@gives(list[FlaskChannel])
async def channels() -> list[FlaskChannel]:
    """The channels that you may see."""
    found = await overview.channels(asker())
    kept_for(found.audience, "groups", "channels")
    return that_fit([_channel(row) for row in found.rows])


class FlaskOfGroup(Tolerant):
    """Of which group: its name or slug."""

    group_name: Wanted


@blueprint.post("/channels/filter")
@anyone
@takes(FlaskOfGroup)
@gives(list[FlaskChannel])
async def channels_of_group(data: FlaskOfGroup) -> list[FlaskChannel]:
    """The channels of a group that you may see."""
    rows = await overview.channels_of(asker(), data.group_name, meant(data.group_name))
    if rows is None:
        raise NotFound("Group not found")
    return that_fit([_channel(row) for row in rows])


class FlaskNewChannel(Tolerant):
    """A channel to make in a group, and what to keep with it."""

    name: Key
    group_id: Number
    attributes: Any = None


@blueprint.post("/channel")
@limited(POSTING)
@signed_in
@takes(FlaskNewChannel)
@gives(FlaskChannel)
async def create_channel(data: FlaskNewChannel) -> FlaskChannel:
    """Make a channel, or get the one of that name. Whoever may post in the group may."""
    attributes = {} if data.attributes is None else data.attributes
    if is_too_deep(attributes):
        raise Invalid({"attributes": "has too many levels"})
    if len(msgspec.json.encode(attributes)) > MOST_ATTRIBUTES:
        raise Invalid({"attributes": f"must have at most {MOST_ATTRIBUTES} bytes"})
    return _channel(await extras.open_channel(me(), data.group_id, data.name, attributes))


def _channel(row: ChannelRow) -> FlaskChannel:
    return FlaskChannel(row.number, safe(row.title), safe_content(row.attributes or {}), row.group_number)
