"""Of whom the operator requires a second factor: POTTLE_SECOND_FACTOR. Who gives none does not have these rights."""

from typing import Literal

from sqlalchemy import bindparam, column, select, table

from model import settings
from model.accounts.user import Role
from pottle.store import Snapshot

Wanted = Literal["optional", "admins", "moderators"]

MEMBERSHIPS = table("memberships", column("user_id"), column("role"))
MODERATES = (
    select(MEMBERSHIPS.c.user_id)
    .where(MEMBERSHIPS.c.user_id == bindparam("user_id"), MEMBERSHIPS.c.role == "moderator")
    .limit(1)
)


def wanted() -> Wanted:
    """Of whom a second factor is required; moderators include admins."""
    return settings.chosen().second_factor


def required(read: Snapshot, user_id: int, role: Role) -> bool:
    """Whether a second factor is required of a user."""
    if wanted() == "optional" or role == "admin":
        return wanted() != "optional"
    return wanted() == "moderators" and read.one(MODERATES, user_id=user_id) is not None
