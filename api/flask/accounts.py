"""`/flask/api/authenticate`, `/id` and `/user`: signing in and up, and one's own account."""

import asyncio
import base64
import binascii
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from quart import Response

from api.access import EDITING, PICTURES, SIGN_IN, SIGN_UP, attempt, by_session, device, me
from api.flask.endpoints import FlaskMessage, FlaskSaid, Sent, endpoint, safe, sent_back
from api.flask.front_ends import answered, clear_cookie, set_cookie
from api.flask.groups import FlaskSection, joined_sections
from api.me import prove
from model.accounts import account, avatar, second, session, user
from model.accounts.session import ConfirmationNeeded
from model.accounts.ticket import SecondNeeded
from model.accounts.user import Account, Email, Name, Password, SomeUid, Uid
from model.flask.extras import theirs
from model.groups import joining
from model.groups.invitation import Code
from pottle.errors import Forbidden, Invalid, Unauthenticated
from pottle.http.asking import address, anyone, signed_in
from pottle.http.limits import idempotent
from pottle.values import Unfit, as_it_is, fit, line

ROLES = {"user": "User", "admin": "Admin"}


@endpoint("POST /authenticate", anyone, SIGN_IN, answer=str)
async def sign_in(uid: SomeUid, password: Password, code: Code | UnsetType = UNSET) -> Response:
    """Sign in. The answer is a text that no page reads, and the cookie.

    Whoever has a second factor sends the `code` of the app as well, or is refused, and told so.
    """
    try:
        signed = await attempt(account.sign_in(uid, password, address(), device()), uid)
    except SecondNeeded as needed:
        if code is UNSET:
            raise Unauthenticated(
                "This account has a second factor. Sign in at Pottle itself, or send its code as `code`."
            ) from needed
        signed = await attempt(second.finish(needed.ticket, code), uid)
    response = _text(f"Authentication for {signed.identity.uid} successful")
    set_cookie(response, signed.token)
    return response


@endpoint("DELETE /authenticate", signed_in, EDITING, answer=str)
async def sign_out() -> Response:
    """Sign out: the session ends at once, everywhere. 401 for who is not signed in."""
    await session.sign_out(me())
    response = _text("Token invalidated successfully")
    clear_cookie(response)
    return response


def _text(text: str) -> Response:
    return Response(text, 200, {"Cache-Control": "no-store"}, content_type="text/plain; charset=utf-8")


class FlaskRole(msgspec.Struct):
    """A role, for pages that list them."""

    name: str


class FlaskUser(msgspec.Struct):
    """An account as its user sees it; `kasm_server_needed` is always false, `pfp` where the picture is or null."""

    id: int
    uid: str
    name: str
    email: str
    role: str
    roles: list[FlaskRole]
    pfp: str | None
    kasm_server_needed: bool
    sections: list[FlaskSection]


@endpoint("GET /id", signed_in)
async def identify() -> FlaskUser:
    """Who is signed in."""
    return await _seen(await user.account(me().user))


@endpoint("GET /user", signed_in)
async def show_account() -> FlaskUser:
    """One's own account, as one object."""
    return await _seen(await user.account(me().user))


async def _seen(found: Account) -> FlaskUser:
    mail, role = safe(found.email or ""), ROLES[found.role]
    who = await theirs("user", me().user), found.uid, safe(found.name), mail
    return FlaskUser(*who, role, [FlaskRole(role)], found.avatar, False, await joined_sections())


class FlaskSignedUp(FlaskSaid):
    """A new account. One page looks for `success`."""

    uid: str
    name: str


@endpoint("POST /user", anyone, SIGN_UP, idempotent)
async def sign_up(
    uid: Uid, name: Name, password: Password, email: Sent = "", invitation: Annotated[str, line(80, shortest=0)] = ""
) -> FlaskSignedUp:
    """Sign up, where that is allowed, or with the code of an `invitation`. One is not signed in by it."""
    made = await joining.sign_up(uid, name, password, _address_of(email), invitation)
    return FlaskSignedUp(True, f"User {made.uid} created", made.uid, safe(made.name))


