"""L6 as a race: a GET first received after a write's response was sent shows that write, on every worker.

Six people write at once, each things of their own, so that what each of them was told is what everybody has to see.
The moment that a write is acknowledged, all three workers are asked for everything that shows it, each over its own
connection: lists, single posts, counts, channels, groups, profiles and pages; by GET, by HEAD, and with the ETag of
before. All of it was read just before, so that it was kept. What is not there any more has to be a 404.
"""

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import World
from tests.faults.bus import deafened
from tests.faults.eyes import Expected, gone, has, lacks, on_every_worker, opened
from tests.lasting import lasting
from tests.live.meeting import Meeting
from tests.server import Server

pytestmark = pytest.mark.slow

See = Callable[[Coroutine[Any, Any, Any], Mapping[str, Expected]], Awaitable[Any]]
CROWD = 30
LIMITS = range(1, 11)


@pytest.fixture(scope="module", params=["working", "deaf"])
def place(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose bus works, and one whose workers hear no poke and look only ten times a second."""
    folder = tmp_path_factory.mktemp(request.param)
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    with ExitStack() as stack:
        if request.param == "deaf":
            stack.enter_context(deafened(instance))
        yield stack.enter_context(Server(instance, folder))


@pytest.fixture
async def meeting(place: Server, stack: AsyncExitStack, world: World) -> Meeting:
    return Meeting(place, stack, world.tokens)


async def test_what_was_acknowledged_shows_at_once_on_every_worker(meeting: Meeting, rng: random.Random) -> None:
    """Fails within a second at the deaf server when `db.caught_up` in ResponseCache is left out."""
    scenes = (posts, marks, names, titles, rules, reviews)
    watched = [await on_every_worker(meeting.stack, meeting.server, rng) for _ in scenes]
    async with asyncio.TaskGroup() as acting:
        for scene, by in zip(scenes, watched, strict=True):
            acting.create_task(scene(meeting, by.see))
    print(f"{sum(by.looks for by in watched)} reads showed what had just been acknowledged")


async def posts(meeting: Meeting, see: See) -> None:
    """One is posted, edited, answered, and deleted."""
    group = await meeting.group()
    channel, alice = await meeting.channel(group), await meeting.http("alice")
    key = (await alice.get(f"/api/channels/{channel}")).json()["key"]
    lists = [f"/api/channels/{channel}/posts", f"/channels/{channel}"]
    numbers = [f"/api/channels/{channel}", f"/api/groups/{group}/channels", f"/api/groups/{group}/channels?key={key}"]

    def lists_show(expected: Expected, number: int) -> dict[str, Expected]:
        counted = {f"/api/counts?group={group}&key={key}": has(f'"{key}":{number}}}')}
        return dict.fromkeys(lists, expected) | counted | dict.fromkeys(numbers, has(f'"posts":{number},'))

    for n in lasting():
        made = await see(meeting.post(channel, f"new-{n}."), lists_show(has(f"new-{n}."), 1))
        post = f"/api/posts/{made['id']}"
        edit = alice.patch(post, json={"body": f"edited-{n}."})
        await see(edit, dict.fromkeys([post, *lists], has(f"edited-{n}.")))
        answering = meeting.post(channel, f"reply-{n}.", parent=made["id"])
        reply = await see(answering, lists_show(has(f"reply-{n}."), 2) | {post: has('"replies":1')})
        deleting = alice.delete(f"/api/posts/{reply['id']}")
        await see(deleting, lists_show(lacks(f"reply-{n}."), 1) | {post: has('"replies":0')})
        await see(alice.delete(post), lists_show(lacks(f"edited-{n}."), 0))


async def marks(meeting: Meeting, see: See) -> None:
    """One post is marked, marked otherwise, and the mark is taken back."""
    channel, bob = await meeting.channel(), await meeting.http("bob")
    post = f"/api/posts/{(await meeting.post(channel))['id']}"
    shows = [post, f"/api/channels/{channel}/posts"]
    for _ in lasting():
        await see(bob.put(f"{post}/reactions/up"), dict.fromkeys(shows, has('{"up":1}')))
        await see(bob.put(f"{post}/reactions/down"), dict.fromkeys(shows, has('{"down":1}')))
        await see(bob.delete(f"{post}/reactions/down"), dict.fromkeys(shows, has('"reactions":{}')))


async def names(meeting: Meeting, see: See) -> None:
    """Somebody takes another name, and wrote in the lobby, too."""
    channel, charlie = await meeting.channel(), await meeting.http("charlie")
    made = [await meeting.post(where, by="charlie") for where in (1, channel)]
    shows = ["/", f"/channels/{channel}", "/api/channels/1/posts", f"/api/channels/{channel}/posts"]
    shows += ["/api/users/charlie", *(f"/api/posts/{post['id']}" for post in made)]
    for n in lasting():
        await see(charlie.patch("/api/me", json={"name": f"C-{n}."}), dict.fromkeys(shows, has(f"C-{n}.")))


async def titles(meeting: Meeting, see: See) -> None:
    """A channel is made, gets a title, and is deleted."""
    group, alice = await meeting.group(), await meeting.http("alice")
    channels = f"/api/groups/{group}/channels"
    for n in lasting():
        opening = alice.post(channels, json={"key": f"key-{n}."})
        by_key = [channels, f"{channels}?key=key-{n}.", "/"]
        opened = (await see(opening, dict.fromkeys(by_key, has(f"key-{n}.")))).json()
        itself = [f"/api/channels/{opened['id']}", f"/channels/{opened['id']}"]
        naming = alice.patch(itself[0], json={"title": f"title-{n}."})
        await see(naming, dict.fromkeys([*by_key, *itself], has(f"title-{n}.")))
        empty = dict.fromkeys(by_key, lacks(f"title-{n}."))
        await see(alice.delete(itself[0]), empty | dict.fromkeys(itself, gone))


async def rules(meeting: Meeting, see: See) -> None:
    """A group is closed and opened again: what only members may read is hidden at once, wherever it was shown."""
    group, alice = await meeting.group(), await meeting.http("alice")
    channel = await meeting.channel(group)
    made = await meeting.post(channel)
    inside = [f"/api/groups/{group}", f"/api/groups/{group}/channels", f"/api/channels/{channel}"]
    inside += [f"/channels/{channel}", f"/api/channels/{channel}/posts", f"/api/posts/{made['id']}"]
    inside += [f"/api/counts?group={group}&key=none"]
    for _ in lasting():
        closing = alice.patch(f"/api/groups/{group}", json={"reading": "members"})
        await see(closing, {**dict.fromkeys(inside, gone), "/api/groups": lacks(group)})
        opening = alice.patch(f"/api/groups/{group}", json={"reading": "public"})
        await see(opening, {**dict.fromkeys(inside, has("")), "/api/groups": has(group)})


async def reviews(meeting: Meeting, see: See) -> None:
    """A post that waited is approved; it is removed and restored."""
    group, alice = await meeting.group(review="all"), await meeting.http("alice")
    channel = await meeting.channel(group)
    lists = [f"/api/channels/{channel}/posts", f"/channels/{channel}"]
    for n in lasting():
        post = f"/api/posts/{(await meeting.post(channel, f'by-bob-{n}.', by='bob'))['id']}"
        shown, hidden = dict.fromkeys(lists, has(f"by-bob-{n}.")), dict.fromkeys(lists, lacks(f"by-bob-{n}."))
        await see(alice.patch(post, json={"state": "published"}), {**shown, post: has(f"by-bob-{n}.")})
        await see(alice.patch(post, json={"state": "removed"}), hidden)
        await see(alice.patch(post, json={"state": "published"}), shown)
        await see(alice.delete(post), hidden)


async def test_no_answer_on_its_way_is_kept_once_it_is_stale(meeting: Meeting, rng: random.Random) -> None:
    """Many ask at once for what no worker keeps, and a write comes while their answers are being made.

    Our handlers read and answer in one step, so that here even a shelf that asks nothing keeps none: the one of
    tests/live/test_never_stale.py waits in between.
    """
    channel, alice = await meeting.channel(), await meeting.http("alice")
    post = f"/api/posts/{(await meeting.post(channel))['id']}"
    paths = [f"{path}?limit={n}" for path in (f"/api/channels/{channel}/posts", f"/channels/{channel}") for n in LIMITS]
    crowd = [await meeting.stack.enter_async_context(opened(meeting.server, rng)) for _ in range(CROWD)]
    by = await on_every_worker(meeting.stack, meeting.server, rng)
    for n in lasting():
        await alice.patch(post, json={"body": f"before-{n}."})  # now nothing is kept
        for eye in crowd:
            eye.ask(rng.choice(paths))
        await asyncio.sleep(rng.uniform(0, 0.03))  # any moment may be the one
        await alice.patch(post, json={"body": f"after-{n}."})
        for eye in crowd:
            await eye.answer()
        await asyncio.gather(*(eye.look(dict.fromkeys(paths, has(f"after-{n}."))) for eye in by.eyes))
    print(f"{by.looks} reads showed what had just been acknowledged")
