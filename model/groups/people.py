"""The people of a group, for those who are in it: whom one means by the beginning of a name."""

import msgspec
from sqlalchemy import String, bindparam, or_, select

from model.accounts.session import Identity
from model.accounts.user import User, avatar_path, skeleton
from model.groups import group, rules
from model.groups.group import Membership
from pottle.errors import Forbidden
from pottle.store import db

MOST = 8  # a list to choose from


class PersonView(msgspec.Struct):
    """Somebody in a group, as the others in it see them."""

    uid: str
    name: str
    avatar: str | None


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
        raise Forbidden("Only members see who is in this group.")
    literally = typed.strip().lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    begins = {"prefix": f"{literally}%", "word": f"% {literally}%", "likeness": f"{skeleton(literally)}%"}
    async with db.session() as reading:
        found = await reading.execute(MATCHING, {"group_id": in_group.id, "user_id": identity.user, **begins})
        return [PersonView(row.uid, row.name, avatar_path(row.uid, row.avatar_hash)) for row in found]
