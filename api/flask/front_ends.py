"""Which pages may use `/flask`, and as whom: CORS with credentials, the cookie, and errors.

A page of a listed origin may send its visitors' cookie and read the answers. For any other page a visitor is nobody,
and the browser does not let it read an answer. The cookie has the name that it has in Flask back ends, but it holds a
session, which expires and can be ended.
"""

import re
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from quart import Response, request
from werkzeug.sansio.http import parse_cookie

from api.access import recognise
from model import settings
from model.accounts import session
from model.accounts.session import Identity
from model.flask.overview import audience as audience_of
from pottle.access import SAFE, around
from pottle.errors import Forbidden
from pottle.http.answers import encode
from pottle.http.asgi import App, Headers, Message, Ready, Receive, Scope, Send, Soon, at_once, header
from pottle.http.asking import FOREIGN_SITES
from pottle.http.caching import AUDIENCE
from pottle.http.problems import title

COOKIE = "jwt_python_flask"
COOKIE_IS: dict[str, Any] = {"secure": True, "httponly": True, "samesite": "None", "partitioned": True}
# No page can POST without an origin, for browsers name it; a program may, to read, to sign in again and to sign up.
FOR_PROGRAMS = {
    *("Flask.sign_in", "Flask.sign_up"),
    *("Flask.groups_of_section", "Flask.channels_of_group", "Flask.posts_of_channel"),
}

METHODS = b"GET, POST, PUT, DELETE"
# As with Flask-CORS a page may send other headers too (X-Origin …), but only what looks like a header's name.
ALWAYS = ("Content-Type", "X-Origin", "Idempotency-Key", "If-None-Match")
HEADER = re.compile(r"[a-z0-9-]{1,60}")
MOST_HEADERS = 30
EXPOSED = b"ETag, RateLimit, RateLimit-Policy, Retry-After, Idempotency-Key, X-Request-Id"
PREFLIGHT_SECONDS = b"7200"  # the longest that Chromium believes; each call of those pages has a preflight

STATUSES = {422: 400, 409: 400}  # invalid values and conflicts are both 400 there
GUARDED = (401, 403)
# What those back ends have, or those pages ask for, and Pottle does not: by the beginning of its path.
NOT_HERE = {
    "/flask/api/analytics": "There are no GitHub analytics here: ask api.github.com.",
    "/flask/facial": "Nobody signs in by a picture here: POST /flask/api/authenticate.",
}
UNKNOWN = "Pottle has no such endpoint: docs/flask-front-ends.md lists those that it has."


class FlaskRefusal(msgspec.Struct):
    """What went wrong; 401 and 403 also have `data` (null) and `error`."""

    message: str
    data: UnsetType | None = UNSET
    error: str | UnsetType = UNSET


class Page(NamedTuple):
    """The page that asks: its origin (None for a program), whether that is listed, and the cookie's secret."""

    origin: str | None
    listed: bool
    secret: str | None

    async def identity(self) -> Identity | None:
        """Whose cookie it is. It counts for a listed page and for a program."""
        found = await session.identify(self.secret) if self.secret and (self.listed or self.origin is None) else None
        return found if found and found.group is None else None

    @property
    def refusal(self) -> str:
        """The message for a page whose origin is not listed, and for its operator."""
        who = f"The origin {self.origin}" if self.origin else "A request without an origin"
        return f"{who} may not do that: POTTLE_FLASK_ORIGINS lists those that may."


def page_of(scope: Scope) -> Page:
    """The page that a request comes from."""
    origin = header(scope, b"origin")
    if origin is None and header(scope, b"sec-fetch-site") in FOREIGN_SITES:
        origin = "null"  # a page that does not say which
    # HTTP/2 may bring each cookie in a header of its own (RFC 9113, 8.2.3), and hypercorn leaves it so.
    cookies = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    return Page(origin, origin in settings.chosen().flask_origins, parse_cookie(cookies).get(COOKIE))


