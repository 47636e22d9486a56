"""L1 and L7 against clients that are gone before they were answered: each byte of a write is a moment to hang up.

What was not sent whole is not there. What was sent whole and not answered is there at most once; what was answered,
once. A retry with the same key makes it exactly one. Nothing stays behind in the server, and nobody else notices.
"""

import asyncio
import json
import random
from collections import Counter
from itertools import count
from typing import NamedTuple

import pytest

from tests.faults.hostile import Client, Neighbours, assert_calm, ears, kept, open_sockets, request, until
from tests.lasting import lasting
from tests.live.meeting import Meeting, unbroken

pytestmark = pytest.mark.slow

AT_ONCE = 12  # clients that hang up
PADDING = b" " * 40  # JSON that was cut here is JSON all the same
ANSWER = 700  # bytes, about


class Write(NamedTuple):
    """A post that somebody began to send."""

    body: str
    key: str
    whole: bool
    answered: bool


class Hanger:
    """Sends posts and hangs up, at every byte of one in turn and in some order."""

    def __init__(self, meeting: Meeting, channel: int, rng: random.Random) -> None:
        self.server, self.rng = meeting.server, rng
        self.path, self.token = f"/api/channels/{channel}/posts", meeting.token("alice")
        self.moments: list[int] = []
        self.writes: list[Write] = []
        self._numbers = count(100_000)

    def next_moment(self) -> int:
        """How many bytes to send and, beyond the whole request, how many of the answer to wait for."""
        if not self.moments:
            length = len(self.request("hangup-100000", "key-100000"))
            middle = [self.rng.randrange(length, length + ANSWER) for _ in range(length // 2)]
            self.moments = [*range(length), *[length] * (length // 2), *middle]
            self.rng.shuffle(self.moments)
        return self.moments.pop()

    def request(self, body: str, key: str) -> bytes:
        named = {"Idempotency_Key": key} if key else {}
        return request("POST", self.path, self.token, self.content(body), **named)

    def content(self, body: str) -> bytes:
        return json.dumps({"body": body}).encode() + PADDING

    async def hang_up(self, moment: int) -> None:
        """One client's life."""
        number = next(self._numbers)
        body, key = f"hangup-{number}", f"key-{number}" if self.rng.random() < 0.5 else ""
        data = self.request(body, key)
        client = await Client.connect(self.server)
        await client.send(data[:moment])
        heard = b""
        while len(heard) < moment - len(data) and (more := await client.read(moment - len(data) - len(heard))):
            heard += more
            if heard.endswith(b"}"):
                break
        if self.rng.random() < 0.5:
            client.reset()
        else:
            await client.close()
        assert b"HTTP/1.1 201".startswith(heard[:12]), heard
        self.writes.append(Write(body, key, moment >= len(data), heard.startswith(b"HTTP/1.1 201")))

    async def retry(self, meeting: Meeting, write: Write) -> None:
        """What a good client does after a broken connection."""
        client = await meeting.http("alice")
        headers = {"Idempotency-Key": write.key, "Content-Type": "application/json"}
        answer = await client.post(self.path, content=self.content(write.body), headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.json()["body"] == write.body


async def test_whoever_hangs_up_leaves_one_post_or_none_and_nothing_else(meeting: Meeting, rng: random.Random) -> None:
    """Fails when a body that broke off is taken for a whole one (`set_complete` at a disconnect), and when retries are
    not looked up (`replays.find` finds nothing).
    """
    channel = await meeting.channel()
    hanger, neighbours = Hanger(meeting, channel, rng), Neighbours(meeting, channel)
    async with asyncio.TaskGroup() as tasks:
        listening = await ears(meeting, channel, tasks)
        writing = [tasks.create_task(neighbours.write(uid)) for uid in ("bob", "charlie")]
        await attack(meeting, hanger, neighbours)
        await asyncio.wait(writing)
        posts = kept(meeting.server, channel)
        await until(lambda: all(len(ear.changes) == len(posts) for ear in listening), "everybody to hear of every post")
        for ear in listening:
            await ear.socket.raw.close()

    for ear in listening:
        assert unbroken(ear.changes)
        assert {change["post"]["id"]: change["post"]["body"] for change in ear.changes} == posts
    times = Counter(posts.values())
    for write in hanger.writes:
        if write.key or write.answered:
            assert times[write.body] == 1, write
        else:
            assert times[write.body] <= write.whole, write
    assert all(times[body] == 1 for body in neighbours.bodies)
    assert sum(write.whole and not write.answered for write in hanger.writes) > 50
    assert sum(write.answered for write in hanger.writes) > 50
    assert_calm(meeting.server)


async def attack(meeting: Meeting, hanger: Hanger, neighbours: Neighbours) -> None:
    """Hangs up over and over, sees that the server lets go of every connection, and tries again what had a key."""
    await until(lambda: len(neighbours.bodies) > 20, "the neighbours to write")
    before = open_sockets(meeting.server)
    for _ in lasting(least=len(hanger.request("", "")) // 4):
        await asyncio.gather(*[hanger.hang_up(hanger.next_moment()) for _ in range(AT_ONCE)])
    await until(lambda: open_sockets(meeting.server) <= before, "the connections to be gone")
    keyed = [write for write in hanger.writes if write.key]
    while keyed:
        await asyncio.gather(*[hanger.retry(meeting, keyed.pop()) for _ in keyed[:AT_ONCE]])
    neighbours.over = True
