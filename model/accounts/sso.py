"""Single sign-on: a site signs its own users in to its group, by tokens that it signs with a secret of the group.

The account of a `sub` belongs to the group: made at the first token, and brought up to date by each. It is always one
of its own and never one that was there before. What a token gives is good in the group alone (`Site`), so that whoever
has the secret has the group, and nothing else of anybody. Each token is good once.
"""

import secrets
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import audit, settings
from model.accounts import codes, proof, session, user
from model.accounts.session import How, Identity, Second, SessionView, Site
from model.accounts.sso_token import SKEW_SECONDS, BadToken, Claims, Verified, verified
from model.accounts.user import User
from model.groups import group, roster
from model.groups.group import Group, Membership
from model.groups.rules import Standing
from pottle import times
from pottle.errors import Conflict, Forbidden, NotFound, Unauthenticated
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, reads, writes
from pottle.translation import _

MOST_SECRETS = 2  # of a group: one in use, and the one before or after it
LONGEST_NAME = 80


class SsoSecret(Base):
    """A secret of a group. It is kept as it is, for HS256 verifies with what signs."""

    __tablename__ = "sso_secrets"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    secret: Mapped[str] = mapped_column(String(80))
    created: Mapped[Time]
    used: Mapped[str | None] = mapped_column(String(10))  # the day of its last use


