"""Sessions and tokens: who is asking.

A session begins with signing in and expires. A token is made by its user for a program, has a name, and works until it
is deleted. Both are random, stored hashed, and end at once everywhere: each worker caches the identities that it has
looked up, and drops them as it follows the change log. A disabled account has no sessions, and its tokens do not work.

A session may be begun for a site of a group, by the popup there or by single sign-on (model/accounts/sso.py). It is
good in that group alone and, where it has an origin, only for pages of that: whoever steals it elsewhere has nothing.
It makes no credentials, gives nobody an admin's rights, and ends when its origin leaves the group's.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningDelete

from model import audit, settings
from model.accounts import credentials, strength
from model.accounts.user import Account, Role, User, avatar_path
from pottle import times
from pottle.errors import Conflict, Forbidden, NotFound, Unauthenticated
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, reads, tables, writes
from pottle.store.changes import Change
from pottle.store.follower import Listener
from pottle.translation import _

GRACE_SECONDS = 30  # after `sign_out`, for requests that had begun
MOST_CACHED = 10_000  # identities
MOST_SESSIONS = 100  # of one account: another one ends the oldest
MOST_TOKENS = 50  # of one account
CONFIRMED_MINUTES = 10  # after the password was typed, for sensitive changes

# By what a session was begun, and by what second factor; a passkey is both.
How = Literal["password", "code", "passkey", "provider", "sso", "mail"]
Second = Literal["app", "recovery", "passkey", "provider"]


class SessionNeeded(Forbidden):
    """A named token may not do this: it takes a session."""

    title = _("Session Needed")


class ConfirmationNeeded(Forbidden):
    """The password has to be typed again first."""

    title = _("Confirmation Needed")


class Credential:
    """What opens an account: random, kept as a hash."""

    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created: Mapped[Time]


class Session(Credential, Base):
    """One browser or program that signed in. What is None is not known of old sessions."""

    __tablename__ = "sessions"

    expires: Mapped[Time] = mapped_column(index=True)
    confirmed: Mapped[Time | None]  # when the password was last typed
    used: Mapped[str | None] = mapped_column(String(10))  # the day it was last used, such as 2026-11-22
    device: Mapped[str | None] = mapped_column(String(40))  # such as "Firefox on Windows"
    # Of one that was begun for a site: its group, its origin (None for a program of it), by which secret it signed in
    group_id: Mapped[int | None] = mapped_column(index=True)  # no key, with which SQLite would make the table anew
    origin: Mapped[str | None] = mapped_column(String(200))
    sso_secret: Mapped[int | None]
    how: Mapped[How | None] = mapped_column(String(10))
    second: Mapped[Second | None] = mapped_column(String(10))


class Token(Credential, Base):
    """A named bearer token for a program."""

    __tablename__ = "tokens"

    name: Mapped[str] = mapped_column(String(80))


class Site(NamedTuple):
    """What a session is begun for: a group, an origin of it (None for a program), and the secret of single sign-on."""

    group: int
    origin: str | None
    secret: int | None = None


class Identity(msgspec.Struct, frozen=True):
    """Who is asking, and by which credential."""

    user: int
    uid: str
    name: str
    avatar: str | None
    role: Role
    language: str | None = None  # that they chose
    session: int | None = None
    token: int | None = None
    expires: str = times.FOREVER
    used: str | None = None  # the day it was last used, as far as this worker knows
    device: str | None = ""
    group: int | None = None  # in which alone the session is good, for it was begun for a site of that
    origin: str | None = None  # for whose pages alone it is good
    how: How | None = None  # of a session: what it was begun by
    second: Second | None = None

    @property
    def party(self) -> str:
        """Whom limits count: `user 7`."""
        return f"user {self.user}"

    @property
    def admin(self) -> bool:
        """Whether it may do everything. What was begun for a site may not, for the site is not ours."""
        return self.role == "admin" and self.group is None and not self.lacks_second

    @property
    def lacks_second(self) -> bool:
        """Whether it does not have the rights of an admin only because no second factor was given."""
        return self.role == "admin" and self.group is None and not self.strong and strength.wanted() != "optional"

    @property
    def may_moderate(self) -> bool:
        """Whether it has the rights of a moderator, where its user is one."""
        return self.strong or strength.wanted() != "moderators"

    @property
    def strong(self) -> bool:
        """Whether a second factor was given. Tokens need none, and a site vouches for whom it signs in."""
        return self.token is not None or self.second is not None or self.how == "sso"


class Signed(msgspec.Struct):
    """A new session. The token is shown this once."""

    identity: Identity
    token: str


class SessionInfo(msgspec.Struct):
    """A session of one's own. `used` is the day it was last used; `current` says whether it is the one that asks.

    `site` is the group for which alone it is good, `origin` the site for whose pages alone it is; null for any.
    `how` is what it was begun by (null where that is not known), `second` by what second factor, or null.
    """

    id: int
    device: str
    created: str
    used: str | None
    expires: str
    current: bool
    site: str | None
    origin: str | None
    how: How | None
    second: Second | None


class SessionView(msgspec.Struct):
    """A session that just began. The token is for `Authorization: Bearer …`; our own pages use the cookie."""

    user: Account
    token: str
    expires: str


class TokenView(msgspec.Struct):
    """A named token; `token` itself only in the answer that made it."""

    id: int
    name: str
    created: str
    token: str | None = None


WHO = select(User.id.label("user"), User.uid, User.name, User.avatar_hash, User.role, User.language).where(
    User.disabled.is_(None)
)
ROLE = select(User.role).where(User.disabled.is_(None))
_of_session, _of_token = Session.user_id == User.id, Token.user_id == User.id
_of_site = Session.group_id.label("group"), Session.origin
_begun = Session.how, Session.second
_session = Session.id.label("session"), Session.expires, Session.used, Session.device, *_of_site, *_begun
BY_SESSION = (
    WHO.add_columns(*_session).join(Session, _of_session).where(Session.secret_hash == bindparam("secret_hash"))
)
BY_TOKEN = (
    WHO.add_columns(Token.id.label("token")).join(Token, _of_token).where(Token.secret_hash == bindparam("secret_hash"))
)
ALIVE = ROLE.join(Session, _of_session).where(Session.id == bindparam("id"), Session.expires > bindparam("now"))
TOKEN_ALIVE = ROLE.join(Token, _of_token).where(Token.id == bindparam("id"))
CONFIRMED = select(Session.confirmed).where(Session.id == bindparam("id"))
BEGIN, SET = insert(Session), update(Session).where(Session.id == bindparam("id"))
_mine = Session.user_id == bindparam("user_id")
END = delete(Session).where(_mine).returning(Session.id)
END_ONE, END_OTHERS = END.where(Session.id == bindparam("id")), END.where(Session.id != bindparam("id"))
_newest_first = select(Session.id).where(_mine).order_by(Session.id.desc())
END_OLDEST = END.where(Session.id.in_(_newest_first.offset(bindparam("kept"))))
EXPIRED = delete(Session).where(Session.expires < bindparam("before"))
TOKENS = select(func.count().label("n")).select_from(Token).where(Token.user_id == bindparam("user_id"))
ADD_TOKEN = insert(Token).returning(Token.id)
DELETE_TOKEN = delete(Token).where(Token.id == bindparam("id"), Token.user_id == bindparam("user_id"))
ENDED = ("session.ended", "token.ended", "user.role", "user.password", "user.disabled", "user.deleted")

_cached: OrderedDict[bytes, Identity] = OrderedDict()  # by the secret's hash, an LRU
_used: dict[int, str] = {}  # days of last use that are still to be written, by session
_users: set[int] = set()  # who used their account today, until somebody takes it


async def identify(secret: str, origin: str | None = None) -> Identity | None:
    """Whose session or token `secret` is; None for one that never was, has ended or has expired.

    `origin` is the request's: one that is bound to another is not good.
    """
    await db.caught_up()
    secret_hash = hashed(secret)
    known = _cached.get(secret_hash) or await _look_up(secret, secret_hash)
    now = times.now()
    if known is None or known.expires < now or known.origin not in (None, origin):
        return None
    if known.used != now[:10] and _is_idle(known):
        known = await _look_up(secret, secret_hash)  # another worker may have seen it meanwhile
        if known is None or _is_idle(known):
            return None
    tables.note(f"user:{known.uid}")
    if known.used != now[:10]:
        _users.add(known.user)
        if known.session:
            _used[known.session] = now[:10]
        _cached[secret_hash] = msgspec.structs.replace(known, used=now[:10])
    return known


def _is_idle(known: Identity) -> bool:
    """Whether a session was not used for too many days. (ASVS 7.3.1)"""
    since = times.later(days=-settings.chosen().session_idle_days)[:10]
    return known.session is not None and (known.used or since) < since


def take_used() -> set[int]:
    """Whose accounts were used in this worker for the first time on a day, since this was asked for."""
    return {_users.pop() for _ in range(len(_users))}


def confirm(read: Snapshot, identity: Identity, grace: float = 0) -> None:
    """Raises Unauthenticated, in the transaction of a write, where the session, token or role of `identity` has ended.

    A session that its own user ended by `sign_out` counts for another `grace` seconds.
    """
    if identity.session:
        now = times.later(seconds=-grace) if grace else times.now()
        alive = read.one(ALIVE, id=identity.session, now=now)
    else:
        alive = read.one(TOKEN_ALIVE, id=identity.token)
    if alive is None or alive.role != identity.role:
        raise Unauthenticated(_("This session has ended."))


def must_be_session(identity: Identity) -> None:
    """Raises SessionNeeded for a named token or another site's session: they neither make credentials nor end them."""
    if identity.session is None:
        raise SessionNeeded(_("A token cannot do that: sign in with the password."))
    must_be_ours(identity)


