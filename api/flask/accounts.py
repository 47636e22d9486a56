"""`/flask/api/authenticate`, `/id` and `/user`: signing in and up, and one's own account."""

import asyncio
import base64
import binascii
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint, Response

from api.access import EDITING, PICTURES, SIGN_IN, SIGN_UP, attempt, by_session, device, me
from api.flask.front_ends import answered, clear_cookie, set_cookie
from api.flask.groups import FlaskSection, joined_sections
from api.flask.texts import FlaskMessage, FlaskSaid, Sent, safe, sent_back
from model.accounts import account, avatar, passwords, session, user
from model.accounts.session import ConfirmationNeeded
from model.accounts.user import Account, Email, Name, Password, SomeUid, Uid
from model.groups import joining
from pottle.errors import Forbidden, Invalid
from pottle.http.answers import asks, gives, takes
from pottle.http.asking import address, anyone, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import idempotent, limited
from pottle.values import Unfit, as_it_is, fit, line

blueprint = Blueprint("accounts", __name__, url_prefix="/api")

ROLES = {"user": "User", "admin": "Admin"}


class FlaskCredentials(Tolerant):
    """What one signs in with."""

    uid: SomeUid
    password: Password


@blueprint.post("/authenticate")
@limited(SIGN_IN)
@anyone
@takes(FlaskCredentials)
@gives(str)
async def sign_in(data: FlaskCredentials) -> Response:
    """Sign in. The answer is a text that no page reads, and the cookie."""
    signed = await attempt(account.sign_in(data.uid, data.password, address(), device()), data.uid)
    response = _text(f"Authentication for {signed.identity.uid} successful")
    set_cookie(response, signed.token)
    return response


@blueprint.delete("/authenticate")
@limited(EDITING)
@signed_in
@gives(str)
async def sign_out() -> Response:
    """Sign out: the session ends at once, everywhere. 401 for who is not signed in."""
    await session.sign_out(me())
    response = _text("Token invalidated successfully")
    clear_cookie(response)
    return response


def _text(text: str) -> Response:
    return Response(text, 200, {"Cache-Control": "no-store"}, content_type="text/plain; charset=utf-8")


class FlaskUser(msgspec.Struct):
    """An account as its user sees it; `kasm_server_needed` is always false, `pfp` where the picture is or null."""

    uid: str
    name: str
    email: str
    role: str
    pfp: str | None
    kasm_server_needed: bool
    sections: list[FlaskSection]


@blueprint.get("/id", endpoint="identify")
@blueprint.get("/user")
@signed_in
@gives(FlaskUser)
async def show() -> FlaskUser:
    """Who is signed in: one's own account, as one object."""
    return await _seen(await user.account(me().user))


async def _seen(found: Account) -> FlaskUser:
    mail, role = safe(found.email or ""), ROLES[found.role]
    return FlaskUser(found.uid, safe(found.name), mail, role, found.avatar, False, await joined_sections())


class FlaskNewUser(Tolerant):
    """An account to make. `invitation` is a group's code, which no page sends yet."""

    uid: Uid
    name: Name
    password: Password
    email: Sent = ""
    invitation: Annotated[str, line(80, shortest=0)] = ""


class FlaskSignedUp(FlaskSaid):
    """A new account. One page looks for `success`."""

    uid: str
    name: str


@blueprint.post("/user")
@limited(SIGN_UP)
@anyone
@idempotent
@takes(FlaskNewUser)
@gives(FlaskSignedUp)
async def sign_up(data: FlaskNewUser) -> FlaskSignedUp:
    """Sign up, where that is allowed. One is not signed in by it."""
    made = await joining.sign_up(data.uid, data.name, data.password, _address_of(data.email), data.invitation)
    return FlaskSignedUp(True, f"User {made.uid} created", made.uid, safe(made.name))


class FlaskUserEdit(Tolerant):
    """What to change. Another password or mail address needs `current_password`, or a sign-in within ten minutes."""

    name: Sent | UnsetType = UNSET
    uid: SomeUid | UnsetType = UNSET
    email: Sent | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: Password | UnsetType = UNSET