class SsoAccount(Base):
    """Whose account a `sub` is. `moderator` says whether a token made it one, so that a token may take that again."""

    __tablename__ = "sso_accounts"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    sub: Mapped[str] = mapped_column(String(200), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    moderator: Mapped[bool]


class SsoToken(Base):
    """A token that was used, until it could not be used anyway."""

    __tablename__ = "sso_tokens"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires: Mapped[Time] = mapped_column(index=True)


class SecretView(msgspec.Struct):
    """A secret of single sign-on, itself only in the answer that made it. `used` is the day of its last use."""

    id: int
    created: str
    used: str | None
    secret: str | None = None


SECRETS = (
    select(SsoSecret.id, SsoSecret.secret, SsoSecret.group_id, Group.origins)
    .join(Group, Group.id == SsoSecret.group_id)
    .where(Group.slug == bindparam("slug"))
    .order_by(SsoSecret.id.desc())
)
OF_GROUP = SsoSecret.group_id == bindparam("group_id")
LISTED = select(SsoSecret.id, SsoSecret.created, SsoSecret.used).where(OF_GROUP).order_by(SsoSecret.id.desc())
COUNT = select(func.count().label("n")).select_from(SsoSecret).where(OF_GROUP)
ADD = insert(SsoSecret).returning(SsoSecret.id)
DROP = delete(SsoSecret).where(OF_GROUP, SsoSecret.id == bindparam("id"))
USED = update(SsoSecret).where(SsoSecret.id == bindparam("id"))
_its = SsoAccount.group_id == bindparam("group_id"), SsoAccount.sub == bindparam("sub")
KNOWN = select(SsoAccount.user_id, SsoAccount.moderator).where(*_its)
ADD_ACCOUNT = insert(SsoAccount)
GIVEN = update(SsoAccount).where(*_its)
TOKEN = select(SsoToken.expires).where(SsoToken.digest == bindparam("digest"))
KEEP_TOKEN = insert(SsoToken)
FORGET_TOKENS = delete(SsoToken).where(SsoToken.expires < bindparam("before"))
SITE = select(Group.id, Group.origins).where(Group.slug == bindparam("slug"))


async def sign_in(slug: str, token: str, origin: str | None, device: str) -> SessionView:
    """A session of the account that a site's token is for: for pages of `origin`, or for a program of the site (None).

    Raises Unauthenticated for a token that is not good or was used; Forbidden for an origin that is not one of the
    group's, and for a disabled account.
    """
    await db.read(_admitted, slug, token, origin)
    return await _sign_in(slug, token, origin, device)


@writes
def _sign_in(tx: Tx, slug: str, token: str, origin: str | None, device: str) -> SessionView:
    found, group_id = _admitted(tx, slug, token, origin)
    known = tx.one(KNOWN, group_id=group_id, sub=found.claims.sub)
    account = tx.session.get(User, known.user_id) if known else None
    if account is not None and account.disabled:
        raise Forbidden(_("This account is disabled."))
    tx.run(KEEP_TOKEN, digest=found.digest, expires=_time(found.claims.exp + 2 * SKEW_SECONDS))
    tx.run(USED, id=found.secret, used=tx.now[:10])
    if account is None:
        user_id = _made(tx, slug, group_id, found.claims)
    else:
        user_id = account.id
        _bring_up_to_date(tx, slug, group_id, account, found.claims, known.moderator)
    if found.claims.email:
        proof.proven(tx, user_id, found.claims.email, group_id)
    return _begun(tx, user_id, device, Site(group_id, origin, found.secret), "sso")


def _begun(tx: Tx, user_id: int, device: str, site: Site, how: How | None, second: Second | None = None) -> SessionView:
    signed = session.begin(tx, user_id, device, site, how=how, second=second)
    return SessionView(user.view(user.by_id(tx.session, user_id)), signed.token, signed.identity.expires)


def _admitted(read: Snapshot, slug: str, token: str, origin: str | None) -> tuple[Verified, int]:
    """The token, and the id of its group. A group that is not there answers like a token that is not its own."""
    rows = read.all(SECRETS, slug=slug)
    try:
        found = verified(token, {row.id: row.secret for row in rows}, datetime.fromisoformat(times.now()).timestamp())
    except BadToken as bad:
        raise Unauthenticated(_("This token is not good. %(bad)s", bad=str(bad))) from None
    if read.one(TOKEN, digest=found.digest) is not None:
        raise Unauthenticated(_("This token was used before. Make a new one each time the page is made."))
    if origin is not None and origin not in rows[0].origins:
        raise Forbidden(_("%(origin)s is not one of the sites of the group %(slug)s.", origin=origin, slug=slug))
    return found, rows[0].group_id


def _time(seconds: float) -> str:
    return times.text(datetime.fromtimestamp(seconds).astimezone())


def _made(tx: Tx, slug: str, group_id: int, claims: Claims) -> int:
    """Makes the account of a `sub`, a member of the group, under a user name that nobody has; returns its id."""
    base = roster.uid_from(claims.name)
    taken = {row.uid_folded for row in tx.all(codes.BEGINNING, first=base, beyond=f"{base}\x7f")}
    uid = roster.free(base, taken)
    name = _name(tx, group_id, claims, uid)
    id_ = user.add(tx, uid, name, None, claims.email)
    role = "moderator" if claims.moderator else "member"
    group.join(tx, group_id, id_, role)
    of = {"group_id": group_id, "sub": claims.sub}
    tx.run(ADD_ACCOUNT, **of, user_id=id_, moderator=claims.moderator)
    made = user.UserView(uid, name, None, tx.now)
    audit.note(tx, made, "user.created", uid, group=slug, detail=f"{role}, by single sign-on")
    return id_


def _bring_up_to_date(tx: Tx, slug: str, group_id: int, own: User, claims: Claims, given: bool) -> None:
    fields = {"name": _name(tx, group_id, claims, own.uid, own.id), "email": claims.email or own.email}
    if (own.name, own.email) != (fields["name"], fields["email"]):
        user.change(tx, own, **fields)
    standing = tx.session.get(Membership, (group_id, own.id))
    moderates = standing is not None and standing.role == "moderator"
    if claims.moderator == given or (claims.moderator and moderates):
        return  # also what was given by hand, which is no token's to take
    tx.run(GIVEN, group_id=group_id, sub=claims.sub, moderator=claims.moderator)
    if claims.moderator or moderates:
        role: Standing = "moderator" if claims.moderator else "member"
        tx.session.merge(Membership(group_id=group_id, user_id=own.id, role=role, created=tx.now))
        tx.session.flush()
        group.tell_standing(tx, own.id)
        audit.note(tx, own, "member.put", own.uid, group=slug, detail=f"{role}, by single sign-on")


def _name(tx: Tx, group_id: int, claims: Claims, uid: str, user_id: int = 0) -> str:
    """The name; with the user name behind it where it could be taken for that of somebody who looks after the group."""
    if claims.moderator or not group.has_namesake(tx, claims.name, group_id, user_id):
        return claims.name
    behind = f" ({uid})"
    return claims.name[: LONGEST_NAME - len(behind)] + behind


@reads
def secrets_of(read: Snapshot, by: Identity | None, slug: str) -> list[SecretView]:
    """A group's secrets, newest first, without themselves. For its moderators and the operator (None)."""
    row = group.managed(read, by, slug)
    return [SecretView(*found) for found in read.all(LISTED, group_id=row.id)]


@writes
def make_secret(tx: Tx, by: Identity | None, slug: str) -> SecretView:
    """Makes a secret, which is shown this once. For the group's moderators and the operator (None).

    Raises Conflict where there are two; Forbidden for moderators where sign-up is closed, for it makes accounts.
    """
    row = group.managed(tx, by, slug)
    if settings.chosen().sign_up == "closed" and by and not by.admin:
        raise Forbidden(_("Sign-up is closed here: only an admin can set up single sign-on."))
    if tx.one(COUNT, group_id=row.id).n >= MOST_SECRETS:
        raise Conflict(
            _(
                "There are %(most)s secrets already. Delete the one that is not in use any more first.",
                most=MOST_SECRETS,
            )
        )
    secret = "sso_" + secrets.token_urlsafe(32)
    made = tx.one(ADD, group_id=row.id, secret=secret, created=tx.now, used=None)
    audit.note(tx, by, "secret.made", f"secret {made.id}", group=slug)
    return SecretView(made.id, tx.now, None, secret)


@writes
def delete_secret(tx: Tx, by: Identity | None, slug: str, id_: int) -> None:
    """Deletes a secret, and ends the sessions that began by it: whoever knows it may have begun them."""
    row = group.managed(tx, by, slug)
    if not tx.run(DROP, group_id=row.id, id=id_):
        raise NotFound(_("The group %(slug)s has no secret %(id)s.", slug=slug, id=id_))
    session.end_of_site(tx, row.id, secret=id_)
    audit.note(tx, by, "secret.deleted", f"secret {id_}", group=slug)


@reads
def is_site(read: Snapshot, slug: str, origin: str) -> bool:
    """Whether a group has a site of this origin, also one that only members may see."""
    found = read.one(SITE, slug=slug)
    return found is not None and origin in found.origins


@writes
def begin_for_site(tx: Tx, identity: Identity, slug: str, origin: str, device: str) -> SessionView:
    """Another session of the user, for pages of one of a group's sites. Raises Forbidden for an origin that is none."""
    found: Any = tx.one(SITE, slug=slug)
    if found is None or origin not in found.origins:
        raise Forbidden(_("%(origin)s is not one of the sites of the group %(slug)s.", origin=origin, slug=slug))
    return _begun(tx, identity.user, device, Site(found.id, origin), identity.how, identity.second)


def forget_tokens(tx: Tx) -> None:
    """Sweep: forgets used tokens that have expired."""
    tx.run(FORGET_TOKENS, before=tx.now)


db.on_sweep(forget_tokens)
