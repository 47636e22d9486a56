"""Every error is `application/problem+json` (RFC 9457) with a stable `type`; pages get an HTML page instead."""

import logging
import traceback
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from quart import Quart, Response, current_app, g, has_request_context, request
from werkzeug.exceptions import HTTPException

from pottle import errors
from pottle.http import measures, watching
from pottle.http.application import rendered, rendered_alone
from pottle.http.languages import language
from pottle.http.limits import in_headers
from pottle.settings import Settings
from pottle.translation import SOURCE, _, found, translated

log = logging.getLogger("pottle")

# What statuses are called, and what is said where werkzeug would say it in its own words.
STATUSES = {
    400: (_("Bad Request"), ""),
    401: (_("Unauthorized"), ""),
    403: (_("Forbidden"), ""),
    404: (_("Not Found"), _("There is nothing at this address.")),
    405: (_("Method Not Allowed"), _("This address does not take such a request.")),
    409: (_("Conflict"), ""),
    412: (_("Precondition Failed"), ""),
    413: (_("Content Too Large"), ""),
    415: (_("Unsupported Media Type"), ""),
    422: (_("Unprocessable Content"), ""),
    429: (_("Too Many Requests"), ""),
    500: (_("Internal Server Error"), _("This is our fault. It has been logged.")),
    503: (_("Service Unavailable"), ""),
    507: (_("Insufficient Storage"), ""),
}

OURS = Path(__file__).parents[1]
PROBLEM = "application/problem+json"
SHAPES = "pottle_shapes"  # where an application keeps the shapes of errors below certain paths

Shape = Callable[[int, str, dict[str, str]], Response]  # (status, detail, headers)

# What Python calls by another name in some of its versions: a problem's type must stay.
TITLES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
# A page of its own; every other error of a page is shown on the 500's or 404's.
PAGES = (401, 403, 404, 405, 422, 429, 500)
ALONE = ("429", "500")  # those that may be shown where nothing else can be: the database may be what is wrong


class WrongField(msgspec.Struct):
    """A field that is invalid, and why."""

    field: str
    message: str


class Problem(msgspec.Struct):
    """What went wrong (RFC 9457). `type` stays the same for as long as the API does; `errors` lists invalid fields."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[WrongField] = []


def slug(status: int) -> str:
    """The last part of a problem's type: `not-found`."""
    return _slug(title(status))


def _slug(text: str) -> str:
    return text.lower().replace(" ", "-")


def problem(status: int, detail: str = "", headers: dict[str, str] | None = None, **extra: Any) -> Response:
    """An error's answer, with `extra` members."""
    body = msgspec.json.encode(body_of(status, detail, **extra))
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, content_type=PROBLEM)


def body_of(status: int, detail: str = "", **extra: Any) -> dict[str, Any]:
    """What an error's answer says."""
    body = {"type": f"urn:pottle:{slug(status)}", "title": title(status), "status": status, **extra}
    return {**body, "detail": detail} if detail else body


def register(app: Quart) -> None:
    """Has `app` answer every error in this one shape."""
    app.register_error_handler(errors.Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _crashed)


def shaped(app: Quart, path: str, shape: Shape) -> None:
    """Has `app` answer errors below `path` in a shape of their own, which clients there know."""
    app.extensions.setdefault(SHAPES, {})[path] = shape


def title(status: int) -> str:
    """What a status is called."""
    return TITLES.get(status) or HTTPStatus(status).phrase


async def _refused(refusal: errors.Refusal) -> Response:
    if isinstance(refusal, errors.NotFound) and g.get("bad_credentials"):
        refusal = errors.Unauthenticated(_("Your credentials are not, or no longer, good."))
    watching.refused(refusal)
    return await _answer(refusal.status, refusal.detail, headers_of(refusal), **_extra(refusal))


def _extra(refusal: errors.Refusal) -> dict[str, Any]:
    if own := refusal.title:  # not its status's
        return {"type": f"urn:pottle:{_slug(own)}", "title": own, **refusal.extra}
    return refusal.extra


def headers_of(refusal: errors.Refusal) -> dict[str, str]:
    """What the answer to a refusal says in its headers."""
    if isinstance(refusal, errors.TooMany):
        measures.limits_hit.labels(refusal.allowance.rate.name).inc()
        return {"Retry-After": str(refusal.retry_after), **in_headers(refusal.allowance)}
    if isinstance(refusal, errors.Overloaded):
        return {"Retry-After": "1"}
    if isinstance(refusal, errors.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    return {}


async def _http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    allow = {name: value for name, value in error.get_headers() if name == "Allow"}
    own = error.description != type(error).description
    said = error.description if own else STATUSES.get(error.code, ("", ""))[1] or error.description
    return await _answer(error.code, said or "", allow)


async def _crashed(error: Exception) -> Response:
    log.error("%s %s failed", request.method, quote(request.path), exc_info=error)
    return await _answer(500, _where(error) if _development() else STATUSES[500][1], {})


def _development() -> bool:
    settings: Settings = current_app.config["POTTLE"]
    return settings.development


def _where(error: Exception) -> str:
    """For whoever develops: what went wrong, and where in what they wrote; the rest is on their terminal."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame for frame in frames if OURS not in Path(frame.filename).parents and "site-packages" not in frame.filename
    ]
    last = (own or frames)[-1]
    what = "".join(traceback.format_exception_only(error)).strip()
    return f"{what} ({last.filename}:{last.lineno}, in {last.name}: {last.line}). The terminal has the whole traceback."


def told(refusal: errors.Refusal) -> Problem:
    """A refusal of one thing in an answer about many, in the language of whoever asks."""
    detail, extra = _spoken(refusal.status, refusal.detail, _extra(refusal))
    return msgspec.convert(body_of(refusal.status, detail, **extra), Problem)


def _spoken(status: int, detail: str, extra: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    spoken = language()
    detail, extra = translated(detail, spoken), translated(extra, spoken)
    if spoken != SOURCE:
        extra.setdefault("title", found(spoken, title(status)))
    return detail, extra


async def _answer(status: int, detail: str, headers: dict[str, str], **extra: Any) -> Response:
    if (shape := _own_shape()) is not None:
        return shape(status, str(detail), headers)
    detail, extra = _spoken(status, detail, extra)
    if not wants_page():
        return problem(status, detail, headers, **extra)
    said = {"title": title(status), "detail": detail, "development": _development()}
    page = _page(status)
    template = f"errors/{page}.html"
    body = rendered_alone(template, **said) if page in ALONE else await rendered(template, **said)
    return Response(body, status, {"Cache-Control": "no-store", **headers}, content_type="text/html; charset=utf-8")


def _page(status: int) -> str:
    page = status if status in PAGES else (404 if status < 500 else 500)
    # Whoever is not signed in may see more once they are, and needs a way to do it.
    return "404_signed_out" if page == 404 and "asker" in g and g.asker is None else str(page)


def _own_shape() -> Shape | None:
    shapes: dict[str, Shape] = current_app.extensions.get(SHAPES, {})
    path = request.path if has_request_context() else ""
    return next((shape for below, shape in shapes.items() if path.startswith(below)), None)


def wants_page() -> bool:
    """Whether whoever asks reads HTML: a browser outside the API, and no websocket to a path that has none."""
    if not has_request_context():
        return False
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
