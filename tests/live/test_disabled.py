"""L8 for accounts: to be disabled, or to lose a role, ends everything on three workers before it is acknowledged.

Fails (nothing is closed) when `Hub.prepare` does not look for `user.disabled` and `user.role`.
"""

import asyncio
import subprocess
import sys

import pytest

from tests.conftest import PASSWORD
from tests.live.meeting import Meeting
from tests.live.test_revocation import assert_cut, following, ok, sign_up
from tests.server import PATIENCE, ROOT, Server, clean_environment

pytestmark = pytest.mark.slow


async def change(meeting: Meeting, uid: str, **fields: object) -> None:
    ok(await (await meeting.http("root")).patch(f"/api/users/{uid}", json=fields))


async def test_disabling_ends_sessions_and_sockets_on_every_worker(meeting: Meeting) -> None:
    await sign_up(meeting, "fred")
    slug = await meeting.group(reading="members")
    await meeting.member(slug, "fred")
    channel = await meeting.channel(slug)
    session = await meeting.sign_in("fred")
    made = await (await meeting.http(session)).post("/api/me/tokens", json={"name": "bell"})
    token = made.json()["token"]
    sockets = await following(meeting, channel, session) + await following(meeting, channel, token)
    await change(meeting, "fred", disabled=True)
    await assert_cut(meeting, channel, sockets)
    for credential in (session, token):
        await refused_everywhere(meeting, credential)
    again = await (await meeting.http()).post("/api/session", json={"uid": "fred", "password": PASSWORD})
    assert again.status_code == 403


async def refused_everywhere(meeting: Meeting, credential: str) -> None:
    """That no worker knows it any more, over HTTP and on a socket."""
    answers = await asyncio.gather(*[(await meeting.http(credential)).get("/api/me") for _ in range(12)])
    assert {answer.status_code for answer in answers} == {401}
    for found in (await meeting.sockets(1)).values():
        assert (await found[0].ask(type="auth", token=credential))["code"] == "unauthenticated"


async def test_a_token_is_good_again_on_every_worker_when_it_is_enabled(meeting: Meeting) -> None:
    await sign_up(meeting, "gina")
    made = await (await meeting.http(await meeting.sign_in("gina"))).post("/api/me/tokens", json={"name": "bell"})
    token = made.json()["token"]
    await change(meeting, "gina", disabled=True)
    await refused_everywhere(meeting, token)
    await change(meeting, "gina", disabled=False)
    answers = await asyncio.gather(*[(await meeting.http(token)).get("/api/me") for _ in range(12)])
    assert {answer.status_code for answer in answers} == {200}


async def test_who_is_no_admin_any_more_reads_no_more_than_others(meeting: Meeting) -> None:
    await sign_up(meeting, "hugo")
    await change(meeting, "hugo", role="admin")
    slug = await meeting.group(reading="members")
    channel = await meeting.channel(slug)
    session = await meeting.sign_in("hugo")
    sockets = await following(meeting, channel, session)
    await change(meeting, "hugo", role="user")
    await assert_cut(meeting, channel, sockets)
    again = await meeting.socket(session)
    assert (await again.ask(type="subscribe", channel=channel))["code"] == "not-found"


async def test_a_command_beside_the_server_acts_at_once(own_meeting: Meeting, server: Server) -> None:
    channel = await own_meeting.channel()
    sockets = await following(own_meeting, channel, own_meeting.token("bob"))
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "quart", "--app", "main", "user", "disable", "bob"],
        cwd=ROOT,
        env=clean_environment(server.home, **server.settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Disabled bob.\n", "")
    await assert_cut(own_meeting, channel, sockets)
    await refused_everywhere(own_meeting, own_meeting.token("bob"))
