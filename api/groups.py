"""`/api/groups`: groups, their rules and their members."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint

from api.access import EDITING, admins, asker, me, on_our_pages
from model.accounts import session
from model.accounts.user import Name, SomeUid
from model.groups import group, people
from model.groups.group import GroupView, MemberView, Origins, Slug
from model.groups.people import PersonView
from model.groups.rules import Posting, Reading, Review, Standing
from pottle.http.answers import Answer, Paging, asks, changed_fields, cursor, gives, listed, takes, wanted_versions
from pottle.http.asking import anyone, signed_in
from pottle.http.caching import shown
from pottle.http.limits import idempotent, limited
from pottle.values import line

blueprint = Blueprint("groups", __name__, url_prefix="/api/groups")


class NewGroup(msgspec.Struct):
    """A group to make: a class, club or site. Pages of `origins` may show it, and guests may write from there."""

    slug: Slug
    name: Name
    origins: Origins = []
    reading: Reading = "public"
    posting: Posting = "users"
    review: Review = "none"
    anonymous: bool = False
    images: bool = False


class GroupEdit(msgspec.Struct):
    """What to change."""

    name: Name | UnsetType = UNSET
    origins: Origins | UnsetType = UNSET
    reading: Reading | UnsetType = UNSET
    posting: Posting | UnsetType = UNSET
    review: Review | UnsetType = UNSET
    anonymous: bool | UnsetType = UNSET
    images: bool | UnsetType = UNSET


class GroupsView(msgspec.Struct):
    """Groups, newest first."""

    groups: list[GroupView]
    next: str | None
    prev: str | None


@blueprint.get("")
@anyone
@asks(Paging)
@gives(GroupsView)
async def index(query: Paging) -> Answer:
    """The groups that you may see."""
    if asker() is None:
        shown("groups", signed_out_only=True)
    return listed(GroupsView, await group.listed(asker(), cursor(query)))


@blueprint.post("")
@limited(EDITING)
@admins
@idempotent
@takes(NewGroup)
@gives(GroupView, 201)
async def create(data: NewGroup) -> Answer:
    """Make a group. Whoever makes it is its first moderator."""
    made = await group.create(me(), msgspec.structs.asdict(data))
    return Answer(made, location=f"/api/groups/{made.slug}")


@blueprint.get("/<slug>")
@anyone
@gives(GroupView)
async def show(slug: str) -> GroupView:
    """A group and its rules."""
    row = await group.visible_to(asker(), slug)
    if row.reading == "public":
        shown(f"group:{row.id}")
    return group.view(row)


@blueprint.patch("/<slug>")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(GroupEdit)
@gives(GroupView)
async def edit(slug: str, data: GroupEdit) -> GroupView:
    """Change a group's name or rules. Its moderators may."""
    return await group.edit(me(), slug, wanted_versions(), changed_fields(data))


@blueprint.delete("/<slug>")
@limited(EDITING)
@admins
@gives(None, 204)
async def delete(slug: str) -> None:
    """Delete a group with everything in it."""
    await group.remove(me(), slug, wanted_versions())


class MembersView(msgspec.Struct):
    """Members, newest account first."""

    members: list[MemberView]
    next: str | None
    prev: str | None


class NewMember(msgspec.Struct):
    """A user, and the role to give."""

    uid: SomeUid
    role: Standing = "member"


class PeopleQuery(msgspec.Struct):
    """The beginning of a user name, or of a word of a name."""

    q: Annotated[str, line(80, shortest=0)] = ""


class PeopleView(msgspec.Struct):
    """Some of those in a group."""

    people: list[PersonView]


@blueprint.get("/<slug>/people")
@signed_in
@on_our_pages
@asks(PeopleQuery)
@gives(PeopleView)
async def list_people(slug: str, query: PeopleQuery) -> PeopleView:
    """Others in a group whose name begins so, to mention them: at most eight. Members and moderators may see them."""
    return PeopleView(await people.beginning(me(), slug, query.q))


@blueprint.get("/<slug>/members")
@signed_in
@on_our_pages
@asks(Paging)
@gives(MembersView)
async def list_members(slug: str, query: Paging) -> Answer:
    """The members of a group. Its moderators may see them."""
    return listed(MembersView, await group.members(me(), slug, cursor(query)))


@blueprint.post("/<slug>/members")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(NewMember)
@gives(MemberView, 201)
async def put_member(slug: str, data: NewMember) -> MemberView:
    """Make a user a member or a moderator. The group's moderators may."""
    if data.role == "moderator":
        await session.must_be_confirmed(me())
    return await group.put_member(me(), slug, data.uid, data.role)


@blueprint.delete("/<slug>/members/<uid>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def remove_member(slug: str, uid: str) -> None:
    """End a membership, at once and on every connection. The group's moderators may."""
    await group.remove_member(me(), slug, uid)
