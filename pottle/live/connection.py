"""One websocket connection: what it asked for, and what it is to be sent next."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from pottle.access import Identity, access
from pottle.errors import Overloaded
from pottle.http import conditions
from pottle.http.bodies import decoder
from pottle.live.hub import Batch, hub, joined, named
from pottle.live.sending import TOO_SLOW, send_queue
from pottle.live.watches import GET, GONE, Asker, Watched, watches
from pottle.store import Snapshot, changes, db
from pottle.store.changes import Change
from pottle.times import FOREVER

MOST_OF_ADDRESS = 1_000  # websockets in a worker without an account: a school, with a page or two for everybody
MOST_OF_ACCOUNT = 100
FRAMES_AT_ONCE = 300  # from a client: a page that comes back subscribes to 100 channels
FRAMES_PER_SECOND = 10  # after that
MOST_REPLIES = 100  # waiting to be sent; a client that asks faster than it reads has to wait
LARGEST = 10**18 - 1  # number that a client may name
SIGNED_OUT = 4401
SOMEWHERE = Asker("http", "", ())


class Asked(msgspec.Struct):
    """A frame from a client, of any type."""

    type: str
    stream: str | UnsetType = UNSET
    epoch: str | UnsetType = UNSET
    after: int | UnsetType = UNSET
    token: str | UnsetType = UNSET
    get: str | UnsetType = UNSET
    etag: str | UnsetType | None = UNSET


@dataclass(slots=True)
class Watch:
    """A GET that it watches: which answer the client has, and whether it was told that it is watching."""

    told: str | None
    watched: Watched
    given: str | None  # the ETag as it came to the client
    begun: bool = False


class Refused(Exception):
    """A frame that is answered with an error."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.said = {"code": code, "detail": detail} if detail else {"code": code}


