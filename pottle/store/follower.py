"""The follower: reads the change log once in each worker, in order, and tells whoever must act on a change.

Whoever waits for it (`db.caught_up`) has, afterwards, seen every change that was committed before. This one step
carries L2, L6 and L8. How it learns that there is something new is the database's own: sqlite.py and postgres.py.

All listeners prepare, in the one snapshot in which the changes were found; then all apply, which reads nothing. Changes
are followed by all or by none: where one fails, or where changes were pruned before they were read, nobody knows what
is still true, and everybody forgets all they have (responses, sessions, sockets) and begins anew.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pottle.store import changes, tables
from pottle.store.changes import Change
from pottle.store.statements import Snapshot

log = logging.getLogger("pottle")


class Listener(NamedTuple):
    """Keeps something in memory that changes make untrue. What it raises has everybody forget.

    `prepare` may run in another thread, while the event loop changes what it looks at: it copies what it walks through.
    """

    prepare: Callable[[Snapshot, list[Change]], Any]  # reads what applying takes, and changes nothing yet
    apply: Callable[[Any], None]  # makes it true in memory, without reading
    forget: Callable[[], None]  # drops all that is kept, without reading


class News(NamedTuple):
    """What was found in the log: where it ends now, and what each listener prepared; None where all is forgotten."""

    newest: int
    prepared: list[Any] | None


class Follower:
    """Where this worker is in the change log (`head`), and who is told of what is new."""

    def __init__(self, read: Snapshot, listeners: Iterable[Listener] = ()) -> None:
        self.listeners = [*listeners]  # in the order in which they apply
        self.head = changes.head(read)
        self._unsure = False  # whether somebody has failed to forget

    def prepare(self, read: Snapshot) -> News:
        """What is new, and what it means for everybody."""
        seen = tables.collected.set(None)  # whoever serves meanwhile has not read these
        try:
            return self._prepared(read)
        finally:
            tables.collected.reset(seen)

    def apply(self, news: News) -> None:
        """Has everybody follow, in the event loop. Raises where one fails to forget."""
        if self._unsure or news.prepared is None or not self._applied(news, news.prepared):
            self.forget()
        self.head = news.newest

    def forget(self) -> None:
        """Has everybody forget all. Where that fails, `apply` raises until it succeeds: nothing is served meanwhile."""
        self._unsure = True
        for listener in self.listeners:
            listener.forget()
        self._unsure = False

    def _prepared(self, read: Snapshot) -> News:
        rows = changes.since(read, self.head)
        newest = rows[-1].seq if rows else self.head
        if not changes.all_there(read, self.head, rows):
            log.warning("The change log was pruned before this worker read it: all that it knows is forgotten")
            return News(changes.head(read), None)
        try:
            return News(newest, [listener.prepare(read, rows) for listener in self.listeners] if rows else [])
        except Exception as error:
            self._failed(newest, error)
            return News(newest, None)

    def _applied(self, news: News, prepared: list[Any]) -> bool:
        """Whether everybody has followed the changes."""
        try:
            for listener, ready in zip(self.listeners, prepared, strict=False):  # nothing was prepared for no changes
                listener.apply(ready)
        except Exception as error:
            self._failed(news.newest, error)
            return False
        return True

    def _failed(self, until: int, error: Exception) -> None:
        log.error("Changes %s to %s could not be followed: all is forgotten", self.head + 1, until, exc_info=error)
