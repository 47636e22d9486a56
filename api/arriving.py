"""What all ways of signing in share: where one is led then, the second factor, and proving again who one is."""

import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any

from quart import Response, request

from api.access import asker, attempt, me, set_cookie
from model import settings
from model.accounts import second, session, user
from model.accounts.challenge import Place
from model.accounts.passkey import Json
from model.accounts.session import ConfirmationNeeded, SessionView, Signed
from model.accounts.ticket import SecondNeeded
from pottle.errors import Forbidden
from pottle.http.answers import respond
from pottle.http.application import rendered
from pottle.http.asking import foreign_origin, header, served
from pottle.http.bodies import Tolerant
from pottle.http.forms import Trouble, go_to
from pottle.http.problems import wants_page
from pottle.store import db
from pottle.translation import _
from pottle.values import as_it_is

Handler = Callable[..., Awaitable[Any]]
Way = Annotated[str, as_it_is("only a path of ours is gone to", 2_000)]
SET_UP = "/account/access#second"  # where a second factor is set up
OURS = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def ours(way: str) -> str:
    """The path, if it is one of our pages, else that of the front page."""
    return way if OURS.fullmatch(way) else "/"


def must_be_ours() -> None:
    """Raises Forbidden for a page of another site: it must not sign anybody in here, as somebody else."""
    if foreign_origin() is not None:
        raise Forbidden(_("That can only be done on our own pages: sign in there."))


class PasskeyCredential(Tolerant):
    """What a browser gave, as `toJSON()` writes it."""

    id: Annotated[str, as_it_is("base64url of bytes", 2_000)]
    response: dict[str, Any]


def sent(credential: PasskeyCredential) -> Json:
    """As the library wants it."""
    return {"id": credential.id, "rawId": credential.id, "type": "public-key", "response": credential.response}


def place() -> Place:
    """Where passkeys are good: on the host of POTTLE_URL, else on the one that is asked."""
    origin = db.settings.url or f"{served().scheme}://{served().host}"
    scheme, _colon, rest = origin.partition("://")
    authority = rest.partition("/")[0]
    return Place(authority.rpartition(":")[0] or authority, f"{scheme}://{authority}")


async def begun(signed: Signed) -> Response:
    """The API's answer that begins a session."""
    await _end_the_one_before()
    own = await user.account(signed.identity.user)
    response = respond(SessionView(own, signed.token, signed.identity.expires), 201)
    if foreign_origin() is None:
        set_cookie(response, signed.token, settings.chosen().session_days)
    return response


async def _end_the_one_before() -> None:
    """Whoever signs in again in a browser has one session there and not two. (ASVS 7.2.4)"""
    before = asker() if _by_our_pages() else None
    if before and before.session:
        await session.end(before)


def _by_our_pages() -> bool:
    """Whether a page of ours asks, and no program: browsers name the page's origin with each change."""
    return header(b"origin") is not None and foreign_origin() is None and "Authorization" not in request.headers


async def renewed(response: Response) -> Response:
    """Gives a browser's session another secret: for who has proven again who they are. (ASVS 7.2.4)"""
    if _by_our_pages():
        set_cookie(response, await session.renew(me()), settings.chosen().session_days)
    return response


async def arrived(entering: Awaitable[Signed], way: str, uid: str = "") -> Response:
    """Signs a browser in and sends it on its way; shows where the second factor is given, if it has to be.

    Whoever has yet to set one up is led to do that.
    """
    try:
        signed = await attempt(entering, uid)
    except SecondNeeded as needed:
        return await show_second(ticket=needed.ticket, way=way)
    await _end_the_one_before()
    response = go_to(SET_UP if await second.is_missing(signed.identity) else ours(way))
    set_cookie(response, signed.token, settings.chosen().session_days)
    return response


async def show_second(trouble: Trouble | None = None, ticket: str = "", way: str = "/") -> Response:
    """Where the second factor is given, after a password, a code or a provider."""
    typed = trouble.typed if trouble else {}
    said = {"ticket": typed.get("ticket", ticket), "next": ours(typed.get("next", way))}
    return await private("second.html", me=None, trouble=trouble, **said)


def or_confirm_first(way: str) -> Callable[[Handler], Handler]:
    """Has a form that asks for it first show where one proves again who one is; `way` is where it leads from there."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(**kwargs: Any) -> Response:
            try:
                response: Response = await handler(**kwargs)
            except ConfirmationNeeded:
                if not wants_page():
                    raise
                return await show_confirm(None, way)
            return response

        return wrapper

    return decorate


async def show_confirm(trouble: Trouble | None, way: str = "/account") -> Response:
    """Where one proves again who one is."""
    way = trouble.typed.get("next", way) if trouble else way
    said = {"trouble": trouble, "next": ours(way), "ways": await second.proofs(me())}
    return await private("confirm.html", me=me(), **said)


async def private(template: str, **said: object) -> Response:
    """A page that no cache keeps."""
    body = await rendered(template, **said)
    return Response(body, headers={"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")
