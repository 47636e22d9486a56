"""Whose turn it is to be sent something: everybody's, in the order in which they asked, a few in each turn of the loop.

A change to a busy channel wakes hundreds of connections at once. All in one go would hold up every request of this
worker for as long, and nothing would leave before the last one was served.
"""

import asyncio
from collections import deque
from typing import Protocol

AT_ONCE = 100  # connections served before anything else gets a turn: about a millisecond


class Waiting(Protocol):
    """Somebody who may have something to send."""

    in_line: bool

    def serve(self) -> None:
        """Sends one frame if there is one; whoever then has more stands in line again. Raises nothing."""


class Rounds:
    """The line of one worker. Nothing is sent while somebody is in the middle of looking for what to send."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets everybody."""
        self._line: deque[Waiting] = deque()
        self._begun = False

    def add(self, one: Waiting) -> None:
        """Has `one` served soon; once, however often it was added."""
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
