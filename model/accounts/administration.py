"""What admins do with accounts: find them, give them a role, disable them and enable them again.

An account that is disabled keeps its posts, its name and its memberships. Its sessions end; its tokens work again when
it is enabled.
"""

from typing import Any

import msgspec
from sqlalchemy import String, bindparam, or_, select, update

from model import audit
from model.accounts import session
from model.accounts.session import Identity
from model.accounts.user import Role, User, avatar_path
from pottle.errors import Conflict, NotFound, Versions, check_version
from pottle.store import Tx, db
from pottle.store.paging import Cursor, Page, paged_aside


class AccountView(msgspec.Struct):
    """An account as an admin sees it. `disabled` is since when, or null."""

    uid: str
    name: str
    email: str | None
    role: Role
    disabled: str | None
    avatar: str | None
    created: str
    version: int


ALL = select(
    User.id, User.uid, User.name, User.email, User.role, User.disabled, User.avatar_hash, User.created, User.version
)
PREFIX = bindparam("prefix", type_=String)
MATCHING = ALL.where(
    or_(
        User.uid_folded.like(PREFIX, escape="\\"),
        User.name.like(PREFIX, escape="\\"),
        User.name.like("% " + PREFIX, escape="\\"),
    )
)
BY_UID = ALL.where(User.uid_folded == bindparam("folded"))
OTHER_ADMINS = (
    select(User.id).where(User.role == "admin", User.disabled.is_(None), User.id != bindparam("but")).limit(1)
)
SET = (
    update(User)
    .where(User.id == bindparam("user"))
    .values(role=bindparam("as_"), disabled=bindparam("since"), version=User.version + 1)
)


async def listed(cursor: Cursor, beginning: str = "") -> Page[AccountView]:
    """Accounts, newest first: all, or those whose uid, or a word of whose name, begins so. For admins only."""
    literally = beginning.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    async with db.session() as reading:
        return await paged_aside(reading, MATCHING, User.id, cursor, _view, prefix=f"{literally}%")


def change(
    tx: Tx,
    identity: Identity | None,
    uid: str,
    versions: Versions = None,
    role: Role | None = None,
    disabled: bool | None = None,
) -> AccountView:
    """Unit: gives an account a role, disables or enables it. For admins and the operator (`identity` None).

    What it could do until now ends at once, on every worker and socket. Raises NotFound, Stale; Conflict when no admin
    would be left.
    """
    row = found(tx, uid)
    check_version(row.version, versions)
    as_: Role = role or row.role
    off = row.disabled is not None if disabled is None else disabled
    check_an_admin_is_left(tx, row, as_, off)
    if as_ != row.role or off != (row.disabled is not None):
        tx.run(SET, user=row.id, as_=as_, since=(row.disabled or tx.now) if off else None)
        _tell(tx, identity, row, as_, off)
    return _view(found(tx, uid))


def check_an_admin_is_left(tx: Tx, row: Any, role: Role, off: bool) -> None:
    """Raises Conflict where this change of an account, a row of `found`, would leave no admin."""
    was = row.role == "admin" and row.disabled is None
    stays = role == "admin" and not off
    if was and not stays and tx.one(OTHER_ADMINS, but=row.id) is None:
        raise Conflict(f"{row.uid} is the last admin.")


def _tell(tx: Tx, identity: Identity | None, row: Any, role: Role, off: bool) -> None:
    """Ends what has to end, and notes what was done."""
    tags = [f"user:{row.uid}"]
    if role != row.role:
        tx.changed("user.role", subject=row.id, tags=tags)
        audit.note(tx, identity, "user.role", row.uid, detail=role)
    if off and row.disabled is None:
        session.end_all(tx, row.id)
        tx.changed("user.disabled", subject=row.id, tags=tags)
        audit.note(tx, identity, "user.disabled", row.uid)
    elif not off and row.disabled is not None:
        tx.changed("user.edited", subject=row.id, tags=tags)
        audit.note(tx, identity, "user.enabled", row.uid)


def found(tx: Tx, uid: str) -> Any:
    """An account's row. Raises NotFound."""
    row = tx.one(BY_UID, folded=uid.lower())
    if row is None:
        raise NotFound(f"There is no user {uid}.")
    return row


def _view(row: Any) -> AccountView:
    path = avatar_path(row.uid, row.avatar_hash)
    return AccountView(row.uid, row.name, row.email, row.role, row.disabled, path, row.created, row.version)
