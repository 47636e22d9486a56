"""WS /api/live: each frame a client may send, and each refusal."""

import json
from typing import Any

import httpx
import pytest
import websockets

from tests.conftest import World
from tests.live.meeting import Meeting, changes
from tests.server import Socket, connected

NOWHERE = 10**9


async def test_it_works(meeting: Meeting) -> None:
    channel = await meeting.channel()
    socket, hello = await connected(meeting.stack, meeting.server)
    assert hello.keys() == {"type", "epoch", "worker"}
    assert hello["type"] == "hello"
    assert hello["worker"] in meeting.server.processes()

    subscribed = await socket.ask(type="subscribe", channel=channel)
    assert subscribed == {
        "type": "subscribed",
        "channel": channel,
        "epoch": hello["epoch"],
        "seq": 0,
        "recovered": True,
    }
    made = await meeting.post(channel)
    change = await socket.receive()
    seq = change["seq"]
    assert seq > 0
    assert change == {"type": "change", "channel": channel, "seq": seq, "prev": 0, "kind": "post.created", "post": made}


async def test_every_worker_says_the_same_epoch_as_a_list(meeting: Meeting) -> None:
    listed = await meeting.listed(await meeting.channel())
    found = {}
    while len(found) < 3:
        _, hello = await connected(meeting.stack, meeting.server)
        found[hello["worker"]] = hello["epoch"]
    assert set(found.values()) == {listed["epoch"]}


async def test_auth_says_who_one_is(meeting: Meeting, world: World) -> None:
    socket = await meeting.socket()
    assert await socket.ask(type="auth", token=world.tokens["bob"]) == {"type": "authenticated", "uid": "bob"}
    assert (await socket.ask(type="subscribe", channel=world.class_channel))["type"] == "subscribed"


async def test_a_named_token_is_as_good(meeting: Meeting, world: World) -> None:
    token = (await (await meeting.http("bob")).post("/api/me/tokens", json={"name": "bell"})).json()["token"]
    socket = await meeting.socket()
    assert await socket.ask(type="auth", token=token) == {"type": "authenticated", "uid": "bob"}


@pytest.mark.parametrize("token", ["", "nonsense", "ses_" + "x" * 43, "tok_" + "x" * 43, "\x00", "\u00e9"])
async def test_a_bad_token_is_unauthenticated(meeting: Meeting, token: str) -> None:
    socket = await meeting.socket()
    assert await socket.ask(type="auth", token=token) == {"type": "error", "code": "unauthenticated"}
    assert (await socket.ask(type="subscribe", channel=1))["type"] == "subscribed"


async def test_auth_without_a_token_is_unauthenticated(meeting: Meeting) -> None:
    socket = await meeting.socket()
    assert await socket.ask(type="auth") == {"type": "error", "code": "unauthenticated"}


async def test_a_session_that_has_ended_is_unauthenticated(meeting: Meeting) -> None:
    token = await meeting.sign_in("bob")
    await meeting.socket(token)
    await (await meeting.http(token)).delete("/api/session")
    socket = await meeting.socket()
    assert await socket.ask(type="auth", token=token) == {"type": "error", "code": "unauthenticated"}


async def test_a_stream_that_is_none_is_not_found(meeting: Meeting) -> None:
    """`stream` stands where `channel` does; of a channel it is another name."""
    channel = await meeting.channel()
    socket = await meeting.socket()
    for name in ("jokes", "channel:0", "channel:07", f"channel:{NOWHERE}", "channel:" + "9" * 190, "channel:x"):
        answer = await socket.ask(type="subscribe", stream=name)
        assert (answer["type"], answer["code"]) == ("error", "not-found")
    for odd in ("", "two words", "x" * 201, 7, None):
        answer = await socket.ask(type="subscribe", stream=odd)
        assert (answer["type"], answer["code"]) == ("error", "bad-request")
    answer = await socket.ask(type="subscribe", stream=f"channel:{channel}")
    assert (answer["type"], answer["channel"]) == ("subscribed", channel)


async def test_a_channel_that_one_may_not_see_looks_like_one_that_is_not_there(meeting: Meeting, world: World) -> None:
    for uid in ("", "charlie"):
        socket = await meeting.socket(uid)
        hidden = await socket.ask(type="subscribe", channel=world.class_channel)
        assert hidden == {"type": "error", "code": "not-found", "channel": world.class_channel}
        missing = await socket.ask(type="subscribe", channel=NOWHERE)
        assert missing == {**hidden, "channel": NOWHERE}


async def test_an_admin_sees_every_channel(meeting: Meeting, world: World) -> None:
    socket = await meeting.socket("root")
    assert (await socket.ask(type="subscribe", channel=world.class_channel))["type"] == "subscribed"


async def test_unsubscribed_is_the_last_one_hears_of_a_channel(meeting: Meeting) -> None:
    left, kept = await meeting.channel(), await meeting.channel()
    socket = await meeting.socket()
    await socket.ask(type="subscribe", channel=left)
    await socket.ask(type="subscribe", channel=kept)
    assert await socket.ask(type="unsubscribe", channel=left) == {"type": "unsubscribed", "channel": left}
    await meeting.post(left)
    await meeting.post(kept)
    assert (await socket.receive())["channel"] == kept