class Connection:
    """The state of one connection. `close` is called once with a close code; nothing is sent after it.

    `send` is called when there may be something to send: it asks `next_message` for it, now or later.
    """

    __slots__ = (
        *("_asker", "_close", "_closed", "_cursors", "_due", "_news", "_origin", "_pages", "_replies", "_rights"),
        *("_room", "_watches", "_woken", "identity", "party", "queued", "send"),
    )

    def __init__(
        self,
        identity: Identity | None,
        close: Callable[[int], None],
        address: str = "",
        asker: Asker = SOMEWHERE,
        origin: str | None = None,
    ) -> None:
        self.identity = identity
        self.send: Callable[[], object] = lambda: None
        self.queued = False
        self.party = ""  # whom it counts against
        self._asker, self._origin = asker, origin
        self._close = close
        self._closed = False
        self._cursors: dict[str, int] = {}  # of its subscriptions, by stream
        self._rights: dict[str, Any] = {}  # by which it reads these
        self._pages: dict[str, asyncio.Task[Batch | None]] = {}  # that are read from the log
        self._watches: dict[str, Watch] = {}
        self._replies: list[bytes] = []
        self._woken: set[str] = set()
        self._news: dict[str, None] = {}  # GETs that were made (again)
        self._room: asyncio.Event | None = None
        self._due = 0.0  # when its next frame is, at FRAMES_PER_SECOND
        hub.connections.add(self)
        if identity:
            hub.expires(identity.expires)
        if not self._count(identity.party if identity else f"address {address}"):
            self.end(TOO_SLOW)

    def leave(self) -> None:
        """Undoes everything; the connection is gone."""
        self._closed = True
        hub.connections.discard(self)
        for stream in [*self._cursors]:
            self._drop(stream)
        for watch in self._watches.values():
            watches.leave(watch.watched, self)
        self._count("")

    def _count(self, party: str) -> bool:
        """Counts this as one of a party's websockets, unless that has too many."""
        most = MOST_OF_ADDRESS if party.startswith("address ") else MOST_OF_ACCOUNT
        if db.settings.rate_limits and party and party != self.party and hub.parties[party] >= most:
            return False
        for counted, by in ((self.party, -1), (party, 1)):
            if counted:
                hub.parties[counted] += by
        if not hub.parties[self.party]:
            del hub.parties[self.party]
        self.party = party
        return True

    def wake(self, stream: str) -> None:
        """Called by the hub when a stream has something new."""
        self._woken.add(stream)
        send_queue.add(self)

    def news(self, get: str) -> None:
        """A watched GET was made (again)."""
        self._news[get] = None
        send_queue.add(self)

    def refuse(self, get: str, status: int) -> None:
        """A GET cannot be watched any more, for it was answered with `status`."""
        refused = Refused("not-found") if status in GONE else Refused("bad-request", f"It is answered with {status}.")
        self._end_watch(get, type="error", **refused.said)

    def lost(self, read: Snapshot, change: Change) -> Collection[str] | None:
        """The streams that it may not read any more after a change; None where the connection itself ends by it."""
        return access().lost(read, self.identity, change, {**self._rights})

    def lose(self, streams: Collection[str] | None) -> None:
        """Ends these subscriptions; None closes the connection, before anything newer is sent (L8)."""
        if streams is None:
            self.end(SIGNED_OUT)
        for stream in self._cursors.keys() & (streams or ()):
            self._drop(stream)
            self._reply(type="error", code="not-found", **named(stream))

    def expire(self, now: str) -> str:
        """Closes if the session has expired at `now`; otherwise returns when it will."""
        until = self.identity.expires if self.identity else FOREVER
        if until < now:
            self.end(SIGNED_OUT)
            return FOREVER
        return until

    async def hear(self, text: str | bytes) -> None:
        """Does what a frame asks. Waits while the client leaves many replies unread, and if it asks too fast."""
        self._due = max(self._due, now := time.monotonic()) + 1 / FRAMES_PER_SECOND
        early = self._due - now - FRAMES_AT_ONCE / FRAMES_PER_SECOND
        if early > 0 and db.settings.rate_limits:
            await asyncio.sleep(early)
        if len(self._replies) >= MOST_REPLIES:
            self._room = asyncio.Event()
            await self._room.wait()
        hub.end_expired()
        if self._closed:
            return
        about: dict[str, Any] = {}  # as the client named it
        try:
            asked, about = _asked(text)
            if asked.type not in HANDLERS:
                raise Refused("bad-request", f"`type` must be one of {', '.join(HANDLERS)}.")
            await HANDLERS[asked.type](self, asked)
        except Refused as refused:
            self._reply(type="error", **refused.said, **about)
        except Overloaded:  # the database does not answer
            self.end(TOO_SLOW)

    async def _authenticate(self, asked: Asked) -> None:
        """Looks, and is the other, in one go: what ends a right meanwhile has it look again."""
        identity = await access().by_token(asked.token, self._origin) if isinstance(asked.token, str) else None
        if identity is None:
            raise Refused("unauthenticated")
        rights = await db.read_settled(_rights, identity, self._cursors)
        if self._closed:
            return
        if not self._count(identity.party):
            raise Refused("too-many")
        self.identity, self._rights = identity, rights
        hub.expires(identity.expires)
        self._reply(type="authenticated", uid=identity.uid)
        # What was another's right.
        self.lose([stream for stream, right in rights.items() if right is None])
        self._asker = self._asker.signed_in(str(asked.token), self._origin)
        self._news.clear()  # of answers to another
        for get, watch in self._watches.items():
            watches.leave(watch.watched, self)
            watch.watched = watches.join(get, self._asker, self)

    async def _subscribe(self, asked: Asked) -> None:
        """Looks, answers and sets the cursor in one go: no change can come between (L4), or else it looks again."""
        stream, after = _wanted(asked)
        self._check_room(stream not in self._cursors)
        await db.caught_up()
        right, newest, whole = await db.read_settled(_position, self.identity, stream, after)
        if self._closed:
            return
        if right is None:
            raise Refused("not-found")
        same = after is None or asked.epoch == db.instance.epoch
        recovered = same and whole
        if stream in self._cursors:
            self._drop(stream)
        self._cursors[stream] = newest if after is None or not recovered else after
        self._rights[stream] = right
        hub.join(stream, newest, self)
        at = {"epoch": db.instance.epoch, "seq": newest, "recovered": recovered}
        self._reply(type="subscribed", **named(stream), **at)
        self.wake(stream)

    async def _unsubscribe(self, asked: Asked) -> None:
        stream, _ = _wanted(asked)
        if stream not in self._cursors:
            raise Refused("not-found")
        self._drop(stream)
        self._reply(type="unsubscribed", **named(stream))

    def _drop(self, stream: str) -> None:
        del self._cursors[stream], self._rights[stream]
        self._woken.discard(stream)
        if page := self._pages.pop(stream, None):
            page.cancel()
        hub.leave(stream, self)

    async def _watch(self, asked: Asked) -> None:
        """Whatever is committed after this look is told (L9): the answer is known from here on, or not yet made."""
        get = _wanted_get(asked)
        self._check_room(get not in self._watches)
        await db.caught_up()
        if self._closed:
            return
        given = asked.etag if isinstance(asked.etag, str) else None
        known = next(iter(conditions.tags(given)), None) if given else None  # without what compression made of it
        self._watches[get] = Watch(f'"{known}"' if known else given, watches.join(get, self._asker, self), given)

    async def _unwatch(self, asked: Asked) -> None:
        get = _wanted_get(asked)
        if get not in self._watches:
            raise Refused("not-found")
        self._end_watch(get, type="unwatched")

    def _end_watch(self, get: str, **reply: str) -> None:
        self._news.pop(get, None)
        watches.leave(self._watches.pop(get).watched, self)
        self._reply(**reply, get=get)

    def _check_room(self, new: bool) -> None:
        if new and len(self._cursors) + len(self._watches) >= db.settings.subscriptions:
            raise Refused("too-many")

    def _reply(self, **frame: Any) -> None:
        self._replies.append(msgspec.json.encode(frame))
        send_queue.add(self)

    @property
    def waiting(self) -> bool:
        """Whether there may be something to send."""
        return bool(self._replies or self._news or self._woken) and not self._closed

    @property
    def lagging(self) -> bool:
        """Whether what it is to be sent next is being read from the log."""
        return bool(self._pages)

    def next_message(self) -> bytes:
        """JSON, replies first, for a `subscribed` comes before its changes; empty when there is nothing to send."""
        if self._closed:
            return b""
        if self._replies:
            replies, self._replies = self._replies, []
            if self._room is not None:
                self._room.set()
                self._room = None
            return joined(replies)
        if self._news:
            news, self._news = self._news, {}
            if frames := [msgspec.json.encode(frame) for get in news for frame in self._news_of(get)]:
                return joined(frames)
        while self._woken and not self._closed:
            if data := self._next_of(next(iter(self._woken))):
                return data
        return b""

    def _news_of(self, get: str) -> list[dict[str, Any]]:
        """What is to be told of a watched GET: once, however often it was made since."""
        watch = self._watches[get]
        version, etag = watch.watched.version, watch.watched.etag
        about = {"get": get} if etag is None else {"get": get, "etag": conditions.alike(etag, watch.given)}
        frames = []
        if not watch.begun:
            watch.begun, watch.told = True, watch.told or version
            frames.append({"type": "watching", **about})
        if watch.told != version:
            watch.told = version
            frames.append({"type": "changed", **about})
        return frames

    def _next_of(self, stream: str) -> bytes:
        """The next changes of one stream; empty when there are none, and it need not be asked again."""
        self._woken.discard(stream)  # first: looking into the log may wake it again
        batch = hub.batch(stream, self._cursors[stream]) if stream not in self._pages else None
        if batch is None and (batch := self._page(stream)) is None:
            return b""
        if batch.size and not batch.last:
            self._woken.add(stream)
        self._cursors[stream] = batch.until
        hub.sent += batch.size
        return batch.data

    def _page(self, stream: str) -> Batch | None:
        """The next changes of a stream in which it lags behind the ring, once they are read from the log."""
        page = self._pages.get(stream)
        if page is None:
            page = self._pages[stream] = asyncio.create_task(hub.page(stream, self._cursors[stream]))
            page.add_done_callback(lambda _: self.wake(stream) if stream in self._pages else None)
        if not page.done():
            return None
        del self._pages[stream]
        if (batch := page.result()) is None:  # it was told `recovered`, and has lagged until that was no longer true
            self.end(TOO_SLOW)
        return batch

    def end(self, code: int) -> None:
        """Closes the connection: nothing more is sent."""
        if not self._closed:
            self._closed = True
            self._close(code)