@blueprint.put("/user")
@limited(EDITING)
@signed_in
@takes(FlaskUserEdit)
@gives(FlaskUser)
async def edit(data: FlaskUserEdit) -> FlaskUser:
    """Change one's name, e-mail address or password. The uid stays; fields that Pottle does not have are ignored."""
    _must_be_own(data.uid, "A user name stays as it is, and nobody changes the account of somebody else.")
    before = await user.account(me().user)
    fields: dict[str, str | None] = {}
    if data.name is not UNSET:
        fields["name"] = _as("name", sent_back(data.name, before.name), Name)
    if data.email is not UNSET:
        fields["email"] = _address_of(sent_back(data.email, before.email or ""))
    if not fields and data.password is UNSET:
        return await _seen(before)
    if data.password is not UNSET or fields.get("email", before.email) != before.email:
        await _prove(data)
    return await _seen(await account.edit(me(), None, fields, data.password or None))


async def _prove(data: FlaskUserEdit) -> None:
    """Raises Forbidden unless whoever asks has just proven to know the password."""
    session.must_be_session(me())
    if data.password:
        passwords.check(data.password, me().uid, me().name)
    if data.current_password is not UNSET:
        await attempt(account.prove(me(), data.current_password), me().uid)
        return
    try:
        session.must_be_confirmed(me())
    except ConfirmationNeeded as needed:
        within = f"within the last {session.CONFIRMED_MINUTES} minutes"
        raise Forbidden(f"Sign in again first: a new password or mail address needs a sign-in {within}.") from needed


class FlaskLeaving(Tolerant):
    """Whose account to delete: one's own, and the password again."""

    password: Password
    uid: SomeUid | UnsetType = UNSET


@blueprint.delete("/user")
@limited(EDITING)
@signed_in
@by_session
@takes(FlaskLeaving)
@gives(FlaskMessage)
async def delete(data: FlaskLeaving) -> Response:
    """Delete one's own account; its posts stay, without a name."""
    _must_be_own(data.uid, "Nobody deletes the account of somebody else here; an admin does, at /admin.")
    await account.leave(me(), data.password, None)
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
        raise Invalid({field: str(unfit)}) from unfit
    return kept


class FlaskPictureView(msgspec.Struct):
    """The picture as base64 of a WebP, which browsers show whatever the page takes it for."""

    pfp: str


@blueprint.get("/id/pfp")
@signed_in
@gives(FlaskPictureView)
async def show_picture() -> FlaskPictureView:
    """One's own picture; 404 without one."""
    image = (await avatar.find(me().uid)).image
    return FlaskPictureView(base64.b64encode(image).decode())


class FlaskPicture(Tolerant):
    """A PNG, JPEG, GIF or WebP image as base64."""

    pfp: Annotated[str, as_it_is("base64")]


@blueprint.put("/id/pfp")
@limited(PICTURES)
@signed_in
@takes(FlaskPicture)
@gives(FlaskMessage)
async def put_picture(data: FlaskPicture) -> FlaskMessage:
    """Keep a picture: its middle square, drawn anew."""
    await avatar.put(me(), await asyncio.to_thread(_decoded, data.pfp))
    return FlaskMessage("Profile picture updated successfully")


def _decoded(text: str) -> bytes:
    """The bytes of base64, also behind `data:…;base64,`. Raises Invalid."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid({"pfp": "is not base64"}) from error


class FlaskWhose(Tolerant):
    """Whose picture: one's own."""

    uid: SomeUid | UnsetType = UNSET


@blueprint.delete("/id/pfp")
@limited(EDITING)
@signed_in
@asks(FlaskWhose)
@gives(FlaskMessage)
async def delete_picture(query: FlaskWhose) -> FlaskMessage:
    """Take one's own picture away; 404 without one."""
    _must_be_own(query.uid, "Nobody takes away the picture of somebody else.")
    await avatar.remove(me())
    return FlaskMessage("Profile picture deleted successfully")
