"""One's own account, as its user changes it."""

from typing import Any

from model import audit
from model.accounts import passwords, session, user
from model.accounts.session import Identity
from model.accounts.user import Account
from model.groups import group
from pottle.errors import Versions
from pottle.store import Tx, db


async def edit(identity: Identity, versions: Versions, fields: dict[str, str | None], password: str | None) -> Account:
    """Sets columns of one's own account, and another password if there is one: all other sessions end with that.

    Raises Stale, NotFound; Invalid for a password that is too short. Who must know the old one is the caller's to say.
    """
    if password is not None:
        user.check_password(password, identity.uid, identity.name)
        fields = {**fields, "password_hash": await passwords.hashed(password)}
    return await db.write(_edit, identity, versions, fields)


def _edit(tx: Tx, identity: Identity, versions: Versions, fields: dict[str, Any]) -> Account:
    if "name" in fields and not identity.admin:
        group.check_own_name(tx, str(fields["name"]), identity.user)
    account = user.edit(tx, identity.user, versions, fields)
    if "password_hash" in fields:
        session.end_others(tx, identity)
        audit.note(tx, identity, "password.changed", identity.uid)
    return account
