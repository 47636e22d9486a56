"""Sessions for a site of a group, on three workers: single sign-on is good once, and what ends is cut (L8)."""

import asyncio
from contextlib import AsyncExitStack

import httpx

from tests.api.conftest import signed
from tests.live.meeting import Meeting
from tests.live.test_revocation import assert_cut, following, ok
from tests.server import calling

SITE = "https://blog.example"
COPIES = 12


async def entered(meeting: Meeting, slug: str, secret: str) -> str:
    """What Anna's token of single sign-on gives the site's page."""
    asked = {"json": {"token": signed(secret)}, "headers": {"Origin": SITE}}
    made = await (await meeting.http()).post(f"/api/groups/{slug}/sso", **asked)  # type: ignore[arg-type]
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def site(meeting: Meeting) -> tuple[str, str, int]:
    """A group with a site, its secret, and a channel of members only."""
    slug = await meeting.group(origins=[SITE], reading="members", posting="members")
    made = await (await meeting.http("root")).post(f"/api/groups/{slug}/secrets")
    return slug, made.json()["secret"], await meeting.channel(slug)


async def test_a_token_is_good_once_however_many_come_at_once(meeting: Meeting) -> None:
    """Each over a connection of its own, to whatever worker. Seen to fail where the unit does not look again."""
    slug, secret, _ = await site(meeting)
    async with AsyncExitStack() as stack:
        clients = [await calling(stack, meeting.server) for _ in range(COPIES)]
        for _ in range(3):
            asked = {"token": signed(secret)}
            answers = await asyncio.gather(*[one.post(f"/api/groups/{slug}/sso", json=asked) for one in clients])
            assert sorted(answer.status_code for answer in answers) == [201] + [401] * (COPIES - 1)
            assert len({await uid(answer, clients[0]) for answer in answers if answer.is_success}) == 1


async def uid(answer: httpx.Response, client: httpx.AsyncClient) -> str:
    by_token = {"Authorization": f"Bearer {answer.json()['token']}"}
    return str((await client.get("/api/me", headers=by_token)).json()["uid"])


async def test_an_origin_that_leaves_the_groups(meeting: Meeting) -> None:
    slug, _, channel = await site(meeting)
    await meeting.member(slug, "bob")
    made = await (await meeting.http("bob")).post(f"/api/groups/{slug}/sessions", json={"origin": SITE})
    sockets = await following(meeting, channel, made.json()["token"], origin=SITE)
    own = await meeting.socket("bob")
    await own.ask(type="subscribe", channel=channel)
    ok(await (await meeting.http("root")).patch(f"/api/groups/{slug}", json={"origins": ["https://other.example"]}))
    await assert_cut(meeting, channel, sockets)
    assert (await own.receive())["type"] == "change", "Bob's own session goes on"


async def test_a_secret_that_is_deleted(meeting: Meeting) -> None:
    slug, secret, channel = await site(meeting)
    sockets = await following(meeting, channel, await entered(meeting, slug, secret), origin=SITE)
    root = await meeting.http("root")
    (known,) = (await root.get(f"/api/groups/{slug}/secrets")).json()["secrets"]
    ok(await root.delete(f"/api/groups/{slug}/secrets/{known['id']}"))
    await assert_cut(meeting, channel, sockets)


async def test_a_group_that_goes(meeting: Meeting) -> None:
    slug, secret, channel = await site(meeting)
    sockets = await following(meeting, channel, await entered(meeting, slug, secret), origin=SITE)
    ok(await (await meeting.http("root")).delete(f"/api/groups/{slug}"))
    for socket in sockets:
        assert (await socket.rest())[1] == 4401