class FrontEnds:
    """ASGI middleware around the response cache: CORS, and for whom an answer may be kept."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._ready = at_once(app)

    def at_once(self, scope: Scope) -> Ready | Soon[Ready] | None:
        """A cached answer to what is not for `/flask`; there it depends on who asks, and by which page."""
        return self._ready(scope) if self._ready and not _ours(scope) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; those that are not for `/flask` as if this were not here."""
        if scope["type"] != "http" or not _ours(scope):
            await self._app(scope, receive, send)
            return
        page = page_of(scope)

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_cors(page)]}
            await send(message)

        if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
            await _preflight(scope, page, readable)
            return
        if scope["method"] in ("GET", "HEAD"):
            with suppress(Exception):  # the application will find out, and say so
                scope[AUDIENCE] = await audience_of(await page.identity())
        await self._app(scope, receive, readable)


def _ours(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith(scope.get("root_path", "") + "/flask/")


def _cors(page: Page) -> Headers:
    """Headers that let a listed page read the answer, and no other."""
    headers = [(b"vary", b"Origin"), (b"cross-origin-resource-policy", b"same-origin")]
    if page.listed and page.origin:
        headers += [
            (b"access-control-allow-origin", page.origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSED),
        ]
    return headers


async def _preflight(scope: Scope, page: Page, send: Send) -> None:
    status, body, headers = 204, b"", [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if page.listed:
        wanted = (header(scope, b"access-control-request-headers") or "").lower().split(",")
        more = [name.strip() for name in wanted if HEADER.fullmatch(name.strip())][:MOST_HEADERS]
        headers += [
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ", ".join([*ALWAYS, *more]).encode()),
            (b"access-control-max-age", PREFLIGHT_SECONDS),
        ]
    else:
        status, body = 403, encode(FlaskRefusal(page.refusal, None, "Forbidden"))
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def look() -> None:
    """Before each request: says who asks. Raises Forbidden for a change by a page that is not listed.

    The cookie alone changes nothing, for any page can have it sent; without it, a program may sign up or in.
    """
    page = page_of(request.scope)  # type: ignore[arg-type]  # a dict like any, to ASGI middleware
    if request.method not in SAFE and not page.listed:
        by_cookie = page.secret is not None and request.endpoint not in FOR_PROGRAMS
        if page.origin is not None or by_cookie:
            raise Forbidden(page.refusal)
    identity = await page.identity()
    recognise(identity, bad_credentials=page.secret is not None and identity is None)
    if identity:
        around().confirm = partial(session.confirm, identity=identity, grace=session.GRACE_SECONDS)


def set_cookie(response: Response, secret: str) -> None:
    """Signs the browser in, for the site that its page belongs to (`Partitioned`) and as long as a session lasts."""
    seconds = settings.chosen().session_days * 24 * 3600
    response.set_cookie(COOKIE, secret, max_age=seconds, path=f"{request.root_path}/flask", **COOKIE_IS)


def clear_cookie(response: Response) -> None:
    """Signs the browser out."""
    response.delete_cookie(COOKIE, path=f"{request.root_path}/flask", **COOKIE_IS)
    response.headers["Clear-Site-Data"] = '"cache"'


def refusal(status: int, detail: str, headers: dict[str, str]) -> Response:
    """An error's answer."""
    status = STATUSES.get(status, status)
    if status == 404 and request.url_rule is None:
        detail = next((why for path, why in NOT_HERE.items() if request.path.startswith(path)), UNKNOWN)
    view = FlaskRefusal(escape(detail or title(status), quote=False))
    if status in GUARDED:
        view.data, view.error = None, title(status)
    return answered(view, status, {name: value for name, value in headers.items() if name != "WWW-Authenticate"})


def answered(view: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A view as JSON that nobody keeps."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return Response(encode(view), status, headers, content_type="application/json")
