"""clients/python: used against three workers that are killed, stopped and started again, and held to /openapi.json."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import httpx
import pyotp
import pytest
from pottle_client import Account, Channel, Missed, NewPost, Page, Post, Pottle, Problem, requests
from pottle_client.shapes import Decision, Edit, Guest, User

from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World
from tests.server import PATIENCE, ROOT, Server

Enter = Callable[[str], Awaitable[Pottle]]
NEVER_THERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here; whoever kills it starts it again."""
    folder = tmp_path_factory.mktemp("shared")
    with Server(Path(shutil.copytree(world.folder, folder / "instance")), folder) as running:
        yield running


@pytest.fixture
async def enter(server: Server, world: World, stack: AsyncExitStack) -> Enter:
    """`await enter("alice")`; "" is somebody who is not signed in."""

    async def made(uid: str) -> Pottle:
        return await stack.enter_async_context(Pottle(server.url, token=world.tokens.get(uid)))

    return made


@in_turn(
    ("shape", "schema"),
    [
        (Account, "Account"),
        (Channel, "ChannelView"),
        (Decision, "DecisionView"),
        (Edit, "EditView"),
        (Guest, "GuestAuthor"),
        (Page, "PostsView"),
        (Post, "PostView"),
        (User, "UserAuthor"),
    ],
)
async def test_shapes_are_the_documents(anyone: Person, shape: Any, schema: str) -> None:
    described = (await anyone.get("/openapi.json")).json()["components"]["schemas"][schema]
    assert shape.__required_keys__ | shape.__optional_keys__ == set(described["properties"])
    assert shape.__required_keys__ == set(described["required"])


@pytest.mark.parametrize("follow", [Pottle.subscribe, Pottle.watch])
def test_typed_programs_may_end_one_early(follow: Callable[..., Any]) -> None:
    """`aclosing`, as the README says, takes what has `aclose`."""
    assert hasattr(get_origin(get_type_hints(follow)["return"]), "aclose")


async def test_what_was_sent_and_not_answered_is_sent_again_with_its_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 1:
            raise httpx.ReadError("lost")
        if len(seen) == 2:
            return httpx.Response(503, headers={"Retry-After": "0"})
        return httpx.Response(201, json={"id": 1})

    async with Pottle(NEVER_THERE, transport=httpx.MockTransport(answer)) as pottle:
        assert await pottle.post(7, "Once") == {"id": 1}
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1
    assert {request.read() for request in seen} == {b'{"body":"Once"}'}


@pytest.mark.parametrize(
    ("method", "path", "status", "times"),
    [
        ("DELETE", "/api/posts/1", 0, 1),  # without a key it may have been done
        ("POST", "/api/session", 0, 1),  # secrets are not kept to repeat
        ("GET", "/api/me", 0, 4),
        ("GET", "/api/me", 502, 4),
        ("GET", "/api/me", 500, 1),
        ("DELETE", "/api/posts/1", 429, 4),  # it did not happen
    ],
)
async def test_what_is_sent_again(method: str, path: str, status: int, times: int) -> None:
    asked = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if status == 0:
            raise httpx.ConnectError("away")
        return httpx.Response(status, text="<h1>Something on the way</h1>")

    async with Pottle(NEVER_THERE, transport=httpx.MockTransport(answer)) as pottle:
        with pytest.raises(Problem) as raised:
            await pottle.api(method, path)
    assert (raised.value.status, asked) == (status, times)


async def test_a_callers_own_headers_take_the_place_of_ours() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"id": 1})

    async with Pottle(NEVER_THERE, token="ours", transport=httpx.MockTransport(answer)) as pottle:
        await pottle.api("POST", "/api/channels/7/posts", {}, idempotency_key="mine", Authorization="Bearer mine")
    assert seen[0].headers.get_list("Idempotency-Key") == ["mine"]
    assert seen[0].headers.get_list("Authorization") == ["Bearer mine"]


@pytest.mark.parametrize(("statuses", "asked"), [((503, 429, 0, 200), 4), ((400,), 1), ((422,), 1), ((404,), 1)])
async def test_a_refusal_that_stays_is_told_and_not_asked_about_for_ever(
    statuses: tuple[int, ...], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "backoff", lambda _attempt: 0)
    coming = iter(statuses)
    times = 0

    async def read() -> int:
        nonlocal times
        times += 1
        if (status := next(coming)) != 200:
            raise Problem(status, {})
        return status

    insisted = asyncio.wait_for(requests.insisting(read), 5)
    if statuses[-1] == 200:
        assert await insisted == 200
    else:
        with pytest.raises(Problem):
            await insisted
    assert times == asked


async def test_a_long_retry_after_is_for_the_caller() -> None:
    patient = httpx.MockTransport(
        lambda _: httpx.Response(429, headers={"Retry-After": "60"}, json={"title": "Slow down"})
    )
    async with Pottle(NEVER_THERE, transport=patient) as pottle:
        with pytest.raises(Problem, match="Slow down") as raised:
            await pottle.me()
    assert raised.value.retry_after == 60


