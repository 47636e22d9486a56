"""Which pages may use `/flask`, as whom, and how they are refused: around the response cache, and in each request.

A page of a listed origin may send its visitors' cookie and read the answers (CORS with credentials). For any other page
a visitor is nobody, and its browser does not let it read an answer. The cookie has the name that it has in those back
ends; here it holds a session that expires and can be ended.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any, TypeVar

import msgspec
from quart import Response, current_app, request
from werkzeug.sansio.http import parse_cookie

from api.access import recognise
from api.flask.shapes import FlaskRefusal
from model import settings
from model.accounts import session
from model.accounts.session import Identity
from model.flask import overview
from model.flask.overview import audience as audience_of
from model.talk.channel import ChannelRow
from pottle.access import SAFE, around
from pottle.errors import Forbidden
from pottle.http.answers import encode
from pottle.http.asgi import App, Headers, Message, Ready, Receive, Scope, Send, at_once, header
from pottle.http.asking import FOREIGN_SITES
from pottle.http.caching import AUDIENCE, audience, shown
from pottle.http.problems import title
from pottle.store.paging import Filling

Handler = TypeVar("Handler", bound=Callable[..., Any])
View = TypeVar("View")

COOKIE = "jwt_python_flask"
VISITOR = "pottle.flask"  # where in the ASGI scope the visitor is
METHODS = "GET, POST, PUT, DELETE"
# Whatever else a page sends (X-Origin …) it may, as with Flask-CORS; but only what looks like a header's name.
ALWAYS = ("Content-Type", "X-Origin", "Idempotency-Key", "If-None-Match")
HEADER = re.compile(r"[a-z0-9-]{1,60}")
MOST_HEADERS = 30
EXPOSED = b"ETag, RateLimit, RateLimit-Policy, Retry-After, Idempotency-Key, X-Request-Id"
PREFLIGHT_SECONDS = b"7200"  # the longest that Chromium believes; each call of those pages has a preflight

# Invalid values and contradictions are both 400 there.
STATUSES = {422: 400, 409: 400}
GUARDED = (401, 403)
# What those back ends have, or those pages ask for, and Pottle does not: by the beginning of its path.
NOT_HERE = {
    "/flask/api/analytics": "There are no GitHub analytics here: ask api.github.com.",
    "/flask/facial": "Nobody signs in by a picture here: POST /flask/api/authenticate.",
}
UNKNOWN = "Pottle has no such endpoint: docs/flask-front-ends.md lists those that it has."


@dataclass(frozen=True)
class Visitor:
    """Who asks, and by which page. `credentials` says that there is a cookie, good or bad."""

    identity: Identity | None
    listed: bool  # whether the page's origin is
    origin: str | None
    credentials: bool


def visitor(scope: Scope, origins: Iterable[str]) -> Visitor:
    """Who asks. Without an origin (a program) the cookie counts too, for what `look` allows programs."""
    origin = header(scope, b"origin")
    if origin is None and header(scope, b"sec-fetch-site") in FOREIGN_SITES:
        origin = "null"  # a page that does not say which
    listed = origin is not None and origin in origins
    secret = parse_cookie(_cookies(scope)).get(COOKIE)
    counts = listed or origin is None
    return Visitor(session.identify(secret) if secret and counts else None, listed, origin, secret is not None)


class FrontEnds:
    """ASGI middleware around the response cache."""

    def __init__(self, app: App, origins: tuple[str, ...]) -> None:
        self._app = app
        self._origins = origins
        self._ready = at_once(app)

    def at_once(self, scope: Scope) -> Ready | None:
        """What is not for `/flask`; there an answer depends on who asks, and by which page."""
        return self._ready(scope) if self._ready and not _ours(scope) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; those that are not for `/flask` as if this were not here."""
        if scope["type"] != "http" or not _ours(scope):
            await self._app(scope, receive, send)
            return
        try:
            scope[VISITOR] = found = visitor(scope, self._origins)
            if scope["method"] in ("GET", "HEAD"):
                scope[AUDIENCE] = await audience_of(found.identity)
        except sqlite3.Error:  # the application will find out, and say so
            found = Visitor(None, header(scope, b"origin") in self._origins, header(scope, b"origin"), False)
        if scope["method"] == "OPTIONS" and (wanted := header(scope, b"access-control-request-method")):
            await _preflight(scope, found, wanted, send)
        else:
            await self._app(scope, receive, _readable(send, found))


