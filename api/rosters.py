"""`/api/groups/…/roster`: accounts for a whole class, each with a one-time code to print."""

from typing import Annotated

import msgspec
from quart import Blueprint

from api.access import EDITING, ROSTERS, by_session, confirmed, me
from api.joining import AccountCode, account_code
from model.accounts import codes
from model.groups import group, roster
from model.groups.roster import Pupil
from pottle.errors import Invalid
from pottle.http.answers import gives, takes
from pottle.http.asking import signed_in
from pottle.http.limits import limited
from pottle.values import as_it_is

blueprint = Blueprint("rosters", __name__, url_prefix="/api/groups/<slug>/roster")


Lines = Annotated[str, as_it_is("model/groups/roster.py tells what is wrong with each line")]


class NewRoster(msgspec.Struct):
    """Who is in the class: `names`, or the text of a `csv` with one column (the name) or two (first, last name).

    A CSV whose first line has headings (`name`; `first name`, `last name`; `uid`) may have more columns.
    """

    names: list[Lines] | None = None
    csv: Lines | None = None


class RosterView(msgspec.Struct):
    """The accounts that were made, in the roster's order."""

    accounts: list[AccountCode]


@blueprint.post("")
@limited(ROSTERS)
@signed_in
@by_session
@takes(NewRoster)
@gives(RosterView, 201)
async def create(slug: str, data: NewRoster) -> RosterView:
    """Make accounts for up to 500 people, all or none, as members of the group. Its moderators may."""
    await group.moderated(me(), slug)
    enrolled = await codes.enrol(me(), slug, _pupils(data))
    return RosterView([account_code(made) for made in enrolled])


def _pupils(data: NewRoster) -> list[Pupil]:
    if (data.names is None) == (data.csv is None):
        raise Invalid({"": "send either names or csv"})
    return roster.from_names(data.names) if data.names is not None else roster.from_csv(data.csv or "")


@blueprint.post("/<uid>")
@limited(EDITING)
@signed_in
@confirmed
@gives(AccountCode, 201)
async def renew(slug: str, uid: str) -> AccountCode:
    """Make another code for an account of the roster, for who lost it or forgot the password; the one before ends.

    The group's moderators may, as long as the account is no more than a member of this one group; admins always.
    """
    return account_code(await codes.renew(me(), slug, uid))
