"""The room at a glance: who of a group has written how much. Alice moderates `class`, to which Bob and Ben belong."""

import csv
import io

import pytest

from tests.api.conftest import Json, posted, refused, wrong_fields
from tests.conftest import Person, World
from tests.make import Make

ROOM = "/api/groups/class/room"


@pytest.fixture
async def ben(make: Make, alice: Person) -> Person:
    """Whose name would be a formula in a spreadsheet."""
    ben = await make.user("ben", name="=HYPERLINK(1)")
    assert (await alice.post("/api/groups/class/members", {"uid": "ben"})).status_code == 201
    return ben


@pytest.fixture
async def other(alice: Person) -> int:
    """Another discussion of the class."""
    return int((await alice.post("/api/groups/class/channels", {"key": "other"})).json()["id"])


async def counted(alice: Person, query: str = "") -> dict[str, tuple[int, int, int]]:
    people = (await alice.get(ROOM + query)).json()["people"]
    return {one["uid"]: (one["posts"], one["replies"], one["answers"]) for one in people}


async def test_it_works(alice: Person, bob: Person, ben: Person, other: int, world: World) -> None:
    nobody = {"ben": (0, 0, 0), "root": (0, 0, 0)}
    question = await posted(alice, "Why?", world.class_channel)
    reply = await posted(bob, "So", world.class_channel, parent=question["id"])
    gone = await posted(ben, "Rude", world.class_channel)
    elsewhere = await posted(bob, "Elsewhere", other)
    await alice.patch(f"/api/posts/{reply['id']}", {"endorsed": True})
    await alice.delete(f"/api/posts/{gone['id']}")
    assert await counted(alice) == {**nobody, "alice": (1, 0, 0), "bob": (2, 1, 1)}
    assert await counted(alice, f"?channel={other}") == {**nobody, "alice": (0, 0, 0), "bob": (1, 0, 0)}
    (latest,) = [one["latest"] for one in (await alice.get(ROOM)).json()["people"] if one["uid"] == "bob"]
    assert latest == elsewhere["created"]
    assert (await bob.put(f"/api/channels/{other}/read", json={"until": elsewhere["id"]})).status_code in (200, 204)
    seen = {one["uid"]: one["seen"] for one in (await alice.get(ROOM)).json()["people"]}
    assert seen["bob"] > latest
    assert seen["ben"] is None
    orders = {"name": "ben alice bob root", "posts": "ben root alice bob", "latest": "ben root alice bob"}
    for order, uids in orders.items():
        assert list(await counted(alice, f"?order={order}")) == uids.split()


async def test_who_wrote_only_anonymously_has_written(alice: Person, bob: Person, world: World) -> None:
    await alice.patch("/api/groups/class", {"anonymous": True})
    await posted(bob, "I?", world.class_channel, anonymous=True)
    assert (await counted(alice))["bob"] == (1, 0, 0)


async def test_what_is_asked_for_must_be_there(alice: Person) -> None:
    refused(await alice.get(f"{ROOM}?channel=1"), 404)  # of another group
    assert wrong_fields(await alice.get(f"{ROOM}?channel=0")) == {"channel"}
    assert wrong_fields(await alice.get(f"{ROOM}?order=age")) == {"order"}


async def test_the_table_has_no_formulas(alice: Person, bob: Person, ben: Person, world: World) -> None:
    made = await posted(bob, "Hello", world.class_channel)
    answer = await alice.get(f"/groups/class/room.csv?channel={world.class_channel}")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="class.csv"'
    assert answer.content.startswith("\ufeff".encode())
    headings, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert headings[:3] == ["Name", "User name", "Role"]
    assert rows[0][:2] == ["'=HYPERLINK(1)", "ben"]
    assert rows[2] == ["Bob", "bob", "member", "1", "0", "0", made["created"][:16].replace("T", " "), ""]


async def test_the_page_says_who_has_not_written(alice: Person, bob: Person, ben: Person, world: World) -> None:
    await posted(bob, "What is it?", world.class_channel)
    page: Json = {"headers": {"Accept": "text/html"}}
    text = (await alice.get(f"/groups/class/room?channel={world.class_channel}&utm_source=mail", **page)).text
    assert "1 of 2 have written." in text
    quiet = text.partition('<ul class="names">')[2].partition("</ul>")[0]
    assert "=HYPERLINK(1)" in quiet
    assert "Bob" not in quiet
    assert "What is it?" in text
