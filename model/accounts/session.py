"""Sessions and tokens: who is asking.

A session comes from signing in and expires; a token is made by its user for a program, has a name and stays until it is
deleted. Both are random, kept only as hashes, and end at once everywhere: each worker keeps whom it has looked up in
memory, and the follower drops them in commit order. An account that is disabled has no sessions and cannot begin one;
its tokens count for nothing until it is enabled again.
"""

import hashlib
import secrets
from collections import OrderedDict
from typing import Any

import msgspec
from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts.user import User, avatar_path
from pottle import times
from pottle.errors import ConfirmationNeeded, Conflict, Forbidden, NotFound, SessionNeeded, Unauthenticated
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db
from pottle.store.changes import Change
from pottle.store.follower import Listener

GRACE_SECONDS = 30  # for which a request that had begun may go on after `sign_out`
MOST_REMEMBERED = 10_000
MOST_SESSIONS = 100  # of one account: with another one the oldest ends
MOST_TOKENS = 50  # of one account
CONFIRMED_MINUTES = 10  # for which a password that was typed counts for sensitive changes


class Session(Base):
    """One browser or program that signed in with a password.

    `confirmed` is when that was last typed; `used` is a day; `device` is None in sessions from before that was kept.
    """

    __tablename__ = "sessions"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created: Mapped[Time]
    expires: Mapped[Time] = mapped_column(index=True)
    confirmed: Mapped[Time | None]
    used: Mapped[str | None] = mapped_column(String(10))  # such as 2026-11-22
    device: Mapped[str | None] = mapped_column(String(40))  # such as "Firefox on Windows"


class Token(Base):
    """A named bearer token for a program."""

    __tablename__ = "tokens"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created: Mapped[Time]


class Identity(msgspec.Struct, frozen=True):
    """Who is asking, and by which credential."""

    user: int
    uid: str
    name: str
    avatar: str | None
    role: str
    session: int | None
    token: int | None
    expires: str
    used: str | None = None  # the day, if it is a session
    device: str | None = ""

    @property
    def party(self) -> str:
        """Whom limits count against."""
        return f"user {self.user}"

    @property
    def admin(self) -> bool:
        """Whether it may do everything."""
        return self.role == "admin"


class Signed(msgspec.Struct):
    """A session that just began. The token is shown this once."""

    identity: Identity
    token: str


class SessionInfo(msgspec.Struct):
    """A session of one's own: which browser, since when, the day it was last used, and whether it is this one."""

    id: int
    device: str
    created: str
    used: str | None
    expires: str
    current: bool


class TokenView(msgspec.Struct):
    """A named token; `token` itself only in the answer that made it."""

    id: int
    name: str
    created: str
    token: str | None = None


WHO = (User.id.label("user"), User.uid, User.name, User.avatar_hash, User.role)
BY_SESSION = (
    select(
        *WHO,
        Session.id.label("session"),
        literal(None).label("token"),
        Session.expires,
        Session.used,
        Session.device,
    )
    .join(Session, Session.user_id == User.id)
    .where(Session.secret_hash == bindparam("secret"), User.disabled.is_(None))
)
BY_TOKEN = (
    select(
        *WHO,
        literal(None).label("session"),
        Token.id.label("token"),
        literal(times.FOREVER).label("expires"),
        literal(None).label("used"),
        literal("").label("device"),
    )
    .join(Token, Token.user_id == User.id)
    .where(Token.secret_hash == bindparam("secret"), User.disabled.is_(None))
)
START = (
    insert(Session)
    .values(
        user_id=bindparam("user"),
        secret_hash=bindparam("secret"),
        created=bindparam("now"),
        confirmed=bindparam("now"),
        used=bindparam("today"),
        device=bindparam("by"),
        expires=bindparam("until"),
    )
    .returning(Session.id)
)
ROLE = select(User.role).where(User.disabled.is_(None))
ALIVE = ROLE.join(Session, Session.user_id == User.id).where(
    Session.id == bindparam("session"), Session.expires > bindparam("at")
)
TOKEN_ALIVE = ROLE.join(Token, Token.user_id == User.id).where(Token.id == bindparam("token"))
ENABLED = ROLE.where(User.id == bindparam("user"))
CONFIRMED = select(Session.confirmed).where(Session.id == bindparam("session"))
CONFIRM = update(Session).where(Session.id == bindparam("session")).values(confirmed=bindparam("now"))
USED = update(Session).where(Session.id == bindparam("session")).values(used=bindparam("today"))
MINE = select(Session).where(Session.user_id == bindparam("user")).order_by(Session.id.desc())
EXPIRE = update(Session).where(Session.id == bindparam("session")).values(expires=bindparam("now"))
END = delete(Session).where(Session.id == bindparam("session"))
EXPIRED = delete(Session).where(Session.expires < bindparam("before"))
END_ONE = END.where(Session.user_id == bindparam("user"))
END_ALL = delete(Session).where(Session.user_id == bindparam("user"))
END_TOKENS = delete(Token).where(Token.user_id == bindparam("user"))
OLDEST = (
    select(Session.id).where(Session.user_id == bindparam("user")).order_by(Session.id.desc()).offset(bindparam("kept"))
)
COUNT_TOKENS = select(func.count().label("n")).select_from(Token).where(Token.user_id == bindparam("user"))
OTHERS = select(Session.id).where(Session.user_id == bindparam("user"), Session.id != bindparam("but"))