async def test_to_unsubscribe_from_what_one_does_not_follow_is_not_found(meeting: Meeting) -> None:
    socket = await meeting.socket()
    assert await socket.ask(type="unsubscribe", channel=1) == {"type": "error", "code": "not-found", "channel": 1}


async def test_to_subscribe_again_replaces(meeting: Meeting) -> None:
    """Each change comes once, from where the second subscription begins."""
    channel = await meeting.channel()
    socket = await meeting.socket()
    epoch = (await socket.ask(type="subscribe", channel=channel))["epoch"]
    first = await meeting.post(channel, "first")
    seq = (await changes(socket, 1))[0]["seq"]

    assert (await socket.ask(type="subscribe", channel=channel, epoch=epoch, after=0))["seq"] == seq
    assert (await changes(socket, 1))[0]["post"] == first
    assert (await socket.ask(type="subscribe", channel=channel))["seq"] == seq
    second = await meeting.post(channel, "second")
    assert (await changes(socket, 1))[0]["post"] == second
    await socket.ask(type="unsubscribe", channel=channel)
    assert (await socket.ask(type="unsubscribe", channel=channel))["code"] == "not-found"


async def test_from_now_on_tells_nothing_of_before(meeting: Meeting) -> None:
    channel = await meeting.channel()
    await meeting.post(channel, "before")
    socket = await meeting.socket()
    subscribed = await socket.ask(type="subscribe", channel=channel)
    made = await meeting.post(channel, "after")
    change = await socket.receive()
    assert (change["post"], change["prev"]) == (made, subscribed["seq"])


async def test_after_tells_what_was_missed_in_order(meeting: Meeting) -> None:
    channel = await meeting.channel()
    listed = await meeting.listed(channel)
    made = [await meeting.post(channel, f"{n}") for n in range(3)]
    socket = await meeting.socket()
    subscribed = await socket.ask(type="subscribe", channel=channel, epoch=listed["epoch"], after=listed["seq"])
    assert subscribed["recovered"]
    missed = await changes(socket, 3)
    assert [change["post"] for change in missed] == made
    assert (missed[0]["prev"], missed[-1]["seq"]) == (listed["seq"], subscribed["seq"])


BAD = {
    "after without epoch": {"type": "subscribe", "channel": 1, "after": 0},
    "after below zero": {"type": "subscribe", "channel": 1, "epoch": "x", "after": -1},
    "after beyond all numbers": {"type": "subscribe", "channel": 1, "epoch": "x", "after": 10**30},
    "after that is text": {"type": "subscribe", "channel": 1, "epoch": "x", "after": "1"},
    "after that is a fraction": {"type": "subscribe", "channel": 1, "epoch": "x", "after": 1.5},
    "epoch that is a number": {"type": "subscribe", "channel": 1, "epoch": 7, "after": 0},
    "no channel": {"type": "subscribe"},
    "no channel to leave": {"type": "unsubscribe"},
    "channel 0": {"type": "subscribe", "channel": 0},
    "channel below zero": {"type": "subscribe", "channel": -1},
    "channel beyond 64 bits": {"type": "subscribe", "channel": 10**30},
    "channel to leave beyond 64 bits": {"type": "unsubscribe", "channel": 2**64},
    "channel below 64 bits": {"type": "subscribe", "channel": -(10**30)},
    "channel of an unknown type beyond 64 bits": {"type": "what", "channel": 10**30},
    "channel just beyond SQLite's numbers": {"type": "subscribe", "channel": 2**63},
    "channel that is text": {"type": "subscribe", "channel": "1"},
    "channel that is true": {"type": "subscribe", "channel": True},
    "channel that is null": {"type": "subscribe", "channel": None},
    "channel that is infinite": '\x7b"type":"subscribe","channel":1e999\x7d',
    "unknown type": {"type": "shout"},
    "a type of the server's": {"type": "subscribed", "channel": 1},
    "type that is a number": {"type": 7},
    "no type": {"channel": 1},
    "token that is a number": {"type": "auth", "token": 7},
    "an object in an object": {"type": {"type": "subscribe"}},
    "no JSON": "subscribe, please",
    "nothing": "",
    "half an object": '{"type":"subscribe","channel":',
    "a number": "7",
    "null": "null",
    "text": '"subscribe"',
    "array of numbers": "[1,2]",
    "NUL": "\x00",
    "deep nesting": "[" * 8_000,
    "deep nesting in a field": '{"type":"auth","more":' + "[" * 8_000,
    "bytes": b'{"type":"subscribe","channel":1}',
    "bytes that are no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD.keys())
async def test_what_makes_no_sense_is_a_bad_request_and_the_connection_stays(meeting: Meeting, frame: Any) -> None:
    socket = await meeting.socket()
    await socket.raw.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))
    error = await socket.receive()
    assert (error["type"], error["code"]) == ("error", "bad-request")
    assert error.keys() - {"channel"} == {"type", "code", "detail"}
    assert (await socket.ask(type="subscribe", channel=1))["type"] == "subscribed"


