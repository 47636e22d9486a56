"""Where a group allows it, a post is anonymous: only moderators learn who wrote it.

Alice moderates `site`, which everybody reads. Ben's name is in none of its posts but the one he signed.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from quart import Quart

from model.settings import Settings
from tests.api.conftest import Json, joined, opened, posted, refused, wrong_fields
from tests.conftest import Person
from tests.flask.conftest import SITE
from tests.make import Make

UID, NAME = "secretben", "Benjamin Secret"
NOBODY = {"anonymous": True}


@pytest.fixture
def settings(instance: Path) -> Settings:
    """With the routes of Flask back ends, which show the same posts."""
    chats = {"car_chat": 3, "messages": 3, "jokes": 3}
    return Settings(instance=instance, rate_limits=False, flask_origins=(SITE,), flask_channels=tuple(chats.items()))


@pytest.fixture
async def room(root: Person) -> int:
    channel = await opened(root, "site", anonymous=True)
    await joined(root, "site", "alice", "moderator")
    return channel


@pytest.fixture
async def ben(make: Make, room: int, root: Person) -> Person:
    ben = await make.user(UID, name=NAME)
    await joined(root, "site", UID)
    return ben


async def whispered(ben: Person, room: int, body: str = "Is *this* right?", **more: object) -> Json:
    return await posted(ben, body, room, anonymous=True, **more)


async def test_it_works(room: int, ben: Person, alice: Person, anyone: Person) -> None:
    made = await whispered(ben, room)
    assert made["author"] == NOBODY
    for reader in (anyone, ben, alice):
        assert (await reader.get(f"/api/posts/{made['id']}")).json() == made, "the same for every reader"
    author = f"/api/posts/{made['id']}/author"
    assert (await alice.get(author)).json() == {"uid": UID, "name": NAME, "avatar": None}
    refused(await ben.get(author), 403)
    (own,) = (await ben.get(f"/api/me/posts?channel={room}")).json()["posts"]
    assert own == made, "so its author may edit it"
    assert (await ben.patch(f"/api/posts/{made['id']}", {"body": "It is right."})).json()["author"] == NOBODY
    assert (await ben.delete(f"/api/posts/{made['id']}")).status_code == 204


Walk = Callable[[], Awaitable[str]]


@pytest.fixture
async def everything(app: Quart, anyone: Person, charlie: Person, room: int) -> Walk:
    """All that classmates and strangers can read of `site`: every GET there is, with its headers, and live changes."""
    ids = {
        "channel_id": [1, room],
        "post_id": range(1, 9),
        "slug": ["site"],
        "uid": ["alice"],
        "kind": ["atom", "json"],
    }
    queries = {
        "thread": ["?key=room"],
        "post": [f"?id={id_}" for id_ in range(1, 9)],
        "counts": ["?group=site&key=room"],
    }

    def paths(rule: str) -> list[str]:
        found = [rule]
        for placeholder, name in re.findall(r"(<(?:[^:<>]+:)?(\w+)>)", rule):
            values = ids.get(name, [])
            found = [path.replace(placeholder, str(value)) for path in found for value in values]
        return [path + query for path in found for query in queries.get(rule.rsplit("/", 1)[-1], [""])]

    rules = sorted(
        {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.websocket}
    )
    unread = ("/static", "/embed/", "/metrics", "/api/streams", "/favicon.ico", "/docs", "/openapi.json")
    urls = [path for rule in rules if not rule.startswith(unread) for path in paths(rule)]

    async def read() -> str:
        said = [await who.get(url, headers={"Origin": SITE}) for who in (anyone, charlie) for url in urls]
        said += [await anyone.get(f"/api/streams/channel:{room}")]
        epoch = (await anyone.get(f"/api/channels/{room}/posts")).json()["epoch"]
        said += [await anyone.get(f"/api/streams/channel:{room}?epoch={epoch}&after=0")]
        said += [await anyone.post("/flask/api/posts/filter", {"channel_id": room})]
        assert sum("whisper" in answer.text for answer in said) > 15, "the walk has seen the post in many places"
        return "\n".join(f"{answer.url} {answer.status_code} {dict(answer.headers)} {answer.text}" for answer in said)

    return read


async def test_nobody_else_reads_who_wrote_it(
    room: int, ben: Person, alice: Person, charlie: Person, everything: Walk, app: Quart
) -> None:
    """Anywhere: lists, pages, feeds, embeds, JSON-LD, Flask's endpoints, streams, headers, live changes."""
    async with app.test_client().websocket("/api/live") as socket:
        await socket.receive()
        await socket.send_json({"type": "subscribe", "channel": room})
        frames = [await socket.receive()]
        made = await whispered(ben, room, "A whisper?")
        reply = await whispered(ben, room, "A reply to a whisper", parent=made["id"])
        await ben.patch(f"/api/posts/{made['id']}", {"body": "A longer whisper?"})
        await alice.patch(f"/api/posts/{reply['id']}", {"answer": True})
        await charlie.put(f"/api/posts/{made['id']}/reactions/up")
        await alice.patch(f"/api/posts/{reply['id']}", {"state": "removed"})
        await alice.patch(f"/api/posts/{reply['id']}", {"state": "published"})
        while sum(frame.count('"change"') for frame in frames) < 7:
            frames.append(await socket.receive())
    told = await everything() + "".join(frames)
    assert '"anonymous":true' in told
    for word in (UID, NAME, NAME.split()[0]):
        assert word not in told
    chat = (await charlie.get("/flask/api/car_chat", headers={"Origin": SITE})).json()
    assert [message["user_id"] for message in chat] == [None, None]


