"""What every contestant holds: the same people, discussions and posts, in the same order.

Channel 1 is the busy one. The posts of a channel lie scattered among the others', as they do after a school year.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

CHANNELS = 5_000
POSTS_EACH = 20
BUSY = 1  # the channel that most works read
BUSY_POSTS = 1_000
PEOPLE = 50
ASKER = 1  # the user who signs in
SECRET = "ses_" + "b" * 43  # ASKER's session
DIGEST = hashlib.sha256(SECRET.encode()).digest()
NOW = "2026-09-01T08:00:00.000Z"
FOREVER = "2999-01-01T00:00:00.000Z"
WORDS = (
    "When do I write a while loop and when a for loop? My program prints every line twice and I do not see why, "
    "although I went through it with the debugger as we did on Friday."
)


class Person(NamedTuple):
    """A user."""

    id: int
    uid: str
    name: str


class Place(NamedTuple):
    """A channel."""

    id: int
    key: str
    title: str
    posts: int


class Written(NamedTuple):
    """A post."""

    id: int
    channel: int
    author: int
    body: str
    html: str
    created: str


@dataclass(frozen=True)
class Data:
    """How much there is. `busy` is the number of posts in channel 1, `each` that in the other `channels` - 1."""

    channels: int = CHANNELS
    each: int = POSTS_EACH
    busy: int = BUSY_POSTS
    people: int = PEOPLE

    @property
    def total(self) -> int:
        """The number of posts."""
        return (self.channels - 1) * self.each + self.busy

    def persons(self) -> Iterator[Person]:
        """The users."""
        return (Person(n, f"pupil{n}", f"Pupil {n}") for n in range(1, self.people + 1))

    def places(self) -> Iterator[Place]:
        """The channels, the first one as Pottle's own migration makes it."""
        yield Place(BUSY, "lobby", "Lobby", self.busy)
        for n in range(2, self.channels + 1):
            yield Place(n, f"/lessons/{n}", f"Lesson {n}", self.each)

    def posts(self) -> Iterator[Written]:
        """The posts, oldest first."""
        for number, channel in enumerate(self._order(), 1):
            text = WORDS[: 60 + number * 37 % 100]
            yield Written(number, channel, 1 + number % self.people, text, f"<p>{text}</p>", _time(number))

    def _order(self) -> Iterator[int]:
        """The channel of each post: everybody in turn, as long as there are posts left for it."""
        for turn in range(max(self.each, self.busy)):
            if turn < self.busy:
                yield BUSY
            if turn < self.each:
                yield from range(2, self.channels + 1)


QUICK = Data(channels=400, busy=200)  # enough to see that everything works


def _time(number: int) -> str:
    """The time of a post, one each second in the order they were written."""
    minutes, second = divmod(number, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"2026-09-{1 + days % 28:02}T{hour:02}:{minute:02}:{second:02}.000Z"
