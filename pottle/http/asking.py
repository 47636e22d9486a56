"""Where a request comes from, and who may: the client's address, the page's origin, and each route's stance."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache, wraps
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from quart import Request, Websocket, has_request_context, request, websocket

from pottle.access import access
from pottle.http import asgi
from pottle.store import db

Handler = Callable[..., Awaitable[Any]]

FOREIGN_SITES = ("cross-site", "same-site")
ANYONE = "Nobody has to sign in; with a token it answers what its user may see and do."
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def address() -> str:
    """The client's address: the last one that a trusted proxy vouches for.

    Of IPv6 its network: whoever has one address there has 2^64 of them, and could have one for each guess.
    """
    return _network(served().remote_addr or "unknown")


@lru_cache(maxsize=10_000)
def _network(text: str) -> str:
    try:
        found = IPv6Address(text)
    except ValueError:
        return text.replace("\x00", "\ufffd")  # what a proxy made up may be kept, and PostgreSQL keeps no NUL
    return str(found.ipv4_mapped or IPv6Network((found.packed[:8] + bytes(8), 64)))


def party() -> str:
    """Whom limits and idempotency keys count for: whoever is signed in (`user 7`), else the address."""
    identity = access().asker()
    return identity.party if identity else f"address {address()}"


def foreign_origin() -> str | None:
    """The origin of the page that asks, if it is not our own; None for our own pages and for programs.

    A browser that does not name the origin (`null` here) says at least that it is another (Fetch Metadata).
    """
    scope: Any = served().scope
    origin = asgi.header(scope, b"origin")
    if origin is None and asgi.header(scope, b"sec-fetch-site") in FOREIGN_SITES:
        origin = "null"
    if origin is None:
        return None
    return None if is_ours(origin) else origin


def is_ours(origin: str) -> bool:
    """Whether an origin is that of our own pages."""
    ours = (served().host, db.settings.url.partition("://")[2].partition("/")[0])
    return any(_same_host(origin, host) for host in ours)


def _same_host(origin: str, host: str) -> bool:
    """Whether `origin` is ours, by host and port alone: TLS may end at a proxy."""
    scheme, _, authority = origin.lower().partition("://")
    port = DEFAULT_PORTS.get(scheme, "")
    return authority != "" and authority.removesuffix(port) == host.lower().removesuffix(port)


def served() -> Request | Websocket:
    """The request that is being served, or the websocket."""
    return request if has_request_context() else websocket


def header(name: bytes) -> str | None:
    """The first header of that name, in small letters; None without one. A miss in `request.headers` takes 3 us."""
    return asgi.header(served().scope, name)  # type: ignore[arg-type]  # a dict like any, to ASGI middleware


def stance(name: str, says: str, check: Callable[[], object]) -> Callable[[Handler], Handler]:
    """Makes a decorator: who may call a route. `check` raises a Refusal; `says` is for the documentation."""
    return _checked(check, stance=name, stance_says=says)


def demand(name: str, says: str, check: Callable[[], object]) -> Callable[[Handler], Handler]:
    """As `stance`, for what a route asks besides, of the credentials of whoever may call it; `check` may be async."""
    return _checked(check, demand=name, demand_says=says)


def _checked(check: Callable[[], object], **said: str) -> Callable[[Handler], Handler]:
    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if isinstance(waiting := check(), Coroutine):
                await waiting
            return await handler(*args, **kwargs)

        vars(wrapper).update(said)
        return wrapper

    return decorate


# Everybody may, or every user; the model decides by what is asked for.
anyone = stance("anyone", ANYONE, lambda: access().asker())
signed_in = stance("signed in", "For whoever is signed in.", lambda: access().me())