async def test_a_bad_request_names_the_channel_it_is_about(meeting: Meeting) -> None:
    socket = await meeting.socket()
    assert await socket.ask(type="subscribe", channel=1, after=0) == {
        "type": "error",
        "code": "bad-request",
        "detail": "`after` needs the `epoch` that it is of.",
        "channel": 1,
    }


async def test_a_bad_request_says_why(meeting: Meeting) -> None:
    socket = await meeting.socket()
    assert (await socket.ask(type="follow"))["detail"].startswith("`type` must be one of auth, subscribe, ")
    assert (await socket.ask(type="subscribe"))["detail"] == "Name what to follow: channel or stream."
    assert "Expected `int`" in (await socket.ask(type="subscribe", channel="1"))["detail"]
    assert (await socket.ask(type="watch", get="/api/groups?limit=0"))["detail"] == "It is answered with 422."


async def test_unknown_fields_do_no_harm(meeting: Meeting) -> None:
    """A newer client may send more than this server knows."""
    socket = await meeting.socket()
    assert (await socket.ask(type="subscribe", channel=1, colour="red"))["type"] == "subscribed"


async def test_the_hundred_and_first_subscription_is_too_many(meeting: Meeting) -> None:
    group = await meeting.group()
    first = await meeting.channel(group)
    socket = await meeting.socket()
    for channel in [first, *[await meeting.channel(group) for _ in range(99)]]:
        assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    over = await meeting.channel(group)
    assert await socket.ask(type="subscribe", channel=over) == {"type": "error", "code": "too-many", "channel": over}
    assert (await socket.ask(type="subscribe", channel=first))["type"] == "subscribed", "to replace is not one more"
    await socket.ask(type="unsubscribe", channel=first)
    assert (await socket.ask(type="subscribe", channel=over))["type"] == "subscribed"


async def test_a_frame_above_16_kib_closes_with_1009(meeting: Meeting) -> None:
    socket = await meeting.socket()
    await socket.raw.send(json.dumps({"type": "auth", "token": "x" * 16_000}))
    assert (await socket.receive())["code"] == "unauthenticated"
    await socket.raw.send(json.dumps({"type": "auth", "token": "x" * 16_384}))
    assert await socket.rest() == ([], 1009)


async def test_frames_that_gather_arrive_as_an_array(meeting: Meeting) -> None:
    channel = await meeting.channel()
    for n in range(20):
        await meeting.post(channel, f"{n}")
    listed = await meeting.listed(channel)
    socket = await meeting.socket()
    await socket.send(type="subscribe", channel=channel, epoch=listed["epoch"], after=0)
    sizes = []
    while sum(sizes) < 21:
        got = json.loads(await socket.raw.recv())
        sizes.append(len(got) if isinstance(got, list) else 1)
    assert len(sizes) < 21
    await meeting.post(channel, "alone")
    assert isinstance(json.loads(await socket.raw.recv()), dict)


async def by_cookie(meeting: Meeting, origin: str) -> Socket:
    """A socket as a browser opens it: with the session cookie, from a page of `origin`."""
    async with httpx.AsyncClient(base_url=meeting.server.url) as browser:
        signed = await browser.post("/api/session", json={"uid": "bob", "password": "correct horse"})
        cookie = signed.headers["Set-Cookie"].partition(";")[0]
    socket, _ = await connected(
        meeting.stack, meeting.server, additional_headers={"Cookie": cookie}, origin=websockets.Origin(origin)
    )
    return socket


async def test_the_cookie_counts_on_our_own_origin(meeting: Meeting, world: World) -> None:
    socket = await by_cookie(meeting, meeting.server.url)
    assert (await socket.ask(type="subscribe", channel=world.class_channel))["type"] == "subscribed"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"]
)
async def test_the_cookie_is_ignored_from_another_origin(meeting: Meeting, world: World, origin: str) -> None:
    """Cross-site websocket hijacking. The socket itself is open to every site, for what is public."""
    socket = await by_cookie(meeting, origin)
    assert (await socket.ask(type="subscribe", channel=world.class_channel))["code"] == "not-found"
    assert (await socket.ask(type="subscribe", channel=1))["type"] == "subscribed"
    assert (await socket.ask(type="auth", token=world.tokens["bob"]))["type"] == "authenticated"
    assert (await socket.ask(type="subscribe", channel=world.class_channel))["type"] == "subscribed"


async def test_a_client_that_asks_a_thousand_times_and_reads_late_gets_every_answer(meeting: Meeting) -> None:
    socket = await meeting.socket()
    for n in range(1_000):
        await socket.send(type="unsubscribe", channel=n + 1)
    answers = [await socket.receive() for _ in range(1_000)]
    assert [answer["channel"] for answer in answers] == [*range(1, 1_001)]


async def test_plain_http_is_refused_politely(meeting: Meeting) -> None:
    refused = await (await meeting.http()).get("/api/live")
    assert 400 <= refused.status_code < 500
    assert refused.headers["Content-Type"] == "application/problem+json"
