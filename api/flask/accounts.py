"""`/flask/api/id` and `/flask/api/user`: signing up, and one's own account."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint, Response

from api.flask.asking import by_any_program, clear_cookie
from api.flask.refusals import answered
from api.flask.sections import FlaskSection, sections_of
from api.flask.texts import safe, sent_back
from model.accounts import account, leaving, session, signing_in, user
from model.accounts.user import Account, Email, Name, Password, SomeUid, Uid
from model.groups import joining
from pottle.errors import ConfirmationNeeded, Forbidden, Invalid
from pottle.http.answers import gives, takes
from pottle.http.asking import anyone, by_session, me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import EDITING, SIGN_UP, limited
from pottle.http.notices import attempt
from pottle.http.retries import idempotent
from pottle.values import Unfit, as_it_is, fit, line

blueprint = Blueprint("accounts", __name__, url_prefix="/api")

ROLES = {"user": "User", "admin": "Admin"}


Sent = Annotated[str, as_it_is("it may be what was sent to the page; `_as` looks at what is new")]


class FlaskNewUser(Tolerant):
    """An account to make. `invitation` is a group's code, which no page sends yet."""

    uid: Uid
    name: Name
    password: Password
    email: Sent = ""
    invitation: Annotated[str, line(80, shortest=0)] = ""


class FlaskUser(msgspec.Struct):
    """An account as its user sees it; `kasm_server_needed` is always false, `pfp` where the picture is or null."""

    uid: str
    name: str
    email: str
    role: str
    pfp: str | None
    kasm_server_needed: bool
    sections: list[FlaskSection]


class FlaskSignedUp(msgspec.Struct):
    """A new account. One page looks for `success`."""

    success: bool
    message: str
    uid: str
    name: str


class FlaskUserEdit(Tolerant):
    """What to change. Another password or mail address needs `current_password`, or a sign-in within ten minutes."""

    name: Sent | UnsetType = UNSET
    uid: SomeUid | UnsetType = UNSET
    email: Sent | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: Password | UnsetType = UNSET


class FlaskLeaving(Tolerant):
    """Whose account to delete: one's own, and the password again."""

    password: Password
    uid: SomeUid | UnsetType = UNSET


class FlaskMessage(msgspec.Struct):
    """What was done."""

    message: str


@blueprint.get("/id")
@signed_in
@gives(FlaskUser)
async def identify() -> FlaskUser:
    """Who is signed in."""
    return await _seen(await user.account(me().user))


@blueprint.get("/user")
@signed_in
@gives(FlaskUser)
async def show() -> FlaskUser:
    """One's own account: one object, as flocker's pages read it."""
    return await _seen(await user.account(me().user))


async def _seen(found: Account) -> FlaskUser:
    sections = await sections_of(me().user)
    mail, role = safe(found.email or ""), ROLES[found.role]
    return FlaskUser(found.uid, safe(found.name), mail, role, found.avatar, False, sections)


@blueprint.post("/user")
@by_any_program
@limited(SIGN_UP)
@anyone
@idempotent
@takes(FlaskNewUser)
@gives(FlaskSignedUp)
async def create(data: FlaskNewUser) -> FlaskSignedUp:
    """Sign up, where that is allowed. One is not signed in by it."""
    who = data.uid, data.name, data.password, _address_of(data.email)
    made = await (joining.sign_up(*who, data.invitation) if data.invitation else user.sign_up(*who))
    return FlaskSignedUp(True, f"User {made.uid} created", made.uid, safe(made.name))


@blueprint.put("/user")
@limited(EDITING)
@signed_in
@takes(FlaskUserEdit)
@gives(FlaskUser)
async def edit(data: FlaskUserEdit) -> FlaskUser:
    """Change one's name, e-mail address or password. The uid stays; fields that Pottle does not have are ignored."""
    if data.uid and data.uid.lower() != me().uid.lower():
        raise Forbidden("A user name stays as it is, and nobody changes the account of somebody else.")
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
        user.check_password(data.password, me().uid, me().name)
    if data.current_password is not UNSET:
        await attempt(signing_in.prove(me(), data.current_password), me().uid)
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
@takes(FlaskLeaving)
@gives(FlaskMessage)
async def delete(data: FlaskLeaving) -> Response:
    """Delete one's own account; its posts stay, without a name."""
    if data.uid and data.uid.lower() != me().uid.lower():
        raise Forbidden("Nobody deletes the account of somebody else here; an admin does, at /admin.")
    await leaving.leave(me(), data.password, None)
    response = answered(FlaskMessage(f"Deleted user: {me().uid}"), 200, {})
    clear_cookie(response)
    return response


def _address_of(email: str) -> str | None:
    """An e-mail address; None for an empty one. Raises Invalid for what is none."""
    return _as("email", email, Email) if email.strip() else None


def _as(field: str, text: str, kind: Any) -> str:
    try:
        kept: str = fit(text, kind)
    except Unfit as unfit:
        raise Invalid({field: str(unfit)}) from unfit
    return kept