def _ours(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith(scope.get("root_path", "") + "/flask/")


def _readable(send: Send, asking: Visitor) -> Send:
    """Sends an answer with the headers that let pages of a listed origin read it, and no other."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_cors(asking)]}
        await send(message)

    return sending


def _cors(asking: Visitor) -> Headers:
    headers = [(b"vary", b"Origin"), (b"cross-origin-resource-policy", b"same-origin")]
    if asking.listed and asking.origin:
        headers += [
            (b"access-control-allow-origin", asking.origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSED),
        ]
    return headers


async def _preflight(scope: Scope, asking: Visitor, method: str, send: Send) -> None:
    headers, body, status = _cors(asking), b"", 204
    if asking.listed:
        wanted = (header(scope, b"access-control-request-headers") or "").lower().split(",")
        more = [name.strip() for name in wanted if HEADER.fullmatch(name.strip())][:MOST_HEADERS]
        headers += [
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", ", ".join([*ALWAYS, *more]).encode()),
            (b"access-control-max-age", PREFLIGHT_SECONDS),
        ]
    else:
        status, body = 403, msgspec.json.encode(FlaskRefusal(unlisted(asking), None, "Forbidden"))
        headers.append((b"content-type", b"application/json"))
    headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def unlisted(asking: Visitor) -> str:
    """The message for a page of an origin that is not listed, and for its operator."""
    page = f"The origin {asking.origin}" if asking.origin else "A request without an origin"
    return f"{page} may not do that: POTTLE_FLASK_ORIGINS lists those that may."


def of_request(scope: Scope) -> Visitor:
    """The visitor that the middleware found; where the database did not answer then, it is asked again."""
    found: Visitor | None = scope.get(VISITOR)
    return found or visitor(scope, settings.chosen().flask_origins)


def _cookies(scope: Scope) -> str:
    """All of them: HTTP/2 may bring each in a header of its own (RFC 9113, 8.2.3), and hypercorn leaves it so."""
    return "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")


def by_any_program(handler: Handler) -> Handler:
    """Lets a program POST here with the cookie and without an origin: to read, to sign in again, to sign up.

    No page can do so, for browsers name the origin of every POST.
    """
    handler.by_any_program = True  # type: ignore[attr-defined]
    return handler


async def look() -> None:
    """Before each request. Raises Forbidden where something is to be changed by a page that is not listed.

    A cookie alone changes nothing, for any page can have it sent; without one, a program may sign up or in.
    """
    asking = of_request(request.scope)  # type: ignore[arg-type]  # a dict like any, to ASGI middleware
    if request.method not in SAFE and not asking.listed and (asking.origin is not None or asking.credentials):
        handler = current_app.view_functions.get(request.endpoint or "")
        if asking.origin is not None or not hasattr(handler, "by_any_program"):
            raise Forbidden(unlisted(asking))
    recognise(asking.identity, bad_credentials=asking.credentials and asking.identity is None)
    if asking.identity:
        around().confirm = partial(session.confirm, identity=asking.identity, grace=session.GRACE_SECONDS)


def set_cookie(response: Response, secret: str) -> None:
    """Signs the browser in, for the site that its page belongs to (`Partitioned`) and as long as a session lasts."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=settings.chosen().session_days * 24 * 3600,
        path=_path(),
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )


def clear_cookie(response: Response) -> None:
    """Signs the browser out."""
    response.delete_cookie(COOKIE, path=_path(), secure=True, httponly=True, samesite="None", partitioned=True)
    response.headers["Clear-Site-Data"] = '"cache"'


def _path() -> str:
    return f"{request.root_path}/flask"


def refusal(status: int, detail: str, headers: dict[str, str]) -> Response:
    """An error's answer."""
    status = STATUSES.get(status, status)
    if status == 404 and request.url_rule is None:
        detail = next((why for path, why in NOT_HERE.items() if request.path.startswith(path)), UNKNOWN)
    view = FlaskRefusal(escape(detail or title(status), quote=False))
    if status in GUARDED:
        view = FlaskRefusal(view.message, None, title(status))
    kept = {name: value for name, value in headers.items() if name != "WWW-Authenticate"}
    return answered(view, status, kept)


def answered(view: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    """A view as JSON that nobody keeps."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(view), status, headers, content_type="application/json")


def kept_for(whose: str, *tags: str) -> None:
    """Keeps this answer in the response cache for an audience, if it is still the one that the middleware named."""
    if whose == audience():
        shown("flask", *tags)


def kept_in(channel: ChannelRow, *tags: str) -> None:
    """Likewise, of what everybody sees who may see the channel."""
    whose = audience()
    if whose is not None and (channel.reading == "public" or overview.sees(whose, channel.group_id)):
        shown("flask", f"group:{channel.group_id}", f"channel:{channel.id}", *tags)


def that_fit(views: list[View]) -> list[View]:
    """The newest of them, in the same order, that make a list small enough for the response cache."""
    filling = Filling[View](overview.MOST, lambda view: len(encode(view)), overview.MOST_BYTES)
    all(map(filling.takes, reversed(views)))
    return filling.items[::-1]
