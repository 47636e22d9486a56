"""Subscriptions: which browsers want to be told. Each belongs to the session that made it, and ends with that."""

import re
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import ForeignKey, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import settings
from model.accounts.session import Identity, Session
from model.accounts.user import User
from model.push import vapid
from pottle import times
from pottle.errors import Invalid, NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads, writes
from pottle.translation import _
from pottle.values import as_it_is, line

Endpoint = Annotated[
    str, line(1_000, pattern=r"^https?://[^\s#@]+$(?!\n)", says=_("must be the address that the browser was given"))
]
Key = Annotated[str, as_it_is("base64url, which is decoded", longest=200)]
AUTH_BYTES = 16
MOST = 20  # of one account: another one ends the oldest


class Subscription(Base):
    """One browser that is told. `paused` is until when nothing is sent to it, for `failures` in a row."""

    __tablename__ = "push_subscriptions"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), unique=True)
    endpoint: Mapped[str] = mapped_column(String(1_000), unique=True)
    public_key: Mapped[str] = mapped_column(String(100))
    auth_secret: Mapped[str] = mapped_column(String(30))
    language: Mapped[str] = mapped_column(String(20))  # that the browser asks for
    failures: Mapped[int]
    paused: Mapped[Time | None]
    created: Mapped[Time]


class Keys(msgspec.Struct):
    """What messages are encrypted for: the browser's public key and a secret that it shares with us."""

    p256dh: Key
    auth: Key


class SubscriptionView(msgspec.Struct):
    """A browser of one's own that is told."""

    id: int
    device: str
    created: str
    current: bool


_alive = Session.expires > bindparam("now")
_its = Subscription.session_id == Session.id
ALIVE = select(Subscription.id).join(Session, _its).where(Subscription.user_id == bindparam("user_id"), _alive)
ANY = select(Subscription.id).limit(1)
MINE = (
    select(Subscription.id, Subscription.session_id, Subscription.created, Session.device)
    .join(Session, _its)
    .where(Subscription.user_id == bindparam("user_id"), _alive)
    .order_by(Subscription.id.desc())
)
# With all that it takes to send to it, for as long as it may be sent to.
FULL = (
    select(*Subscription.__table__.c, User.uid, User.name, User.role, User.language.label("chosen"), Session.expires)
    .join(Session, _its)
    .join(User, User.id == Subscription.user_id)
    .where(Subscription.id == bindparam("id"), _alive, User.disabled.is_(None))
)
BY_ID = select(Subscription.id, Subscription.failures).where(Subscription.id == bindparam("id"))
_given = ("session_id", "endpoint", "public_key", "auth_secret")
SAME = select(Subscription.id).where(*(Subscription.__table__.c[name] == bindparam(name) for name in _given))
ADD = insert(Subscription).returning(Subscription.id)
CHANGE = update(Subscription).where(Subscription.id == bindparam("id"))
DROP = delete(Subscription).where(Subscription.id == bindparam("id"))
DROP_MINE = delete(Subscription).where(Subscription.session_id == bindparam("session_id"))
DROP_OTHER = delete(Subscription).where(Subscription.endpoint == bindparam("endpoint"))
_newest = select(Subscription.id).where(Subscription.user_id == bindparam("user_id")).order_by(Subscription.id.desc())
DROP_OLDEST = delete(Subscription).where(Subscription.id.in_(_newest.offset(bindparam("kept"))))


def must_be_on() -> None:
    """Raises NotFound where the operator wants no pushes."""
    if not settings.chosen().push:
        raise NotFound(_("This server sends no pushes."))


def checked(endpoint: str, keys: Keys) -> Keys:
    """The keys as they are kept. It is no work for the event loop.

    Raises Invalid for what nothing could be sent to, NotFound where nothing is.
    """
    must_be_on()
    wrong: dict[str, str] = {}
    if not _is_reachable(endpoint):
        wrong["endpoint"] = _("must be an address that begins with https://")
    try:
        point, secret = vapid.point(vapid.decoded(keys.p256dh)), vapid.decoded(keys.auth)
    except ValueError:
        point = secret = b""
    if len(secret) != AUTH_BYTES:
        wrong["keys"] = _("must be those that the browser was given: p256dh and auth, in base64url")
    if wrong:
        raise Invalid(wrong)
    return Keys(vapid.encoded(point), vapid.encoded(secret))


def _is_reachable(endpoint: str) -> bool:
    """Whether its form allows that; whether it may be sent to is judged when it is."""
    try:
        parts = urlsplit(endpoint)
        (parts.hostname or "").encode("idna")
        fine = bool(parts.hostname) and parts.port != 0 and re.fullmatch(r"[!-~]+", endpoint)
    except ValueError:  # of which UnicodeError is one
        return False
    return bool(fine) and (parts.scheme == "https" or bool(settings.chosen().push_networks))


@writes
def register(tx: Tx, identity: Identity, endpoint: str, keys: Keys, language: str) -> SubscriptionView:
    """Has a session's browser be told, instead of what was registered for it. What an endpoint was for before ends.

    The same again changes nothing: what waits for it is still sent.
    """
    given = {"session_id": identity.session, "endpoint": endpoint, "public_key": keys.p256dh, "auth_secret": keys.auth}
    if tx.one(SAME, **given) is None:
        tx.run(DROP_MINE, session_id=identity.session)
        tx.run(DROP_OTHER, endpoint=endpoint)
        tx.one(ADD, user_id=identity.user, language=language, failures=0, created=tx.now, **given)
        tx.run(DROP_OLDEST, user_id=identity.user, kept=MOST)
    return next(one for one in mine.within(tx, identity) if one.current)


@reads
def mine(read: Snapshot, identity: Identity) -> list[SubscriptionView]:
    """One's browsers that are told, newest first."""
    rows = read.all(MINE, user_id=identity.user, now=times.now())
    return [SubscriptionView(row.id, row.device or "", row.created, row.session_id == identity.session) for row in rows]


def anybody(read: Snapshot) -> bool:
    """Whether any browser is to be told."""
    return settings.chosen().push and read.one(ANY) is not None


@writes
def drop(tx: Tx, identity: Identity) -> None:
    """Has the session's browser not be told any more. Raises NotFound."""
    if not tx.run(DROP_MINE, session_id=identity.session):
        raise NotFound(_("This browser is not told of anything."))
