"""L2: every subscriber of a channel, on any worker, gets the same changes in the same order."""

import asyncio

import pytest

from tests.live.meeting import Frame, Meeting, changes, names
from tests.server import Socket, calling

WRITERS = 8


async def subscribed(meeting: Meeting, channel: int, each: int) -> list[Socket]:
    """`each` sockets on every worker, following the channel."""
    found = await meeting.sockets(each)
    sockets = [socket for group in found.values() for socket in group]
    for socket in sockets:
        assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    return sockets


@pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.slow)])
async def test_twelve_subscribers_on_three_workers_get_the_same_posts(meeting: Meeting, count: int) -> None:
    """Four people write at once, each over two connections, so that every worker commits.

    Fails when a worker tells only of what it wrote itself (neither pokes nor the poll of the bus).
    """
    channel = await meeting.channel()
    sockets = await subscribed(meeting, channel, each=4)
    numbers = iter(range(count))
    made: list[Frame] = []

    async def write(by: str) -> None:
        client = await calling(meeting.stack, meeting.server, meeting.token(by))
        for n in numbers:
            answer = await client.post(f"/api/channels/{channel}/posts", json={"body": f"{n}"})
            made.append(answer.json())

    people = ("alice", "bob", "charlie", "root")
    heard, *_ = await asyncio.gather(
        asyncio.gather(*[changes(socket, count) for socket in sockets]),
        *[write(people[n % 4]) for n in range(WRITERS)],
    )
    assert set(map(tuple, map(names, heard))) == {tuple(names(heard[0]))}
    assert sorted(change["post"]["id"] for change in heard[0]) == sorted(post["id"] for post in made)
    by_id = {post["id"]: post for post in made}
    assert all(change["post"] == by_id[change["post"]["id"]] for frames in heard for change in frames)
    assert heard[0][0]["prev"] == 0

    last = await meeting.post(channel, "the end")
    for socket in sockets:
        assert (await changes(socket, 1))[0]["post"] == last, "and nothing came twice"


async def test_a_person_reads_their_own_posts_in_the_order_they_wrote_them(meeting: Meeting) -> None:
    channel = await meeting.channel()
    sockets = await subscribed(meeting, channel, each=1)
    made = [await meeting.post(channel, f"{n}", by=by) for n in range(10) for by in ("alice", "bob")]
    for socket in sockets:
        assert [change["post"]["id"] for change in await changes(socket, 20)] == [post["id"] for post in made]


async def test_two_channels_on_one_socket_each_keep_their_order(meeting: Meeting) -> None:
    one, two = await meeting.channel(), await meeting.channel()
    socket = await meeting.socket()
    for channel in (one, two):
        await socket.ask(type="subscribe", channel=channel)
    made = {one: [], two: []}  # type: dict[int, list[int]]

    async def write(channel: int, by: str) -> None:
        for _ in range(20):
            made[channel].append((await meeting.post(channel, by=by))["id"])

    await asyncio.gather(write(one, "alice"), write(two, "bob"))
    heard = [await socket.receive() for _ in range(40)]
    for channel in (one, two):
        assert [frame["post"]["id"] for frame in heard if frame["channel"] == channel] == made[channel]
