"""One websocket connection: what it asked for, and what it is to be sent next."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from model.accounts.session import Identity
from model.talk import channel
from pottle.access import access
from pottle.http.bodies import decoder
from pottle.live.crowds import MOST_OF_ACCOUNT, MOST_OF_ADDRESS, Pace, crowds
from pottle.live.hub import TOO_SLOW, hub, joined, named
from pottle.live.rounds import rounds
from pottle.store import Snapshot, changes, db
from pottle.store.changes import Change
from pottle.times import FOREVER

log = logging.getLogger("pottle")

MOST_REPLIES = 100  # waiting to be sent; a client that asks faster than it reads has to wait
SIGNED_OUT = 4401
FAILED = 1011


class Asked(msgspec.Struct):
    """A frame from a client, of any type."""

    type: str
    channel: int | UnsetType = UNSET
    stream: str | UnsetType = UNSET
    epoch: str | UnsetType = UNSET
    after: int | UnsetType = UNSET
    token: str | UnsetType = UNSET


class Subscription:
    """A cursor in one stream."""

    __slots__ = ("cursor", "group", "private")

    def __init__(self, cursor: int, group: int, private: bool) -> None:
        self.cursor = cursor
        self.group = group
        self.private = private


class Refused(Exception):
    """A frame that is answered with an error."""

    def __init__(self, code: str, **about: Any) -> None:
        super().__init__(code)
        self.code = code
        self.about = about


class Connection:
    """The state of one connection. `close` is called once with a close code; nothing is sent after it.

    `send` is called when there may be something to send: it asks `next_message` for it, now or later.
    """

    __slots__ = (
        *("_close", "_closed", "_pace", "_party", "_replies", "_room", "_subscriptions", "_woken"),
        *("identity", "in_line", "send"),
    )

    def __init__(self, identity: Identity | None, close: Callable[[int], None], address: str = "") -> None:
        self.identity = identity
        self.send: Callable[[], None] = _nobody
        self.in_line = False
        self._close = close
        self._closed = False
        self._subscriptions: dict[str, Subscription] = {}
        self._replies: list[bytes] = []
        self._woken: set[str] = set()
        self._room: asyncio.Event | None = None
        self._pace, self._party = Pace(), ""
        hub.connections.add(self)
        if identity:
            hub.expires(identity.expires)
        if not self._counted_as(identity.party if identity else f"address {address}"):
            self.end(TOO_SLOW)

    def leave(self) -> None:
        """Undoes everything; the connection is gone."""
        self._closed = True
        hub.connections.discard(self)
        for stream in self._subscriptions:
            hub.leave(stream, self)
        if self._party:
            crowds.leave(self._party)

    def _counted_as(self, party: str) -> bool:
        """Counts this as one of a party's websockets, unless that has too many."""
        if party == self._party or not db.settings.rate_limits:
            return True
        if not crowds.enter(party, MOST_OF_ACCOUNT if party.startswith("user ") else MOST_OF_ADDRESS):
            return False
        if self._party:
            crowds.leave(self._party)
        self._party = party
        return True

    def wake(self, stream: str) -> None:
        """The hub's word that a stream has something new."""
        self._woken.add(stream)
        rounds.add(self)

    def serve(self) -> None:
        """Its turn has come."""
        if self._closed:
            return
        try:
            self.send()
        except Exception:
            log.exception("A websocket failed")
            self.end(FAILED)

    def lost(self, read: Snapshot, change: Change) -> list[str] | None:
        """The streams that it may not read any more after a change; None where the connection itself ends by it."""
        if self._ends_by(read, change):
            return None
        gone = f"channel:{change.subject}"
        return [gone] if change.kind == "channel.deleted" and gone in self._subscriptions else []

    def lose(self, streams: list[str] | None) -> None:
        """Has it hear nothing more of these streams; None closes it, before anything newer is sent (L8)."""
        if streams is None:
            self.end(SIGNED_OUT)
        for stream in self._subscriptions.keys() & (streams or ()):
            self._lose(stream)

    def expire(self, now: str) -> str:
        """The hub's word that it is `now`: closes if its session has expired; else says until when that is good."""
        until = self.identity.expires if self.identity else FOREVER
        if until < now:
            self.end(SIGNED_OUT)
            return FOREVER
        return until

    def _ends_by(self, read: Snapshot, row: Change) -> bool:
        who = self.identity
        match row.kind:
            case "session.ended":
                return who is not None and who.session == row.subject
            case "token.ended":
                return who is not None and who.token == row.subject
            case "user.deleted" | "user.disabled" | "user.role" | "user.password":
                return who is not None and who.user == row.subject
            case "member.removed":
                return who is not None and who.user == row.subject and self._reads_privately(row.tags)
            case "group.closed":
                return any(not self._still_sees(stream, read) for stream in self._subscriptions_in(row.subject))
        return False

    def _subscriptions_in(self, group: int | None) -> list[str]:
        return [stream for stream, held in self._subscriptions.items() if held.group == group]

    def _still_sees(self, stream: str, read: Snapshot) -> bool:
        place = _place(read, self.identity, stream)
        self._subscriptions[stream].private = place is not None and place.reading != "public"
        return place is not None

    def _reads_privately(self, tags: str) -> bool:
        """Whether it reads, in the group that `tags` names, what only members may."""
        return any(held.private and f"group:{held.group}" in tags.split() for held in self._subscriptions.values())

    async def hear(self, text: str | bytes) -> None:
        """Does what a frame asks. Waits while the client leaves many replies unread, and if it asks too fast."""
        if db.settings.rate_limits and (seconds := self._pace.wait()):
            await asyncio.sleep(seconds)
        if len(self._replies) >= MOST_REPLIES:
            self._room = asyncio.Event()
            await self._room.wait()
        hub.end_expired()
        if self._closed:
            return
        try:
            asked = _asked(text)
            handler = {"subscribe": self._subscribe, "unsubscribe": self._leave_stream, "auth": self._authenticate}
            if asked.type not in handler:
                raise Refused("bad-request", **_given(asked))
            handler[asked.type](asked)
        except Refused as refused:
            self._reply(type="error", code=refused.code, **refused.about)

    def _authenticate(self, asked: Asked) -> None:
        identity = access().by_token(asked.token) if isinstance(asked.token, str) else None
        if identity is None:
            raise Refused("unauthenticated")
        if not self._counted_as(identity.party):
            raise Refused("too-many")
        self.identity = identity
        hub.expires(identity.expires)
        self._reply(type="authenticated", uid=identity.uid)
        self._check_again()

    def _check_again(self) -> None:
        """Ends the subscriptions that were another's right."""
        with db.snapshot() as read:
            lost = [stream for stream in self._subscriptions if not self._still_sees(stream, read)]
        for stream in lost:
            self._lose(stream)

    def _subscribe(self, asked: Asked) -> None:
        """Looks, answers and sets the cursor in one go: no change can come between (L4)."""
        stream, after = _wanted(asked)
        if stream not in self._subscriptions and len(self._subscriptions) >= db.settings.subscriptions:
            raise Refused("too-many", **named(stream))
        db.catch_up()
        with db.snapshot() as read:
            if (place := _place(read, self.identity, stream)) is None:
                raise Refused("not-found", **named(stream))
            newest = changes.position(read, stream)
            recovered = after is None or (
                asked.epoch == db.instance.epoch and changes.recoverable(read, stream, after, newest)
            )
        cursor = after if recovered and after is not None else newest
        self._subscriptions[stream] = Subscription(cursor, place.group_id, place.reading != "public")
        hub.join(stream, newest, self)
        at = {"epoch": db.instance.epoch, "seq": newest, "recovered": recovered}
        self._reply(type="subscribed", **named(stream), **at)
        self.wake(stream)

    def _leave_stream(self, asked: Asked) -> None:
        stream, _ = _wanted(asked)
        if stream not in self._subscriptions:
            raise Refused("not-found", **named(stream))
        self._unsubscribe(stream)
        self._reply(type="unsubscribed", **named(stream))

    def _lose(self, stream: str) -> None:
        self._unsubscribe(stream)
        self._reply(type="error", code="not-found", **named(stream))

    def _unsubscribe(self, stream: str) -> None:
        del self._subscriptions[stream]
        self._woken.discard(stream)
        hub.leave(stream, self)

    def _reply(self, **frame: Any) -> None:
        self._replies.append(msgspec.json.encode(frame))
        rounds.add(self)

    @property
    def waiting(self) -> bool:
        """Whether there may be something to send."""
        return bool(self._replies or self._woken) and not self._closed

    def next_message(self) -> bytes:
        """JSON, replies first, for a `subscribed` comes before its changes; empty when there is nothing to send."""
        if self._replies and not self._closed:
            return self._all_replies()
        while self.waiting and self._woken:
            if data := self._next_of(next(iter(self._woken))):
                return data
        return b""

    def _all_replies(self) -> bytes:
        replies, self._replies = self._replies, []
        if self._room is not None:
            self._room.set()
            self._room = None
        return joined(replies)

    def _next_of(self, stream: str) -> bytes:
        """The next changes of one stream; empty when there are none, and it need not be asked again."""
        held = self._subscriptions[stream]
        self._woken.discard(stream)  # first: looking into the log may wake it again
        batch = hub.batch(stream, held.cursor)
        if batch is None:  # it was told `recovered`, and has lagged until that was no longer true
            self.end(TOO_SLOW)
        if batch is None or self._closed or self._subscriptions.get(stream) is not held:
            return b""  # the right to it ended while the log was read
        if batch.size and not batch.last:
            self._woken.add(stream)
        held.cursor = batch.until
        hub.sent += batch.size
        return batch.data

    def end(self, code: int) -> None:
        """Closes the connection: nothing more is sent."""
        if not self._closed:
            self._closed = True
            self._close(code)


