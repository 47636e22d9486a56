"""HTML forms of pages that work without JavaScript, by the same rules as the API: checks, limits, keys, and one unit.

What is refused is shown by the page that the form stands on, with what was typed. What was done is answered with the
way to another page (303), so that a reload repeats nothing. A page of another site cannot send one in somebody's name:
the cookie counts for our own pages alone.
"""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import msgspec
from quart import Response, request
from werkzeug.exceptions import HTTPException

from pottle.errors import Refusal
from pottle.http import bodies
from pottle.http.languages import language
from pottle.http.limits import KEY
from pottle.http.problems import headers_of, wants_page
from pottle.translation import translated

Handler = Callable[..., Awaitable[Any]]

HIDDEN = ("password", KEY)  # what is not shown again


class Trouble(msgspec.Struct):
    """Why a form was refused, in one sentence and field by field; and what had been typed, but for passwords."""

    status: int
    detail: str
    fields: dict[str, str]
    typed: dict[str, str]


def fresh_key() -> str:
    """For the hidden field of a form that is shown: sent twice, it counts once."""
    return secrets.token_urlsafe(12)


def fills(model: type[msgspec.Struct]) -> Callable[[Handler], Handler]:
    """Passes the form, checked against `model`, as `data`: what `takes` is for JSON."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            given = {name: value for name, value in (await bodies.form()).items() if name != KEY}
            return await handler(*args, data=bodies.checked(given, model, strict=False), **kwargs)

        return wrapper

    return decorate


def or_again(page: Handler, only: int | None = None) -> Callable[[Handler], Handler]:
    """Has `page`, called with the route's own arguments and `trouble`, answer what is refused (with the status `only`).

    It stands outside of all other decorators, so that it shows what they refuse too.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(**kwargs: Any) -> Response:
            try:
                response: Response = await handler(**kwargs)
            except (Refusal, HTTPException) as refusal:
                if not wants_page() or only not in (None, _status(refusal)):
                    raise
                response = await page(**kwargs, trouble=await _trouble(refusal))
                if response.status_code != 200:
                    return response
                response.status_code = _status(refusal)
                if isinstance(refusal, Refusal):
                    response.headers.update(headers_of(refusal))
            return response

        return wrapper

    return decorate


def _status(refusal: Refusal | HTTPException) -> int:
    return refusal.status if isinstance(refusal, Refusal) else refusal.code or 400


async def _trouble(refusal: Refusal | HTTPException) -> Trouble:
    """What to say, in the language of whoever is answered."""
    detail, extra = (refusal.detail, refusal.extra) if isinstance(refusal, Refusal) else (refusal.description or "", {})
    typed: dict[str, str] = {}
    with suppress(Refusal, HTTPException):
        typed = {name: value for name, value in (await bodies.form()).items() if not name.endswith(HIDDEN)}
    said: Any = translated(extra.get("errors", []), language())
    fields = {one["field"]: str(one["message"]) for one in said}
    return Trouble(_status(refusal), str(translated(detail, language())), fields, typed)


def go_to(path: str) -> Response:
    """The way to a page of ours, after something was done."""
    return Response(b"", 303, {"Location": f"{request.root_path}{path}", "Cache-Control": "no-store"})
