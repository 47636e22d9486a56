"""A group leaves as one file, which can be imported again, and tells nobody more than its moderators may know."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from model.arriving.opened import Opened
from model.arriving.plan import Comment, Part, Person, Report, Thread
from model.arriving.readers import pottle, wordpress
from model.arriving.texts import as_markdown
from model.talk.markdown import rendered
from tests.api.conftest import Json, posted, refused
from tests.conftest import PASSWORD, World
from tests.conftest import Person as User

SECRET = "bob@secret.example"
HOSTILE = "Is `a]]>b` > \U0001f600?\n\n```\nx <y>\n  z\n```"
WP = "{http://wordpress.org/export/1.2/}"


async def filled(root: User, alice: User, bob: User) -> dict[str, Json]:
    """A group with all that there can be in one, by what it is."""
    made = {
        "slug": "club",
        "name": "Club & Co",
        "posting": "users",
        "anonymous": True,
        "origins": ["https://club.example"],
    }
    assert (await root.post("/api/groups", made)).status_code == 201
    await root.post("/api/groups/club/members", {"uid": "bob"})
    await bob.patch("/api/me", {"email": SECRET, "current_password": PASSWORD})
    page = (await root.post("/api/groups/club/channels", {"key": "/ä/", "title": "Page"})).json()
    first = await posted(bob, HOSTILE, page["id"])
    reply = await posted(alice, "Yes", page["id"], parent=first["id"])
    hidden = await posted(bob, "Who am I", page["id"], anonymous=True)
    gone = await posted(bob, "Erased", page["id"])
    await alice.put(f"/api/posts/{first['id']}/reactions/heart")
    await bob.delete(f"/api/posts/{gone['id']}")
    return {"page": page, "first": first, "reply": reply, "hidden": hidden}


async def test_json_comes_back(root: User, alice: User, bob: User, tmp_path: Path) -> None:
    there = await filled(root, alice, bob)
    answer = await root.get("/api/groups/club/export")
    found = answer.json()
    assert found["complete"]
    assert found["group"]["slug"] == "club"
    assert [post["id"] for post in found["posts"]] == [there[name]["id"] for name in ("first", "reply", "hidden")]
    assert found["posts"][2]["author"] == {"anonymous": True}
    assert found["posts"][0]["html"] == there["first"]["html"]
    assert SECRET not in answer.text
    assert "Erased" not in answer.text
    path = tmp_path / "club.json"
    path.write_bytes(answer.content)
    file, report = Opened(path, 10**6), Report()
    assert pottle.looks_like(file.head, file.name)
    parts: list[Part] = [*pottle.read(file, report)]
    assert not report
    assert [part for part in parts if isinstance(part, Thread)] == [Thread("/ä", "Page")]
    assert {part.name for part in parts if isinstance(part, Person)} == {"Alice", "Bob"}
    first, reply, hidden = [part for part in parts if isinstance(part, Comment)]
    assert (first.text, first.votes, first.form) == (HOSTILE, {"heart": 1}, "markdown")
    assert (reply.parent, reply.person) == (first.id, "uid:alice")
    assert hidden.person is None


async def test_wordpress_reads_it(root: User, alice: User, bob: User, tmp_path: Path) -> None:
    there = await filled(root, alice, bob)
    answer = await root.get("/api/groups/club/export?format=wxr")
    assert SECRET not in answer.text
    channel = ElementTree.fromstring(answer.content).find("channel")  # noqa: S314  # our own
    assert channel is not None
    assert channel.findtext(f"{WP}wxr_version") == "1.2"
    item = channel.find("item")
    assert item is not None
    assert (item.findtext("title"), item.findtext("link")) == ("Page", "https://club.example/%C3%A4")
    found = item.findall(f"{WP}comment")
    first, reply, hidden = [{field.tag.removeprefix(WP): field.text for field in comment} for comment in found]
    assert "a]]&gt;b" in (first["comment_content"] or "")
    assert "x &lt;y&gt;\n  z" in (first["comment_content"] or "")
    assert reply["comment_parent"] == str(there["first"]["id"]) == first["comment_id"]
    assert (first["comment_approved"], first["comment_author"]) == ("1", "Bob")
    assert hidden["comment_author"] == "Anonymous"
    path = tmp_path / "club.xml"
    path.write_bytes(answer.content)
    file, report = Opened(path, 10**6), Report()
    assert wordpress.looks_like(file.head, file.name)
    parts: list[Part] = [*wordpress.read(file, report)]
    assert not report
    assert [part for part in parts if isinstance(part, Thread)] == [Thread("https://club.example/%C3%A4", "Page")]
    came = [part for part in parts if isinstance(part, Comment)]
    said = [there[name] for name in ("first", "reply", "hidden")]
    assert [(part.id, part.created.isoformat(timespec="seconds")) for part in came] == [
        (str(post["id"]), f"{post['created'][:19]}+00:00") for post in said
    ]
    assert [part.parent for part in came] == [None, came[0].id, None]
    assert len({part.person for part in came}) == 3
    assert rendered(as_markdown(came[0].text, came[0].form)) == there["first"]["html"]


@pytest.mark.parametrize("form", ["json", "wxr"])
async def test_it_is_for_moderators(root: User, bob: User, anyone: User, world: World, form: str) -> None:
    where = f"/api/groups/home/export?format={form}"
    refused(await anyone.get(where), 401)
    refused(await bob.get(where), 403)
    refused(await root.get("/api/groups/home/export?format=zip"), 422)
