"""POST /api/channels/{id}/posts with `{"posts": […]}`: many posts, each with its outcome."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.talk import bulk
from tests.api.conftest import LOBBY, Json, opened, posted, wrong_fields
from tests.api.test_mentions import kept
from tests.conftest import Person

KEY = {"Idempotency-Key": "many"}


async def sent(person: Person, posts: list[Any], where: str = LOBBY, **more: Any) -> list[Json]:
    """The outcomes."""
    answer = await person.post(where, {"posts": posts}, **more)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["outcomes"])


async def test_they_are_made_in_order(root: Person, anyone: Person) -> None:
    before = (await anyone.get(LOBBY)).json()["seq"]
    outcomes = await sent(root, [{"body": f"**{number}**"} for number in range(bulk.MOST)])
    made = [outcome["post"] for outcome in outcomes]
    assert [post["body"] for post in made] == [f"**{number}**" for number in range(bulk.MOST)]
    listed = (await anyone.get(f"{LOBBY}?limit=100")).json()
    assert listed["posts"] == made[:-101:-1]
    assert made == sorted(made, key=lambda post: post["id"])
    assert (await anyone.get(f"/api/posts/{made[0]['id']}")).json() == made[0]
    page = (await anyone.get(f"/api/streams/channel:1?epoch={listed['epoch']}&after={before}&limit=100")).json()
    assert [change["post"]["id"] for change in page["changes"]] == [post["id"] for post in made[:100]]


async def test_one_that_is_wrong_stops_none(alice: Person, bob: Person, anyone: Person) -> None:
    other = await posted(bob, "Elsewhere")
    outcomes = await sent(
        alice,
        [
            {"body": "First"},
            {"body": "A reply", "parent_index": 0},
            {"bodi": "?"},
            {"body": "To nothing", "parent_index": 2},
            {"body": "To a later one", "parent_index": 5},
            "no object",
            {"body": "x" * 10_001},
            {"body": "To nobody", "parent": 99_999},
            {"body": "As somebody", "guest": "Bob"},
            {"body": "# A heading, and ```code```", "parent": other["id"]},
        ],
    )
    first, reply, *wrong, last = outcomes
    assert reply["post"]["parent"] == first["post"]["id"]
    assert last["post"]["parent"] == other["id"]
    assert "<h1>" in last["post"]["html"]
    assert [[error["field"] for error in one["error"]["errors"]] for one in wrong] == [
        *(["bodi", "body"], ["parent_index"], ["parent_index"], [""], ["body"], ["parent"], ["guest"])
    ]
    assert {one["error"]["status"] for one in wrong} == {422}
    assert len((await anyone.get(LOBBY)).json()["posts"]) == 4


async def test_it_rejects_what_nobody_may(alice: Person, anyone: Person, root: Person) -> None:
    many = {"posts": [{"body": "One"}]}
    assert (await anyone.post(LOBBY, many)).status_code == 401
    assert (await alice.post("/api/channels/99/posts", many)).status_code == 404
    closed = await opened(root, "closed", posting="members")
    assert (await alice.post(f"/api/channels/{closed}/posts", many)).status_code == 403
    assert wrong_fields(await alice.post(LOBBY, {"posts": []})) == {"posts"}
    assert wrong_fields(await alice.post(LOBBY, {"posts": [{"body": "x"}] * 501})) == {"posts"}
    assert wrong_fields(await alice.post(LOBBY, {"posts": [{"body": "x"}], "body": "y"})) == {"body"}
    assert (await alice.post(LOBBY, {"posts": [{"body": "x" * 9_000}] * 60})).status_code == 413


async def test_guests_have_names(root: Person, anyone: Person) -> None:
    room = f"/api/channels/{await opened(root, 'guests', posting='guests', review='guests')}/posts"
    named, nameless = await sent(anyone, [{"body": "One", "guest": "Gus"}, {"body": "Two"}], room)
    assert (named["post"]["state"], named["post"]["author"]) == ("pending", {"guest": "Gus"})
    assert nameless["error"]["errors"][0]["field"] == "guest"


async def test_each_counts(alice: Person, root: Person) -> None:
    await posted(alice)
    outcomes = await sent(alice, [{"body": f"{number}"} for number in range(25)])
    assert [("post" in one) for one in outcomes] == [True] * 19 + [False] * 6
    assert {one["error"]["status"] for one in outcomes[19:]} == {429}
    refused = await alice.post(LOBBY, {"body": "One more"})
    assert refused.status_code == 429
    assert all("post" in one for one in await sent(root, [{"body": f"{number}"} for number in range(25)]))
    left = await root.post(LOBBY, {"posts": [{"body": "x"}]})
    assert "r=18" in left.headers["RateLimit"]  # a request is one use for those who look after the group


async def test_it_is_answered_again(alice: Person, nothing_changes: Callable[..., object]) -> None:
    many = {"posts": [{"body": "One"}, {"body": ""}, {"body": "Two", "parent_index": 0}]}
    first = await alice.post(LOBBY, many, headers=KEY)
    with nothing_changes():  # type: ignore[attr-defined]
        again = await alice.post(LOBBY, many, headers=KEY)
        assert wrong_fields(await alice.post(LOBBY, {"posts": [{"body": "Three"}]}, headers=KEY)) == set(KEY)
    assert (again.status_code, again.content) == (200, first.content)


async def test_those_who_are_mentioned_find_them(alice: Person, instance: Path) -> None:
    await sent(alice, [{"body": "Hello @bob"}, {"body": "and @bob again"}])
    assert [uid for _, uid in kept(instance)] == ["bob", "bob"]
