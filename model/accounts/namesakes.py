"""Namesakes: a name that can be taken for that of a moderator or admin of a group is refused there, for anybody else.

Admins look after every group. Names are compared by their likeness (model/accounts/likeness.py), which accounts keep.
"""

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import aliased

from model.accounts import likeness
from model.accounts.user import User
from model.groups.group import Membership
from pottle.errors import Invalid
from pottle.store import Snapshot

ALIKE = "can be taken for that of somebody who looks after this group; please add something, such as a last name"

_mine = aliased(Membership)
_moderates = (Membership.user_id == User.id, Membership.role == "moderator")
_like = (User.likeness == bindparam("looks"), User.id != bindparam("but"))
IN_GROUP = (
    select(User.id)
    .where(
        *_like,
        or_(
            User.role == "admin",
            select(Membership.user_id).where(*_moderates, Membership.group_id == bindparam("group")).exists(),
        ),
    )
    .limit(1)
)
IN_MY_GROUPS = (
    select(User.id)
    .where(
        *_like,
        or_(
            User.role == "admin",
            select(Membership.user_id)
            .join(_mine, _mine.group_id == Membership.group_id)
            .where(*_moderates, _mine.user_id == bindparam("but"))
            .exists(),
        ),
    )
    .limit(1)
)


def alike(read: Snapshot, name: str, group: int, but: int = 0) -> bool:
    """Whether somebody else than the user `but` looks after a group (the id), whose name that one can be taken for."""
    return read.one(IN_GROUP, looks=likeness.of(name), group=group, but=but) is not None


def check(read: Snapshot, name: str, group: int, field: str = "name", but: int = 0) -> None:
    """Raises Invalid for a name that is `alike`."""
    if alike(read, name, group, but):
        raise Invalid({field: ALIKE})


def check_own(read: Snapshot, name: str, user: int) -> None:
    """Raises Invalid for a name that a user could not have in all groups that the user belongs to."""
    if read.one(IN_MY_GROUPS, looks=likeness.of(name), but=user) is not None:
        raise Invalid({"name": ALIKE})
