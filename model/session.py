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
from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, insert, literal, select
from sqlalchemy.orm import Mapped, mapped_column

from model import audit, times
from model.errors import Forbidden, NotFound, Unauthenticated
from model.store import NEVER_REUSE_IDS, Base, Id, Statements, Time, Tx, changes, db
from model.store.changes import Row
from model.user import User, avatar_path

MOST_REMEMBERED = 10_000
FOREVER = "9999"  # sorts after every time


class Session(Base):
    """One browser or program that signed in with a password."""

    __tablename__ = "sessions"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created: Mapped[Time]
    expires: Mapped[Time] = mapped_column(index=True)


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

    @property
    def admin(self) -> bool:
        """Whether it may do everything."""
        return self.role == "admin"


class Signed(msgspec.Struct):
    """A session that just began. The token is shown this once."""

    identity: Identity
    token: str


class TokenView(msgspec.Struct):
    """A named token; `token` itself only in the answer that made it."""

    id: int
    name: str
    created: str
    token: str | None = None


WHO = (User.id.label("user"), User.uid, User.name, User.avatar_hash, User.role)
BY_SESSION = (
    select(*WHO, Session.id.label("session"), literal(None).label("token"), Session.expires)
    .join(Session, Session.user_id == User.id)
    .where(Session.secret_hash == bindparam("secret"), User.disabled.is_(None))
)
BY_TOKEN = (
    select(*WHO, literal(None).label("session"), Token.id.label("token"), literal(FOREVER).label("expires"))
    .join(Token, Token.user_id == User.id)
    .where(Token.secret_hash == bindparam("secret"), User.disabled.is_(None))
)
START = (
    insert(Session)
    .values(
        user_id=bindparam("user"), secret_hash=bindparam("secret"), created=bindparam("now"), expires=bindparam("until")
    )
    .returning(Session.id)
)
ROLE = select(User.role).where(User.disabled.is_(None))
ALIVE = ROLE.join(Session, Session.user_id == User.id).where(Session.id == bindparam("session"))
TOKEN_ALIVE = ROLE.join(Token, Token.user_id == User.id).where(Token.id == bindparam("token"))
ENABLED = ROLE.where(User.id == bindparam("user"))
BEGAN = select(Session.created).where(Session.id == bindparam("session"))
END = delete(Session).where(Session.id == bindparam("session"))
EXPIRED = delete(Session).where(Session.expires < bindparam("before"))
END_ALL = delete(Session).where(Session.user_id == bindparam("user"))
END_TOKENS = delete(Token).where(Token.user_id == bindparam("user"))
OTHERS = select(Session.id).where(Session.user_id == bindparam("user"), Session.id != bindparam("but"))

_remembered: OrderedDict[bytes, Identity] = OrderedDict()


def identify(secret: str) -> Identity | None:
    """Whose session or token `secret` is; None for one that never was, has ended or has expired."""
    db.catch_up()
    digest = _digest(secret)
    known = _remembered.get(digest) or _look_up(secret, digest)
    if known is None or known.expires < times.now():
        return None
    return known


def confirm(tx: Statements, identity: Identity) -> None:
    """Raises Unauthenticated in the transaction of a write whose asker's session, token or role has ended meanwhile."""
    if identity.session:
        alive = tx.one(ALIVE, session=identity.session)
    else:
        alive = tx.one(TOKEN_ALIVE, token=identity.token)
    if alive is None or alive.role != identity.role:
        raise Unauthenticated("This session has ended.")


def began(read: Statements, identity: Identity) -> str:
    """When the session that is asking began, by a password; "" for a token, or a session that has ended."""
    row = read.one(BEGAN, session=identity.session or 0)
    return row.created if row else ""


def begin(tx: Tx, user: int) -> Signed:
    """Within a unit: begins a session of a user who is enabled, and has proven to be that user."""
    secret = "ses_" + secrets.token_urlsafe(32)
    digest = _digest(secret)
    until = times.later(days=db.settings.session_days)
    tx.one(START, user=user, secret=digest, now=tx.now, until=until)
    return Signed(_identity(tx.one(BY_SESSION, secret=digest)), secret)


def restart(tx: Tx, user: int, uid: str) -> Signed:
    """Within a unit that sets another password: ends all sessions and tokens of a user, and begins a new session."""
    end_all(tx, user)
    tx.run(END_TOKENS, user=user)
    tx.changed("user.password", subject=user, tags=[f"user:{uid}"])
    return begin(tx, user)


def must_be_enabled(tx: Statements, user: int) -> None:
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


def end_others(tx: Tx, identity: Identity) -> None:
    """Within a unit: ends all sessions of the user but the one that is asking."""
    for (session,) in tx.all(OTHERS, user=identity.user, but=identity.session or 0):
        _end_session(tx, identity, session)


def _end_session(tx: Tx, identity: Identity, session: int) -> None:
    if tx.run(END, session=session):
        tx.changed("session.ended", subject=session, tags=[f"user:{identity.uid}"])


async def tokens(user: int) -> list[TokenView]:
    """The user's named tokens, newest first."""
    async with db.read() as session:
        rows = await session.scalars(select(Token).where(Token.user_id == user).order_by(Token.id.desc()))
        return [TokenView(row.id, row.name, row.created) for row in rows]


def create_token(tx: Tx, identity: Identity, name: str) -> TokenView:
    """Unit: a new named token."""
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


def forget(_read: Statements, rows: list[Row]) -> None:
    """Listener: drops whom a change concerns from memory."""
    if rows[0].kind == changes.LOST:
        forget_all()
    tags = {tag for row in rows if row.kind in ENDING for tag in row.tags.split()}
    if not tags:
        return
    for digest in [digest for digest, known in _remembered.items() if f"user:{known.uid}" in tags]:
        del _remembered[digest]


def forget_all() -> None:
    """Empties the memory; a worker that opens a database begins so."""
    _remembered.clear()


def drop_expired(tx: Tx) -> None:
    """Sweep: deletes sessions that have expired."""
    tx.run(EXPIRED, before=tx.now)


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
    return Identity(row.user, row.uid, row.name, avatar, row.role, row.session, row.token, row.expires)


def _digest(secret: str) -> bytes:
    """SHA-256 suffices for 256 random bits; only a password needs a slow hash."""
    return hashlib.sha256(secret.encode()).digest()


db.on_changes(forget)
db.on_sweep(drop_expired)