def must_be_ours(identity: Identity) -> None:
    """Raises SessionNeeded for a session that was begun for a site: its pages are not ours."""
    if identity.group is not None:
        raise SessionNeeded(_("That can only be done on our own pages: sign in there."))


@reads
def must_be_confirmed(read: Snapshot, identity: Identity) -> None:
    """Raises SessionNeeded as `must_be_session`, ConfirmationNeeded where the password was typed too long ago."""
    must_be_session(identity)
    row = read.one(CONFIRMED, id=identity.session)
    if row is None or (row.confirmed or "") < times.later(minutes=-CONFIRMED_MINUTES):
        raise ConfirmationNeeded(_("Please enter your password again before you do that."))


@writes
def confirmed(tx: Tx, identity: Identity) -> None:
    """Notes that the session's user has proven again who it is, which counts for some minutes."""
    tx.run(SET, id=identity.session, confirmed=tx.now)


@writes
def renew(tx: Tx, identity: Identity) -> str:
    """Another secret for a session, which goes on; the one before is no longer good."""
    secret = "ses_" + secrets.token_urlsafe(32)
    tx.run(SET, id=identity.session, secret_hash=hashed(secret))
    tx.changed("session.changed", subject=identity.session, tags=[f"user:{identity.uid}"])
    return secret


