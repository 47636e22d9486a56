"""L5: a client that does not read costs little, is cut soon, and disturbs nobody."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from pottle.live.sending import TOO_SLOW
from tests.faults.hostile import MIB, UPGRADE, asking, cut, memory, read_until, small
from tests.live.meeting import Meeting, changes, unbroken
from tests.live.test_metrics import come_to
from tests.server import Server, wait_until

STUCK = 24


@contextmanager
def reading_nothing(server: Server, channel: int) -> Iterator[socket.socket]:
    """A client that subscribes and then never reads."""
    with small(server) as client:
        client.sendall(UPGRADE)
        read_until(client, b'"hello"')
        client.sendall(asking(type="subscribe", channel=channel))
        read_until(client, b'"subscribed"')
        yield client


@pytest.mark.slow
async def test_whoever_never_reads_is_cut_and_the_others_go_on(own_meeting: Meeting) -> None:
    """A flood of 20 MB to 24 clients that read nothing: 480 MB, if each had a queue of its own.

    Fails when `Direct._look` does not end the connection (they are never cut), or when uvicorn's high-water mark is
    raised to more than the flood (the memory).
    """
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    listening = [found[0] for found in (await meeting.sockets(each=1)).values()]
    for listener in listening:
        await listener.ask(type="subscribe", channel=channel)
    hearing = [asyncio.create_task(changes(listener, 1_200)) for listener in listening]
    for _ in range(200):
        await meeting.post(channel, "x" * 10_000)  # the rings and allocators have what they ever need
    with ExitStack() as clients:
        stuck = [clients.enter_context(reading_nothing(server, channel)) for _ in range(STUCK)]
        before, peak = memory(server), 0
        for n in range(1_000):
            made = await meeting.post(channel, "x" * 10_000)
            if n % 50 == 0:
                peak = max(peak, memory(server))
        assert [heard[-1]["post"] for heard in await asyncio.gather(*hearing)] == [made] * len(listening)
        assert peak - before < (STUCK + 3 * 8) * MIB, "1 MiB a client, and the rings"
        began = time.monotonic()
        await asyncio.to_thread(wait_until, lambda: all(map(cut, stuck)), "the stuck clients to be cut")
        assert time.monotonic() - began < 15, "10 s after the socket took nothing any more"
    await come_to(server, **{f'live_closed_total{{code="{TOO_SLOW}"}}': STUCK})  # and not by a ping without an answer
    assert "Traceback" not in server.output()


@pytest.mark.slow
async def test_whoever_reads_slowly_is_not_cut_and_misses_nothing(own_meeting: Meeting) -> None:
    """A little every now and then is progress: the reader lags behind the ring and gets it all from the log."""
    meeting = own_meeting
    channel = await meeting.channel()
    slow = await meeting.socket(max_queue=1)
    await slow.ask(type="subscribe", channel=channel)
    made, heard = [], []
    for n in range(400):
        made.append((await meeting.post(channel, "x" * 10_000))["id"])
        if n % 20 == 0:
            heard += await changes(slow, 1)
    heard += await changes(slow, 400 - len(heard))
    assert [change["post"]["id"] for change in heard] == made
    assert unbroken(heard)


@pytest.mark.slow
async def test_a_stuck_client_does_not_hold_up_a_stop(own_meeting: Meeting) -> None:
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    with reading_nothing(server, channel):
        for _ in range(300):
            await meeting.post(channel, "x" * 10_000)
        began = time.monotonic()
        await asyncio.to_thread(server.stop)
        assert time.monotonic() - began < 8, "the grace period is 9 s"
