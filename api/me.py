"""`/api/me`: one's own account, avatar, sessions and tokens."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint, Response

from api.access import EDITING, EXPORTS, PICTURES, attempt, by_session, confirmed, me, on_our_pages, saved, signed_out
from model.accounts import account, avatar, belongings, passwords, session, user
from model.accounts.session import SessionInfo, TokenView
from model.accounts.user import Account, Email, Language, Name, Password
from model.pictures import MEDIA_TYPE
from pottle.errors import Invalid
from pottle.http import bodies
from pottle.http.answers import (
    changed_fields,
    gives,
    ready_made,
    takes,
    wanted_versions,
)
from pottle.http.asking import signed_in
from pottle.http.limits import limited
from pottle.translation import _
from pottle.values import line

blueprint = Blueprint("me", __name__, url_prefix="/api/me")


class AccountEdit(msgspec.Struct):
    """What to change. A new password needs the current one, and signs one out everywhere else.

    Another mail address needs the current password too, or one that was typed within the last minutes.
    """

    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    password: Password | UnsetType = UNSET
    current_password: Password | UnsetType = UNSET


class Proof(msgspec.Struct):
    """Asks for the password again. Whoever has none has proven within the last minutes who they are."""

    password: Password | UnsetType = UNSET


class Leaving(Proof):
    """Who leaves may take along what they wrote (`everything`)."""

    everything: bool = False


@blueprint.get("")
@signed_in
@gives(Account)
async def show() -> Account:
    """One's own account. A session for another site is not told the e-mail address."""
    own = await user.account(me().user)
    return own if me().group is None else msgspec.structs.replace(own, email=None)


@blueprint.patch("")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(AccountEdit)
@gives(Account)
async def edit(data: AccountEdit) -> Account:
    """Change one's name, e-mail address, language or password."""
    current, data.current_password = data.current_password, UNSET
    fields = changed_fields(data)
    if fields.keys() & {"password", "email"}:
        await prove(fields.get("password"), current)
    if (language := fields.get("language")) is not None:
        fields["language"] = user.known_language(language)
    password = fields.pop("password", None)
    return await account.edit(me(), wanted_versions(), fields, password)


async def prove(new: str | None, current: str | UnsetType, recently: bool = False) -> None:
    """Asks for the `current` password before a `new` one, or another mail address, counts.

    It need not be sent for an address where it was typed within the last minutes; nor for a password, if `recently`.
    """
    session.must_be_session(me())
    if new:
        passwords.check(new, me().uid, me().name)
    if current is not UNSET:
        await attempt(account.prove(me(), current), me().uid)
    elif new and not recently and await account.has_password(me()):
        raise Invalid({"current_password": _("is required to change the password")})
    else:
        await session.must_be_confirmed(me())


@blueprint.delete("")
@limited(EDITING)
@signed_in
@by_session
@takes(Leaving)
@gives(None, 204)
async def delete(data: Leaving) -> Response:
    """Delete one's account. What one wrote stays, without a name, unless `everything` is to go."""
    await attempt(account.leave(me(), data.password or None, wanted_versions(), data.everything), me().uid)
    return signed_out()


@blueprint.post("/export")
@limited(EXPORTS)
@signed_in
@by_session
@takes(Proof)
@gives(belongings.Everything)
async def export(data: Proof) -> Response:
    """A copy of everything of one's account, as a file: rows of each table that has some, without passwords, which are
    kept as hashes. It breaks off where the session ends meanwhile."""
    return saved(await attempt(belongings.take(me(), data.password or None), me().uid))


@blueprint.delete("/password")
@limited(EDITING)
@signed_in
@confirmed
@gives(None, 204)
async def remove_password() -> None:
    """Take one's password off, where there is another way to sign in. One is signed out everywhere else."""
    await account.remove_password(me())


class AvatarView(msgspec.Struct):
    """Where the avatar is."""

    avatar: str


bodies.UPLOADS["/api/me/avatar"] = 1.0


@blueprint.put("/avatar")
@limited(PICTURES)
@signed_in
@on_our_pages
@takes(bytes)
@gives(AvatarView)
async def put_avatar(data: bytes) -> AvatarView:
    """Send an image (PNG, JPEG, GIF or WebP) as the body; its middle square becomes the avatar."""
    return AvatarView(await avatar.put(me(), data))


@blueprint.get("/avatar")
@signed_in
@gives(bytes)
async def show_avatar() -> Response:
    """One's own avatar, as WebP."""
    found = await avatar.find(me().uid)
    return ready_made(found.image, MEDIA_TYPE, f'"{found.hash}"')


@blueprint.delete("/avatar")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def delete_avatar() -> None:
    """Take one's avatar away."""
    await avatar.remove(me())


class SessionsView(msgspec.Struct):
    """One's sessions that have not ended, newest first."""

    sessions: list[SessionInfo]


@blueprint.get("/sessions")
@signed_in
@by_session
@gives(SessionsView)
async def list_sessions() -> SessionsView:
    """Where one is signed in."""
    return SessionsView(await session.sessions(me()))


@blueprint.delete("/sessions")
@limited(EDITING)
@signed_in
@confirmed
@gives(None, 204)
async def end_other_sessions() -> None:
    """Sign out everywhere else: all one's sessions end but the one that asks."""
    await session.end_others(me())


@blueprint.delete("/sessions/<id:session_id>")
@limited(EDITING)
@signed_in
@confirmed
@gives(None, 204)
async def end_session(session_id: int) -> None:
    """End a session of one's own, at once and everywhere."""
    await session.end_one(me(), session_id)


class NewToken(msgspec.Struct):
    """A token's name, to tell it from others."""

    name: Annotated[str, line(80)]


class TokensView(msgspec.Struct):
    """One's named tokens, newest first, without the tokens themselves."""

    tokens: list[TokenView]


@blueprint.get("/tokens")
@signed_in
@on_our_pages
@gives(TokensView)
async def list_tokens() -> TokensView:
    """One's named tokens."""
    return TokensView(await session.tokens(me().user))


@blueprint.post("/tokens")
@limited(EDITING)
@signed_in
@confirmed
@takes(NewToken)
@gives(TokenView, 201)
async def create_token(data: NewToken) -> TokenView:
    """Make a bearer token for a program. It is shown this once."""
    return await session.create_token(me(), data.name)


@blueprint.delete("/tokens/<id:token_id>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def delete_token(token_id: int) -> None:
    """End a token, at once and everywhere."""
    await session.delete_token(me(), token_id)