def strengthen(tx: Tx, identity: Identity, second: Second) -> None:
    """Within a unit: the session's user has given a second factor now."""
    tx.run(SET, id=identity.session, second=second)
    tx.changed("session.changed", subject=identity.session, tags=[f"user:{identity.uid}"])


def begin(
    tx: Tx, user_id: int, device: str, site: Site | None = None, *, how: How | None, second: Second | None = None
) -> Signed:
    """Within a unit: begins a session of an enabled user, who has proven to be that user; maybe for a site only.

    Whoever asks for one of ours has seen to the second factor: account.entered.
    """
    secret = "ses_" + secrets.token_urlsafe(32)
    own = {"user_id": user_id, "secret_hash": hashed(secret), "device": device, "created": tx.now, "used": tx.now[:10]}
    good = times.later(days=1 if site and site.secret else settings.chosen().session_days)
    of_site = {"group_id": site and site.group, "origin": site and site.origin, "sso_secret": site and site.secret}
    tx.run(BEGIN, **own, **of_site, expires=good, confirmed=None if site else tx.now, how=how, second=second)
    identity = _identity(tx.one(BY_SESSION, secret_hash=own["secret_hash"]))
    _users.add(user_id)
    _end(tx, identity.user, identity.uid, END_OLDEST, kept=MOST_SESSIONS)
    return Signed(identity, secret)


