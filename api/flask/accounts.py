"""`/flask/api/authenticate`, `/id`, `/user` and `/section`: signing in and up, one's own account and its groups."""

import asyncio
import base64
import binascii
from typing import Any

from msgspec import UNSET
from quart import Blueprint, Response

from api.access import EDITING, PICTURES, SIGN_IN, SIGN_UP, asker, attempt, by_session, device, me
from api.flask import shapes
from api.flask.front_ends import answered, by_any_program, clear_cookie, kept_for, set_cookie
from api.flask.texts import safe, sent_back
from model.accounts import account, avatar, passwords, session, user
from model.accounts.session import ConfirmationNeeded
from model.accounts.user import Account, Email, Name
from model.flask import overview
from model.groups import joining
from pottle.errors import Forbidden, Invalid
from pottle.http.answers import asks, gives, takes
from pottle.http.asking import address, anyone, signed_in
from pottle.http.limits import limited
from pottle.http.retries import idempotent
from pottle.values import Unfit, fit

blueprint = Blueprint("accounts", __name__, url_prefix="/api")

ROLES = {"user": "User", "admin": "Admin"}


@blueprint.post("/authenticate")
@by_any_program
@limited(SIGN_IN)
@anyone
@takes(shapes.FlaskCredentials)
@gives(str)
async def sign_in(data: shapes.FlaskCredentials) -> Response:
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


@blueprint.get("/id", endpoint="identify")
@blueprint.get("/user")
@signed_in
@gives(shapes.FlaskUser)
async def show() -> shapes.FlaskUser:
    """Who is signed in: one's own account, as one object."""
    return await _seen(await user.account(me().user))


async def _seen(found: Account) -> shapes.FlaskUser:
    mail, role = safe(found.email or ""), ROLES[found.role]
    return shapes.FlaskUser(found.uid, safe(found.name), mail, role, found.avatar, False, await _sections())


@blueprint.post("/user")
@by_any_program
@limited(SIGN_UP)
@anyone
@idempotent
@takes(shapes.FlaskNewUser)
@gives(shapes.FlaskSignedUp)
async def sign_up(data: shapes.FlaskNewUser) -> shapes.FlaskSignedUp:
    """Sign up, where that is allowed. One is not signed in by it."""
    who = data.uid, data.name, data.password, _address_of(data.email)
    made = await joining.sign_up(*who, data.invitation)
    return shapes.FlaskSignedUp(True, f"User {made.uid} created", made.uid, safe(made.name))


@blueprint.put("/user")
@limited(EDITING)
@signed_in
@takes(shapes.FlaskUserEdit)
@gives(shapes.FlaskUser)
async def edit(data: shapes.FlaskUserEdit) -> shapes.FlaskUser:
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


async def _prove(data: shapes.FlaskUserEdit) -> None:
    """Raises Forbidden unless whoever asks has just proven to know the password."""
    session.must_be_session(me())
    if data.password:
        passwords.check(data.password, me().uid, me().name)
    if data.current_password is not UNSET:
        await attempt(account.prove(me(), data.current_password), me().uid)
        return
    try:
        session.must_be_confirmed(me())
    except ConfirmationNeeded:
        raise Forbidden(
            "Sign in again first: a new password or mail address needs a sign-in within the last "
            f"{session.CONFIRMED_MINUTES} minutes."
        ) from None


@blueprint.delete("/user")
@limited(EDITING)
@signed_in
@by_session
@takes(shapes.FlaskLeaving)
@gives(shapes.FlaskMessage)
async def delete(data: shapes.FlaskLeaving) -> Response:
    """Delete one's own account; its posts stay, without a name."""
    _must_be_own(data.uid, "Nobody deletes the account of somebody else here; an admin does, at /admin.")
    await account.leave(me(), data.password, None)
    response = answered(shapes.FlaskMessage(f"Deleted user: {me().uid}"), 200)
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


@blueprint.get("/id/pfp")
@signed_in
@gives(shapes.FlaskPictureView)
async def show_picture() -> shapes.FlaskPictureView:
    """One's own picture; 404 without one."""
    image = (await avatar.find(me().uid)).image
    return shapes.FlaskPictureView(base64.b64encode(image).decode())


@blueprint.put("/id/pfp")
@limited(PICTURES)
@signed_in
@takes(shapes.FlaskPicture)
@gives(shapes.FlaskMessage)
async def put_picture(data: shapes.FlaskPicture) -> shapes.FlaskMessage:
    """Keep a picture: its middle square, drawn anew."""
    await avatar.put(me(), await asyncio.to_thread(_decoded, data.pfp))
    return shapes.FlaskMessage("Profile picture updated successfully")


def _decoded(text: str) -> bytes:
    """The bytes of base64, also behind `data:…;base64,`. Raises Invalid."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid({"pfp": "is not base64"}) from error


@blueprint.delete("/id/pfp")
@limited(EDITING)
@signed_in
@asks(shapes.FlaskWhose)
@gives(shapes.FlaskMessage)
async def delete_picture(query: shapes.FlaskWhose) -> shapes.FlaskMessage:
    """Take one's own picture away; 404 without one."""
    _must_be_own(query.uid, "Nobody takes away the picture of somebody else.")
    await avatar.remove(me())
    return shapes.FlaskMessage("Profile picture deleted successfully")


@blueprint.get("/section")
@anyone
@gives(list[shapes.FlaskSectionView])
async def sections() -> list[shapes.FlaskSectionView]:
    """The groups that you may see."""
    found = await overview.groups(asker())
    kept_for(found.audience, "groups")
    return [shapes.FlaskSectionView(row.section_number, safe(row.name), row.slug) for row in found.rows]


@blueprint.get("/user/section")
@signed_in
@gives(shapes.FlaskSections)
async def own_sections() -> shapes.FlaskSections:
    """The groups that one belongs to."""
    return shapes.FlaskSections(await _sections())


@blueprint.post("/user/section")
@limited(EDITING)
@signed_in
@takes(shapes.FlaskNewSections)
@gives(shapes.FlaskSections)
async def join(data: shapes.FlaskNewSections) -> shapes.FlaskSections:
    """Join groups by their codes. Nobody joins one by its name alone."""
    mine = {row.slug for row in await overview.memberships(me().user)}
    seen = {row.slug for row in (await overview.groups(asker())).rows}
    for name in data.sections:
        if name.lower() in seen - mine:
            raise Forbidden(f"Nobody joins {name} by its name alone: send the code that its moderators give out.")
    for code in data.sections:
        if code.lower() not in mine:
            await joining.accept(me(), code, address())
    return shapes.FlaskSections(await _sections())


async def _sections() -> list[shapes.FlaskSection]:
    rows = await overview.memberships(me().user)
    return [shapes.FlaskSection(row.section_number, safe(row.name), row.slug, int(row.created[:4])) for row in rows]
