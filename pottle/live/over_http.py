"""Live updates without a websocket: streams as pages or server-sent events, and the websocket's frames by requests.

`GET /api/streams/{stream}` has a stream's changes after a position. It may wait for the next one (long polling), or
send them as they come (server-sent events, WHATWG HTML 9.2). `POST /api/live` does what frames of a websocket do, and
answers once there is something to tell: for browsers behind a proxy that lets no websocket through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, NamedTuple, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint, Response, request

from pottle.access import Identity, access
from pottle.errors import Invalid, NotFound, Overloaded
from pottle.http import asgi
from pottle.http.answers import Answer, asks, gives, takes
from pottle.http.asking import address, anyone
from pottle.live import hub
from pottle.live.connection import LARGEST, Connection
from pottle.live.sending import TOO_SLOW
from pottle.live.watches import Asker
from pottle.server.health import stopping
from pottle.store import Snapshot, changes, db, reads
from pottle.store.paging import PAGE_BYTES
from pottle.translation import _
from pottle.values import as_it_is

blueprint = Blueprint("streams", __name__)

LONGEST_WAIT = 30  # seconds
BEAT_SECONDS = 15.0  # between two signs of life to who follows events
ANSWER_SECONDS = 5.0  # for the answers to frames, where they are to wait for nothing else
LOOK_SECONDS = 1.0  # between two looks whether the server is to stop
MOST_FRAMES = 250
RESTARTING = 1012
EVENTS = "text/event-stream"
# A proxy's cache may keep it for a second, so that it is asked once and not by each of 100,000 readers; a browser asks.
BRIEF = "public, max-age=0, s-maxage=1"

History = Meta(description="Which history of the database positions count in.", examples=["f3b0c44298fc1c14"])
Position = Meta(ge=0, le=LARGEST, description="The `seq` after which to go on; without, from now on.", examples=[138])
Limit = Meta(ge=1, le=hub.PAGE, description="The most changes to answer with.", examples=[20])
Wait = Meta(ge=0, le=LONGEST_WAIT, description="For how many seconds to wait for something new.", examples=[25])
Changes = Meta(description="As the websocket tells them, oldest first: docs/live.md.")
Newest = Meta(description="Position to go on `after`.", examples=[141])
Recovered = Meta(description="Whether nothing was missed. If not, read the list again, and go on after its position.")
More = Meta(description="Whether more changes are there already.")
Frame = Annotated[dict[str, Any], Meta(extra_json_schema={"additionalProperties": True})]
Said = Meta(max_length=MOST_FRAMES, description="As they would be sent to the websocket: docs/live.md.")
Answered = Meta(description="As the websocket would send them, in order.")
Closed = Meta(description="The code with which the websocket would have been closed.", examples=[4401])


class StreamQuery(msgspec.Struct):
    """After which position (`after` in the history `epoch`; from now on without), how many, and how long to wait."""

    epoch: Annotated[str, as_it_is("is compared", 100), History] | None = None
    after: Annotated[int, Position] | None = None
    limit: Annotated[int, Limit] = hub.PAGE
    wait: Annotated[int, Wait] = 0


class StreamPage(msgspec.Struct):
    """Changes, and the position to go on after."""

    changes: Annotated[list[Frame], Changes]
    epoch: Annotated[str, History]
    seq: Annotated[int, Newest]
    recovered: Annotated[bool, Recovered]
    more: Annotated[bool, More]


class Frames(msgspec.Struct):
    """Frames as a client would send them to the websocket; each request begins without a subscription or a watch.

    With `wait` the answer comes once there is more than the answers to these.
    """

    frames: Annotated[list[Frame], Said]
    wait: Annotated[int, Wait] = 0


class Heard(msgspec.Struct, omit_defaults=True):
    """Frames as the websocket would send them; `closed` is there where it would close."""

    frames: Annotated[list[Frame], Answered]
    closed: Annotated[int, Closed] | UnsetType = UNSET


class Told(msgspec.Struct):
    """What is looked at in a frame that is to be sent."""

    type: str
    seq: int = 0
    recovered: bool = False


class Caller(NamedTuple):
    """Who asks, from where, and how a GET is made as them."""

    identity: Identity | None
    address: str
    asker: Asker
    origin: str | None

    @classmethod
    def of_request(cls) -> Caller:
        """Whose request is served."""
        scope: Any = request.scope
        identity, origin = access().asker(), asgi.header(scope, b"origin")
        asker = Asker.of(scope, known=identity is not None)
        if identity is not None and (given := request.headers.get("Authorization")):
            asker = asker.signed_in(given.partition(" ")[2].strip(), origin)
        return cls(identity, address(), asker, origin)


class Listener:
    """A connection whose messages are fetched."""

    _all: set[Listener] = set()  # noqa: RUF012  # of this worker

    def __init__(self, who: Caller) -> None:
        self.code: int | None = None
        self._something = asyncio.Event()
        self._connection = Connection(who.identity, self._end, who.address, who.asker, who.origin)
        self._connection.send = self._something.set

    def __enter__(self) -> Listener:
        if not self._all:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        self._all.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._all.discard(self)
        self._connection.leave()

    @property
    def expecting(self) -> bool:
        """Whether there may be something to fetch already, or more is being read from the log."""
        return self._connection.waiting or self._connection.lagging

    async def ask(self, frame: dict[str, Any]) -> None:
        """Does what a frame asks."""
        await self._connection.hear(msgspec.json.encode(frame).decode())

    async def message(self, seconds: float) -> list[msgspec.Raw]:
        """The frames of the next message; none after that time, or where the connection was closed."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                while self.code is None:
                    self._something.clear()
                    if message := self._connection.next_message():
                        many = message.startswith(b"[")
                        return msgspec.json.decode(message, type=list[msgspec.Raw]) if many else [msgspec.Raw(message)]
                    await self._something.wait()
        except TimeoutError:
            pass
        return []

    def _end(self, code: int) -> None:
        self.code = code
        self._something.set()

    @classmethod
    def _look(cls) -> None:
        """A server that is to stop waits for requests that are under way."""
        for one in [*cls._all] if stopping.asked else []:
            one._connection.end(RESTARTING)
        if cls._all:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, cls._look)


