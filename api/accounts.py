"""`/api/users` as admins see it: accounts, their roles, and which are disabled."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint

from api.access import EDITING, admins, confirmed, me
from model.accounts import account
from model.accounts.account import AccountView
from model.accounts.user import Role
from pottle.http.answers import Answer, Paging, asks, changed_fields, cursor, gives, listed, takes, wanted_versions
from pottle.http.limits import limited
from pottle.values import line

blueprint = Blueprint("accounts", __name__, url_prefix="/api/users")


class AccountQuery(Paging):
    """Which part of the list; with `q`, those whose uid, or a word of whose name, begins so."""

    q: Annotated[str, line(80, shortest=0)] = ""


class AccountsView(msgspec.Struct):
    """Accounts, newest first."""

    users: list[AccountView]
    next: str | None
    prev: str | None


class AccountChange(msgspec.Struct):
    """What to change. A disabled account cannot sign in, and its tokens count for nothing until it is enabled again."""

    role: Role | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


@blueprint.get("")
@admins
@asks(AccountQuery)
@gives(AccountsView)
async def index(query: AccountQuery) -> Answer:
    """All accounts."""
    return listed(AccountsView, await account.listed(cursor(query), query.q))


@blueprint.patch("/<uid>")
@limited(EDITING)
@admins
@confirmed
@takes(AccountChange)
@gives(AccountView)
async def change(uid: str, data: AccountChange) -> AccountView:
    """Give an account a role, disable it or enable it. What it could do until now ends at once, on every socket."""
    fields = changed_fields(data)
    return await account.change(me(), uid, wanted_versions(), **fields)


@blueprint.delete("/<uid>")
@limited(EDITING)
@admins
@confirmed
@gives(None, 204)
async def delete(uid: str) -> None:
    """Delete an account, for good. Posts stay, without a name. One's own is deleted at `/api/me`, with its password."""
    await account.remove(me(), uid, wanted_versions())