def _asked(text: str | bytes) -> Asked:
    if isinstance(text, bytes):
        raise Refused("bad-request")
    try:
        return msgspec.convert(decoder.decode(text), Asked)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Refused("bad-request") from None


def _wanted(asked: Asked) -> tuple[str, int | None]:
    """The stream, and the seq to go on after; None for "from now on"."""
    about = _given(asked)
    if isinstance(asked.channel, int) and 0 < asked.channel < 10**18:
        stream = f"channel:{asked.channel}"
    elif isinstance(asked.stream, str) and changes.NAME.fullmatch(asked.stream):
        stream = asked.stream
    else:
        raise Refused("bad-request", **about)
    if isinstance(asked.after, UnsetType):
        return stream, None
    if isinstance(asked.epoch, UnsetType) or not 0 <= asked.after < 10**18:
        raise Refused("bad-request", **about)
    return stream, asked.after


def _given(asked: Asked) -> dict[str, Any]:
    """What a frame says that it is about."""
    if isinstance(asked.channel, int):
        return {"channel": asked.channel}
    return {"stream": asked.stream} if isinstance(asked.stream, str) else {}


def _place(read: Snapshot, identity: Identity | None, stream: str) -> Any:
    found = re.fullmatch("channel:([1-9][0-9]{0,17})", stream)
    return channel.seen_by(read, identity, int(found[1])) if found else None


def _nobody() -> None:
    """For a connection that nobody sends for."""
