"""L9, watched GETs: each frame a client may send, each refusal, and that no commit is missed.

Who watches hears nothing (the tests wait in vain) when `Watches.apply` marks nothing.
"""

import asyncio
from typing import Any

import pytest

from tests.conftest import World
from tests.live.meeting import Frame, Meeting
from tests.live.test_protocol import by_cookie
from tests.server import Socket


def posts(channel: int) -> str:
    return f"/api/channels/{channel}/posts"


async def etag_of(meeting: Meeting, get: str, by: str = "") -> str:
    got = await (await meeting.http(by)).get(get, headers={"Accept-Encoding": "identity"})
    assert got.status_code == 200, got.text
    return got.headers["ETag"]


async def watching(socket: Socket, get: str, **more: Any) -> str:
    """Watches a GET, and returns the ETag that the server said."""
    frame = await socket.ask(type="watch", get=get, **more)
    assert frame == {"type": "watching", "get": get, "etag": frame.get("etag")}
    etag: str = frame["etag"]
    return etag


async def told(socket: Socket, get: str, etag: str) -> list[Frame]:
    """What comes until the GET is said to have this ETag."""
    frames = [await socket.receive()]
    while frames[-1] != {"type": "changed", "get": get, "etag": etag}:
        frames.append(await socket.receive())
    return frames


async def test_it_works(meeting: Meeting) -> None:
    """On every worker, whichever writes."""
    get = posts(channel := await meeting.channel())
    sockets = [socket for (socket,) in (await meeting.sockets(each=1)).values()]
    for socket in sockets:
        assert await watching(socket, get) == await etag_of(meeting, get)
    await meeting.post(channel)
    now = await etag_of(meeting, get)
    for socket in sockets:
        assert await socket.receive() == {"type": "changed", "get": get, "etag": now}


async def test_who_has_an_older_answer_is_told_at_once(meeting: Meeting) -> None:
    get = posts(channel := await meeting.channel())
    older = await etag_of(meeting, get)
    await meeting.post(channel)
    socket = await meeting.socket()
    now = await watching(socket, get, etag=older)
    assert await socket.receive() == {"type": "changed", "get": get, "etag": now}


@pytest.mark.parametrize("weak", ["", "W/"])
async def test_who_has_the_present_one_is_told_of_the_next(meeting: Meeting, weak: str) -> None:
    get = posts(channel := await meeting.channel())
    socket = await meeting.socket()
    await watching(socket, get, etag=weak + await etag_of(meeting, get))
    await meeting.post(channel)
    assert await socket.receive() == {"type": "changed", "get": get, "etag": await etag_of(meeting, get)}


async def test_who_reads_compressed_answers_is_told_their_etags(meeting: Meeting) -> None:
    get = posts(channel := await meeting.channel())
    socket = await meeting.socket()
    packed = f'{(await etag_of(meeting, get))[:-1]}-gzip"'
    assert await watching(socket, get, etag=packed) == packed
    await meeting.post(channel)
    assert (await socket.receive())["etag"] == f'{(await etag_of(meeting, get))[:-1]}-gzip"'


async def test_to_watch_again_replaces(meeting: Meeting) -> None:
    get = posts(channel := await meeting.channel())
    socket = await meeting.socket()
    etag = await watching(socket, get)
    assert await watching(socket, get) == etag
    await watching(socket, get, etag='"another"')
    assert (await socket.receive())["type"] == "changed"
    await meeting.post(channel)
    assert await socket.receive() == {"type": "changed", "get": get, "etag": await etag_of(meeting, get)}
    assert (await socket.ask(type="unwatch", get=get))["type"] == "unwatched"
    assert (await socket.ask(type="unwatch", get=get))["code"] == "not-found"


async def test_unwatched_is_the_last_one_hears_of_it(meeting: Meeting) -> None:
    one, other = [posts(await meeting.channel()) for _ in range(2)]
    socket = await meeting.socket()
    for get in (one, other):
        await watching(socket, get)
    assert await socket.ask(type="unwatch", get=one) == {"type": "unwatched", "get": one}
    for get in (one, other):
        await meeting.post(int(get.split("/")[3]))
    assert (await socket.receive())["get"] == other


async def test_changes_that_come_close_together_are_told_once(meeting: Meeting) -> None:
    get = posts(channel := await meeting.channel())
    socket = await meeting.socket()
    await watching(socket, get)
    await asyncio.gather(*(meeting.post(channel) for _ in range(100)))
    assert len(await told(socket, get, await etag_of(meeting, get))) < 80


async def test_an_answer_that_is_as_it_was_is_not_told(meeting: Meeting) -> None:
    """The channel is edited to what it was: its list of posts is the same but for its `seq`, its group is not told."""
    channel = await meeting.channel()
    group, socket = "/api/groups/home", await meeting.socket()
    await watching(socket, group)
    await watching(socket, posts(channel))
    await meeting.post(channel)
    assert (await socket.receive())["get"] == posts(channel)


@pytest.mark.parametrize(
    "get",
    ["/nothing", "/api/nothing", "/api/channels/999999999", "/api/me", "/api/groups/class", "/metrics", "/api//users"],
)
async def test_what_one_may_not_read_is_not_found(meeting: Meeting, get: str) -> None:
    socket = await meeting.socket()
    assert await socket.ask(type="watch", get=get) == {"type": "error", "code": "not-found", "get": get}
    assert await socket.ask(type="unwatch", get=get) == {"type": "error", "code": "not-found", "get": get}


