"""Users: accounts. A uid is unique whatever its case, and is shown as it was first written."""

from typing import Annotated, Literal, cast

import msgspec
from sqlalchemy import String, bindparam, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from model import audit
from model.accounts import likeness, passwords
from pottle.errors import Forbidden, Invalid, NotFound, Versions, check_version, taken
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db
from pottle.store.unit import answered
from pottle.values import as_it_is, line

# In a pattern `$` alone would also match before a last newline.
Uid = Annotated[
    str,
    line(
        40,
        2,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$(?!\n)",
        says="must have 2 to 40 letters a to z, digits, dots, hyphens or underscores, without spaces, and begin with a "
        "letter or digit",
    ),
]
SomeUid = Annotated[str, line(254)]  # to look for: what has another form is nobody's
Name = Annotated[str, line(80)]
Email = Annotated[
    str, line(254, 3, pattern=r"^[^@\s]+@[^@\s]+$(?!\n)", says="must be an e-mail address, such as ada@school.example")
]
Password = Annotated[str, as_it_is("every character of a password counts", 1_000, 1)]
Role = Literal["user", "admin"]
OURS = "Pottle"  # is a name, too, that a password must not be made of


class User(Base):
    """An account."""

    __tablename__ = "users"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(String(40))
    uid_folded: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    likeness: Mapped[str | None] = mapped_column(String(200), index=True)  # what the name can be taken for
    email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10))
    avatar_hash: Mapped[str | None] = mapped_column(String(16))
    disabled: Mapped[Time | None]  # since when
    created: Mapped[Time]
    version: Mapped[int]


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
    role: str
    avatar: str | None
    created: str
    version: int


ADD = insert(User).values(
    uid=bindparam("as_written"),
    uid_folded=bindparam("folded"),
    name=bindparam("called"),
    likeness=bindparam("looks"),
    email=bindparam("mail"),
    password_hash=bindparam("kept"),
    role=bindparam("as_"),
    created=bindparam("now"),
    version=1,
)
TAKEN = select(User.id).where(User.uid_folded == bindparam("folded"))
LIKE_AN_ADMIN = select(User.id).where(User.likeness == bindparam("looks"), User.role == "admin").limit(1)


async def sign_up(uid: str, name: str, password: str, email: str | None = None) -> UserView:
    """A new account. Raises Conflict for a uid that is taken, Forbidden where sign-up is closed, Invalid."""
    if db.settings.sign_up != "open":
        how = "by invitation only" if db.settings.sign_up == "invitation" else "closed"
        raise Forbidden(f"Sign-up is {how} here.")
    check_uid(uid)
    check_password(password, uid, name)
    with db.snapshot() as read:
        if (made := answered(read, _sign_up)) is not None:
            return cast(UserView, made)
        check_free(read, uid)
    return await db.write(_sign_up, uid, name, await passwords.hashed(password), email)


async def create(uid: str, name: str, password: str, email: str | None = None, role: Role = "user") -> UserView:
    """A new account of any role, made by the operator, whatever the sign-up setting. Raises Conflict, Invalid."""
    check_password(password, uid, name)
    return await db.write(_create_noted, uid, name, await passwords.hashed(password), email, role)


def _sign_up(tx: Tx, uid: str, name: str, kept: str, email: str | None) -> UserView:
    if tx.one(LIKE_AN_ADMIN, looks=likeness.of(name)):
        raise Invalid({"name": "can be taken for that of an admin; please add something, such as a last name"})
    return add(tx, uid, name, kept, email, "user")


def check_uid(uid: str) -> None:
    """Raises Invalid for a user name that only the operator gives, for others would take it for who runs the place."""
    if likeness.reserved(uid):
        raise Invalid({"uid": f"{uid} is reserved; please choose another"})


def check_password(password: str, *names: str) -> None:
    """Raises Invalid for a password that is too short, very common, or one of the user's `names` with some digits."""
    if len(password) < db.settings.password_min:
        raise Invalid({"password": f"must have at least {db.settings.password_min} characters"})
    if passwords.is_common(password):
        raise Invalid({"password": "is too easy to guess: many people use it"})
    if passwords.is_made_of(password, (*names, OURS)):
        raise Invalid({"password": "is too easy to guess: it is little more than a name"})


def check_free(read: Snapshot, uid: str) -> None:
    """Raises Conflict for a uid that is taken."""
    if read.one(TAKEN, folded=uid.lower()):
        raise taken("uid", uid)


def add(tx: Tx, uid: str, name: str, kept: str | None, email: str | None, role: Role) -> UserView:
    """Unit: a new account with a password hash, or None where it is yet to be claimed. Raises Conflict."""
    check_free(tx, uid)
    shown = {"as_written": uid, "called": name, "looks": likeness.of(name)}
    tx.run(ADD, **shown, folded=uid.lower(), mail=email, kept=kept, as_=role, now=tx.now)
    return UserView(uid, name, None, tx.now)


def _create_noted(tx: Tx, uid: str, name: str, kept: str, email: str | None, role: Role) -> UserView:
    made = add(tx, uid, name, kept, email, role)
    audit.note(tx, None, "user.created", uid, detail=role)
    return made


def by_uid(session: Session, uid: str) -> User:
    """A user, whatever the uid's case. Raises NotFound."""
    user = session.scalar(select(User).where(User.uid_folded == uid.lower()))
    if user is None:
        raise NotFound(f"There is no user {uid}.")
    return user


async def find(uid: str) -> UserView:
    """The public profile of a user. Raises NotFound."""
    async with db.session() as session:
        user = await session.run_sync(by_uid, uid)
    return UserView(user.uid, user.name, avatar_path(user.uid, user.avatar_hash), user.created)


async def account(id_: int) -> Account:
    """A user's own account."""
    async with db.session() as session:
        user = await session.get(User, id_)
    if user is None:
        raise NotFound("This account is gone.")
    return _account(user)


def _account(user: User) -> Account:
    return Account(
        user.uid, user.name, user.email, user.role, avatar_path(user.uid, user.avatar_hash), user.created, user.version
    )


def edit(tx: Tx, id_: int, versions: Versions, fields: dict[str, str | None]) -> Account:
    """Unit: sets columns of one's own account; raises Stale when `version` is given and no longer the newest."""
    user = tx.session.get(User, id_)
    if user is None:
        raise NotFound("This account is gone.")
    check_version(user.version, versions)
    for field, value in fields.items():
        setattr(user, field, value)
    user.likeness = likeness.of(user.name)
    user.version += 1
    tx.session.flush()
    tx.changed("user.edited", subject=id_, tags=[f"user:{user.uid}"])
    return _account(user)


def avatar_path(uid: str, avatar_hash: str | None) -> str | None:
    """Where the avatar is; the hash makes each image a URL of its own, which caches may keep."""
    return f"{db.settings.prefix}/api/users/{uid}/avatar?v={avatar_hash}" if avatar_hash else None
