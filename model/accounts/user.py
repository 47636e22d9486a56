"""Users: accounts, and their names. A uid is unique whatever its case, and shown as it was first written."""

# ruff: noqa: RUF001

import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Literal, cast

import msgspec
from sqlalchemy import String, bindparam, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from model import audit
from model.accounts import passwords
from pottle.errors import Invalid, NotFound, taken
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, writes
from pottle.translation import _, languages, supported
from pottle.values import as_it_is, line

# In a pattern `$` alone would also match before a last newline.
Uid = Annotated[
    str,
    line(
        40,
        2,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$(?!\n)",
        says=_(
            "must have 2 to 40 letters a to z, digits, dots, hyphens or underscores, without spaces, and begin with a "
            "letter or digit"
        ),
    ),
]
SomeUid = Annotated[str, line(254)]  # to look for: what has another form is nobody's
Name = Annotated[str, line(80)]
Language = Annotated[str, line(20)]  # a tag
Email = Annotated[
    str,
    line(254, 3, pattern=r"^[^@\s]+@[^@\s]+$(?!\n)", says=_("must be an e-mail address, such as ada@school.example")),
]
Password = Annotated[str, as_it_is("every character of a password counts", 1_000, 1)]
Role = Literal["user", "admin"]

# Accents, and the vowels of Hebrew and Arabic. (In India's scripts such marks make other letters.)
ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")


def _table(pairs: str) -> dict[int, str]:
    return {ord(pair[0]): pair[1:] for pair in pairs.split()}


# Letters that look alike, each with the one that stands for both; capitals are replaced first.
CAPITALS = _table(
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC АA ВB ЕE ЅS ІI ЈJ КK МM НH ОO РP СC ТT УY ХX ҮY ԌG ԜW ՍS ՕO "
    "ᎪA ᏴB ᏟC ᎬE ᎻH ᎫJ ᏦK ᏞL ᎷM ᏢP ᎡR ᏚS ᎢT ᏙV ᎳW ᏃZ"
)
SMALL = _table(
    "αa γy ιl κk νv οo ρp τt υu χx ωw аa вb еe ѕs іl јj кk мm нh оo рp сc тt уy хx үy һh ӏl ԁd ԛq ԝw ьb օo սu հh ոn "
    "ցg ɑa ɡg ıl ȷj ſs ƒf øo đd łl ħh 0o 1l il |l"
)
# User names that only the operator gives: they sound like somebody who runs the server.
RESERVED = (
    *("admin", "administrator", "moderator", "mod", "operator", "owner", "root", "system", "sysadmin", "webmaster"),
    *("postmaster", "hostmaster", "support", "help", "security", "staff", "info", "noreply", "api", "me", "guest"),
    *("anonymous", "everyone", "everybody", "here", "channel", "pottle", "null", "undefined"),
)


class User(Base):
    """An account."""

    __tablename__ = "users"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(String(40))
    uid_folded: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    likeness: Mapped[str | None] = mapped_column(String(200), index=True)  # the name's skeleton
    email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(String(10))
    avatar_hash: Mapped[str | None] = mapped_column(String(16))
    language: Mapped[str | None] = mapped_column(String(20))  # a tag such as zh-Hans; None: what their browser asks for
    disabled: Mapped[Time | None]  # since when
    created: Mapped[Time]
    version: Mapped[int]

    @property
    def avatar(self) -> str | None:
        """The avatar's path."""
        return avatar_path(self.uid, self.avatar_hash)


class UserView(msgspec.Struct):
    """A user as everybody sees it."""

    uid: str
    name: str
    avatar: str | None
    created: str


class Account(msgspec.Struct):
    """A user as it sees itself."""

    uid: str
    name: str
    email: str | None
    role: Role
    avatar: str | None
    created: str
    version: int
    language: str | None


ADD = insert(User).returning(User.id)
TAKEN = select(User.id).where(User.uid_folded == bindparam("uid_folded"))