@blueprint.get("/api/streams/<path:stream>")
@anyone
@asks(StreamQuery)
@gives(StreamPage)
async def follow(stream: str, query: StreamQuery) -> Response | Answer:
    """The changes of a stream after a position.

    A client that sends `Accept: text/event-stream` gets them as they come, each as an event with `id: epoch:seq`, until
    it goes; `Last-Event-ID` counts as the position. docs/live.md says more.
    """
    events = EVENTS in request.headers.get("Accept", "") and request.method == "GET"
    if events and (last := request.headers.get("Last-Event-ID")):
        query.epoch, query.after = _position(last)
    if query.after is not None and query.epoch is None:
        raise Invalid({"after": _("needs the epoch that it is of")})
    who = Caller.of_request()
    page = await _page(stream, query, who.identity)
    if events:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"}
        told = Response(_events(who, stream, query), 200, headers)
        told.content_type, told.timeout = f"{EVENTS}; charset=utf-8", None
        return told
    if query.wait and page.recovered and not page.changes:
        query.epoch, query.after = page.epoch, page.seq
        await _something_new(who, stream, query)
        page = await _page(stream, query, who.identity)
    return Answer(page, headers={"Vary": "Accept", **({} if who.identity else {"Cache-Control": BRIEF})})


def _position(id_: str) -> tuple[str, int]:
    epoch, _colon, seq = id_.rpartition(":")
    if not epoch or not seq.isdecimal() or not seq.isascii() or int(seq) > LARGEST:
        raise Invalid({"Last-Event-ID": _("must be the id of an event of this stream")})
    return epoch, int(seq)


