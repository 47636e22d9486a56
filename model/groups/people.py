"""The people of a group, for those who are in it: who they are, and whom one means by the beginning of a name."""

from typing import NamedTuple

import msgspec
from sqlalchemy import String, bindparam, case, func, or_, select

from model.accounts.session import Identity
from model.accounts.user import User, avatar_path, skeleton
from model.groups import group, rules
from model.groups.group import Membership
from model.groups.rules import Standing
from pottle.errors import Forbidden
from pottle.store import db
from pottle.translation import _

MOST = 8  # a list to choose from


class PersonView(msgspec.Struct):
    """Somebody in a group, as the others in it see them."""

    uid: str
    name: str
    avatar: str | None


class Member(PersonView):
    """Somebody in a group, and what they are there."""

    role: Standing


class Members(NamedTuple):
    """How many members a group has, and the first of them: its moderators, then by name."""

    many: int
    people: list[Member]


SHOWN = 60  # of the members, on a group's page
_in_it = Membership.group_id == bindparam("group_id"), User.disabled.is_(None)
MANY = select(func.count()).select_from(Membership).join(User, User.id == Membership.user_id).where(*_in_it)
FIRST = (
    select(User.uid, User.name, User.avatar_hash, Membership.role)
    .join(Membership, Membership.user_id == User.id)
    .where(*_in_it)
    .order_by(case((Membership.role == "moderator", 0), else_=1), User.name, User.id)
    .limit(SHOWN)
)


async def members(group_id: int) -> Members:
    """Who is in a group, for those who are in it."""
    async with db.session() as reading:
        many = await reading.scalar(MANY, {"group_id": group_id})
        found = await reading.execute(FIRST, {"group_id": group_id})
        people = [Member(row.uid, row.name, avatar_path(row.uid, row.avatar_hash), row.role) for row in found]
        return Members(many or 0, people)


def _begins(name: str) -> object:
    return bindparam(name, type_=String)


MATCHING = (
    select(User.uid, User.name, User.avatar_hash)
    .join(Membership, Membership.user_id == User.id)
    .where(
        Membership.group_id == bindparam("group_id"),
        User.id != bindparam("user_id"),
        User.disabled.is_(None),
        or_(
            User.uid_folded.like(_begins("prefix"), escape="\\"),
            User.name.ilike(_begins("prefix"), escape="\\"),
            User.name.ilike(_begins("word"), escape="\\"),
            User.likeness.like(_begins("likeness"), escape="\\"),
        ),
    )
    .order_by(User.uid_folded)
    .limit(MOST)
)


async def beginning(identity: Identity, slug: str, typed: str) -> list[PersonView]:
    """Others in a group whose user name, or a word of whose name, begins so: at most MOST.

    For its members, moderators and admins. Raises NotFound, Forbidden.
    """
    in_group = await group.visible_to(identity, slug)
    if not in_group.standing and not rules.moderates(in_group, identity):
        raise Forbidden(_("Only members see who is in this group."))
    literally = typed.strip().lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    begins = {"prefix": f"{literally}%", "word": f"% {literally}%", "likeness": f"{skeleton(literally)}%"}
    async with db.session() as reading:
        found = await reading.execute(MATCHING, {"group_id": in_group.id, "user_id": identity.user, **begins})
        return [PersonView(row.uid, row.name, avatar_path(row.uid, row.avatar_hash)) for row in found]