HANDLERS: dict[str, Callable[[Connection, Asked], Awaitable[None]]] = {
    "auth": Connection._authenticate,
    "subscribe": Connection._subscribe,
    "unsubscribe": Connection._unsubscribe,
    "watch": Connection._watch,
    "unwatch": Connection._unwatch,
}


def _rights(read: Snapshot, who: Identity | None, streams: Collection[str]) -> dict[str, Any]:
    """By which somebody reads each of the streams; None where they may not."""
    return {stream: access().reads(read, who, stream) for stream in streams}


def _position(read: Snapshot, who: Identity | None, stream: str, after: int | None) -> tuple[Any, int, bool]:
    """By which right somebody reads a stream, its newest change, and whether all after `after` is there."""
    newest = changes.position(read, stream)
    whole = after is None or changes.recoverable(read, stream, after, newest)
    return access().reads(read, who, stream), newest, whole


def _asked(text: str | bytes) -> tuple[Asked, dict[str, Any]]:
    """A frame, and what it is about. A stream may be named by a field of its own (`"channel": 7`)."""
    if isinstance(text, bytes):
        raise Refused("bad-request", "A frame must be text.")
    try:
        fields = decoder.decode(text)
        asked = msgspec.convert(fields, Asked)
        about = {name: fields[name] for name in ("stream", "get") if name in fields}
        for kind in fields.keys() & access().numbered:
            number = msgspec.convert(fields[kind], int)
            about, asked.stream = {kind: number}, f"{kind}:{number}" if 0 < number <= LARGEST else ""
    except msgspec.MsgspecError as error:
        raise Refused("bad-request", f"{error}.") from None
    except (UnicodeError, RecursionError):
        raise Refused("bad-request", "A frame must be JSON in UTF-8.") from None
    return asked, about


def _wanted(asked: Asked) -> tuple[str, int | None]:
    """The stream, and the seq to go on after; None for "from now on"."""
    if not isinstance(asked.stream, str) or not changes.NAME.fullmatch(asked.stream):
        raise Refused("bad-request", f"Name what to follow: {' or '.join([*access().numbered, 'stream'])}.")
    if isinstance(asked.after, UnsetType):
        return asked.stream, None
    if isinstance(asked.epoch, UnsetType):
        raise Refused("bad-request", "`after` needs the `epoch` that it is of.")
    if not 0 <= asked.after <= LARGEST:
        raise Refused("bad-request", "`after` must be the `seq` of a change, or 0.")
    return asked.stream, asked.after


def _wanted_get(asked: Asked) -> str:
    if not isinstance(asked.get, str) or not GET.fullmatch(asked.get):
        raise Refused("bad-request", "`get` must be a path on this server, with its query: /api/groups?limit=20.")
    return asked.get
