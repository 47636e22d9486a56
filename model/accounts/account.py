"""What is done with accounts: a user edits or deletes the own one, admins find, promote, disable and delete any.

A disabled account keeps its posts, its name and its memberships. Its sessions end; its tokens work again when it is
enabled. The posts of a deleted account stay, without a name; reactions, sessions and tokens go.
"""

import msgspec
from sqlalchemy import String, bindparam, delete, or_, select, update

from model import audit
from model.accounts import passwords, session, signing_in, user
from model.accounts.session import Identity, Session
from model.accounts.user import Account, Role, User
from model.groups import group
from model.groups.invitation import Invitation
from model.talk import reaction
from model.talk.post import FORMER_USER, Post
from pottle.errors import Conflict, Forbidden, Versions, check_version
from pottle.store import Tx, db, writes
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


def _view(found: User) -> AccountView:
    return msgspec.convert(found, AccountView, from_attributes=True)


async def edit(identity: Identity, versions: Versions, fields: dict[str, str | None], password: str | None) -> Account:
    """Sets columns of one's own account, and another password if there is one: all other sessions end with that.

    Raises Stale, NotFound; Invalid for a password that is too easy to guess. Who must know the old one is the caller's
    to say.
    """
    if password is not None:
        passwords.check(password, identity.uid, identity.name)
        fields = {**fields, "password_hash": await passwords.hashed(password)}
    return await _edit(identity, versions, fields)


@writes
def _edit(tx: Tx, identity: Identity, versions: Versions, fields: dict[str, str | None]) -> Account:
    if "name" in fields and not identity.admin:
        group.check_own_name(tx, str(fields["name"]), identity.user)
    own = user.by_id(tx.session, identity.user)
    check_version(own.version, versions)
    user.change(tx, own, **fields)
    if "password_hash" in fields:
        session.end_others.within(tx, identity)
        audit.note(tx, identity, "password.changed", identity.uid)
    return user.view(own)


PREFIX = bindparam("prefix", type_=String)
MATCHING = select(User.id, User).where(
    or_(
        User.uid_folded.like(PREFIX, escape="\\"),
        User.name.like(PREFIX, escape="\\"),
        User.name.like("% " + PREFIX, escape="\\"),
    )
)


async def listed(cursor: Cursor, beginning: str = "") -> Page[AccountView]:
    """Accounts, newest first: all, or those whose uid, or a word of whose name, begins so. For admins only."""
    literally = beginning.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    async with db.session() as reading:
        return await paged_aside(
            reading, MATCHING, User.id, cursor, lambda row: _view(row.User), prefix=f"{literally}%"
        )


@writes
def change(
    tx: Tx,
    by: Identity | None,
    uid: str,
    versions: Versions = None,
    role: Role | None = None,
    disabled: bool | None = None,
) -> AccountView:
    """Gives an account a role, disables or enables it. For admins and the operator (`by` None).

    The rights that it loses end at once, on every worker and socket. Raises NotFound, Stale; Conflict when no admin
    would be left.
    """
    found = user.by_uid(tx.session, uid)
    check_version(found.version, versions)
    if role == "user" or disabled:
        _check_an_admin_is_left(tx, found)
    before = found.role, found.disabled
    if role is not None and role != found.role:
        found.role = role
        _tell(tx, by, found, "user.role", "user.role", role)
    if disabled is True and found.disabled is None:
        found.disabled = tx.now
        tx.session.execute(delete(Session).where(Session.user_id == found.id))
        _tell(tx, by, found, "user.disabled", "user.disabled")
    elif disabled is False and found.disabled is not None:
        found.disabled = None
        _tell(tx, by, found, "user.edited", "user.enabled")
    if (found.role, found.disabled) != before:
        found.version += 1
    return _view(found)


def _check_an_admin_is_left(tx: Tx, found: User) -> None:
    """Raises Conflict where there would be no enabled admin without this one."""
    others = select(User.id).where(User.role == "admin", User.disabled.is_(None), User.id != found.id).limit(1)
    if found.role == "admin" and found.disabled is None and tx.session.scalar(others) is None:
        raise Conflict(f"{found.uid} is the last admin.")


def _tell(tx: Tx, by: Identity | None, found: User, kind: str, action: audit.Action, detail: str | None = None) -> None:
    tx.changed(kind, subject=found.id, tags=[f"user:{found.uid}"])
    audit.note(tx, by, action, found.uid, detail=detail)


async def leave(identity: Identity, password: str, versions: Versions) -> None:
    """Deletes one's account. Raises Forbidden, TooMany, Stale; Conflict when no admin would be left.

    Asks for the password again: a session that somebody left open must not suffice.
    """
    await signing_in.prove(identity, password)
    await _leave(identity, versions)


@writes
def _leave(tx: Tx, identity: Identity, versions: Versions) -> None:
    _delete(tx, identity, user.by_id(tx.session, identity.user), versions)


@writes
def remove(tx: Tx, by: Identity | None, uid: str, versions: Versions = None) -> None:
    """Deletes an account, for an admin or the operator (`by` None). One's own needs the password: `leave`.

    Raises NotFound, Forbidden, Stale; Conflict when no admin would be left.
    """
    found = user.by_uid(tx.session, uid)
    if by and found.id == by.user:
        raise Forbidden("Your own account is deleted with your password: DELETE /api/me.")
    _delete(tx, by, found, versions)


def _delete(tx: Tx, by: Identity | None, found: User, versions: Versions) -> None:
    check_version(found.version, versions)
    _check_an_admin_is_left(tx, found)
    reacted_to = tx.all(reaction.REACTED_TO, user_id=found.id)
    tx.session.execute(update(Post).where(Post.author_id == found.id).values(author_id=None, guest=FORMER_USER))
    # The accounts of a roster stay their group's; the codes that were still open end, as all of one's invitations do.
    of_rosters = update(Invitation).where(Invitation.made_by == found.id, Invitation.user_id.is_not(None))
    tx.session.execute(of_rosters.values(made_by=None, uses_left=0))
    tx.session.execute(delete(User).where(User.id == found.id))  # what refers to it goes with it
    for post in reacted_to:
        reaction.count_again(tx, post)
    _tell(tx, by, found, "user.deleted", "user.deleted")