@writes
def end(tx: Tx, identity: Identity) -> None:
    """Ends the session, or deletes the token, that `identity` asks by."""
    if identity.session:
        _end(tx, identity.user, identity.uid, END_ONE, id=identity.session)
    elif identity.token:
        delete_token.within(tx, identity, identity.token)


@writes
def sign_out(tx: Tx, identity: Identity) -> None:
    """Ends the session that `identity` asks by, but lets requests that had begun finish (`confirm`, with a grace).

    Pages of Flask back ends send a new password and sign out at once, without waiting for the answer.
    """
    if identity.session and tx.run(SET, id=identity.session, expires=tx.now):
        tx.changed("session.ended", subject=identity.session, tags=[f"user:{identity.uid}"])


@writes
def end_one(tx: Tx, identity: Identity, id_: int) -> None:
    """Ends one of the user's sessions at once. Raises NotFound."""
    if not _end(tx, identity.user, identity.uid, END_ONE, id=id_):
        raise NotFound(_("You have no session %(id)s.", id=id_))


@writes
def end_others(tx: Tx, identity: Identity) -> None:
    """Ends all sessions of the user but the one that is asking."""
    _end(tx, identity.user, identity.uid, END_OTHERS, id=identity.session or 0)


def end_of_user(tx: Tx, user_id: int, uid: str) -> None:
    """Within a unit: ends all sessions of a user."""
    _end(tx, user_id, uid, END)


@writes
def end_others_begun(tx: Tx, identity: Identity, how: How) -> None:
    """Ends the sessions of the user that were begun by `how`, but the one that is asking."""
    others = END_OTHERS.where(Session.how == bindparam("how"))
    _end(tx, identity.user, identity.uid, others, id=identity.session or 0, how=how)


def _end(tx: Tx, user_id: int, uid: str, which: ReturningDelete[int], **values: int | str) -> bool:
    """Ends sessions of the user; whether there were any."""
    ended = tx.all(which, user_id=user_id, **values)
    for row in ended:
        tx.changed("session.ended", subject=row.id, tags=[f"user:{uid}"])
    return bool(ended)


def end_of_site(tx: Tx, group_id: int, origins: Collection[str] | None = None, secret: int | None = None) -> None:
    """Within a unit: ends the sessions that were begun for sites of a group.

    All of them; or those for pages of other origins than `origins`; or those that a secret of single sign-on began.
    """
    of = [Session.group_id == group_id]
    if origins is not None:
        of.append(Session.origin.is_not(None) & Session.origin.not_in(origins))
    if secret is not None:
        of.append(Session.sso_secret == secret)
    found = select(Session.id, User.uid).join(User, User.id == Session.user_id).where(*of)
    for row in tx.session.execute(found).all():
        tx.changed("session.ended", subject=row.id, tags=[f"user:{row.uid}"])
    tx.session.execute(delete(Session).where(*of))


async def sessions(identity: Identity) -> list[SessionInfo]:
    """The user's sessions that have not expired, newest first."""
    groups = Base.metadata.tables["groups"]
    mine = select(Session, groups.c.slug).outerjoin(groups, groups.c.id == Session.group_id)
    mine = mine.where(Session.user_id == identity.user, Session.expires >= times.now()).order_by(Session.id.desc())
    async with db.session() as reading:
        return [_info(row, slug, row.id == identity.session) for row, slug in await reading.execute(mine)]


