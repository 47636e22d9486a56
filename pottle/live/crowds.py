"""Limits of websockets: how many one account, or one address without an account, may have in this worker, and how fast
each may send frames."""

import time
from collections import Counter

MOST_OF_ADDRESS = 1_000  # a school, with a page or two for everybody
MOST_OF_ACCOUNT = 100
FRAMES_AT_ONCE = 300  # a page that comes back subscribes to 100 channels
FRAMES_PER_SECOND = 10


class Crowds:
    """Counts the websockets of this worker by account or address."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets all of them."""
        self._found: Counter[str] = Counter()

    def enter(self, party: str, most: int) -> bool:
        """Counts one more, if there is room for it."""
        if self._found.get(party, 0) >= most:
            return False
        self._found[party] += 1
        return True

    def leave(self, party: str) -> None:
        """One is gone."""
        self._found[party] -= 1
        if not self._found[party]:
            del self._found[party]


class Pace:
    """How fast a client asks: FRAMES_AT_ONCE, and FRAMES_PER_SECOND after that."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due = 0.0

    def wait(self) -> float:
        """Counts a frame, and says for how many seconds to wait before it is looked at."""
        now = time.monotonic()
        self._due = max(self._due, now) + 1 / FRAMES_PER_SECOND
        return max(0.0, self._due - now - FRAMES_AT_ONCE / FRAMES_PER_SECOND)


crowds = Crowds()
