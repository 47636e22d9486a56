"""`/flask/api/section` and `/flask/api/user/section`: groups as sections, and which of them one belongs to."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint

from api.flask.lists import kept_for
from api.flask.texts import safe
from model.flask import overview
from model.flask.numbers import theirs
from model.groups import joining
from pottle.errors import Forbidden
from pottle.http.answers import gives, takes
from pottle.http.asking import address, anyone, asker, me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import EDITING, limited
from pottle.values import line

blueprint = Blueprint("sections", __name__, url_prefix="/api")


class FlaskSectionView(msgspec.Struct):
    """A group as a section; `abbreviation` is its slug."""

    id: int
    name: str
    abbreviation: str


class FlaskSection(msgspec.Struct):
    """A group that one belongs to, and the year since when."""

    id: int
    name: str
    abbreviation: str
    year: int


class FlaskSections(msgspec.Struct):
    """The groups that one belongs to."""

    sections: list[FlaskSection]


class FlaskNewSections(Tolerant):
    """Which sections to belong to: a group's code for each, or the abbreviation of one that one belongs to already."""

    sections: Annotated[list[Annotated[str, line(80)]], Meta(min_length=1, max_length=20)]


@blueprint.get("/section")
@anyone
@gives(list[FlaskSectionView])
async def index() -> list[FlaskSectionView]:
    """The groups that you may see."""
    found = await overview.groups(asker())
    kept_for(found.audience, "groups")
    numbers = theirs("section", (row.id for row in found.rows))
    return [FlaskSectionView(numbers[row.id], safe(row.name), row.slug) for row in found.rows]


async def sections_of(user: int) -> list[FlaskSection]:
    """The groups that a user belongs to."""
    rows = await overview.memberships(user)
    numbers = theirs("section", (row.id for row in rows))
    return [FlaskSection(numbers[row.id], safe(row.name), row.slug, int(row.created[:4])) for row in rows]


@blueprint.get("/user/section")
@signed_in
@gives(FlaskSections)
async def show() -> FlaskSections:
    """The groups that one belongs to."""
    return FlaskSections(await sections_of(me().user))


@blueprint.post("/user/section")
@limited(EDITING)
@signed_in
@takes(FlaskNewSections)
@gives(FlaskSections)
async def join(data: FlaskNewSections) -> FlaskSections:
    """Join groups by their codes. Nobody joins one by its name alone."""
    mine = {row.slug for row in await overview.memberships(me().user)}
    seen = {row.slug for row in (await overview.groups(asker())).rows}
    for name in data.sections:
        if name.lower() in seen - mine:
            raise Forbidden(f"Nobody joins {name} by its name alone: send the code that its moderators give out.")
    for code in data.sections:
        if code.lower() not in mine:
            await joining.accept(me(), code, address())
    return FlaskSections(await sections_of(me().user))
