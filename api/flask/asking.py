"""Who asks at `/flask`: by the cookie of those back ends, which here holds a session that expires and can be ended."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from quart import Response, current_app, g, request

from api.flask.front_ends import COOKIE, of_request, unlisted
from model.accounts import session
from pottle.errors import Forbidden
from pottle.http.asking import SAFE, around, recognise
from pottle.store import db

Handler = TypeVar("Handler", bound=Callable[..., Any])


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
    if asking.credentials and asking.identity is None:
        g.bad_credentials = True
    recognise(asking.identity)
    if asking.identity:
        around().confirm = partial(session.confirm, identity=asking.identity, grace=session.GRACE_SECONDS)


def set_cookie(response: Response, secret: str) -> None:
    """Signs the browser in, for the site that its page belongs to (`Partitioned`) and as long as a session lasts."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=db.settings.session_days * 24 * 3600,
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
