"""Who is asking (a bearer token, or the session cookie of our own pages), who may do what, and how often."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import TypeVar

from quart import Response, has_request_context, request

from model.accounts import session
from model.accounts.session import ConfirmationNeeded, Identity
from model.accounts.ticket import SecondNeeded
from pottle.access import SAFE, Access
from pottle.errors import Forbidden, NotFound, TooMany, Unauthenticated
from pottle.http import measures
from pottle.http.answers import respond
from pottle.http.asking import demand, foreign_origin, header, served, stance
from pottle.http.watching import notice
from pottle.rates import Rate
from pottle.store import Snapshot, db
from pottle.store.changes import Change
from pottle.translation import _

T = TypeVar("T")

SIGN_UP = Rate("sign-up", 100, per=3600)
BY_CODE = Rate("sign-up by code", 300, per=3600)  # of one code at one address: classes have a code each
SIGN_IN = Rate("sign-in", 600, per=60)  # a school is one address; guessing has a limit of its own, per uid
POSTING = Rate("posting", 20, per=60)
GUESTS = Rate("guests", 60, per=60)
REACTING = Rate("reacting", 120, per=60)
EDITING = Rate("editing", 60, per=60)
PREVIEWING = Rate("previews", 60, per=60)
SEARCHING = Rate("searches", 300, per=60)  # somebody who types asks a few times a second
PICTURES = Rate("pictures", 30, per=3600)  # drawing a photo of 16 million pixels again takes a second
EXPORTS = Rate("exports", 10, per=3600)  # each reads all that somebody ever wrote
ROSTERS = Rate("rosters", 20, per=3600)  # each of up to 500 accounts

FAILED = (Unauthenticated, Forbidden, NotFound)
sign_ins = measures.counter("sign_ins_total", "Passwords and codes that were tried.", "outcome")

NUMBERED = re.compile("([a-z]+):([1-9][0-9]{0,17})")
Reader = Callable[[Snapshot, Identity | None, int], int | None]
# Browsers keep a cookie of such a name only from https, the first only for one host and all of its paths.
HOST, SECURE = "__Host-", "__Secure-"
# Parts of a User-Agent and their names; the first that fits counts.
BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox")),
    *(("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("CrOS", "ChromeOS"), ("Windows", "Windows")),
    *(("Mac OS X", "a Mac"), ("Linux", "Linux")),
)


class Sessions(Access[Identity]):
    """Sessions and named tokens (model/accounts/session.py), and who may read which stream."""

    ending = frozenset({*session.ENDED, "member.removed", "group.closed"})
    listener = session.listener

    def __init__(self) -> None:
        self.open_streams: set[str] = set()  # which everybody may follow; a resource adds its own
        self._readers: dict[str, Reader] = {}

    def streams_of(self, kind: str, reader: Reader) -> None:
        """Has each thing of a `kind` have a stream, which ends by the change `kind.deleted`: `channel:7`.

        `reader` is called with the thing's id: the id of the group that it is in, where one may see it; else None.
        """
        self._readers[kind] = reader
        self.numbered, self.ending = self.numbered | {kind}, self.ending | {f"{kind}.deleted"}

    async def asking(self) -> Identity | None:
        """By the Authorization header, else by the cookie, which allows no change to pages of other origins.

        For a websocket only the cookie counts, and only for our own pages (cross-site websocket hijacking).
        """
        if not has_request_context():
            return await _by_cookie() if foreign_origin() is None else None
        scheme, _blank, token = (header(b"authorization") or "").partition(" ")
        if not scheme:
            return await _by_cookie() if request.method in SAFE or foreign_origin() is None else None
        found = await session.identify(token.strip(), header(b"origin")) if scheme.lower() == "bearer" else None
        if found is None:
            raise Unauthenticated(_("Your credentials are not, or no longer, good."))
        return found

    def language_of(self, identity: Identity) -> str | None:
        """What they chose; on another site its page's language counts."""
        return identity.language if identity.group is None else None

    async def by_token(self, token: str, origin: str | None = None) -> Identity | None:
        """Whose session or named token it is."""
        return await session.identify(token, origin)

    def confirm(self, read: Snapshot, identity: Identity) -> None:
        """Raises Unauthenticated if the session, the token or the role has ended."""
        session.confirm(read, identity)

    def reads(self, read: Snapshot, identity: Identity | None, stream: str) -> int | None:
        """The id of the group that a stream is in, where one may read it; 0 for one that is in none."""
        if stream in self.open_streams:
            return 0
        found = NUMBERED.fullmatch(stream)
        reader = self._readers.get(found[1]) if found else None
        return reader(read, identity, int(found[2])) if found and reader else None

    def lost(
        self, read: Snapshot, identity: Identity | None, change: Change, held: Mapping[str, int]
    ) -> Collection[str] | None:
        """A stream ends with its thing; a connection with its session, its user, or the right to what it reads."""
        kind, _, done = change.kind.partition(".")
        if kind in self._readers and done == "deleted":
            return [f"{kind}:{change.subject}"]
        whose = {"session.ended": "session", "token.ended": "token"}.get(change.kind, "user")
        over = change.kind == "group.closed" or getattr(identity, whose, None) == change.subject
        if change.kind in ("group.closed", "member.removed"):
            over = over and self._shut_out(read, identity, change, held)
        return None if over else ()

    def _shut_out(self, read: Snapshot, who: Identity | None, change: Change, held: Mapping[str, int]) -> bool:
        """Whether somebody follows a stream in the change's group that they may no longer read."""
        inside = [stream for stream, group in held.items() if f"group:{group}" in change.tags.split()]
        return any(self.reads(read, who, stream) is None for stream in inside)


