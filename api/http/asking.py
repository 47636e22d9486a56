"""Who is asking: a bearer token, or the session cookie of our own pages; and who may."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from quart import Response, g, has_request_context, request, websocket

from model import session
from model.errors import Forbidden, Unauthenticated
from model.session import Identity
from model.store import db
from model.store.unit import Envelope, envelope

Handler = Callable[..., Awaitable[Any]]

SAFE = ("GET", "HEAD", "OPTIONS")
FOREIGN_SITES = ("cross-site", "same-site")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def cookie_name() -> str:
    """The session cookie's name. It carries the instance's id, because cookies ignore ports."""
    return f"pottle_{db.instance.id}"


def asker() -> Identity | None:
    """Who is asking; None for nobody in particular. Looked up once a request.

    Bad credentials are an error where something is to be changed. Where something is read they count for nothing,
    like good ones in a public group; only what then is not visible is answered with 401 (problems.py).
    """
    if "asker" not in g:
        recognise(_identified())
    found: Identity | None = g.asker
    return found


def recognise(identity: Identity | None) -> None:
    """Has this request be `identity`'s, and what it writes be confirmed as such in the write's own transaction."""
    g.asker = identity
    if identity is not None:
        around().confirm = partial(session.confirm, identity=identity)


def me() -> Identity:
    """Who is asking, where somebody must be. Raises Unauthenticated."""
    found = asker()
    if found is None:
        raise Unauthenticated("Sign in first.")
    return found


def around() -> Envelope:
    """What surrounds this request's write."""
    found = envelope.get()
    if found is None:
        envelope.set(found := Envelope())
    return found


def address() -> str:
    """The client's address: the last one that a trusted proxy vouches for.

    Of IPv6 its network: whoever has one address there has 2^64 of them, and could have one for each guess.
    """
    text = (request if has_request_context() else websocket).remote_addr or "unknown"
    try:
        found = IPv6Address(text)
    except ValueError:
        return text
    return str(found.ipv4_mapped or IPv6Network((found.packed[:8] + bytes(8), 64)))


def foreign_origin() -> str | None:
    """The origin of the page that asks, if it is not our own; None for our own pages and for programs.

    A browser that does not name the origin (`null` here) says at least that it is another (Fetch Metadata).
    """
    asking = request if has_request_context() else websocket
    unnamed = "null" if asking.headers.get("Sec-Fetch-Site") in FOREIGN_SITES else None
    origin = asking.headers.get("Origin", unnamed)
    if origin is None:
        return None
    ours = (asking.host, db.settings.url.partition("://")[2].partition("/")[0])
    return None if any(_same_host(origin, host) for host in ours) else origin


def set_cookie(response: Response, token: str, days: int) -> None:
    """Signs the browser in, for our own pages."""
    response.set_cookie(
        cookie_name(),
        token,
        max_age=days * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=request.scheme == "https" or db.settings.url.startswith("https:"),
        path=_cookie_path(),
    )


def clear_cookie(response: Response) -> None:
    """Signs the browser out."""
    response.delete_cookie(cookie_name(), path=_cookie_path())


def anyone(handler: Handler) -> Handler:
    """Everybody may; the model decides by what is asked for."""
    return _stance(handler, "anyone", asker)


def signed_in(handler: Handler) -> Handler:
    """Every user may; the model decides by what is asked for."""
    return _stance(handler, "signed in", me)


def admins(handler: Handler) -> Handler:
    """Only admins may."""

    def check() -> None:
        if not me().admin:
            raise Forbidden("Only an admin may do that.")

    return _stance(handler, "admins", check)


def _stance(handler: Handler, stance: str, check: Callable[[], object]) -> Handler:
    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        check()
        return await handler(*args, **kwargs)

    wrapper.stance = stance  # type: ignore[attr-defined]
    return wrapper


def _identified() -> Identity | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        return _by_bearer(scheme, token.strip())
    cookie = request.cookies.get(cookie_name())
    if cookie and (request.method in SAFE or foreign_origin() is None):
        return session.identify(cookie)
    return None


def _by_bearer(scheme: str, token: str) -> Identity | None:
    found = session.identify(token) if scheme.lower() == "bearer" else None
    if found is None:
        if request.method not in SAFE:
            raise Unauthenticated("Your credentials are not, or no longer, good.")
        g.bad_credentials = True
    return found


def _same_host(origin: str, host: str) -> bool:
    """Whether `origin` is ours, by host and port alone: TLS may end at a proxy."""
    scheme, _, authority = origin.lower().partition("://")
    port = DEFAULT_PORTS.get(scheme, "")
    return authority != "" and authority.removesuffix(port) == host.lower().removesuffix(port)


def _cookie_path() -> str:
    return f"{request.root_path}/"