@pytest.mark.parametrize(
    "get",
    [
        *(
            "",
            "api/groups",
            "//example.org/",
            "http://example.org/",
            "/a b",
            "/\u00e4",
            "/a#b",
            "/\n",
            "/" + "a" * 2_000,
        ),
        *("/api/groups?limit=0", "/api/groups?nothing=1", "/api/live"),
    ],
)
async def test_what_is_no_get_is_a_bad_request(meeting: Meeting, get: str) -> None:
    socket = await meeting.socket()
    answer = await socket.ask(type="watch", get=get)
    assert answer.pop("detail")
    assert answer == {"type": "error", "code": "bad-request", "get": get}


@pytest.mark.parametrize("frame", [{}, {"get": 7}, {"get": "/", "etag": 7}, {"get": None}])
async def test_what_makes_no_sense_is_one_too(meeting: Meeting, frame: Frame) -> None:
    socket = await meeting.socket()
    answer = await socket.ask(type="watch", **frame)
    assert (answer["type"], answer["code"]) == ("error", "bad-request")


async def test_watches_and_subscriptions_are_a_hundred_together(meeting: Meeting) -> None:
    channel = await meeting.channel()
    socket = await meeting.socket()
    await socket.ask(type="subscribe", channel=channel)
    gets = [f"{posts(channel)}?limit={n}" for n in range(1, 100)]
    for get in gets:
        await socket.send(type="watch", get=get)
    assert {(await socket.receive())["get"] for _ in gets} == {*gets}
    one_more = "/api/groups"
    assert await socket.ask(type="watch", get=one_more) == {"type": "error", "code": "too-many", "get": one_more}
    assert (await socket.ask(type="subscribe", channel=await meeting.channel()))["code"] == "too-many"
    assert (await socket.ask(type="watch", get=gets[0]))["type"] == "watching", "it is one of them"
    await meeting.post(channel)
    heard = [await socket.receive() for _ in range(100)]
    assert {frame["get"] for frame in heard if frame["type"] == "changed"} == {*gets}


async def test_a_private_get_is_made_as_who_watches_it(meeting: Meeting, world: World) -> None:
    get = posts(world.class_channel)
    bob, charlie = await meeting.socket("bob"), await meeting.socket("charlie")
    assert await watching(bob, get) == await etag_of(meeting, get, "bob")
    assert (await charlie.ask(type="watch", get=get))["code"] == "not-found"
    await meeting.post(world.class_channel)
    assert await bob.receive() == {"type": "changed", "get": get, "etag": await etag_of(meeting, get, "bob")}


async def test_by_the_cookie_on_our_own_pages(meeting: Meeting, world: World) -> None:
    get = posts(world.class_channel)
    socket = await by_cookie(meeting, meeting.server.url)
    assert await watching(socket, get) == await etag_of(meeting, get, "bob")
    socket = await by_cookie(meeting, "https://elsewhere.example")
    assert (await socket.ask(type="watch", get=get))["code"] == "not-found"


async def test_what_was_watched_before_one_signed_in_is_watched_as_oneself(meeting: Meeting, world: World) -> None:
    """One GET answers both the same, one is refused now, and one is another's."""
    public, private = posts(channel := await meeting.channel()), posts(world.class_channel)
    socket = await meeting.socket("bob")
    await watching(socket, private)
    await watching(socket, public)
    mine = await watching(socket, "/api/me")
    await socket.ask(type="auth", token=meeting.token("charlie"))
    frames = [await socket.receive() for _ in range(2)]
    assert {frame["get"]: frame["type"] for frame in frames} == {private: "error", "/api/me": "changed"}
    assert (
        {frame.get("etag") for frame in frames} == {None, await etag_of(meeting, "/api/me", "charlie")} != {None, mine}
    )
    await meeting.post(channel)
    assert await socket.receive() == {"type": "changed", "get": public, "etag": await etag_of(meeting, public)}


async def test_who_may_not_read_it_any_more_is_told_so_and_nothing_more(meeting: Meeting) -> None:
    """L8: there is no subscription that would close the connection."""
    group = await meeting.group(reading="members")
    await meeting.member(group, "bob")
    get = posts(channel := await meeting.channel(group))
    socket = await meeting.socket("bob")
    await watching(socket, get)
    assert (await (await meeting.http("alice")).delete(f"/api/groups/{group}/members/bob")).status_code == 204
    await meeting.post(channel)
    assert await socket.receive() == {"type": "error", "code": "not-found", "get": get}
    await meeting.post(channel)
    assert (await socket.ask(type="unwatch", get=get))["code"] == "not-found"


async def test_who_signs_out_hears_nothing_more(meeting: Meeting) -> None:
    get = posts(channel := await meeting.channel())
    token = await meeting.sign_in("bob")
    socket = await meeting.socket(token)
    await watching(socket, get)
    assert (await (await meeting.http(token)).delete("/api/session")).status_code == 204
    await meeting.post(channel)
    assert await socket.rest() == ([], 4401)


async def test_a_name_that_an_answer_shows(meeting: Meeting) -> None:
    """What one changes of oneself is in one's own answers, and with one's posts."""
    await meeting.post(channel := await meeting.channel(), by="charlie")
    socket = await meeting.socket("charlie")
    for get in (gets := ["/api/me", "/api/users/charlie", posts(channel)]):
        await watching(socket, get)
    changed = await (await meeting.http("charlie")).patch("/api/me", json={"name": "Charlotte"})
    assert changed.status_code == 200, changed.text
    assert {(await socket.receive())["get"] for _ in gets} == {*gets}