sessions = Sessions()
asker, me, recognise = sessions.asker, sessions.me, sessions.recognise


def _must_be_admin() -> None:
    if me().lacks_second:
        raise Forbidden(_("Only an admin may do that, who has given a second factor in signing in."))
    if not me().admin:
        raise Forbidden(_("Only an admin may do that."))


admins = stance("admins", "For admins.", _must_be_admin)
# For what makes credentials: not by a named token.
by_session = demand(
    "session",
    "Not by a named token or a session for another site: that answers 403 with the type `urn:pottle:session-needed`.",
    lambda: session.must_be_session(me()),
)
# For what is more than to talk in the group that a site is of.
on_our_pages = demand(
    "our pages",
    "Not by a session for another site: that answers 403 with the type `urn:pottle:session-needed`.",
    lambda: session.must_be_ours(me()),
)
# For what could take an account over.
confirmed = demand(
    "confirmation",
    "Not by a named token or a session for another site, and only within ten minutes after the password was typed, "
    "in signing in or at `POST /api/session/confirm`; otherwise it answers 403 with the type "
    "`urn:pottle:confirmation-needed`.",
    lambda: session.must_be_confirmed(me()),
)


async def attempt(entering: Awaitable[T], uid: str = "") -> T:
    """Waits for somebody to prove who they are, by a password or a code; logs and counts how that went."""
    try:
        entered = await entering
    except ConfirmationNeeded:
        raise
    except SecondNeeded:
        sign_ins.labels("half").inc()
        notice("A password or code was right, and a second factor is needed", uid)
        raise
    except (*FAILED, TooMany) as refusal:
        limited = isinstance(refusal, TooMany)
        sign_ins.labels("limited" if limited else "failed").inc()
        notice("Passwords or codes were tried too often" if limited else "A password or code was wrong", uid)
        raise
    sign_ins.labels("succeeded").inc()
    notice("A password or code was right", uid)
    return entered


def device() -> str:
    """What kind of browser asks, so that people can tell their sessions apart: `Firefox on Windows`."""
    agent = request.headers.get("User-Agent", "")
    browser, system = (next((said for mark, said in known if mark in agent), "") for known in (BROWSERS, SYSTEMS))
    return f"{browser} on {system}" if browser and system else browser or "a program"


def cookie_name() -> str:
    """The session cookie's name on plain http. It has the instance's id, because cookies ignore ports."""
    return f"pottle_{db.instance.id}"


def set_cookie(response: Response, token: str, days: float) -> None:
    """Signs the browser in, for our own pages."""
    remember(response, "", token, round(days * 24 * 3600))


def remember(response: Response, name: str, value: str, seconds: int) -> None:
    """Has the browser keep a cookie of ours for our own pages, beside the session's, whose name is ""."""
    response.set_cookie(
        _cookie_name_here(name),
        value,
        max_age=seconds,
        httponly=True,
        samesite="Lax",
        secure=_is_secure(),
        path=_cookie_path(),
    )


def recalled(name: str) -> str | None:
    """What was remembered under a name."""
    return request.cookies.get(_cookie_name_here(name))


def forget(response: Response, name: str) -> Response:
    """Has the browser forget it."""
    response.delete_cookie(
        _cookie_name_here(name), path=_cookie_path(), secure=_is_secure(), httponly=True, samesite="Lax"
    )
    return response


def signed_out(response: Response | None = None) -> Response:
    """The answer (else an empty one) that signs the browser out, and has it forget the pages that it keeps.

    Not its storage, which holds drafts; and not all cookies, which would be those of the whole domain.
    """
    response = response or respond(None, 204)
    for name in {_cookie_name_here(), cookie_name()}:
        response.delete_cookie(name, path=_cookie_path(), secure=_is_secure(), httponly=True, samesite="Lax")
    if "Authorization" not in request.headers:  # by a token it is another site's page, whose console would complain
        response.headers["Clear-Site-Data"] = '"cache"'
    return response


def saved(export: AsyncIterator[bytes]) -> Response:
    """An export of one's account as a file that a browser saves."""
    named = f'attachment; filename="pottle-{me().uid}.json"'
    headers = {"Content-Disposition": named, "Cache-Control": "no-store"}
    return Response(export, 200, headers, content_type="application/json")


async def _by_cookie() -> Identity | None:
    """Whose session the cookie holds.

    Under https the plain name counts only for old sessions: a page of a neighbouring host could set it, and so have
    somebody act as another user.
    """
    if not (cookies := served().cookies):
        return None
    if secret := cookies.get(_cookie_name_here()):
        found = await session.identify(secret)
        return found if found and found.group is None else None
    found = await session.identify(old) if (old := cookies.get(cookie_name())) else None
    return found if found and found.device is None else None


def _cookie_name_here(of: str = "") -> str:
    """The name of the session's cookie here, or of another; under https one that no neighbouring host can set."""
    name = cookie_name() + (f"_{of}" if of else "")
    if not _is_secure():
        return name
    return (HOST if _cookie_path() == "/" else SECURE) + name


def _is_secure() -> bool:
    return served().scheme in ("https", "wss") or db.settings.url.startswith("https:")


def _cookie_path() -> str:
    return f"{served().root_path}/"