_remembered: OrderedDict[bytes, Identity] = OrderedDict()
_used: dict[int, str] = {}  # sessions whose day of last use is still to be written


def identify(secret: str) -> Identity | None:
    """Whose session or token `secret` is; None for one that never was, has ended or has expired."""
    db.catch_up()
    digest = _digest(secret)
    known = _remembered.get(digest) or _look_up(secret, digest)
    now = times.now()
    if known is None or known.expires < now:
        return None
    if known.session and known.used != now[:10]:
        _used[known.session] = today = now[:10]
        _remembered[digest] = msgspec.structs.replace(known, used=today)
    return known


def confirm(read: Snapshot, identity: Identity, grace: float = 0) -> None:
    """Raises Unauthenticated in the transaction of a write whose asker's session, token or role has ended meanwhile.

    A session that its own user ended by `sign_out` counts for another `grace` seconds.
    """
    if identity.session:
        alive = read.one(ALIVE, session=identity.session, at=times.later(seconds=-grace) if grace else times.now())
    else:
        alive = read.one(TOKEN_ALIVE, token=identity.token)
    if alive is None or alive.role != identity.role:
        raise Unauthenticated("This session has ended.")


def must_be_session(identity: Identity) -> None:
    """Raises SessionNeeded for a named token: what makes credentials, or ends them, is for whoever signed in."""
    if identity.session is None:
        raise SessionNeeded("A token cannot do that: sign in with the password.")


def must_be_confirmed(identity: Identity) -> None:
    """Raises SessionNeeded for a named token, ConfirmationNeeded where the password was typed too long ago."""
    must_be_session(identity)
    with db.snapshot() as read:
        row = read.one(CONFIRMED, session=identity.session)
    if row is None or (row.confirmed or "") < times.later(minutes=-CONFIRMED_MINUTES):
        raise ConfirmationNeeded("Please enter your password again before you do that.")


def confirm_password(tx: Tx, identity: Identity) -> None:
    """Unit: the session's user has typed the password, which counts for some minutes."""
    tx.run(CONFIRM, session=identity.session, now=tx.now)


def begin(tx: Tx, user: int, device: str) -> Signed:
    """Within a unit: begins a session of a user who is enabled, and has proven to be that user."""
    secret = "ses_" + secrets.token_urlsafe(32)
    digest = _digest(secret)
    until = times.later(days=db.settings.session_days)
    tx.one(START, user=user, secret=digest, now=tx.now, today=tx.now[:10], by=device, until=until)
    identity = _identity(tx.one(BY_SESSION, secret=digest))
    for (session,) in tx.all(OLDEST, user=user, kept=MOST_SESSIONS):
        _end_session(tx, identity, session)
    return Signed(identity, secret)


def restart(tx: Tx, user: int, uid: str, device: str) -> Signed:
    """Within a unit that sets another password: ends all sessions and tokens of a user, and begins a new session."""
    end_all(tx, user)
    tx.run(END_TOKENS, user=user)
    tx.changed("user.password", subject=user, tags=[f"user:{uid}"])
    return begin(tx, user, device)


def must_be_enabled(tx: Snapshot, user: int) -> None:
    """Raises Forbidden for an account that is disabled (or gone): nothing gives it a session, whatever one knows."""
    if tx.one(ENABLED, user=user) is None:
        raise Forbidden("This account is disabled.")


def end_all(tx: Tx, user: int) -> None:
    """Within a unit that tells everybody so: ends all sessions of a user."""
    tx.run(END_ALL, user=user)


def end(tx: Tx, identity: Identity) -> None:
    """Unit: ends the session (or deletes the token) that `identity` asks by."""
    if identity.session:
        _end_session(tx, identity, identity.session)
    elif identity.token:
        delete_token(tx, identity, identity.token)


def sign_out(tx: Tx, identity: Identity) -> None:
    """Unit: ends the session that `identity` asks by, but lets what was begun in it end (`confirm`, with a grace).

    Pages of Flask back ends send a new password and sign out right behind, without waiting for the answer.
    """
    if tx.run(EXPIRE, session=identity.session or 0, now=tx.now):
        tx.changed("session.ended", subject=identity.session, tags=[f"user:{identity.uid}"])


