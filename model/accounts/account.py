"""What is done with accounts: signing in, editing or deleting one's own; admins find, promote, disable and delete any.

A disabled account keeps its name, its memberships and what it wrote. Its sessions end; its tokens work again once it is
enabled. With a deleted account goes what refers to it; `on_end` says what else is to be done then.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from sqlalchemy import Select, String, bindparam, delete, or_, select, update

from model import audit
from model.accounts import authenticator, credentials, passwords, proof, second, session, ticket, user, ways
from model.accounts.authenticator import Authenticator
from model.accounts.session import How, Identity, Second, Session, Signed
from model.accounts.ticket import SecondNeeded
from model.accounts.user import Account, Role, User
from model.groups import group
from model.groups.invitation import Invitation
from pottle.errors import Conflict, Forbidden, Invalid, Unauthenticated, Versions, check_version
from pottle.rates import Rate
from pottle.store import Snapshot, Tx, db, limits, reads, writes
from pottle.store.paging import Cursor, Page, paged_aside
from pottle.translation import _

FAILED_SIGN_INS = Rate("failed sign-ins", 5, per=60)

PASSWORD = select(User.id, User.password_hash).where(User.uid_folded == bindparam("uid_folded"))
OWN_PASSWORD = select(User.id, User.password_hash).where(User.id == bindparam("id"))
PREFIX = bindparam("prefix", type_=String)
_second = select(Authenticator.since).where(Authenticator.user_id == User.id).scalar_subquery().label("second")
MATCHING = select(User.id, User, _second).where(
    or_(
        User.uid_folded.ilike(PREFIX, escape="\\"),
        User.name.ilike(PREFIX, escape="\\"),
        User.name.ilike("% " + PREFIX, escape="\\"),
    )
)
_at_the_end: list[Callable[[Tx, int], None]] = []
_erasers: list[Callable[[str], Awaitable[object]]] = []


def on_end(do: Callable[[Tx, int], None]) -> None:
    """Has `do` be called within each unit that deletes an account, with its id, before its row goes."""
    _at_the_end.append(do)


def on_erasure(do: Callable[[str], Awaitable[object]]) -> None:
    """Has `do` be awaited, with the uid, before somebody leaves who wants nothing to stay that they wrote."""
    _erasers.append(do)


class AccountView(Account):
    """An account as an admin sees it. `disabled` is since when, or null; `second_factor`: whether it has an app."""

    disabled: str | None
    second_factor: bool


async def sign_in(uid: str, password: str, address: str, device: str = "") -> Signed:
    """A new session. Raises Unauthenticated, after the same time for any reason; TooMany for a guesser.

    Raises SecondNeeded where the account has a second factor; Forbidden for a disabled account, which only somebody
    who knows its password learns. A hash that another program made is replaced by one of ours
    (model/accounts/passwords.py).
    """
    party = f"{uid.lower()} {address}"
    await _count(party)
    found = await _with_password(password, PASSWORD, uid_folded=uid.lower())
    if found is None:
        raise Unauthenticated(_("Wrong user name or password."))
    old = found.password_hash
    new = await passwords.hashed(password) if passwords.outdated(old) else old
    return signed(await _start(found.id, party, old, new, device))


def entered(tx: Tx, user_id: int, device: str, how: How, given: Second | None = None) -> Signed | SecondNeeded:
    """Within a unit: somebody has given a first factor. A new session, or what `signed` raises after the unit.

    `given` is a second factor that somebody else has seen to.
    """
    if given is None and (wanted := second.ways(tx, user_id)):
        return ticket.issue(tx, user_id, device, how, wanted)
    return session.begin(tx, user_id, device, how=how, second=given)


def signed(outcome: Signed | SecondNeeded) -> Signed:
    """The session that `entered` has begun. Raises SecondNeeded where it has not."""
    if isinstance(outcome, SecondNeeded):
        raise outcome
    return outcome


async def prove(identity: Identity, password: str) -> None:
    """Raises Forbidden unless `password` is that of `identity`; TooMany for a guesser, as `sign_in` does."""
    await db.write_ahead(_count.within, identity.party)
    if await _with_password(password, OWN_PASSWORD, id=identity.user) is None:
        raise Forbidden(_("That is not your password."))
    await db.write_ahead(_count.within, identity.party, -1)


async def _with_password(password: str, statement: Select[int, str | None], **whose: Any) -> Any:
    """The user's row if the password is right; None, after the same time, if it is wrong or there is no such user."""
    row = await db.read(Snapshot.one, statement, **whose)
    right = await passwords.matches(row.password_hash if row else None, password)
    return row if right else None


@writes
def _count(tx: Tx, party: str, by: int = 1) -> None:
    """Counts an attempt before the password is checked, so that guesses sent at once count too; -1 takes it back."""
    if not db.settings.rate_limits:
        return
    if by > 0:
        limits.check(tx, party, FAILED_SIGN_INS)
    limits.spend(tx, party, FAILED_SIGN_INS, by)


@writes
def _start(tx: Tx, user_id: int, party: str, old: str, new: str, device: str) -> Signed | SecondNeeded:
    found = tx.session.get(User, user_id)
    if found is None or found.disabled:
        raise Forbidden(_("This account is disabled."))
    if found.password_hash == old:  # else somebody has set another one meanwhile
        found.password_hash = new
    _count.within(tx, party, -1)
    return entered(tx, user_id, device, "password")


