"""How changes leave where the server takes ready-made frames: the application in this process, the server by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pottle.live.connection import MOST_REPLIES, Connection
from pottle.live.hub import hub
from pottle.live.sending import SERVED_AT_ONCE, TOO_SLOW, Direct, send_queue
from pottle.store import db
from tests.conftest import Person
from tests.server import PATIENCE

App = Callable[..., Any]


class Client:
    """A websocket's other end. `frames` are those that it took; while `full`, it takes none."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.told: list[dict[str, Any]] = []  # by ASGI's `send`
        self.full = False
        self.later: Callable[[], None] | None = None
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def scope(self) -> dict[str, Any]:
        can = {"room": self.room, "write": self.frames.append, "unsent": lambda: 1, "abort": lambda: None}
        base: dict[str, Any] = {
            "type": "websocket",
            "http_version": "1.1",
            "path": "/api/live",
            "query_string": b"",
            "scheme": "ws",
        }
        base["headers"] = [(b"host", b"pottle.test")]
        return {**base, "extensions": {f"pottle.{name}": does for name, does in can.items()}}

    def room(self, later: Callable[[], None]) -> bool:
        self.later = later if self.full else None
        return not self.full

    async def send(self, message: dict[str, Any]) -> None:
        self.told.append(message)

    def say(self, **frame: Any) -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def hear(self, kind: str, times: int = 1) -> None:
        """Waits until frames with so many objects of a kind have come."""
        async with asyncio.timeout(PATIENCE):
            while b"".join(self.frames).count(b'"type":"%b"' % kind.encode()) < times:
                await asyncio.sleep(0)


@asynccontextmanager
async def listening(app: App, *, subscribes: bool = True) -> AsyncIterator[Client]:
    """A client of the application, which subscribes to the lobby."""
    client = Client()
    client.inbox.put_nowait({"type": "websocket.connect"})
    task = asyncio.create_task(app(client.scope(), client.inbox.get, client.send))
    if subscribes:
        client.say(type="subscribe", channel=1)
        await client.hear("subscribed")
    yield client
    client.inbox.put_nowait({"type": "websocket.disconnect", "code": 1005})
    await asyncio.wait_for(task, PATIENCE)


async def test_it_works(app: App, alice: Person) -> None:
    """A frame as RFC 6455 has it: final, text, not masked."""
    async with listening(app) as client:
        assert [message["type"] for message in client.told] == ["websocket.accept", "websocket.send"]
        made = (await alice.post("/api/channels/1/posts", {"body": "x" * 1_000})).json()
        await client.hear("change")
        frame = client.frames[-1]
        assert (frame[0], frame[1]) == (0x81, 126)
        assert int.from_bytes(frame[2:4], "big") == len(frame) - 4
        assert json.loads(frame[4:])["post"] == made
    assert not hub.connections


async def test_all_who_are_at_the_same_place_are_sent_the_very_same_bytes(app: App, alice: Person) -> None:
    """Fails when the hub keeps no batch, and when `frame` keeps none."""
    async with listening(app) as first, listening(app) as second:
        first.full = second.full = True
        for body in ("x", "y"):
            await alice.post("/api/channels/1/posts", {"body": body})
        await db.caught_up()
        for client in (first, second):
            client.full = False
            assert client.later is not None
            client.later()
            await client.hear("change", 2)
        assert first.frames[-1] is second.frames[-1]


async def test_whoever_has_no_room_is_sent_nothing_and_misses_nothing(app: App, alice: Person) -> None:
    """Fails when `Direct._send` does not ask for room, and when it does not stand in line again once there is."""
    async with listening(app) as slow, listening(app) as quick:
        slow.full = True
        for n in range(3):
            await alice.post("/api/channels/1/posts", {"body": f"{n}"})
            await quick.hear("change", n + 1)
        assert b"change" not in b"".join(slow.frames)
        slow.full = False
        assert slow.later is not None
        slow.later()
        await slow.hear("change", 3)
        assert len(slow.frames) == 2, "what has gathered comes in one"


async def test_a_client_that_goes_while_its_questions_wait_is_forgotten(app: App) -> None:
    """It asks more than it reads, so the connection hears nothing more, not even that the client went.

    Our server says then that there is room. Fails when `next_message` lets nobody go on who waits in `hear`.
    """
    async with listening(app, subscribes=False) as client:
        client.full = True
        for n in range(MOST_REPLIES + 10):
            client.say(type="unsubscribe", channel=n + 1)
        while not client.inbox.qsize() <= 9 or client.later is None:
            await asyncio.sleep(0)
        client.full = False
        client.later()
    assert not hub.connections


async def test_a_few_are_served_in_each_turn_of_the_loop_and_everybody_in_the_end(app: App) -> None:
    """Fails when `SendQueue._serve` serves the whole line at once, and when it lets one stand in line twice."""
    served: list[int] = []
    everybody = [Connection(None, lambda code: None) for _ in range(SERVED_AT_ONCE + 50)]
    for number, connection in enumerate(everybody):
        connection.send = lambda number=number: served.append(number)  # type: ignore[misc]
        send_queue.add(connection)
        send_queue.add(connection)
    await asyncio.sleep(0)
    assert len(served) == SERVED_AT_ONCE
    await asyncio.sleep(0)
    assert served == [*range(SERVED_AT_ONCE + 50)]
    for connection in everybody:
        connection.leave()


async def test_one_that_fails_is_closed_and_the_others_are_served(app: App) -> None:
    """Fails when `SendQueue._serve` lets the error out: the line stands still for good."""
    codes: list[int] = []
    served: list[str] = []
    bad, good = Connection(None, codes.append), Connection(None, codes.append)
    bad.send, good.send = lambda: 1 // 0, lambda: served.append("good")  # type: ignore[assignment, return-value]
    send_queue.add(bad)
    send_queue.add(good)
    await asyncio.sleep(0)
    assert (codes, served) == ([1011], ["good"])
    bad.leave()
    good.leave()


async def test_a_client_that_takes_nothing_is_ended_and_not_one_that_takes_a_little(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when `Direct._look` does not compare with what was unsent before."""
    monkeypatch.setattr("pottle.live.sending.STUCK_SECONDS", 0.01)
    unsent, looks, ended = 100, 0, asyncio.get_running_loop().create_future()

    def left() -> int:
        nonlocal unsent, looks
        looks += 1
        unsent = max(unsent - 10, 50)
        return unsent

    connection = Connection(None, ended.set_result)
    Direct(connection, {"pottle.room": lambda later: False, "pottle.write": None, "pottle.unsent": left})
    connection.wake("channel:1")
    assert await asyncio.wait_for(ended, PATIENCE) == TOO_SLOW
    assert looks >= 6, "as long as it took something"
    connection.leave()