async def test_a_tour(server: Server, enter: Enter) -> None:
    async with Pottle(server.url + "/") as dora:
        assert (await dora.sign_up("dora", "Dora", PASSWORD))["uid"] == "dora"
        channel = await dora.channel("home", "a/new & rare one", title="New")
        assert await dora.channel("home", "a/new & rare one") == channel
        made = await dora.post(channel["id"], "Hello")
        reply = await dora.post(channel["id"], "And more", parent=made["id"])
        assert reply["parent"] == made["id"]
        assert await dora.react(made["id"], "heart") == {"heart": 1}
        assert await dora.react(made["id"], "heart", on=False) == {}
        many: list[NewPost] = [{"body": "Many"}, {"body": ""}, {"body": "at once", "parent_index": 0}]
        one, wrong_one, other = await dora.post_all(channel["id"], many)
        assert other["post"]["parent"] == one["post"]["id"]
        assert wrong_one["error"]["status"] == 422
        page = await dora.posts(channel["id"], limit=3)
        assert [post["id"] for post in page["posts"]] == [other["post"]["id"], one["post"]["id"], reply["id"]]
        older = await dora.posts(channel["id"], before=page["next"])
        assert [post["id"] for post in older["posts"]] == [made["id"]]
        edited = await dora.edit(reply, "And much more")
        with pytest.raises(Problem) as stale:
            await dora.remove(reply)
        assert stale.value.status == 412
        await dora.remove(edited)
        with pytest.raises(Problem) as wrong:
            await dora.post(channel["id"], "")
        assert [error["field"] for error in wrong.value.errors] == ["body"]
        await dora.sign_out()
        with pytest.raises(Problem) as nobody:
            await dora.me()
        assert nobody.value.status == 401


@pytest.mark.slow
async def test_every_change_once_and_in_order_whatever_happens_to_the_server(server: Server, enter: Enter) -> None:
    alice, bob = await enter("alice"), await enter("bob")
    page = await alice.posts(1)
    seen: list[str] = []
    wanted = [f"post {n}" for n in range(40)]

    async def listen() -> None:
        async with aclosing(alice.subscribe(1, page)) as changes:  # else its socket is left to the garbage collector
            async for change in changes:
                seen.append(change["post"]["body"])
                if seen == wanted:
                    return

    listening = asyncio.create_task(listen())
    for n, body in enumerate(wanted):
        await bob.post(1, body)
        if n in (8, 16, 24):
            os.kill(server.processes()[1 + n % 3], signal.SIGKILL)
        if n == 32:
            server.kill()
            server.start()
    async with asyncio.timeout(PATIENCE):
        await listening
    assert seen == wanted


async def test_what_is_missing_is_said(server: Server, enter: Enter) -> None:
    alice = await enter("alice")
    lost = {"epoch": "another database", "seq": 3}
    with pytest.raises(Missed):
        await anext(alice.subscribe(1, lost))
    read = 0

    async def missed() -> Page:
        nonlocal read
        read += 1
        return await alice.posts(1)

    changes = alice.subscribe(1, lost, missed=missed)
    async with aclosing(changes), asyncio.timeout(PATIENCE):
        coming = asyncio.ensure_future(anext(changes))
        while not read:
            await asyncio.sleep(0.01)
        made = await alice.post(1, "After it")
        assert (await coming)["post"] == made
    assert read == 1


@pytest.mark.slow
async def test_a_watch_gives_what_is_there_now(server: Server, enter: Enter) -> None:
    alice, root = await enter("alice"), await enter("root")
    groups = alice.watch("/api/groups")
    async with aclosing(groups), asyncio.timeout(PATIENCE):
        before = await anext(groups)
        await root.api("POST", "/api/groups", {"slug": "new", "name": "New"})
        assert [group["slug"] for group in (await anext(groups))["groups"]] == ["new"] + [
            group["slug"] for group in before["groups"]
        ]
        server.kill()
        server.start()
        renamed = asyncio.create_task(root.api("PATCH", "/api/groups/new", {"name": "Renamed"}))
        assert "Renamed" in [group["name"] for group in (await anext(groups))["groups"]]
        await renamed


async def test_refusals_end_what_was_followed(server: Server, enter: Enter) -> None:
    nobody = await enter("")
    with pytest.raises(Problem) as hidden:
        await anext(nobody.subscribe(999))
    assert hidden.value.status == 404
    with pytest.raises(Problem) as private:
        await anext(nobody.watch("/api/me"))
    assert private.value.status == 401
    async with Pottle(server.url) as bob:
        await bob.sign_in("bob", PASSWORD)
        changes = bob.subscribe(1, await bob.posts(1))
        made = await bob.post(1, "Still here")
        assert (await anext(changes))["post"] == made
        await bob.sign_out()
        with pytest.raises(Problem) as ended:
            await asyncio.wait_for(anext(changes), PATIENCE)
        assert ended.value.status == 401


@pytest.mark.slow
def test_it_installs(tmp_path: Path) -> None:
    """With its types."""
    shutil.copytree(ROOT / "clients" / "python", tmp_path / "source")  # where the build may write
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "there")]
    subprocess.run([*command, str(tmp_path / "source")], check=True, cwd=tmp_path)
    assert (tmp_path / "there" / "pottle_client" / "py.typed").exists()
    here = {**os.environ, "PYTHONPATH": str(tmp_path / "there")}
    asked = [sys.executable, "-c", "import pottle_client; print(pottle_client.__file__)"]
    said = subprocess.run(asked, env=here, capture_output=True, text=True)
    assert str(tmp_path) in said.stdout, said.stderr


async def test_who_has_a_second_step_signs_in_with_a_code(enter: Enter) -> None:
    charlie, again = await enter("charlie"), await enter("")
    secret = (await charlie.api("POST", "/api/me/second"))["secret"]
    codes = (await charlie.api("PUT", "/api/me/second", {"code": pyotp.TOTP(secret).now()}))["codes"]
    with pytest.raises(Problem, match="Second Factor Needed"):
        await again.sign_in("charlie", PASSWORD)
    assert (await again.sign_in("charlie", PASSWORD, code=codes[0]))["uid"] == "charlie"
    await charlie.api("DELETE", "/api/me/second")