async def edit(identity: Identity, versions: Versions, fields: dict[str, str | None], password: str | None) -> Account:
    """Changes one's own account; with another password all other sessions end.

    Raises Stale, NotFound; Invalid for a password that is too easy to guess. Whether the old password has to be given
    is for the caller to decide.
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
    before = own.email
    user.change(tx, own, **fields)
    proof.given(tx, own.id, before, own.email)
    if "password_hash" in fields:
        ticket.end_all(tx, identity.user)
        session.end_others.within(tx, identity)
        credentials.note(tx, identity, "password.changed", identity.user, identity.uid)
    return user.view(own)


async def listed(cursor: Cursor, beginning: str = "") -> Page[AccountView]:
    """Accounts, newest first: all, or those whose uid, or a word of whose name, begins so. For admins only."""
    literally = beginning.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    async with db.session() as reading:
        return await paged_aside(
            reading, MATCHING, User.id, cursor, lambda row: _view(row.User, row.second), prefix=f"{literally}%"
        )


def _view(found: User, second: object) -> AccountView:
    own = msgspec.structs.asdict(user.view(found))
    return AccountView(**own, disabled=found.disabled, second_factor=second is not None)


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
    version = found.version
    if role == "user" or disabled:
        check_an_admin_is_left(tx, found)
    if role is not None and role != found.role:
        user.change(tx, found, "user.role", role=role)
        audit.note(tx, by, "user.role", found.uid, detail=role)
    if disabled and found.disabled is None:
        tx.session.execute(delete(Session).where(Session.user_id == found.id))
        ticket.end_all(tx, found.id)
        user.change(tx, found, "user.disabled", disabled=tx.now)
        audit.note(tx, by, "user.disabled", found.uid)
    elif disabled is False and found.disabled is not None:
        user.change(tx, found, disabled=None)
        audit.note(tx, by, "user.enabled", found.uid)
    found.version = min(found.version, version + 1)  # a role and `disabled` at once are one edit
    own = authenticator.own(tx, found.id)
    return _view(found, own and own.since)


def check_an_admin_is_left(tx: Tx, found: User) -> None:
    """Within a unit that takes the rights of an account: raises Conflict for the last admin."""
    others = select(User.id).where(User.role == "admin", User.disabled.is_(None), User.id != found.id).limit(1)
    if found.role == "admin" and found.disabled is None and tx.session.scalar(others) is None:
        raise Conflict(_("%(uid)s is the last admin.", uid=found.uid))


async def prove_again(identity: Identity, password: str | None) -> None:
    """For what a session that somebody left open must not suffice: asks for the password again.

    Who has none must have proven within the last minutes who they are. Raises Invalid, and as `prove` and
    `session.must_be_confirmed` do.
    """
    if password is not None:
        await prove(identity, password)
    elif await has_password(identity):
        raise Invalid({"password": _("is missing")})
    else:
        await session.must_be_confirmed(identity)


@reads
def has_password(read: Snapshot, identity: Identity) -> bool:
    """Whether a user has a password, and not only other ways to sign in."""
    return "password" in ways.of(read, identity.user)


@writes
def remove_password(tx: Tx, identity: Identity) -> None:
    """Takes one's own password off; all other sessions end. Raises Conflict for the only way in; twice is once."""
    if not has_password.within(tx, identity):
        return
    ways.must_have_another(tx, identity.user)
    user.change(tx, user.by_id(tx.session, identity.user), password_hash=None)
    ticket.end_all(tx, identity.user)
    session.end_others.within(tx, identity)
    credentials.note(tx, identity, "password.removed", identity.user, identity.uid)


async def leave(identity: Identity, password: str | None, versions: Versions, everything: bool = False) -> None:
    """Deletes one's account; with `everything` also what one wrote, which else stays without a name.

    Raises Forbidden, TooMany, Stale; Conflict when no admin would be left; what `prove_again` does.
    """
    await prove_again(identity, password)
    for erase in _erasers if everything else ():
        await erase(identity.uid)
    await _delete(identity, identity.uid, versions)


@writes
def remove(tx: Tx, by: Identity | None, uid: str, versions: Versions = None, why: str | None = None) -> None:
    """Deletes an account, for an admin or the operator (`by` None). One's own needs the password: `leave`.

    `why` is for the activity log.

    Raises NotFound, Forbidden, Stale; Conflict when no admin would be left.
    """
    if by and by.uid.lower() == uid.lower():
        raise Forbidden(_("Your own account is deleted with your password: DELETE /api/me."))
    _delete.within(tx, by, uid, versions, why)


@writes
def _delete(tx: Tx, by: Identity | None, uid: str, versions: Versions, why: str | None = None) -> None:
    found = user.by_uid(tx.session, uid)
    check_version(found.version, versions)
    check_an_admin_is_left(tx, found)
    for do in _at_the_end:
        do(tx, found.id)
    # The accounts of a roster stay their group's; the codes that were still open end, as all of one's invitations do.
    of_rosters = update(Invitation).where(Invitation.made_by == found.id, Invitation.user_id.is_not(None))
    tx.session.execute(of_rosters.values(made_by=None, uses_left=0))
    tx.session.execute(delete(User).where(User.id == found.id))  # what refers to it goes with it
    tx.changed("user.deleted", subject=found.id, tags=[f"user:{found.uid}"])
    audit.note(tx, by, "user.deleted", found.uid, detail=why)
