"""Who is asking, and what they may read: what the engine has to be told by the application.

An application tells it by an `Access` of its own, where it is made (main.py). Without one nobody signs in, and
everybody may read everything.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from quart import g, has_request_context, request, websocket

from pottle.errors import Unauthenticated
from pottle.store import Snapshot, tables
from pottle.store.changes import Change
from pottle.store.follower import Listener
from pottle.store.unit import Envelope, envelope
from pottle.translation import _

SAFE = ("GET", "HEAD", "OPTIONS")


class Identity(Protocol):
    """Somebody who has signed in."""

    @property
    def party(self) -> str:
        """Whom limits count against: `user 7`."""

    @property
    def uid(self) -> str:
        """The user name. The log gets a digest of it."""

    @property
    def expires(self) -> str:
        """The time at which the credential expires; times.FOREVER if it does not."""

    @property
    def admin(self) -> bool:
        """Whether they may see what operators see."""


Somebody = TypeVar("Somebody", bound=Identity)


class Access(Generic[Somebody]):
    """What an application overrides: the first six methods, and what stands before them."""

    listener: Listener | None = None  # keeps true what it remembers of credentials; applied before all others
    credentials: frozenset[bytes] = frozenset({b"cookie"})  # headers by which `asking` knows whose websocket it is
    numbered: frozenset[str] = frozenset()  # kinds of streams that frames name by a field: `"channel": 7`
    ending: frozenset[str] = frozenset()  # kinds of changes by which somebody may lose what they may read

    async def asking(self) -> Somebody | None:
        """Whose request or websocket handshake is being served; None for nobody in particular.

        Raises Unauthenticated for bad credentials. It is called once a request.
        """
        return None

    async def by_token(self, token: str, origin: str | None = None) -> Somebody | None:
        """Whose bearer token it is; None for one that is not, or no longer, good.

        `origin` is that of the page which sends it over a websocket; None for a program.
        """
        return None

    def language_of(self, identity: Somebody) -> str | None:
        """The language that somebody chose to be answered in, as a tag (`de`); None for what their browser asks for."""
        return None

    def confirm(self, read: Snapshot, identity: Somebody) -> None:
        """Called in the transaction of each write. Raises Unauthenticated if the credential has ended meanwhile."""

    def reads(self, read: Snapshot, identity: Somebody | None, stream: str) -> Any:
        """None where somebody may not read a stream, or it is none; else what `lost` is to know of that right."""
        return True

    def lost(
        self, read: Snapshot, identity: Somebody | None, change: Change, held: Mapping[str, Any]
    ) -> Collection[str] | None:
        """Which of the streams that a connection follows it may not read after a change; None: it is to be closed.

        `held` has what `reads` returned for each. It is asked for the kinds in `ending`, in a snapshot with the change.
        """
        return ()

    async def look(self) -> None:
        """Before each request or websocket: finds out whose it is, for whoever asks later."""
        with tables.collecting() as seen:
            try:
                g.found = await self.asking()
            except Unauthenticated as trouble:
                g.found = trouble
        g.found_in = seen

    def found(self) -> Somebody | None:
        """Whose request or websocket it is, as `asking` says. Raises Unauthenticated as that does."""
        tables.note(*g.found_in)
        if isinstance(g.found, Unauthenticated):
            raise g.found
        found: Somebody | None = g.found
        return found

    def asker(self) -> Somebody | None:
        """Who is asking; None for nobody in particular.

        Bad credentials are an error where something is to be changed. Where something is read they count for nothing,
        like good ones in a public group; only what then is not visible is answered with 401 (pottle/http/problems.py).
        """
        here: Any = g._get_current_object()  # a proxy, which would look for it each time
        if "asks_anyway" in here:  # pottle/http/caching.py: shared
            here.asks_anyway()
        if "asker" not in here:
            try:
                self.recognise(self.found())
            except Unauthenticated:
                if (request if has_request_context() else websocket).method not in SAFE:
                    raise
                self.recognise(None, bad_credentials=True)
        found: Somebody | None = here.asker
        return found

    def me(self) -> Somebody:
        """Who is asking, where somebody must be. Raises Unauthenticated."""
        found = self.asker()
        if found is None:
            raise Unauthenticated(_("Sign in first."))
        return found

    def recognise(self, identity: Somebody | None, bad_credentials: bool = False) -> None:
        """Attributes the request to `identity`; its write checks again, in its own transaction, that it may."""
        g.asker, g.bad_credentials = identity, bad_credentials
        if identity is not None:
            around().confirm = partial(self.confirm, identity=identity)


def around() -> Envelope:
    """What surrounds this request's write."""
    found = envelope.get()
    if found is None:
        envelope.set(found := Envelope())
    return found


_told: Access[Any] = Access()


def access() -> Access[Any]:
    """The application's."""
    return _told


def tell(chosen: Access[Any]) -> None:
    """Has the engine use `chosen` in this process."""
    global _told
    _told = chosen
