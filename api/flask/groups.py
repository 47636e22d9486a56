"""`/flask/api/section`, `/groups` and `/channels`: where one may read and write."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.access import EDITING, POSTING, asker, me
from api.flask.endpoints import Number, Wanted, endpoint, is_too_deep, kept_for, meant, safe, safe_content, that_fit
from model.flask import extras, overview
from model.flask.extras import ChannelRow
from model.flask.overview import GroupRow
from model.groups import joining
from model.talk.channel import Key
from pottle.errors import Forbidden, Invalid, NotFound
from pottle.http.asking import address, anyone, signed_in
from pottle.values import line

MOST_ATTRIBUTES = 4_096  # bytes of JSON


class FlaskPlace(msgspec.Struct):
    """A group."""

    id: int
    name: str


class FlaskSectionView(FlaskPlace):
    """A group as a section; `abbreviation` is its slug."""

    abbreviation: str


@endpoint("GET /section", anyone)
async def sections() -> list[FlaskSectionView]:
    """The groups that you may see."""
    audience, rows = await overview.groups(asker())
    kept_for(audience, "groups")
    return [FlaskSectionView(row.section_number, safe(row.name), row.slug) for row in rows]


class FlaskSection(FlaskSectionView):
    """A group that one belongs to, and the year since when."""

    year: int


class FlaskSections(msgspec.Struct):
    """The groups that one belongs to."""

    sections: list[FlaskSection]


@endpoint("GET /user/section", signed_in)
async def own_sections() -> FlaskSections:
    """The groups that one belongs to."""
    return FlaskSections(await joined_sections())


@endpoint("POST /user/section", signed_in, EDITING)
async def join(sections: Annotated[list[Annotated[str, line(80)]], Meta(min_length=1, max_length=20)]) -> FlaskSections:
    """Join groups by their codes, or by the `abbreviation` of one's own. Nobody joins one by its name alone."""
    mine = {row.slug for row in await overview.memberships(me().user)}
    others = {row.slug for row in (await overview.groups(asker()))[1]} - mine
    if name := next((name for name in sections if name.lower() in others), None):
        raise Forbidden(f"Nobody joins {name} by its name alone: send the code that its moderators give out.")
    for code in sections:
        if code.lower() not in mine:
            await joining.accept(me(), code, address())
    return FlaskSections(await joined_sections())


async def joined_sections() -> list[FlaskSection]:
    """The groups of whoever is signed in."""
    rows = await overview.memberships(me().user)
    return [FlaskSection(row.section_number, safe(row.name), row.slug, int(row.created[:4])) for row in rows]


@endpoint("GET /groups", anyone)
async def groups() -> list[FlaskPlace]:
    """The groups that you may see."""
    audience, rows = await overview.groups(asker())
    kept_for(audience, "groups")
    return _groups(rows)


@endpoint("POST /groups/filter", anyone)
async def groups_of_section(section_name: Wanted) -> list[FlaskPlace]:
    """The groups of a section, of those that you may see; all of them where there is no such section.

    Pottle has no sections: it is a group's name, or what the slugs of several begin with.
    """
    return _groups(await overview.groups_of_section(asker(), section_name, meant(section_name)))


def _groups(rows: list[GroupRow]) -> list[FlaskPlace]:
    return [FlaskPlace(row.number, safe(row.name)) for row in rows]


class FlaskChannel(FlaskPlace):
    """A channel. `attributes` is what a page kept with it, {} without any."""

    attributes: Any
    group_id: int


@endpoint("GET /channels", anyone)
async def channels() -> list[FlaskChannel]:
    """The channels that you may see."""
    audience, rows = await overview.channels(asker())
    kept_for(audience, "groups", "channels")
    return that_fit([_channel(row) for row in rows])


@endpoint("POST /channels/filter", anyone)
async def channels_of_group(group_name: Wanted) -> list[FlaskChannel]:
    """The channels of a group, by its name or slug, that you may see."""
    rows = await overview.channels_of(asker(), group_name, meant(group_name))
    if rows is None:
        raise NotFound("Group not found")
    return that_fit([_channel(row) for row in rows])


@endpoint("POST /channel", signed_in, POSTING)
async def create_channel(name: Key, group_id: Number, attributes: Any = None) -> FlaskChannel:
    """Make a channel with `attributes`, or get the one of that name. Whoever may post in the group may."""
    attributes = {} if attributes is None else attributes
    if is_too_deep(attributes):
        raise Invalid({"attributes": "has too many levels"})
    if len(msgspec.json.encode(attributes)) > MOST_ATTRIBUTES:
        raise Invalid({"attributes": f"must have at most {MOST_ATTRIBUTES} bytes"})
    return _channel(await extras.open_channel(me(), group_id, name, attributes))


def _channel(row: ChannelRow) -> FlaskChannel:
    return FlaskChannel(row.number, safe(row.title), safe_content(row.attributes or {}), row.group_number)
