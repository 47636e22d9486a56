"""Signing in with Google, Microsoft, GitHub or any OpenID Connect provider: links on pages, and `/api/providers`.

A link leads to the provider, which sends the browser back to `…/back`. What is refused on that way is said by the page
that it was begun for: the one to sign in, one's account, or the window for pages of other sites.
"""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Annotated, Any, Literal

import msgspec
from quart import Blueprint, Response, request
from quart.blueprints import BlueprintSetupState
from quart_schema import hide

from api.access import (
    EDITING,
    SIGN_IN,
    asker,
    attempt,
    by_session,
    confirmed,
    device,
    forget,
    me,
    recalled,
    remember,
    set_cookie,
)
from api.account_page import own_access
from api.addresses import here
from api.arriving import Way, arrived, must_be_ours, ours, private, renewed
from api.window import window
from model import settings
from model.accounts import session, sso
from model.accounts.providers import id_token, linked, sign_in
from model.accounts.providers.linked import LinkedView
from model.accounts.providers.sign_in import MINUTES, Aim, Begun
from model.accounts.session import Signed
from model.accounts.ticket import SecondNeeded
from model.groups import joining
from model.groups.invitation import Code
from model.settings import Settings
from pottle.errors import Forbidden, Invalid
from pottle.http.answers import asks, gives, respond, takes
from pottle.http.asking import address, anyone, is_ours, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.forms import Trouble, fresh_key, go_to, or_again
from pottle.http.limits import limited
from pottle.translation import _
from pottle.values import as_it_is

blueprint = Blueprint("providers", __name__)

COOKIE = "sign_in"
Said = Annotated[str, as_it_is("only what fits is good", 8_000)]
Looked = Annotated[str, as_it_is("it is only looked for", 254)]


@blueprint.record_once
def _tell_templates(state: BlueprintSetupState) -> None:
    chosen: Settings = state.app.config["POTTLE"]
    state.app.jinja_env.globals.update(providers=chosen.sign_in, redirect_address=redirect_address)


def redirect_address(name: str) -> str:
    """Where the provider has to send people back to, as it has to be told."""
    return f"{here()}/account/with/{name}/back"


class Leaving(Tolerant):
    """Where to go afterwards; or for which page of another site somebody signs in."""

    next: Way = "/"
    confirm: Literal["yes"] | None = None
    group: Looked = ""
    origin: Looked = ""


async def _not_left(name: str, trouble: Trouble) -> Response:
    return await _sign_in(trouble, request.args.get("next", "/"))


async def _sign_in(trouble: Trouble, way: str) -> Response:
    return await private("enter.html", me=asker(), new=False, trouble=trouble, key=fresh_key(), next=ours(way))


@blueprint.get("/account/with/<name>")
@hide
@or_again(_not_left)
@limited(SIGN_IN)
@anyone
@asks(Leaving)
async def leave(name: str, query: Leaving) -> Response:
    """The way to a provider, by a link: to sign in, or to confirm who one is."""
    aim: Aim = "confirm" if query.confirm else "enter"
    of = {"session": me().session} if aim == "confirm" else {"group": query.group, "origin": query.origin}
    if query.origin and not (is_ours(query.origin) or await sso.is_site(query.group, query.origin)):
        raise Forbidden(_("%(origin)s is not one of the sites of the group.", origin=query.origin))
    begun = sign_in.begin(name, aim, next=ours(query.next), **of)
    page = await sign_in.page(begun, redirect_address(name))
    return _remembering(Response(b"", 303, {"Location": page}), begun)


def _remembering(response: Response, begun: Begun) -> Response:
    response.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    remember(response, COOKIE, sign_in.remembered(begun), MINUTES * 60)
    return response


class Answer(Tolerant):
    """What a provider sends people back with; it may say more."""

    state: Said = ""
    code: Said = ""
    iss: Said = ""
    error: Said = ""
    error_description: Said = ""