@reads
def _page(read: Snapshot, stream: str, query: StreamQuery, identity: Identity | None) -> StreamPage:
    """Rights and changes of one moment. Raises NotFound, Unauthenticated."""
    if identity is not None:
        access().confirm(read, identity)
    if not changes.NAME.fullmatch(stream) or access().reads(read, identity, stream) is None:
        raise NotFound(_("There is no such stream."))
    newest, epoch = changes.position(read, stream), db.instance.epoch
    after = newest if query.after is None else query.after
    same = query.after is None or query.epoch == epoch
    if not (same and changes.recoverable(read, stream, after, newest)):
        return StreamPage([], epoch, newest, False, False)
    frames, room = [], PAGE_BYTES
    for frame in hub.encoded(read, changes.page(read, stream, after, newest, query.limit)):
        frames.append(frame)
        room -= len(frame.data)
        if room <= 0:
            break
    seq = frames[-1].seq if frames else newest
    told = [msgspec.Raw(frame.data) for frame in frames]
    return StreamPage(cast(list[dict[str, Any]], told), epoch, seq, True, seq < newest)


async def _something_new(who: Caller, stream: str, query: StreamQuery) -> None:
    """Waits for a change after the position, or until a right ends. Raises Overloaded."""
    with Listener(who) as listener:
        await listener.ask({"type": "subscribe", "stream": stream, "epoch": query.epoch, "after": query.after})
        if len(await listener.message(ANSWER_SECONDS)) == 1:  # the answer alone
            await listener.message(query.wait)
    if listener.code == TOO_SLOW:
        raise Overloaded(_("Too many are connected. Try again later."))


async def _events(who: Caller, stream: str, query: StreamQuery) -> AsyncIterator[bytes]:
    frame: dict[str, Any] = {"type": "subscribe", "stream": stream}
    if query.after is not None:
        frame |= {"epoch": query.epoch, "after": query.after}
    epoch = db.instance.epoch
    with Listener(who) as listener:
        await listener.ask(frame)
        yield b"retry: 1000\n\n"
        refused = False
        while listener.code is None and not refused:
            heard = await listener.message(BEAT_SECONDS)
            for data in heard:
                told = msgspec.json.decode(data, type=Told)
                refused = told.type == "error"
                yield _event(data, told, epoch, query.after)
            if not heard and listener.code is None:
                yield b":\n\n"
        if listener.code is not None:
            yield b'event: closed\ndata: {"code": %d}\n\n' % listener.code


def _event(data: msgspec.Raw, told: Told, epoch: str, after: int | None) -> bytes:
    """A frame as an event. Where changes follow that were missed, only they say how far one has come."""
    lines = [] if told.type == "change" else [f"event: {'refused' if told.type == 'error' else told.type}"]
    if told.type == "change" or (told.type == "subscribed" and (after in (None, told.seq) or not told.recovered)):
        lines.append(f"id: {epoch}:{told.seq}")
    return "\n".join([*lines, "data: "]).encode() + bytes(data) + b"\n\n"


@blueprint.post("/api/live")
@anyone
@takes(Frames)
@gives(Heard)
async def hear(data: Frames) -> Heard:
    """The websocket's frames by requests that wait: `auth`, `subscribe`, `watch`. docs/live.md says more."""
    heard: list[msgspec.Raw] = []
    loop = asyncio.get_running_loop()
    with Listener(Caller.of_request()) as listener:
        for frame in data.frames:
            await listener.ask(frame)
        until = loop.time() + (data.wait or ANSWER_SECONDS)
        while listener.code is None and not _has(heard, "change"):
            news = len(heard) > len(data.frames) or _has(heard, "changed")
            if (news or (not data.wait and len(heard) == len(data.frames))) and not listener.expecting:
                break
            if not (more := await listener.message(until - loop.time())):
                break
            heard += more
    closed = UNSET if listener.code is None else listener.code
    return Heard(cast(list[dict[str, Any]], heard), closed)


def _has(heard: list[msgspec.Raw], type_: str) -> bool:
    return any(bytes(one).startswith(b'{"type":"%b"' % type_.encode()) for one in heard)
