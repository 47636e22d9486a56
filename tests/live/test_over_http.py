"""Streams as pages and as events, and the websocket's frames by requests: L1 to L4, L8 and L9 hold for them too."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import Person, World
from tests.live.meeting import Meeting, names
from tests.server import PATIENCE, Server, wait_until

LOBBY = "/api/channels/1/posts"
STREAM = "/api/streams/channel:1"


async def wait_for_somebody(count: int = 1) -> None:
    from pottle.live.over_http import Listener

    async with asyncio.timeout(PATIENCE):
        while len(Listener._all) < count:
            await asyncio.sleep(0.01)


async def test_pages_have_every_change_once_and_in_order(alice: Person, anyone: Person) -> None:
    here = (await anyone.get(STREAM)).json()
    assert here["changes"] == []
    assert here["recovered"]
    made = [(await alice.post(LOBBY, {"body": f"{n}"})).json() for n in range(7)]
    seen: list[dict[str, Any]] = []
    after, more = here["seq"], True
    while more:
        page = (await anyone.get(f"{STREAM}?epoch={here['epoch']}&after={after}&limit=3")).json()
        assert page["recovered"]
        seen, after, more = [*seen, *page["changes"]], page["seq"], page["more"]
    assert [change["post"] for change in seen] == made
    assert [change["prev"] for change in seen] == [here["seq"], *(change["seq"] for change in seen[:-1])]
    assert all(change["channel"] == 1 and change["kind"] == "post.created" for change in seen)


@pytest.mark.parametrize("query", ["epoch=another&after=0", "epoch=EPOCH&after=99999"])
async def test_what_cannot_be_resumed_says_so(anyone: Person, query: str) -> None:
    here = (await anyone.get(STREAM)).json()
    page = (await anyone.get(f"{STREAM}?{query.replace('EPOCH', here['epoch'])}")).json()
    assert page == {**here, "recovered": False}


@pytest.mark.parametrize("query", ["after=1", "epoch=x&after=-1", "limit=0", "limit=101", "wait=31", "after=x"])
async def test_what_is_asked_wrongly_is_refused(anyone: Person, query: str) -> None:
    assert (await anyone.get(f"{STREAM}?{query}")).status_code == 422


async def test_a_private_stream_is_not_there(world: World, bob: Person, charlie: Person, anyone: Person) -> None:
    stream = f"/api/streams/channel:{world.class_channel}"
    mine = await bob.get(stream)
    assert mine.status_code == 200
    assert mine.headers["Cache-Control"] == "no-store"
    assert (await charlie.get(stream)).status_code == 404
    for path in (
        stream,
        "/api/streams/nowhere",
        "/api/streams/channel:0",
        "/api/streams/%20",
        "/api/streams/channel:1/x",
    ):
        assert (await anyone.get(path)).status_code in (401, 404)


async def test_caches_may_keep_a_public_page_for_a_second(anyone: Person, alice: Person) -> None:
    page = await anyone.get(STREAM)
    assert page.headers["Cache-Control"] == "public, max-age=0, s-maxage=1"
    assert (await anyone.get(STREAM, headers={"If-None-Match": page.headers["ETag"]})).status_code == 304
    assert (await alice.get(STREAM)).headers["Cache-Control"] == "no-store"


async def test_a_removed_text_is_in_no_page(alice: Person, anyone: Person) -> None:
    here = (await anyone.get(STREAM)).json()
    made = (await alice.post(LOBBY, {"body": "a secret"})).json()
    since = f"{STREAM}?epoch={here['epoch']}&after={here['seq']}"
    assert "a secret" in (await anyone.get(since)).text
    await alice.delete(f"/api/posts/{made['id']}")
    assert "a secret" not in (await anyone.get(since)).text


async def test_waiting_ends_with_the_next_change(alice: Person, anyone: Person) -> None:
    """Fails (it waits to the end) where the listener is not woken."""
    here = (await anyone.get(STREAM)).json()
    waiting = asyncio.create_task(anyone.get(f"{STREAM}?epoch={here['epoch']}&after={here['seq']}&wait=30"))
    await wait_for_somebody()
    made = (await alice.post(LOBBY, {"body": "now"})).json()
    async with asyncio.timeout(PATIENCE):
        page = (await waiting).json()
    assert [change["post"] for change in page["changes"]] == [made]
    assert (await anyone.get(f"{STREAM}?epoch={here['epoch']}&after={page['seq']}&wait=1")).json()["changes"] == []


async def test_who_loses_the_right_stops_waiting(world: World, bob: Person, alice: Person) -> None:
    """L8: a member who is shown out learns nothing more."""
    stream = f"/api/streams/channel:{world.class_channel}"
    waiting = asyncio.create_task(bob.get(f"{stream}?wait=30"))
    await wait_for_somebody()
    assert (await alice.delete("/api/groups/class/members/bob")).status_code == 204
    async with asyncio.timeout(PATIENCE):
        assert (await waiting).status_code == 404


async def test_who_signs_out_stops_waiting(alice: Person) -> None:
    waiting = asyncio.create_task(alice.get(f"{STREAM}?wait=30"))
    await wait_for_somebody()
    await alice.delete("/api/session")
    async with asyncio.timeout(PATIENCE):
        assert (await waiting).status_code == 401


async def events(client: httpx.AsyncClient, path: str, **headers: str) -> AsyncIterator[dict[str, str]]:
    """The events of a stream, as an EventSource reads them."""
    async with client.stream("GET", path, headers={"Accept": "text/event-stream", **headers}) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        event: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
            elif "data" in event:
                yield event
                event = {}


async def next_of(some: AsyncIterator[dict[str, str]], count: int) -> list[dict[str, str]]:
    async with asyncio.timeout(PATIENCE):
        return [await anext(some) for _ in range(count)]


@pytest.mark.slow
async def test_events_come_as_they_happen_and_go_on_after_the_last(meeting: Meeting, shared: Server) -> None:
    channel = await meeting.channel()
    path = f"/api/streams/channel:{channel}"
    async with httpx.AsyncClient(base_url=shared.url, timeout=PATIENCE) as client:
        async with aclosing(events(client, path)) as heard:
            (begun,) = await next_of(heard, 1)
            assert begun["event"] == "subscribed"
            made = [await meeting.post(channel, f"{n}") for n in range(4)]
            told = await next_of(heard, 4)
        assert [json.loads(event["data"])["post"] for event in told] == made
        assert all("event" not in event for event in told)
        epoch, _, seq = told[1]["id"].rpartition(":")
        async with aclosing(events(client, path, **{"Last-Event-ID": told[1]["id"]})) as heard:
            resumed, *missed = await next_of(heard, 3)
            assert json.loads(resumed["data"])["recovered"]
            assert "id" not in resumed, "it would be taken for the position, and what follows for told"
            assert missed == told[2:]
        page = (await client.get(f"{path}?epoch={epoch}&after={seq}")).json()
        assert page["changes"] == [json.loads(event["data"]) for event in told[2:]]
        assert (
            await client.get(path, headers={"Accept": "text/event-stream", "Last-Event-ID": "x"})
        ).status_code == 422


@pytest.mark.slow
async def test_events_end_with_the_right_and_with_the_server(
    own_meeting: Meeting, server: Server, world: World
) -> None:
    bearer = {"Authorization": f"Bearer {world.tokens['bob']}"}
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as client:
        async with aclosing(events(client, f"/api/streams/channel:{world.class_channel}", **bearer)) as heard:
            await next_of(heard, 1)
            alice = {"Authorization": f"Bearer {world.tokens['alice']}"}
            assert (await client.delete("/api/groups/class/members/bob", headers=alice)).status_code == 204
            (last,) = await next_of(heard, 1)
            assert (last["event"], json.loads(last["data"])) == ("closed", {"code": 4401})
            with pytest.raises(StopAsyncIteration):
                await next_of(heard, 1)
        async with aclosing(events(client, STREAM)) as heard:
            await next_of(heard, 1)
            server.process.terminate()
            (last,) = await next_of(heard, 1)
            assert (last["event"], json.loads(last["data"])) == ("closed", {"code": 1012})
    wait_until(lambda: server.process.poll() is not None, "the end of the server")


async def rounds(person: Person, frames: list[dict[str, Any]], wait: int = 0) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE):
        answer = await person.post("/api/live", {"frames": frames, "wait": wait})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["frames"])


async def test_frames_by_requests_are_those_of_the_websocket(alice: Person, anyone: Person) -> None:
    (here,) = await rounds(anyone, [{"type": "subscribe", "channel": 1}])
    assert (here["type"], here["channel"], here["recovered"]) == ("subscribed", 1, True)
    path = "/api/channels/1/posts?limit=2"
    etag = (await anyone.get(path)).headers["ETag"]
    going_on = {"type": "subscribe", "channel": 1, "epoch": here["epoch"], "after": here["seq"]}
    watching = {"type": "watch", "get": path, "etag": etag}
    waiting = asyncio.create_task(rounds(anyone, [going_on, watching], wait=30))
    await wait_for_somebody()
    made = (await alice.post(LOBBY, {"body": "now"})).json()
    heard = await waiting
    assert {frame["type"] for frame in heard} <= {"subscribed", "watching", "change", "changed"}
    if change := next((frame for frame in heard if frame["type"] == "change"), None):
        assert change["post"] == made
    again = await rounds(anyone, [going_on, watching])
    told = {frame["type"]: frame for frame in await rounds(anyone, [watching])}
    assert told.keys() == {"watching", "changed"}, "nothing is missed between two requests (L9)"
    assert names([frame for frame in again if frame["type"] == "change"])
    errors = await rounds(anyone, [{"type": "subscribe", "channel": 999}, {"type": "nonsense"}, {}])
    assert [frame["code"] for frame in errors] == ["not-found", "bad-request", "bad-request"]


async def test_frames_are_heard_as_who_asks(world: World, bob: Person, anyone: Person) -> None:
    frame = {"type": "subscribe", "channel": world.class_channel}
    watch = {"type": "watch", "get": f"/api/channels/{world.class_channel}/posts"}
    assert [one["type"] for one in await rounds(bob, [frame, watch])] == ["subscribed", "watching"]
    assert [one["type"] for one in await rounds(anyone, [frame])] == ["error"]
    auth = {"type": "auth", "token": world.tokens["bob"]}
    assert [one["type"] for one in await rounds(anyone, [auth, frame, watch])] == [
        "authenticated",
        "subscribed",
        "watching",
    ]