def _once(handler: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """Whatever comes of it, the browser forgets what it began, and tells nobody the address with the code."""

    @wraps(handler)
    async def wrapper(**kwargs: Any) -> Response:
        response = await handler(**kwargs)
        response.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        return forget(response, COOKIE)

    return wrapper


async def _as_begun(name: str, trouble: Trouble) -> Response:
    """What was refused, on the page that it was begun for."""
    begun = sign_in.read(recalled(COOKIE))
    if begun and begun.origin:
        return await window(begun.group, begun.origin, listed=True, ours=is_ours(begun.origin), trouble=trouble)
    if begun and begun.aim != "enter" and asker():
        return await own_access(trouble)
    return await _sign_in(trouble, begun.next if begun else "/")


@blueprint.get("/account/with/<name>/back")
@hide
@_once
@or_again(_as_begun)
@limited(SIGN_IN)
@anyone
@asks(Answer)
async def back(name: str, query: Answer) -> Response:
    """The way back from a provider, which says who it is."""
    begun = sign_in.recalled(name, recalled(COOKIE), query.state)
    there = sign_in.provider(name)
    saying = sign_in.finish(begun, sign_in.Answer(**msgspec.structs.asdict(query)), redirect_address(name))
    if begun.aim == "enter":
        entering = _enter(begun, saying)
        return await (_into_window(begun, entering) if begun.origin else arrived(entering, begun.next))
    who = await attempt(saying)
    if begun.session is None or me().session != begun.session:
        raise Forbidden(_("You were somebody else when you began this. Please try again."))
    if begun.aim == "link":
        await session.must_be_confirmed(me())
        await linked.link(me(), there, who, begun)
    else:
        await linked.confirm(me(), who, begun)
        return await renewed(go_to(ours(begun.next)))
    return go_to(ours(begun.next))


async def _enter(begun: Begun, saying: Awaitable[id_token.Said]) -> Signed:
    return await linked.enter(sign_in.provider(begun.provider), await saying, begun, address(), device())


async def _into_window(begun: Begun, entering: Awaitable[Signed]) -> Response:
    """The window goes on by itself: it hands the page that opened it a session of its own."""
    of_ours = is_ours(begun.origin)
    shows = partial(window, begun.group, begun.origin, listed=True, ours=of_ours)
    try:
        signed = await attempt(entering)
    except SecondNeeded as needed:
        return await shows(ticket=needed.ticket)
    response = await shows(token=signed.token)
    if of_ours or asker() is None:  # so that a window which the provider has cut off from its page was not in vain
        set_cookie(response, signed.token, settings.chosen().session_days if of_ours else MINUTES / (24 * 60))
    return response


class ProviderView(msgspec.Struct):
    """A provider to sign in with: `GET {path}?next=` leads there."""

    name: str
    label: str
    path: str


class ProvidersView(msgspec.Struct):
    """The providers that are set up."""

    providers: list[ProviderView]


@blueprint.get("/api/providers")
@anyone
@gives(ProvidersView)
async def index() -> ProvidersView:
    """The providers that people can sign in with on this server's pages."""
    return ProvidersView([ProviderView(one.name, one.label, f"/account/with/{one.name}") for one in _set_up()])


def _set_up() -> tuple[Any, ...]:
    return settings.chosen().sign_in


class NewSignIn(msgspec.Struct):
    """A sign-in at a provider to begin, with the code of an invitation for somebody new."""

    invitation: Code
    next: Way = "/"
    group: Looked = ""
    origin: Looked = ""


class Page(msgspec.Struct):
    """The provider's page to go to."""

    url: str


@blueprint.post("/api/providers/<provider>")
@limited(SIGN_IN)
@anyone
@takes(NewSignIn)
@gives(Page, 201)
async def begin(provider: str, data: NewSignIn) -> Response:
    """Begin to sign up at a provider with an invitation's code, on this server's own pages: go to the `url`."""
    must_be_ours()
    if await joining.good(data.invitation, address()) is None:
        raise Invalid({"invitation": _("isn't valid or has expired")})
    of = {"group": data.group, "origin": data.origin}
    return await _page(sign_in.begin(provider, "enter", next=ours(data.next), invitation=data.invitation, **of))


async def _page(begun: Begun) -> Response:
    url = await sign_in.page(begun, redirect_address(begun.provider))
    return _remembering(respond(Page(url), 201), begun)


class LinkedAccountsView(msgspec.Struct):
    """Accounts at providers that one signs in with, newest first."""

    accounts: list[LinkedView]


@blueprint.get("/api/me/providers")
@signed_in
@by_session
@gives(LinkedAccountsView)
async def list_linked() -> LinkedAccountsView:
    """The accounts at providers that one signs in with."""
    return LinkedAccountsView(await linked.mine(me()))


@blueprint.post("/api/providers/<provider>/link")
@limited(EDITING)
@signed_in
@confirmed
@gives(Page, 201)
async def link(provider: str) -> Response:
    """Begin to link an account at a provider to one's own, on this server's own pages: go to the `url`."""
    must_be_ours()
    return await _page(sign_in.begin(provider, "link", next="/account/access#linked", session=me().session))


@blueprint.delete("/api/me/providers/<id:linked_id>")
@limited(EDITING)
@signed_in
@confirmed
@gives(None, 204)
async def unlink(linked_id: int) -> None:
    """Take an account at a provider off one's own. One's only way to sign in stays (409)."""
    await linked.unlink(me(), linked_id)
