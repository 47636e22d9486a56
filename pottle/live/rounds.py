"""A fair send queue: connections that have something to send are served in order, a few in each turn of the event loop.

A change to a busy channel wakes hundreds of connections at once. All in one go would hold up every request of this
worker for as long, and nothing would leave before the last one was served.
"""

import asyncio
from collections import deque
from typing import Protocol

AT_ONCE = 100  # connections served before anything else gets a turn: about a millisecond


class Waiting(Protocol):
    """A connection that may have something to send."""

    in_line: bool

    def serve(self) -> None:
        """Sends one message if there is one; a connection that then has more is queued again. Raises nothing."""


class Rounds:
    """The send queue of one worker. Nothing is sent while a connection is in the middle of looking for what to send."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets everybody."""
        self._line: deque[Waiting] = deque()
        self._begun = False

    def add(self, one: Waiting) -> None:
        """Queues a connection; once, however often it was added."""
        if one.in_line:
            return
        one.in_line = True
        self._line.append(one)
        if not self._begun:
            self._begun = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        for _ in range(min(AT_ONCE, len(self._line))):
            one = self._line.popleft()
            one.in_line = False
            one.serve()
        self._begun = bool(self._line)
        if self._begun:
            asyncio.get_running_loop().call_soon(self._serve)


rounds = Rounds()
