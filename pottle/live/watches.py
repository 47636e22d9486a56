"""Watched GETs: who watches one is told after every commit that may have changed its answer (L9).

The worker makes the GET itself, as whoever watches it, through the application and its response cache, and notes what
the answer is made of: the tags that its handler has said, or else all tables that were read. A change with one of them
marks the GET; it is made again, and who watches is told if it is another answer. No commit is missed: one that is
followed while a GET is being made counts too.

One GET of one asker is made once for all who watch it, so that thousands who watch public pages cost as little as one.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Iterable
from contextvars import Context
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from pottle.access import access
from pottle.http.asgi import App, Message, Scope
from pottle.http.caching import TAGS
from pottle.store import Snapshot, tables
from pottle.store.changes import Change
from pottle.store.follower import Listener

if TYPE_CHECKING:
    from pottle.live.connection import Connection

log = logging.getLogger("pottle")

GET = re.compile('/(?!/)[!-"$-~]{0,1999}')
AT_ONCE = 4  # GETs that are being made
PAUSE = 2 * AT_ONCE  # times as long as a GET took, until the next one: half of the time is left to others
LONGEST_PAUSE = 0.05  # seconds
QUIET_SECONDS = 0.05  # between two looks at one GET, so that changes that come close together are told once
LONGEST_SECONDS = 30  # that a GET may take
RETRY_SECONDS = 1.0  # after one that failed; then twice as long each time, but not longer than
LONGEST_RETRY = 60.0
GONE = (401, 403, 404)


class Asker(NamedTuple):
    """As whom a GET is made, and at which address."""

    scheme: str
    root_path: str
    headers: tuple[tuple[bytes, bytes], ...]  # `host`, and a credential if there is one

    @classmethod
    def of(cls, scope: Scope, known: bool) -> Asker:
        """Who began a websocket or a request, with their credentials where these count."""
        names = {b"host", *(access().credentials if known else ())}
        headers = tuple((name, value) for name, value in scope["headers"] if name in names)
        scheme = str(scope["scheme"]).replace("ws", "http")
        return cls(scheme, scope.get("root_path", ""), headers)

    def signed_in(self, token: str, origin: str | None = None) -> Asker:
        """The same by a bearer token, which may be good for pages of `origin` only."""
        kept = [pair for pair in self.headers if pair[0] == b"host"]
        if origin is not None:
            kept.append((b"origin", origin.encode("latin-1")))
        return self._replace(headers=(*kept, (b"authorization", f"Bearer {token}".encode())))


@dataclass(slots=True, eq=False)
class Watched:
    """A GET, as one asker makes it."""

    get: str
    asker: Asker
    watchers: set[Connection] = field(default_factory=set)
    version: str | None = None  # of the answer: its ETag, or a digest; None where it could not be made
    etag: str | None = None
    tags: frozenset[str] = frozenset()
    marked: bool = True  # whether it is to be made (again)
    dropped: set[str] | None = None  # while it is being made: the tags of the changes since
    made_at: float = 0.0  # in the event loop's time
    failures: int = 0  # one after the other

    @property
    def known(self) -> bool:
        """Whether `version` is as new as all changes that were followed."""
        return not self.marked and self.dropped is None


class Made(NamedTuple):
    """What a GET was answered, as far as anybody wants to know."""

    status: int
    version: str
    etag: str | None
    tags: frozenset[str]


class Watches:
    """All watched GETs of this worker."""

    app: App

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], Watched] = {}
        self._watched: dict[tuple[str, Asker], Watched] = {}
        self._by_tag: dict[str, set[Watched]] = {}
        self._line: OrderedDict[str, OrderedDict[Watched, None]] = OrderedDict()  # by party

    def clear(self) -> None:
        """A worker that opens or closes a database begins so."""
        for task in self._tasks:
            task.cancel()
        for watched in self._watched.values():
            watched.marked, watched.tags = False, frozenset()  # whoever still waits to make it does not
        for kept in (self._tasks, self._watched, self._by_tag, self._line):
            kept.clear()

    def join(self, get: str, asker: Asker, watcher: Connection) -> Watched:
        """Has `watcher` told of a GET, for the first time once its answer is known."""
        found = self._watched.get((get, asker))
        if found is None:
            found = self._watched[get, asker] = Watched(get, asker)
        found.watchers.add(watcher)
        if found.marked:
            self._queue(found)  # also as this watcher's party
        elif found.known:
            watcher.news(get)
        return found

    def leave(self, watched: Watched, watcher: Connection) -> None:
        """Undoes join."""
        watched.watchers.discard(watcher)
        if not watched.watchers and watched.dropped is None:
            self._remove(watched)

    def prepare(self, _: Snapshot, rows: list[Change]) -> set[str]:
        """Listener: the tags of what has changed."""
        return tables.tags_of(row.tags for row in rows) if self._watched else set()

    def apply(self, tags: set[str]) -> None:
        """Listener: marks the GETs whose answers are made of that."""
        for making in self._tasks.values():
            if making.dropped is not None:
                making.dropped |= tags
        self._mark({found for tag in tags & self._by_tag.keys() for found in self._by_tag[tag]})

    def forget(self) -> None:
        """Listener: nobody knows what has changed."""
        self._mark(self._watched.values())

    def _mark(self, some: Iterable[Watched]) -> None:
        for watched in some:
            if watched.known:
                self._schedule(watched)
            watched.marked = True  # one that is being made is scheduled again when that is done

    def _schedule(self, watched: Watched, seconds: float = 0.0) -> None:
        """Has a GET made soon, but not twice within QUIET_SECONDS."""
        loop = asyncio.get_running_loop()
        when = max(watched.made_at + QUIET_SECONDS, loop.time() + seconds)
        loop.call_at(when, self._queue, watched, context=Context())

    def _queue(self, watched: Watched) -> None:
        """Each party of those who wait has a queue of its own: who watches much holds up nobody else."""
        if watched.marked and watched.dropped is None:
            for party in {watcher.party for watcher in watched.watchers}:
                self._line.setdefault(party, OrderedDict())[watched] = None
            self._go_on()

    def _go_on(self) -> None:
        while len(self._tasks) < AT_ONCE and (watched := self._next()):
            watched.marked, watched.dropped = False, set()
            task = asyncio.create_task(self._make(watched), context=Context())  # not of the request that is served now
            self._tasks[task] = watched
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if self._tasks.pop(task, None):
            self._go_on()

    def _next(self) -> Watched | None:
        while self._line:
            party, queue = next(iter(self._line.items()))
            watched, _ = queue.popitem(last=False)
            if queue:
                self._line.move_to_end(party)
            else:
                del self._line[party]
            if watched.marked and watched.dropped is None and watched.watchers:
                return watched
        return None

    async def _make(self, watched: Watched) -> None:
        """Makes a GET once, tells who watches it, and leaves the event loop to others for a while."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            made = await self._answer(watched)
        finally:
            dropped, watched.dropped = watched.dropped or set(), None
            watched.made_at = loop.time()
        if not watched.watchers:
            self._remove(watched)
        elif made is not None and made.status != 200:
            for watcher in [*watched.watchers]:
                watcher.refuse(watched.get, made.status)
        else:
            self._settle(watched, made, dropped)
            for watcher in [*watched.watchers]:
                watcher.news(watched.get)
        await asyncio.sleep(min(PAUSE * (loop.time() - begun), LONGEST_PAUSE) if self._line else 0)

    def _settle(self, watched: Watched, made: Made | None, dropped: set[str]) -> None:
        if made is None:
            watched.version = watched.etag = None
            watched.marked = True
            self._schedule(watched, min(RETRY_SECONDS * 2**watched.failures, LONGEST_RETRY))
            watched.failures += 1
        else:
            watched.failures, watched.version, watched.etag = 0, made.version, made.etag
            self._index(watched, made.tags)
            if watched.marked or dropped & made.tags:
                watched.marked = True
                self._schedule(watched)

    async def _answer(self, watched: Watched) -> Made | None:
        """None where the application failed to answer, for now."""
        said: set[str] = set()  # the tags that its handler has said; it knows them more exactly than
        read: set[str] = set()  # the tables that the answer was made of
        status, headers, digest = 0, dict[bytes, str](), blake2b(digest_size=16)
        request: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return request.pop() if request else await asyncio.Future()  # the client never goes

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers.update((name.lower(), value.decode("latin-1")) for name, value in message["headers"])
                if headers.get(b"content-type", "").startswith("text/event-stream"):
                    raise _Endless
            elif message["type"] == "http.response.body":
                digest.update(message.get("body", b""))

        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                with tables.collecting(read):
                    await self.app({**_scope(watched), TAGS: said}, receive, send)
        except _Endless:
            return Made(400, "", None, frozenset())
        except Exception:
            log.exception("A watched GET failed")
            return None
        if not 200 <= status < 500:
            return None
        etag = headers.get(b"etag")
        return Made(status, etag or digest.hexdigest(), etag, frozenset(said or read))

    def _index(self, watched: Watched, tags: frozenset[str]) -> None:
        for tag in watched.tags - tags:
            there = self._by_tag[tag]
            there.discard(watched)
            if not there:
                del self._by_tag[tag]
        for tag in tags - watched.tags:
            self._by_tag.setdefault(tag, set()).add(watched)
        watched.tags = tags

    def _remove(self, watched: Watched) -> None:
        self._index(watched, frozenset())
        watched.marked = False
        if self._watched.get((watched.get, watched.asker)) is watched:
            del self._watched[watched.get, watched.asker]


class _Endless(Exception):
    """An answer that is a stream of events."""


def _scope(watched: Watched) -> Scope:
    """A GET, in ASGI."""
    path, _, query = watched.get.partition("?")
    asker = watched.asker
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": asker.scheme,
        "path": asker.root_path + unquote(path),
        "raw_path": (asker.root_path + path).encode(),
        "query_string": query.encode(),
        "root_path": asker.root_path,
        "headers": [*asker.headers],
        "client": None,
        "server": None,
        "extensions": {},
    }


watches = Watches()
listener = Listener(watches.prepare, watches.apply, watches.forget)