@endpoint("PUT /user", signed_in, EDITING)
async def edit_account(
    name: Sent | UnsetType = UNSET,
    uid: SomeUid | UnsetType = UNSET,
    email: Sent | UnsetType = UNSET,
    password: Password | UnsetType = UNSET,
    current_password: Password | UnsetType = UNSET,
) -> FlaskUser:
    """Change one's name, e-mail address or password. The uid stays; fields that Pottle does not have are ignored.

    Another password or mail address needs `current_password`, or a sign-in within ten minutes.
    """
    _must_be_own(uid, "A user name stays as it is, and nobody changes the account of somebody else.")
    before = await user.account(me().user)
    fields: dict[str, str | None] = {}
    if name is not UNSET:
        fields["name"] = _as("name", sent_back(name, before.name), Name)
    if email is not UNSET:
        fields["email"] = _address_of(sent_back(email, before.email or ""))
    if not fields and password is UNSET:
        return await _seen(before)
    if password is not UNSET or fields.get("email", before.email) != before.email:
        await _prove(password, current_password)
    return await _seen(await account.edit(me(), None, fields, password or None))


async def _prove(password: str | UnsetType, current_password: str | UnsetType) -> None:
    """Raises Forbidden unless whoever asks has just proven to know the password."""
    try:
        await prove(password or None, current_password, recently=True)
    except ConfirmationNeeded as needed:
        within = f"within the last {session.CONFIRMED_MINUTES} minutes"
        raise Forbidden(f"Sign in again first: a new password or mail address needs a sign-in {within}.") from needed


@endpoint("DELETE /user", signed_in, EDITING, by_session, answer=FlaskMessage)
async def delete_account(password: Password, uid: SomeUid | UnsetType = UNSET) -> Response:
    """Delete one's own account, with the password again; its posts stay, without a name."""
    _must_be_own(uid, "Nobody deletes the account of somebody else here; an admin does, at /admin.")
    await account.leave(me(), password, None)
    response = answered(FlaskMessage(f"Deleted user: {me().uid}"))
    clear_cookie(response)
    return response


def _must_be_own(uid: Any, why: str) -> None:
    if uid and uid.lower() != me().uid.lower():
        raise Forbidden(why)


def _address_of(email: str) -> str | None:
    """An e-mail address; None for an empty one. Raises Invalid for what is none."""
    return _as("email", email, Email) if email.strip() else None


def _as(field: str, text: str, kind: Any) -> str:
    try:
        kept: str = fit(text, kind)
    except Unfit as unfit:
        raise Invalid({field: unfit.phrase}) from unfit
    return kept


class FlaskPictureView(msgspec.Struct):
    """The picture as base64 of a WebP, which browsers show whatever the page takes it for."""

    pfp: str


@endpoint("GET /id/pfp", signed_in)
async def show_picture() -> FlaskPictureView:
    """One's own picture; 404 without one."""
    return FlaskPictureView(base64.b64encode((await avatar.find(me().uid)).image).decode())


@endpoint("PUT /id/pfp", signed_in, PICTURES)
async def put_picture(pfp: Annotated[str, as_it_is("base64")]) -> FlaskMessage:
    """Keep a picture (PNG, JPEG, GIF or WebP, as base64): its middle square, drawn anew."""
    await avatar.put(me(), await asyncio.to_thread(_decoded, pfp))
    return FlaskMessage("Profile picture updated successfully")


def _decoded(text: str) -> bytes:
    """The bytes of base64, also behind `data:…;base64,`. Raises Invalid."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid({"pfp": "is not base64"}) from error


@endpoint("DELETE /id/pfp", signed_in, EDITING, query=True)
async def delete_picture(uid: SomeUid | UnsetType = UNSET) -> FlaskMessage:
    """Take one's own picture away; 404 without one."""
    _must_be_own(uid, "Nobody takes away the picture of somebody else.")
    await avatar.remove(me())
    return FlaskMessage("Profile picture deleted successfully")
