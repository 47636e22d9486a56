"""Of a channel: pinned posts, questions without an answer, answers, one's own; of a group: its open questions."""

import re
from itertools import pairwise

import pytest

from tests.api.conftest import Json, opened, posted, refused, wrong_fields
from tests.conftest import Person, World


@pytest.fixture
async def posts(alice: Person, bob: Person, world: World) -> dict[str, Json]:
    """What Bob asks and Alice says; she moderates."""
    room = world.class_channel
    made = {"open": await posted(bob, "Is it warm? I wonder", room), "closed": await posted(bob, "¿Y esto?", room)}
    made["answer"] = await posted(alice, "Yes?", room, parent=made["closed"]["id"])
    made["words"] = await posted(alice, "See https://example.com/?q=1 and /a?b", room)
    made["endorsed"] = await posted(bob, "Because it is so", room, parent=made["words"]["id"])
    for name, mark in [("words", "pinned"), ("answer", "answer"), ("endorsed", "endorsed")]:
        assert (await alice.patch(f"/api/posts/{made[name]['id']}", {mark: True})).status_code == 200
    return made


async def only(reader: Person, which: str, posts: dict[str, Json]) -> list[str]:
    channel = posts["open"]["channel"]
    found = (await reader.get(f"/api/channels/{channel}/posts?only={which}")).json()["posts"]
    names = {post["id"]: name for name, post in posts.items()}
    assert all(one["id"] > other["id"] for one, other in pairwise(found))
    return [names[post["id"]] for post in found]


async def test_it_works(bob: Person, posts: dict[str, Json]) -> None:
    assert await only(bob, "pinned", posts) == ["words"]
    assert await only(bob, "unanswered", posts) == ["open"]
    assert await only(bob, "answers", posts) == ["endorsed", "answer"]
    assert await only(bob, "mine", posts) == ["endorsed", "closed", "open"]


async def test_a_question_is_open_again_without_its_answer(alice: Person, bob: Person, posts: dict[str, Json]) -> None:
    await alice.patch(f"/api/posts/{posts['answer']['id']}", {"state": "removed"})
    assert await only(bob, "unanswered", posts) == ["closed", "open"]
    await bob.patch(f"/api/posts/{posts['open']['id']}", {"body": "It is warm."})
    assert await only(bob, "unanswered", posts) == ["closed"]


async def test_the_open_questions_of_a_group(
    bob: Person, charlie: Person, posts: dict[str, Json], world: World
) -> None:
    made = await bob.post("/api/groups/class/channels", {"key": "other"})
    other = await posted(bob, "And here?", made.json()["id"])
    found = (await bob.get("/api/groups/class/questions")).json()["posts"]
    assert [post["id"] for post in found] == [other["id"], posts["open"]["id"]]
    refused(await charlie.get("/api/groups/class/questions"), 404)


async def test_what_is_kept_is_never_stale(anyone: Person, bob: Person, root: Person) -> None:
    room = await opened(root, "open")
    urls = [f"/api/channels/{room}/posts?only={which}" for which in ("unanswered", "pinned", "answers")]
    urls.append("/api/groups/open/questions")

    async def shown() -> list[list[int]]:
        return [[post["id"] for post in (await anyone.get(url)).json()["posts"]] for url in urls]

    assert await shown() == [[], [], [], []]
    question = (await posted(bob, "Why?", room))["id"]
    assert await shown() == [[question], [], [], [question]]
    answer = (await posted(root, "So.", room, parent=question))["id"]
    await root.patch(f"/api/posts/{answer}", {"endorsed": True})
    await root.patch(f"/api/posts/{question}", {"pinned": True})
    assert await shown() == [[], [question], [answer], []]
    await root.patch(f"/api/posts/{answer}", {"endorsed": False})
    await bob.patch("/api/me", {"name": "Robert"})
    assert await shown() == [[question], [question], [], [question]]
    assert (await anyone.get(urls[-1])).json()["posts"][0]["author"]["name"] == "Robert"


async def test_bad_input(alice: Person, anyone: Person) -> None:
    assert wrong_fields(await alice.get("/api/channels/1/posts?only=everything")) == {"only"}
    assert wrong_fields(await alice.get("/api/channels/1/posts?only=mine&state=pending")) == {"only"}
    refused(await anyone.get("/api/channels/1/posts?only=mine"), 401)


async def test_the_page_shows_their_conversations(bob: Person, anyone: Person, posts: dict[str, Json]) -> None:
    page: Json = {"headers": {"Accept": "text/html"}}
    url = f"/channels/{posts['open']['channel']}"

    async def shown(query: str) -> list[int]:
        text = (await bob.get(url + query, **page)).text
        return [int(id_) for id_ in re.findall(r'<article class="post[^>]* data-id="(\d+)"', text)]

    assert await shown("?only=unanswered") == [posts["open"]["id"]]
    conversation = [posts["closed"]["id"], posts["answer"]["id"]]
    assert await shown("?only=answers") == [posts["words"]["id"], posts["endorsed"]["id"], *conversation]
    assert await shown("?only=answers&limit=1") == [posts["words"]["id"], posts["endorsed"]["id"]]
    next_page = re.search(
        r"\?only=answers&amp;before=(\w+)", (await bob.get(f"{url}?only=answers&limit=1", **page)).text
    )
    assert next_page
    assert await shown(f"?only=answers&before={next_page[1]}") == conversation
    assert "There is nothing of that here." in (await bob.get("/channels/1?only=pinned", **page)).text
    assert f"?at={posts['words']['id']}#p" in (await bob.get(url, **page)).text.partition('class="pinned"')[2]
    assert (await anyone.get("/channels/1?only=mine", **page)).status_code == 401
