"""The follower: reads the change log once in each worker, in order, and tells whoever must act on a change.

It runs in the event loop and never waits: whoever calls `catch_up` has, when it returns, seen every change that was
committed before the call. This one step carries L2, L6 and L8.

All listeners prepare, in the one snapshot in which the changes were found; then all apply, which reads nothing. Changes
are followed by all or by none: where one fails, or where changes were pruned before they were read, nobody knows what
is still true, and everybody forgets all they have (responses, sessions, sockets) and begins anew.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pottle.store import changes, tables
from pottle.store.changes import Change
from pottle.store.engines import open_reader
from pottle.store.statements import Snapshot

log = logging.getLogger("pottle")


class Listener(NamedTuple):
    """Keeps something in memory that changes make untrue. What it raises has everybody forget."""

    prepare: Callable[[Snapshot, list[Change]], Any]  # reads what applying takes, and changes nothing yet
    apply: Callable[[Any], None]  # makes it true in memory, without reading
    forget: Callable[[], None]  # drops all that is kept, without reading


class Follower:
    """Where this worker is in the change log (`head`), and who is told of what is new."""

    def __init__(self, path: Path, listeners: Iterable[Listener] = ()) -> None:
        # PRAGMA data_version sees other connections' commits only on a connection that never begins, writes nothing
        # and leaves no cursor open: this one is asked nothing else (2.6 us; no commit missed in 3,000).
        self._watch = open_reader(path)
        self.reader = Snapshot(open_reader(path))
        self.listeners = [*listeners]  # in the order in which they apply
        self._version = -1
        self._unsure = False  # whether somebody has failed to forget
        with self.reader as read:
            self.head = changes.head(read)

    def catch_up(self) -> None:
        """Has everybody follow every change committed before this call. Raises where the log cannot be read."""
        version = self._watch.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return
        seen = tables.collected.set(None)  # whoever serves meanwhile has not read these
        try:
            with self.reader as read:
                self._follow(read)
        finally:
            tables.collected.reset(seen)
        self._version = version  # taken before the rows were read: what came later moves it again

    def close(self) -> None:
        """Closes its connections."""
        self._watch.close()
        self.reader.raw.close()

    def _follow(self, read: Snapshot) -> None:
        rows = changes.since(read, self.head)
        newest = rows[-1].seq if rows else self.head
        if not changes.all_there(read, self.head, rows):
            log.warning("The change log was pruned before this worker read it: all that it knows is forgotten")
            newest = changes.head(read)
            self._forget()
        elif self._unsure or (rows and not self._followed(read, rows)):
            self._forget()
        self.head = newest

    def _followed(self, read: Snapshot, rows: list[Change]) -> bool:
        """Whether everybody has followed the changes."""
        try:
            prepared = [listener.prepare(read, rows) for listener in self.listeners]
            for listener, ready in zip(self.listeners, prepared, strict=True):
                listener.apply(ready)
        except Exception:
            log.exception("Changes %s to %s could not be followed: all is forgotten", rows[0].seq, rows[-1].seq)
            return False
        return True

    def _forget(self) -> None:
        """Where that fails too, `catch_up` raises until it succeeds: nothing is served meanwhile."""
        self._unsure = True
        for listener in self.listeners:
            listener.forget()
        self._unsure = False
