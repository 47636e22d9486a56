"""What a system under test looks like to the workload. An adapter is a module with a class that fits `System`.

It speaks to the system as any client would, over the network, and says what it was told: it repairs nothing, sorts
nothing and leaves nothing out. What a system cannot do is left out of `offers` and its method is never called.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

RESUME = "resume"  # a subscription can go on from a position, and says whether everything since was recovered
POSITIONS = "positions"  # a list says the position that it shows, to subscribe after
LISTS = "lists"  # there is a list of a channel's posts to read
REVOCATION = "revocation"  # the right to read of somebody who is connected can be ended
WATCHES = "watches"  # somebody can be told whenever a channel's list has changed
REFUSALS = "refusals"  # there is a write that must be refused


class Position(NamedTuple):
    """How far somebody has read in a channel."""

    seq: int
    epoch: str | None = None


class Joined(NamedTuple):
    """A subscription was confirmed: at this position, and, if it asked to go on from one, with all since or not."""

    channel: str
    position: Position | None = None
    recovered: bool | None = None
    worker: int | None = None


class Told(NamedTuple):
    """A change was delivered. `kind` is "created" for a new post, whose text is `marker`."""

    channel: str
    marker: str
    kind: str = "created"
    id: str = ""
    seq: int | None = None
    prev: int | None = None


class Watched(NamedTuple):
    """The list of a channel is being watched from now on (`begun`), or may be another one now."""

    channel: str
    begun: bool = False


class Listed(NamedTuple):
    """A list of posts as (id, text), newest first; `truncated` if there are older ones."""

    posts: Sequence[tuple[str, str]]
    truncated: bool = False
    position: Position | None = None


class Refused(Exception):
    """The system said that it does not do this and never will."""


class Unknown(Exception):
    """Nobody knows what came of it: no answer, or one that does not say."""


class Closed(Exception):
    """The connection has ended, or could not be made."""


class NotInstalled(Exception):
    """The system is not on this machine; the message says how to get it."""


class Connection(Protocol):
    """One live connection, subscribed to every channel."""

    async def receive(self) -> Joined | Told:
        """What comes next. Raises Closed. Each channel's Joined comes before its first Told."""

    async def drop(self, politely: bool) -> None:
        """Ends it, by closing or by cutting it off; `receive` then raises Closed."""


class Watch(Protocol):
    """One live connection that watches the list of every channel."""

    async def receive(self) -> Watched:
        """What comes next. Raises Closed."""

    async def drop(self, politely: bool) -> None:
        """Ends it; `receive` then raises Closed."""


class Writer(Protocol):
    """One author, with a connection of its own. Whose writes are `keyed` may send one again, and it is kept once."""

    keyed: bool

    async def write(self, channel: str, marker: str) -> str:
        """Posts `marker`, with `marker` as its key if it is `keyed`, and returns the post's id.

        Raises Refused, Unknown.
        """

    async def write_badly(self, channel: str, marker: str) -> str:
        """Asks for a post that must be refused, with `marker` in it. Raises Refused, if all is well, or Unknown."""

    async def close(self) -> None:
        """Ends its connection."""


class Reader(Protocol):
    """One reader of lists."""

    async def read(self, channel: str, everything: bool = False) -> Listed:
        """The newest posts, or all there are. Raises Unknown when there is no answer."""

    async def close(self) -> None:
        """Ends its connection."""


class System(Protocol):
    """A system under test, in processes of its own and with data of its own, gone after `stop`."""

    name: str
    offers: frozenset[str]

    async def start(self, channels: int) -> list[str]:
        """Starts it and returns up to so many channels. Raises NotInstalled."""

    async def stop(self) -> None:
        """Ends it and deletes its data. Called also when `start` has failed."""

    async def restart(self) -> None:
        """Kills all its processes at once (SIGKILL) and starts it again on the same data."""

    async def ready(self) -> None:
        """Returns when every worker serves; `start` and `restart` have waited for that. Raises RuntimeError."""

    def master(self) -> int:
        """The process that looks after the others."""

    def workers(self) -> list[int]:
        """The processes that serve."""

    async def writer(self) -> Writer:
        """A new author."""

    async def reader(self, quick: bool = False) -> Reader:
        """A new reader. A quick one keeps its connection, others open one for each request and so meet any worker."""

    async def connect(self, after: Mapping[str, Position], account: Any = None) -> Connection:
        """Connects and subscribes to every channel, after these positions. Raises Closed.

        `account` comes from `account()`; None is somebody whose rights do not end.
        """

    async def watch(self) -> Watch:
        """Connects and watches the list of every channel. Raises Closed."""

    async def account(self) -> Any:
        """Somebody new who may read every channel, and whose right to that can be ended."""

    async def revoke(self, account: Any) -> str:
        """Ends that right and returns, once the system has acknowledged it, in which way. Raises Unknown."""
