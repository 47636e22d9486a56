"""GET /api/audit and /api/groups/{slug}/audit: who did what, and when."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from model import audit
from pottle import times
from pottle.store import db
from tests import databases
from tests.api.conftest import dump, posted, refused, wrong_fields
from tests.conftest import PASSWORD, Person, World
from tests.pages import page
from tests.server import ROOT

Act = Callable[[dict[str, Person], World], Any]


async def told(person: Person, path: str = "/api/audit", **query: Any) -> list[tuple[str, ...]]:
    """What was noted since the world was made, newest first: actor, action, subject, group, detail."""
    answer = await person.get(path, params={"limit": 100, **query})
    assert answer.status_code == 200, answer.text
    entries = answer.json()["entries"]
    assert entries == sorted(entries, key=lambda entry: -entry["id"])
    return [tuple(entry[name] for name in ("actor", "action", "subject", "group", "detail")) for entry in entries]


@pytest.fixture
def people(alice: Person, bob: Person, charlie: Person, root: Person) -> dict[str, Person]:
    return {person.uid: person for person in (alice, bob, charlie, root)}


async def test_it_works(root: Person, alice: Person) -> None:
    before = await told(root)
    await root.patch("/api/users/bob", {"disabled": True})
    await alice.delete("/api/groups/class/members/bob")
    assert await told(root) == [
        ("alice", "member.removed", "bob", "class", None),
        ("root", "user.disabled", "bob", None, None),
        *before,
    ]
    entry = (await root.get("/api/audit", params={"limit": 1})).json()["entries"][0]
    assert entry.keys() == {"id", "at", "actor", "action", "subject", "group", "detail"}
    assert entry["at"] <= times.now()


async def test_what_the_operator_did_has_no_actor(root: Person) -> None:
    assert (await told(root))[-1] == ("", "user.created", "alice", None, "user")


async def roles(people: dict[str, Person], _world: World) -> list[tuple[Any, ...]]:
    for change in ({"role": "admin"}, {"role": "user"}, {"role": "user"}, {"disabled": True}, {"disabled": False}):
        await people["root"].patch("/api/users/bob", change)
    return [
        ("root", "user.role", "bob", None, "admin"),
        ("root", "user.role", "bob", None, "user"),
        ("root", "user.disabled", "bob", None, None),
        ("root", "user.enabled", "bob", None, None),
    ]


async def memberships(people: dict[str, Person], _world: World) -> list[tuple[Any, ...]]:
    await people["alice"].post("/api/groups/class/members", {"uid": "CHARLIE", "role": "moderator"})
    await people["alice"].delete("/api/groups/class/members/charlie")
    return [
        ("alice", "member.put", "charlie", "class", "moderator"),
        ("alice", "member.removed", "charlie", "class", None),
    ]


async def groups(people: dict[str, Person], _world: World) -> list[tuple[Any, ...]]:
    await people["root"].post("/api/groups", {"slug": "club", "name": "Club", "reading": "members"})
    await people["root"].patch("/api/groups/club", {"review": "all", "origins": ["https://a.example"]})
    await people["root"].delete("/api/groups/club")
    made = "name: Club, origins: none, reading: members, posting: users, review: none, anonymous: no, images: no"
    return [
        ("root", "group.created", "club", "club", made),
        ("root", "group.edited", "club", "club", "origins: https://a.example, review: all"),
        ("root", "group.removed", "club", "club", None),
    ]


async def channels(people: dict[str, Person], world: World) -> list[tuple[Any, ...]]:
    path = f"/api/channels/{world.class_channel}"
    for change in ({"locked": True}, {"locked": True}, {"locked": False}, {"title": "Our room"}):
        assert (await people["alice"].patch(path, change)).status_code == 200
    await people["alice"].delete(path)
    subject = f"channel {world.class_channel}"
    return [
        ("alice", "channel.locked", subject, "class", "Room"),
        ("alice", "channel.unlocked", subject, "class", "Room"),
        ("alice", "channel.deleted", subject, "class", "Our room"),
    ]


async def posts(people: dict[str, Person], world: World) -> list[tuple[Any, ...]]:
    alice, bob = people["alice"], people["bob"]
    first, own = [await posted(bob, "One", world.class_channel) for _ in range(2)]
    await alice.delete(f"/api/posts/{first['id']}")
    await alice.patch(f"/api/posts/{first['id']}", {"state": "published"})
    await alice.patch(f"/api/posts/{first['id']}", {"state": "removed"})
    await bob.patch(f"/api/posts/{own['id']}", {"body": "Edited"})
    await bob.delete(f"/api/posts/{own['id']}")
    subject = f"post {first['id']}"
    return [
        ("alice", "post.removed", subject, "class", "by bob"),
        ("alice", "post.restored", subject, "class", "by bob"),
        ("alice", "post.removed", subject, "class", "by bob"),
    ]


async def review(people: dict[str, Person], world: World) -> list[tuple[Any, ...]]:
    await people["alice"].patch("/api/groups/class", {"review": "all"})
    waiting = await posted(people["bob"], "May I?", world.class_channel)
    await people["alice"].patch(f"/api/posts/{waiting['id']}", {"state": "published"})
    return [
        ("alice", "group.edited", "class", "class", "review: all"),
        ("alice", "post.approved", f"post {waiting['id']}", "class", "by bob"),
    ]


async def credentials(people: dict[str, Person], _world: World) -> list[tuple[Any, ...]]:
    bob = people["bob"]
    made = (await bob.post("/api/me/tokens", {"name": "bell"})).json()
    await bob.delete(f"/api/me/tokens/{made['id']}")
    await bob.patch("/api/me", {"password": "correct donkey", "current_password": PASSWORD})
    await bob.patch("/api/me", {"name": "Bobby"})
    await bob.delete("/api/me", json={"password": "correct donkey"})
    return [
        ("bob", "token.made", "bob", None, "bell"),
        ("bob", "token.deleted", "bob", None, f"token {made['id']}"),
        ("bob", "password.changed", "bob", None, None),
        ("bob", "user.deleted", "bob", None, None),
    ]


@pytest.mark.parametrize("act", [roles, memberships, groups, channels, posts, review, credentials])
async def test_it_notes(root: Person, people: dict[str, Person], world: World, act: Act) -> None:
    before = len(await told(root))
    expected = await act(people, world)
    assert (await told(root))[:-before] == expected[::-1]


async def test_what_was_refused_is_not_noted(root: Person, alice: Person, charlie: Person) -> None:
    before = await told(root)
    refused(await alice.patch("/api/users/bob", {"disabled": True}), 403)
    refused(await root.patch("/api/users/root", {"disabled": True}), 409)
    refused(await charlie.patch("/api/groups/home", {"name": "Mine"}), 403)
    assert await told(root) == before


async def test_it_keeps_no_secret_and_no_post(people: dict[str, Person], world: World, instance: Path) -> None:
    made = (await people["bob"].post("/api/me/tokens", {"name": "bell"})).json()
    await people["bob"].patch("/api/me", {"password": "correct donkey", "current_password": PASSWORD})
    wrote = await posted(people["bob"], "What I regret", world.class_channel)
    await people["alice"].delete(f"/api/posts/{wrote['id']}")
    kept = str(dump(instance)["audit"])
    for secret in (made["token"], made["token"][4:], "donkey", PASSWORD, "regret"):
        assert secret not in kept


async def test_it_is_filtered_by_group_and_by_whom_it_concerns(root: Person, alice: Person) -> None:
    await alice.post("/api/groups/class/members", {"uid": "charlie"})
    await root.post("/api/groups/home/members", {"uid": "bob"})
    assert {entry[3] for entry in await told(root, group="class")} == {"class"}
    assert await told(root, group="home") == [("root", "member.put", "bob", "home", "member")]
    assert {entry[2] for entry in await told(root, uid="Charlie")} == {"charlie"}
    assert ("alice", "member.put", "charlie", "class", "member") in await told(root, uid="alice")
    assert await told(root, group="home", uid="alice") == []


async def test_it_comes_in_pages(root: Person) -> None:
    whole = await told(root)
    first = (await root.get("/api/audit", params={"limit": 2})).json()
    rest = (await root.get("/api/audit", params={"before": first["next"]})).json()
    assert len(first["entries"] + rest["entries"]) == len(whole)


async def test_a_groups_moderators_see_what_was_done_there(alice: Person, root: Person) -> None:
    await root.patch("/api/users/bob", {"disabled": True})
    await alice.post("/api/groups/class/members", {"uid": "charlie"})
    seen = await told(alice, "/api/groups/class/audit")
    assert seen[0] == ("alice", "member.put", "charlie", "class", "member")
    assert {entry[3] for entry in seen} == {"class"}


async def test_they_do_not_see_what_was_done_in_an_older_group_of_that_name(
    root: Person, alice: Person, instance: Path
) -> None:
    await root.delete("/api/groups/class")
    with databases.opened(instance) as raw:
        raw.execute("UPDATE audit SET at = '2020'")  # long ago, that is before anything in this very millisecond
    await root.post("/api/groups", {"slug": "class", "name": "New"})
    await root.post("/api/groups/class/members", {"uid": "alice", "role": "moderator"})
    seen = await told(alice, "/api/groups/class/audit")
    assert [entry[1] for entry in seen] == ["member.put", "group.created"]


async def test_it_rejects_everybody_else(alice: Person, bob: Person, charlie: Person, anyone: Person) -> None:
    refused(await anyone.get("/api/audit"), 401)
    refused(await alice.get("/api/audit"), 403)
    refused(await anyone.get("/api/groups/class/audit"), 401)
    refused(await bob.get("/api/groups/class/audit"), 403)
    refused(await charlie.get("/api/groups/class/audit"), 404)


async def test_it_rejects_what_is_too_long(root: Person) -> None:
    params = {"group": "a" * 61, "uid": "a" * 41}
    assert wrong_fields(await root.get("/api/audit", params=params)) == {"group", "uid"}


async def test_it_is_forgotten_after_a_year(root: Person, instance: Path) -> None:
    whole = await told(root)
    with databases.opened(instance) as raw:
        for id_, days in ((1, 366), (2, 364)):
            raw.execute("UPDATE audit SET at = ? WHERE id = ?", (times.later(days=-days), id_))
    await db.write(audit.forget_old)
    assert await told(root) == whole[:-1]


@pytest.mark.check
class TestTheList:
    def test_the_docs_explain_every_action(self) -> None:
        table = page("administration").split("| action |")[1].split("\n\n")[0]
        assert re.findall(r"`([a-z]+\.[a-z]+)`", table) == list(get_args(audit.Action))

    def test_the_pages_have_words_for_every_action(self) -> None:
        words = (ROOT / "static" / "trail.js").read_text()
        assert re.findall(r"'([a-z]+\.[a-z]+)':", words) == list(get_args(audit.Action))

    def test_every_action_is_noted_somewhere(self) -> None:
        files = [*(ROOT / "model").rglob("*.py"), ROOT / "api" / "me.py"]
        written = "".join(file.read_text() for file in files if file.name != "audit.py")
        assert [action for action in get_args(audit.Action) if f'"{action}"' not in written] == []