async def test_what_is_read_does_not_change_with_its_author(
    room: int, ben: Person, anyone: Person, root: Person
) -> None:
    """Not with another name, role or picture, and not when the account is disabled or gone."""
    await whispered(ben, room)
    before = await anyone.get(f"/api/channels/{room}/posts")
    await ben.patch("/api/me", {"name": "Benny"})
    await root.post("/api/groups/site/members", {"uid": UID, "role": "moderator"})
    await root.patch(f"/api/users/{UID}", {"disabled": True})
    await root.delete(f"/api/users/{UID}")
    after = await anyone.get(f"/api/channels/{room}/posts")
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])


async def test_the_log_does_not_say_it(room: int, ben: Person, alice: Person) -> None:
    """Moderators may learn it, but not by chance."""
    made = await whispered(ben, room)
    await alice.delete(f"/api/posts/{made['id']}")
    (entry, *_) = (await alice.get("/api/groups/site/audit")).json()["entries"]
    assert (entry["action"], entry["detail"]) == ("post.removed", "by somebody anonymous")
    assert UID not in (await alice.get("/api/groups/site/posts?state=removed")).text


async def test_it_stays_so_where_the_group_changes_its_mind(
    room: int, ben: Person, alice: Person, root: Person
) -> None:
    made = await whispered(ben, room)
    assert not (await alice.patch("/api/groups/site", {"anonymous": False})).json()["anonymous"]
    assert (await ben.get(f"/api/posts/{made['id']}")).json()["author"] == NOBODY
    refused(await ben.post(f"/api/channels/{room}/posts", {"body": "Me?", "anonymous": True}), 403)
    await root.delete(f"/api/users/{UID}")
    assert (await alice.get(f"/api/posts/{made['id']}/author")).json() == {"guest": "Former user"}
    assert (await alice.get(f"/api/posts/{made['id']}")).json()["author"] == NOBODY


async def test_a_repeated_request_is_answered_alike(room: int, ben: Person) -> None:
    headers = {"Idempotency-Key": "once"}
    new = {"body": "Once?", "anonymous": True}
    first, again = [await ben.post(f"/api/channels/{room}/posts", new, headers=headers) for _ in range(2)]
    assert (first.json(), first.status_code) == (again.json(), again.status_code)
    assert first.json()["author"] == NOBODY


async def test_guests_and_other_groups(room: int, bob: Person, anyone: Person, alice: Person) -> None:
    await alice.patch("/api/groups/site", {"posting": "guests"})
    refused(await anyone.post(f"/api/channels/{room}/posts", {"body": "Hi", "guest": "Gus", "anonymous": True}), 403)
    refused(await bob.post("/api/channels/1/posts", {"body": "Hi", "anonymous": True}), 403)
    assert wrong_fields(await bob.post("/api/channels/1/posts", {"body": "Hi", "anonymous": "yes"})) == {"anonymous"}
    assert wrong_fields(await alice.patch("/api/groups/site", {"anonymous": "perhaps"})) == {"anonymous"}
