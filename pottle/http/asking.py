"""Who is asking: a bearer token, or the session cookie of our own pages; and who may."""

from collections.abc import Awaitable, Callable
from functools import lru_cache, partial, wraps
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from quart import Request, Response, Websocket, g, has_request_context, request, websocket

from model.accounts import session
from model.accounts.session import Identity
from pottle.errors import Forbidden, Unauthenticated
from pottle.store import db
from pottle.store.unit import Envelope, envelope

Handler = Callable[..., Awaitable[Any]]

SAFE = ("GET", "HEAD", "OPTIONS")
FOREIGN_SITES = ("cross-site", "same-site")
# Browsers keep a cookie of such a name only from https, the first only for one host and all of its paths.
HOST, SECURE = "__Host-", "__Secure-"
# What a User-Agent has in it, and what it is called; the first that fits.
BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox")),
    *(("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("CrOS", "ChromeOS"), ("Windows", "Windows")),
    *(("Mac OS X", "a Mac"), ("Linux", "Linux")),
)
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def cookie_name() -> str:
    """The session cookie's name on plain http. It carries the instance's id, because cookies ignore ports."""
    return f"pottle_{db.instance.id}"


def _cookie_name_here() -> str:
    """The session cookie's name for this request: under https one that no neighbouring host can set."""
    if not _is_secure():
        return cookie_name()
    return (HOST if _cookie_path() == "/" else SECURE) + cookie_name()


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
    return _network(_asking().remote_addr or "unknown")


@lru_cache(maxsize=10_000)
def _network(text: str) -> str:
    try:
        found = IPv6Address(text)
    except ValueError:
        return text
    return str(found.ipv4_mapped or IPv6Network((found.packed[:8] + bytes(8), 64)))


def foreign_origin() -> str | None:
    """The origin of the page that asks, if it is not our own; None for our own pages and for programs.

    A browser that does not name the origin (`null` here) says at least that it is another (Fetch Metadata).
    """
    asking = _asking()
    unnamed = "null" if asking.headers.get("Sec-Fetch-Site") in FOREIGN_SITES else None
    origin = asking.headers.get("Origin", unnamed)
    if origin is None:
        return None
    ours = (asking.host, db.settings.url.partition("://")[2].partition("/")[0])
    return None if any(_same_host(origin, host) for host in ours) else origin


def device() -> str:
    """What kind of browser asks, so that people know their sessions apart: `Firefox on Windows`, and no more."""
    agent = request.headers.get("User-Agent", "")
    browser, system = (next((said for mark, said in known if mark in agent), "") for known in (BROWSERS, SYSTEMS))
    return f"{browser} on {system}" if browser and system else browser or "a program"


def by_cookie() -> Identity | None:
    """Whose session the cookie holds.

    Under https one by the plain name counts only for a session of before there was the other: a page of a neighbouring
    host could set it, and have somebody act as whom that page chose.
    """
    if not (cookies := _asking().cookies):
        return None
    if secret := cookies.get(_cookie_name_here()):
        return session.identify(secret)
    found = session.identify(old) if (old := cookies.get(cookie_name())) else None
    return found if found and found.device is None else None


def set_cookie(response: Response, token: str, days: int) -> None:
    """Signs the browser in, for our own pages."""
    response.set_cookie(
        _cookie_name_here(),
        token,
        max_age=days * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=_is_secure(),
        path=_cookie_path(),
    )


def clear_cookie(response: Response) -> None:
    """Signs the browser out, and has it forget the pages that it keeps.

    Not its storage, for there are drafts in it; and not all cookies, which would be those of the whole domain.
    """
    for name in {_cookie_name_here(), cookie_name()}:
        response.delete_cookie(name, path=_cookie_path(), secure=_is_secure(), httponly=True, samesite="Lax")
    response.headers["Clear-Site-Data"] = '"cache"'


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


def by_session(handler: Handler) -> Handler:
    """Only whoever signed in with the password, not a named token: for what makes credentials."""
    return _demanding(handler, "session", session.must_be_session)


def confirmed(handler: Handler) -> Handler:
    """Only a session whose password was typed within the last minutes: for what could take an account over."""
    return _demanding(handler, "confirmation", session.must_be_confirmed)


def _demanding(handler: Handler, demand: str, check: Callable[[Identity], None]) -> Handler:
    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        check(me())
        return await handler(*args, **kwargs)

    wrapper.demand = demand  # type: ignore[attr-defined]
    return wrapper


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
    return by_cookie() if request.method in SAFE or foreign_origin() is None else None


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


def _asking() -> Request | Websocket:
    return request if has_request_context() else websocket


def _is_secure() -> bool:
    return _asking().scheme in ("https", "wss") or db.settings.url.startswith("https:")


def _cookie_path() -> str:
    return f"{_asking().root_path}/"