def _info(row: Session, slug: str | None, current: bool) -> SessionInfo:
    times_ = row.created, row.used, row.expires
    return SessionInfo(row.id, row.device or "", *times_, current, slug, row.origin, row.how, row.second)


async def tokens(user_id: int) -> list[TokenView]:
    """The user's named tokens, newest first."""
    async with db.session() as reading:
        rows = await reading.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc()))
        return [TokenView(row.id, row.name, row.created) for row in rows]


@writes
def create_token(tx: Tx, identity: Identity, name: str) -> TokenView:
    """Makes a named token. Raises Conflict for a user who has very many.

    Raises Forbidden where the second factor is missing that the user has to have: tokens have all of one's rights.
    """
    if not identity.strong and strength.required(tx, identity.user, identity.role):
        raise Forbidden(_("Set up your second factor first."))
    if tx.one(TOKENS, user_id=identity.user).n >= MOST_TOKENS:
        raise Conflict(_("You have %(most)s tokens. Delete one that you do not need any more first.", most=MOST_TOKENS))
    secret = "tok_" + secrets.token_urlsafe(32)
    made = tx.one(ADD_TOKEN, user_id=identity.user, name=name, secret_hash=hashed(secret), created=tx.now)
    credentials.note(tx, identity, "token.made", identity.user, identity.uid, detail=name)
    return TokenView(made.id, name, tx.now, secret)


@writes
def delete_token(tx: Tx, identity: Identity, id_: int) -> None:
    """Ends one of the user's tokens at once. Raises NotFound."""
    if not tx.run(DELETE_TOKEN, id=id_, user_id=identity.user):
        raise NotFound(_("You have no token %(id)s.", id=id_))
    tx.changed("token.ended", subject=id_, tags=[f"user:{identity.uid}"])
    audit.note(tx, identity, "token.deleted", identity.uid, detail=f"token {id_}")


def concerned(_read: Snapshot, rows: list[Change]) -> set[str]:
    """Listener: the tags of the users whose cached identities the changes make stale."""
    return {tag for row in rows if row.kind in (*ENDED, "session.changed", "user.edited") for tag in row.tags.split()}


def forget(tags: set[str]) -> None:
    """Listener: drops these users from the cache."""
    if not tags:
        return
    for secret_hash in [one for one, known in _cached.items() if f"user:{known.uid}" in tags]:
        del _cached[secret_hash]


def forget_all() -> None:
    """Listener: empties the cache, as when a worker opens a database."""
    _cached.clear()
    _used.clear()
    _users.clear()


def drop_expired(tx: Tx) -> None:
    """Sweep: deletes sessions that expired, with time for requests under way, and writes the days of last use."""
    tx.run(EXPIRED, before=times.later(seconds=-GRACE_SECONDS))
    while _used:
        id_, today = _used.popitem()
        tx.run(SET, id=id_, used=today)


async def _look_up(secret: str, secret_hash: bytes) -> Identity | None:
    with tables.collecting() as seen:
        row = await db.read_settled(_held, secret, secret_hash)
    if row is None:
        tables.note(*seen)
        return None
    _cached[secret_hash] = found = _identity(row)
    if len(_cached) > MOST_CACHED:
        _cached.popitem(last=False)
    return found


def _held(read: Snapshot, secret: str, secret_hash: bytes) -> Any:
    return read.one(BY_TOKEN if secret.startswith("tok_") else BY_SESSION, secret_hash=secret_hash)


def _identity(row: Any) -> Identity:
    fields = row._asdict()
    return Identity(avatar=avatar_path(row.uid, fields.pop("avatar_hash")), **fields)


def hashed(secret: str) -> bytes:
    """SHA-256 suffices for 256 random bits; only a password needs a slow hash."""
    return hashlib.sha256(secret.encode()).digest()


listener = Listener(concerned, forget, forget_all)
db.on_sweep(drop_expired)
