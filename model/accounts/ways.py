"""The ways in which an account can be signed in to: by a password, and what else there is. The last one has to stay."""

from collections.abc import Callable

from sqlalchemy import bindparam, select

from model.accounts.user import User
from pottle.errors import Conflict
from pottle.store import Snapshot
from pottle.translation import _

Count = Callable[[Snapshot, int], int]  # how many of a kind a user has

HAS_PASSWORD = select(User.id).where(User.id == bindparam("id"), User.password_hash.is_not(None))

_counted: dict[str, Count] = {"password": lambda read, user_id: int(read.one(HAS_PASSWORD, id=user_id) is not None)}


def also(kind: str, count: Count) -> None:
    """There is another kind of ways; `count` says how many of it a user has."""
    _counted[kind] = count


def of(read: Snapshot, user_id: int) -> dict[str, int]:
    """How many ways of each kind a user has; kinds without any are left out."""
    found = {kind: count(read, user_id) for kind, count in _counted.items()}
    return {kind: many for kind, many in found.items() if many}


def must_have_another(read: Snapshot, user_id: int) -> None:
    """Raises Conflict where a user who takes one way off would have none left."""
    if sum(of(read, user_id).values()) <= 1:
        raise Conflict(_("It is your only way to sign in. Set up another one first, such as a password."))
