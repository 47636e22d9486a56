"""`/api/groups/…/sso`: signing in by a site's own token, and its secrets; `…/sessions`: for the popup at /sign-in."""

from typing import Annotated

import msgspec
from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, SIGN_IN, attempt, by_session, confirmed, device, me
from api.window import window
from model.accounts import sso
from model.accounts.session import SessionView
from model.accounts.sso import SecretView
from model.accounts.sso_token import SignedToken
from model.groups.group import Origin
from pottle.http.answers import Answer, asks, gives, takes
from pottle.http.asking import anyone, foreign_origin, is_ours, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.forms import Trouble, or_again
from pottle.http.limits import limited
from pottle.values import as_it_is

blueprint = Blueprint("sso", __name__)


class SsoToken(msgspec.Struct):
    """What the site's own server says of its user, signed with a secret of the group: docs/single-sign-on.md."""

    token: SignedToken


@blueprint.post("/api/groups/<slug>/sso")
@limited(SIGN_IN)
@anyone
@takes(SsoToken)
@gives(SessionView, 201)
async def sign_in(slug: str, data: SsoToken) -> SessionView:
    """Sign in by a token that a site of the group has signed. The session is good in that group, for pages of the
    origin that asks; the account is made, or brought up to date."""
    return await attempt(sso.sign_in(slug, data.token, foreign_origin(), device()))


class NewSiteSession(msgspec.Struct):
    """The origin of a page that shows what is in the group."""

    origin: Origin


@blueprint.post("/api/groups/<slug>/sessions")
@limited(EDITING)
@signed_in
@by_session
@takes(NewSiteSession)
@gives(SessionView, 201)
async def begin(slug: str, data: NewSiteSession) -> SessionView:
    """Begin another session, for pages of one of the group's sites only: it is good in that group, and only where the
    request's Origin is the one named here."""
    return await sso.begin_for_site(me(), slug, data.origin, device())


class SecretsView(msgspec.Struct):
    """The secrets of single sign-on, newest first, without the secrets themselves."""

    secrets: list[SecretView]


@blueprint.get("/api/groups/<slug>/secrets")
@signed_in
@by_session
@gives(SecretsView)
async def list_secrets(slug: str) -> SecretsView:
    """The group's secrets for single sign-on. Its moderators may see when they were made and used."""
    return SecretsView(await sso.secrets_of(me(), slug))


@blueprint.post("/api/groups/<slug>/secrets")
@limited(EDITING)
@signed_in
@confirmed
@gives(SecretView, 201)
async def make_secret(slug: str) -> Answer:
    """Make a secret for single sign-on. It is shown this once; a group has two at most, so that one can follow the
    other without anybody noticing."""
    return Answer(await sso.make_secret(me(), slug))


@blueprint.delete("/api/groups/<slug>/secrets/<id:secret_id>")
@limited(EDITING)
@signed_in
@confirmed
@gives(None, 204)
async def delete_secret(slug: str, secret_id: int) -> None:
    """Delete a secret. The sessions that began by it end at once."""
    await sso.delete_secret(me(), slug, secret_id)


class PopupQuery(Tolerant):
    """The group, and the origin of the page that wants somebody signed in."""

    group: Annotated[str, as_it_is("it is only looked for", 254)] = ""
    origin: Annotated[str, as_it_is("it is only looked for", 254)] = ""


async def unlisted(trouble: Trouble) -> Response:
    """What the popup says of an address that can be no site's: not the frame of our pages, which leads elsewhere."""
    return await window("", "", listed=False, ours=False)


@blueprint.get("/sign-in")
@or_again(unlisted, only=422)
@hide
@anyone
@asks(PopupQuery)
async def popup(query: PopupQuery) -> Response:
    """The window in which people sign in for a page of another site, which gets a session of its own.

    No other page may frame it (click-jacking). It must not have a Cross-Origin-Opener-Policy, which would cut it off.
    """
    ours = is_ours(query.origin)
    return await window(query.group, query.origin, ours or await sso.is_site(query.group, query.origin), ours)
