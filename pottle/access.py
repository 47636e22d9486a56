"""Who is asking, and what they may read: what the engine has to be told by the application.

An application tells it by an `Access` of its own, where it is made (main.py). Without one nobody signs in, and
everybody may read everything.
"""

from functools import partial
from typing import Any, Generic, Protocol, TypeVar, cast

from quart import g, has_request_context, request, websocket

from pottle.errors import Unauthenticated
from pottle.store import Snapshot
from pottle.store.follower import Listener
from pottle.store.unit import Envelope, envelope

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
    """What an application overrides: the first four methods, and the listener."""

    listener: Listener | None = None  # keeps true what it remembers of credentials; applied before all others

    def asking(self) -> Somebody | None:
        """Whose request or websocket handshake is being served; None for nobody in particular.

        Raises Unauthenticated for bad credentials. It is called once a request.
        """
        return None

    def by_token(self, token: str) -> Somebody | None:
        """Whose bearer token it is; None for one that is not, or no longer, good."""
        return None

    def confirm(self, read: Snapshot, identity: Somebody) -> None:
        """Called in the transaction of each write. Raises Unauthenticated if the credential has ended meanwhile."""

    def may_read(self, read: Snapshot, identity: Somebody | None, stream: str) -> bool:
        """Whether somebody may read a stream (`channel:7`)."""
        return True

    def asker(self) -> Somebody | None:
        """Who is asking; None for nobody in particular.

        Bad credentials are an error where something is to be changed. Where something is read they count for nothing,
        like good ones in a public group; only what then is not visible is answered with 401 (pottle/http/problems.py).
        """
        if "asker" not in g:
            try:
                self.recognise(self.asking())
            except Unauthenticated:
                if (request if has_request_context() else websocket).method not in SAFE:
                    raise
                self.recognise(None, bad_credentials=True)
        return cast(Somebody | None, g.asker)

    def me(self) -> Somebody:
        """Who is asking, where somebody must be. Raises Unauthenticated."""
        found = self.asker()
        if found is None:
            raise Unauthenticated("Sign in first.")
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
