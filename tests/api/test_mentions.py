"""`@ada` in a post: whom it marks, whom it is kept for, and who is shown to choose from."""

from pathlib import Path

import httpx

from tests import databases
from tests.api.conftest import Json, joined, opened, posted, refused
from tests.conftest import Person


def mark(uid: str) -> str:
    return f'<bdi class="mention">@{uid}</bdi>'


def kept(instance: Path) -> set[tuple[int, str]]:
    """Which post mentions whom."""
    with databases.opened(instance) as raw:
        return set(raw.execute("SELECT post_id, uid FROM mentions JOIN users ON users.id = user_id"))


async def test_a_mention_marks_who_may_read_it(alice: Person, bob: Person, root: Person, instance: Path) -> None:
    channel = await opened(root, "course", reading="members")
    await joined(root, "course", "alice")
    made = await posted(alice, "Thanks @Bob, @nobody and @alice. `@root` x@root", channel)
    assert made["html"].startswith(f"<p>Thanks @Bob, @nobody and {mark('alice')}. <code>@root</code> x@root")
    assert kept(instance) == set()  # to oneself nothing is told
    await joined(root, "course", "bob")
    again = await posted(alice, "Thanks @Bob, @bob and @ROOT!", channel)
    assert again["html"] == f"<p>Thanks {mark('bob')}, {mark('bob')} and {mark('root')}!</p>"
    assert kept(instance) == {(again["id"], "bob"), (again["id"], "root")}


async def test_an_edit_mentions_others(alice: Person, bob: Person, root: Person, instance: Path) -> None:
    made = await posted(alice, "Hello @bob")
    path = f"/api/posts/{made['id']}"
    edited: Json = (await alice.patch(path, {"body": "Hello @root"})).json()
    assert edited["html"] == f"<p>Hello {mark('root')}</p>"
    assert kept(instance) == {(made["id"], "root")}
    assert (await alice.patch(path, {"body": "Hello"})).json()["html"] == "<p>Hello</p>"
    assert kept(instance) == set()
    await alice.patch(path, {"body": "Hello @bob"})
    await alice.delete(path)
    assert kept(instance) == set()


async def test_a_guest_mentions_nobody(anyone: Person, alice: Person, root: Person, instance: Path) -> None:
    channel = await opened(root, "wall", posting="guests")
    made = await posted(anyone, "Hello @alice", channel, guest="Grace")
    assert made["html"] == "<p>Hello @alice</p>"
    assert kept(instance) == set()


def uids(answer: httpx.Response) -> list[str]:
    return [person["uid"] for person in answer.json()["people"]]


async def test_people_are_found_by_the_beginning_of_a_name(alice: Person, bob: Person, root: Person) -> None:
    await opened(root, "course", reading="members")
    refused(await alice.get("/api/groups/course/people"), 404)
    for uid in ("alice", "bob"):
        await joined(root, "course", uid)
    await bob.patch("/api/me", {"name": "Robert José"})
    found = await alice.get("/api/groups/course/people")
    assert found.json()["people"][0] == {"uid": "bob", "name": "Robert José", "avatar": None}
    assert uids(found) == ["bob", "root"]
    for typed, there in (("BO", True), ("jos", True), ("robe", True), ("o", False), ("%", False), ("_ob", False)):
        assert uids(await alice.get("/api/groups/course/people", params={"q": typed})) == ["bob"] * there
    refused(await alice.get("/api/groups/home/people"), 403)