def end_others(tx: Tx, identity: Identity) -> None:
    """Within a unit: ends all sessions of the user but the one that is asking."""
    for (session,) in tx.all(OTHERS, user=identity.user, but=identity.session or 0):
        _end_session(tx, identity, session)


def end_one(tx: Tx, identity: Identity, id_: int) -> None:
    """Unit: ends one of the user's sessions at once. Raises NotFound."""
    if not tx.run(END_ONE, session=id_, user=identity.user):
        raise NotFound(f"You have no session {id_}.")
    tx.changed("session.ended", subject=id_, tags=[f"user:{identity.uid}"])


def _end_session(tx: Tx, identity: Identity, session: int) -> None:
    if tx.run(END, session=session):
        tx.changed("session.ended", subject=session, tags=[f"user:{identity.uid}"])


async def sessions(identity: Identity) -> list[SessionInfo]:
    """The user's sessions that have not expired, newest first."""
    async with db.session() as reading:
        rows = (await reading.scalars(MINE, {"user": identity.user})).all()
    return [
        SessionInfo(row.id, row.device or "", row.created, row.used, row.expires, row.id == identity.session)
        for row in rows
        if row.expires >= times.now()
    ]


async def tokens(user: int) -> list[TokenView]:
    """The user's named tokens, newest first."""
    async with db.session() as session:
        rows = await session.scalars(select(Token).where(Token.user_id == user).order_by(Token.id.desc()))
        return [TokenView(row.id, row.name, row.created) for row in rows]


def create_token(tx: Tx, identity: Identity, name: str) -> TokenView:
    """Unit: a new named token. Raises Conflict for one who has very many."""
    if tx.one(COUNT_TOKENS, user=identity.user).n >= MOST_TOKENS:
        raise Conflict(f"You have {MOST_TOKENS} tokens. Delete one that you do not need any more first.")
    secret = "tok_" + secrets.token_urlsafe(32)
    token = Token(user_id=identity.user, name=name, secret_hash=_digest(secret), created=tx.now)
    tx.session.add(token)
    tx.session.flush()
    audit.note(tx, identity, "token.made", identity.uid, detail=name)
    return TokenView(token.id, name, tx.now, secret)


def delete_token(tx: Tx, identity: Identity, id_: int) -> None:
    """Unit: ends one of the user's tokens at once. Raises NotFound."""
    if not tx.run(DELETE_TOKEN, token=id_, user=identity.user):
        raise NotFound(f"You have no token {id_}.")
    tx.changed("token.ended", subject=id_, tags=[f"user:{identity.uid}"])
    audit.note(tx, identity, "token.deleted", identity.uid, detail=f"token {id_}")


DELETE_TOKEN = delete(Token).where(Token.id == bindparam("token"), Token.user_id == bindparam("user"))

ENDING = ("session.ended", "token.ended", "user.edited", "user.role", "user.password", "user.disabled", "user.deleted")


def concerned(_read: Snapshot, rows: list[Change]) -> set[str]:
    """Listener: the tags of those whom the changes concern."""
    return {tag for row in rows if row.kind in ENDING for tag in row.tags.split()}


def forget(tags: set[str]) -> None:
    """Listener: drops whom a change concerns from memory."""
    if not tags:
        return
    for digest in [digest for digest, known in _remembered.items() if f"user:{known.uid}" in tags]:
        del _remembered[digest]


def forget_all() -> None:
    """Listener: empties the memory. A worker that opens a database begins so."""
    _remembered.clear()
    _used.clear()


def drop_expired(tx: Tx) -> None:
    """Sweep: deletes sessions in which nothing can still be under way, and writes on which day others were used."""
    tx.run(EXPIRED, before=times.later(seconds=-GRACE_SECONDS))
    while _used:
        session, today = _used.popitem()
        tx.run(USED, session=session, today=today)


def _look_up(secret: str, digest: bytes) -> Identity | None:
    with db.snapshot() as read:
        row = read.one(BY_TOKEN if secret.startswith("tok_") else BY_SESSION, secret=digest)
    if row is None:
        return None
    _remembered[digest] = known = _identity(row)
    if len(_remembered) > MOST_REMEMBERED:
        _remembered.popitem(last=False)
    return known


def _identity(row: Any) -> Identity:
    avatar = avatar_path(row.uid, row.avatar_hash)
    return Identity(
        row.user, row.uid, row.name, avatar, row.role, row.session, row.token, row.expires, row.used, row.device
    )


def _digest(secret: str) -> bytes:
    """SHA-256 suffices for 256 random bits; only a password needs a slow hash."""
    return hashlib.sha256(secret.encode()).digest()


listener = Listener(concerned, forget, forget_all)
db.on_sweep(drop_expired)
