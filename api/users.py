"""Users: signing up and profiles; for admins all accounts, and the activity log."""

from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint, Response
from werkzeug.exceptions import HTTPException

from api.access import BY_CODE, EDITING, SIGN_UP, admins, confirmed, me, on_our_pages
from model import audit
from model.accounts import account, avatar, user
from model.accounts.account import AccountView
from model.accounts.user import Email, Name, Password, Role, Uid, UserView
from model.audit import EntryView
from model.groups import group, joining
from model.pictures import MEDIA_TYPE
from pottle.errors import Invalid
from pottle.http import bodies
from pottle.http.answers import (
    Answer,
    Paging,
    asks,
    changed_fields,
    cursor,
    gives,
    listed,
    ready_made,
    takes,
    wanted_versions,
)
from pottle.http.asking import address, anyone, signed_in
from pottle.http.caching import shown
from pottle.http.limits import Party, idempotent, limited
from pottle.values import line

blueprint = Blueprint("users", __name__, url_prefix="/api/users")
accounts = Blueprint("accounts", __name__, url_prefix="/api/users")
activity = Blueprint("audit", __name__, url_prefix="/api")
blueprint.record_once(lambda state: state.app.register_blueprint(accounts))
blueprint.record_once(lambda state: state.app.register_blueprint(activity))


class NewUser(msgspec.Struct):
    """An account to make. The uid is what one signs in with; its case does not count."""

    uid: Uid
    name: Name
    password: Password
    email: Email | None = None
    invitation: Annotated[str, line(80, shortest=0)] | None = None


async def _by_code() -> Party | None:
    """Whom a sign-up with a valid code counts against: a school is one address. Raises TooMany for a guesser."""
    code = None
    with suppress(HTTPException, Invalid):  # which the handler's own check will tell
        code = (await bodies.parsed(NewUser)).invitation
    held = await joining.good(code, address()) if code is not None else None
    return None if held is None else (f"code {held} address {address()}", BY_CODE)


@blueprint.post("")
@limited(SIGN_UP, instead=_by_code)
@anyone
@idempotent
@takes(NewUser)
@gives(UserView, 201)
async def create(data: NewUser) -> Answer:
    """Sign up. With the code of an invitation one is at once a member of its group, and of those who sign up at this
    address only those with the same code count."""
    made = await joining.sign_up(data.uid, data.name, data.password, data.email, data.invitation)
    return Answer(made, location=f"/api/users/{made.uid}")


@blueprint.get("/<uid>")
@anyone
@gives(UserView)
async def show(uid: str) -> UserView:
    """A user's public profile."""
    view = await user.find(uid)
    shown(f"user:{view.uid}")
    return view


@blueprint.get("/<uid>/avatar")
@anyone
@gives(bytes)
async def show_avatar(uid: str) -> Response:
    """A user's avatar, as WebP."""
    found = await avatar.find(uid)
    shown(f"user:{found.uid}")
    return ready_made(found.image, MEDIA_TYPE, f'"{found.hash}"')


class AccountQuery(Paging):
    """Which part of the list; with `q`, those whose uid, or a word of whose name, begins so."""

    q: Annotated[str, line(80, shortest=0)] = ""


class AccountsView(msgspec.Struct):
    """Accounts, newest first."""

    users: list[AccountView]
    next: str | None
    prev: str | None


@accounts.get("")
@admins
@asks(AccountQuery)
@gives(AccountsView)
async def index(query: AccountQuery) -> Answer:
    """All accounts."""
    return listed(AccountsView, await account.listed(cursor(query), query.q))


class AccountChange(msgspec.Struct):
    """What to change. A disabled account cannot sign in, and its tokens count for nothing until it is enabled again."""

    role: Role | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


@accounts.patch("/<uid>")
@limited(EDITING)
@admins
@confirmed
@takes(AccountChange)
@gives(AccountView)
async def change(uid: str, data: AccountChange) -> AccountView:
    """Give an account a role, disable it or enable it. What it could do until now ends at once, on every socket."""
    return await account.change(me(), uid, wanted_versions(), **changed_fields(data))


@accounts.delete("/<uid>")
@limited(EDITING)
@admins
@confirmed
@gives(None, 204)
async def delete(uid: str) -> None:
    """Delete an account, for good; what it wrote stays, without a name.

    One's own is deleted at `/api/me`, with its password.
    """
    await account.remove(me(), uid, wanted_versions())


class AuditQuery(Paging):
    """Which part of the log: of a group, or what a user did or had done to them."""

    group: Annotated[str, line(60, shortest=0)] = ""
    uid: Annotated[str, line(40, shortest=0)] = ""


class AuditView(msgspec.Struct):
    """What was done, newest first."""

    entries: list[EntryView]
    next: str | None
    prev: str | None


@activity.get("/audit", endpoint="index")
@admins
@asks(AuditQuery)
@gives(AuditView)
async def log(query: AuditQuery) -> Answer:
    """What was done with special rights, or to credentials, in the last year."""
    return listed(AuditView, await audit.listed(cursor(query), query.group, query.uid))


@activity.get("/groups/<slug>/audit", endpoint="of_group")
@signed_in
@on_our_pages
@asks(Paging)
@gives(AuditView)
async def log_of_group(slug: str, query: Paging) -> Answer:
    """What was done in a group. Its moderators may see it."""
    found = await group.moderated(me(), slug)
    return listed(AuditView, await audit.of_group(cursor(query), found.slug, found.created))