async def create(uid: str, name: str, password: str, email: str | None = None, role: Role = "user") -> UserView:
    """Makes an account of any role, for the operator, whatever the sign-up setting. Raises Conflict, Invalid."""
    passwords.check(password, uid, name)
    return await _create(uid, name, await passwords.hashed(password), email, role)


@writes
def _create(tx: Tx, uid: str, name: str, password_hash: str, email: str | None, role: Role) -> UserView:
    add(tx, uid, name, password_hash, email, role)
    audit.note(tx, None, "user.created", uid, detail=role)
    return UserView(uid, name, None, tx.now)


def add(tx: Tx, uid: str, name: str, password_hash: str | None, email: str | None = None, role: Role = "user") -> int:
    """Within a unit: makes an account, which without a password hash needs a code; returns its id. Raises Conflict."""
    check_free(tx, uid)
    shown = {"uid": uid, "uid_folded": uid.lower(), "name": name, "likeness": skeleton(name), "email": email}
    made = tx.one(ADD, **shown, password_hash=password_hash, role=role, created=tx.now, version=1)
    return cast(int, made.id)


@lru_cache(maxsize=10_000)
def skeleton(name: str) -> str:
    """The same text for all names that look alike (UTS #39); never "" for a name that can be seen.

    Unlike Unicode's, it also ignores case, accents, spaces and punctuation, and knows only the letters of names.
    """
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", name)).translate(CAPITALS)
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", plain.casefold())).translate(SMALL)
    letters = "".join(letter for letter in plain if unicodedata.category(letter)[0] in "LMN")
    return letters.replace("rn", "m").replace("vv", "w") or name.casefold()


_reserved = frozenset(map(skeleton, RESERVED))


def is_reserved(uid: str) -> bool:
    """Whether a user name looks like one that only the operator gives."""
    return skeleton(uid) in _reserved


def check_uid(uid: str) -> None:
    """Raises Invalid for a user name that only the operator gives."""
    if is_reserved(uid):
        raise Invalid({"uid": _("%(uid)s is reserved; please choose another", uid=uid)})


def check_free(read: Snapshot, uid: str) -> None:
    """Raises Conflict for a uid that is taken."""
    if read.one(TAKEN, uid_folded=uid.lower()):
        raise taken("uid", uid)


def by_uid(session: Session, uid: str) -> User:
    """A user, whatever the uid's case. Raises NotFound."""
    user = session.scalar(select(User).where(User.uid_folded == uid.lower()))
    if user is None:
        raise NotFound(_("There is no user %(uid)s.", uid=uid))
    return user


def by_id(session: Session, id_: int) -> User:
    """A user who was there a moment ago. Raises NotFound."""
    user = session.get(User, id_)
    if user is None:
        raise NotFound(_("This account is gone."))
    return user


async def find(uid: str) -> UserView:
    """The public profile of a user. Raises NotFound."""
    async with db.session() as session:
        return msgspec.convert(await session.run_sync(by_uid, uid), UserView, from_attributes=True)


async def account(id_: int) -> Account:
    """A user's own account. Raises NotFound."""
    async with db.session() as session:
        return view(await session.run_sync(by_id, id_))


def view(user: User) -> Account:
    """An account as its user sees it."""
    return msgspec.convert(user, Account, from_attributes=True)


def change(tx: Tx, user: User, kind: str = "user.edited", /, **fields: str | None) -> None:
    """Within a unit: sets columns of an account, and records the change."""
    for field, value in fields.items():
        setattr(user, field, value)
    user.likeness = skeleton(user.name)
    user.version += 1
    tx.session.flush()
    tx.changed(kind, subject=user.id, tags=[f"user:{user.uid}"])


def known_language(tag: str) -> str:
    """The language of ours that a tag means. Raises Invalid."""
    if (found := supported(tag)) is None:
        raise Invalid({"language": _("must be one of %(choices)s", choices=", ".join(languages()))})
    return found


def avatar_path(uid: str, avatar_hash: str | None) -> str | None:
    """The avatar's path. The hash gives each image a URL of its own, which caches may keep."""
    return f"{db.settings.prefix}/api/users/{uid}/avatar?v={avatar_hash}" if avatar_hash else None
