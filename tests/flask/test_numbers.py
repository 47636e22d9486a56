"""Imported things keep their numbers below `/flask`: pages have them written in (`channel_id: 17`)."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import main
from model.flask.extras import APART
from model.settings import Settings
from tests.conftest import Person
from tests.flask.backends import FLOCKER, Backend
from tests.flask.conftest import SITE, Visit, ok, posted, refused
from tests.test_commands import said

THEIRS = 17


@pytest.fixture
def theirs(tmp_path: Path) -> Backend:
    """A group 13 with the channels 1 (which is also the lobby's number here), 17, and 18 of the same name; in 17 a post
    900 with a vote."""
    backend = Backend(tmp_path / "flocker.db", FLOCKER)
    backend.user(41, "toby", "Thomas Edison", _email="?")
    backend.add("sections", id=5, _name="Create and Compete")
    backend.add("groups", id=13, _name="Culinary Posts", _section_id=5)
    backend.add("channels", id=1, _name="Soup", _group_id=13)
    backend.add("channels", id=THEIRS, _name="Cakes", _attributes='{"content": "Sweet"}', _group_id=13)
    backend.add("channels", id=18, _name="Cakes", _group_id=13)
    backend.post(900, "", "An old cake", 41, THEIRS)
    backend.vote(1, "upvote", 41, 900)
    return backend


@pytest.fixture
def others(tmp_path: Path) -> Backend:
    """Another back end, whose channel has a number that one of the first has."""
    backend = Backend(tmp_path / "other.db", FLOCKER)
    backend.add("sections", id=6, _name="Elsewhere")
    backend.add("groups", id=14, _name="Others", _section_id=6)
    backend.add("channels", id=THEIRS, _name="Theirs", _group_id=14)
    return backend


@pytest.fixture
def told(instance: Path, theirs: Backend, others: Backend) -> list[str]:
    """What the imports of both said."""
    runner = main.create_app(Settings(instance=instance)).test_cli_runner()
    results: list[Result] = [runner.invoke(args=["import-flask", str(back.path)]) for back in (theirs, others)]
    return [line for result in results for line in said(result).splitlines()]


@pytest.fixture
def settings(instance: Path, told: list[str]) -> Settings:
    """The application starts on what was imported."""
    return Settings(instance=instance, flask_origins=(SITE,))


async def channels(visit: Visit) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in ok(await visit("bob").get("/flask/api/channels"))}


async def test_a_page_with_its_numbers_written_in_finds_its_own_channel(visit: Visit, anyone: Person) -> None:
    """Seen to fail: the post came into the channel that has the number 17 here, or into none."""
    made = await posted(visit("bob"), channel_id=THEIRS)
    assert (made["channel_name"], made["channel_id"]) == ("Cakes", THEIRS)
    listed = ok(await visit().post("/flask/api/posts/filter", {"channel_id": str(THEIRS)}))
    assert [(one["id"], one["comment"]) for one in listed] == [(900, "An old cake"), (made["id"], "Comment")]
    soup = await posted(visit("bob"), channel_id=1)
    assert soup["channel_name"] == "Soup"
    found = (await anyone.get("/api/channels/1/posts")).json()["posts"]
    assert found == []  # the lobby's, by its own id


async def test_posts_groups_and_sections_keep_theirs(visit: Visit) -> None:
    assert {one["id"]: one["name"] for one in ok(await visit().get("/flask/api/groups"))}[13] == "Culinary Posts"
    assert 5 in {one["id"] for one in ok(await visit().get("/flask/api/section"))}
    assert ok(await visit().get("/flask/api/vote/post?post_id=900"))["upvote_count"] == 1
    ok(await visit("bob").post("/flask/api/vote", {"post_id": "900", "vote_type": "upvote"}))
    assert ok(await visit().get("/flask/api/vote/post?post_id=900"))["upvote_count"] == 2
    assert ok(await visit().get("/flask/api/post?id=900"))["comment"] == "An old cake"
    made = ok(await visit("bob").post("/flask/api/channel", {"name": "Bread", "group_id": 13}))
    assert made["group_id"] == 13


async def test_what_pages_keep_beside_a_channel_comes_along(visit: Visit) -> None:
    assert (await channels(visit))["Cakes"]["attributes"] == {"content": "Sweet"}


async def test_no_number_means_two_things(visit: Visit) -> None:
    """The lobby's own is taken by an imported channel, so it has another; an imported one's id counts for nothing."""
    found = await channels(visit)
    numbers = [one["id"] for one in found.values()]
    assert len(numbers) == len(set(numbers))
    assert found["Lobby"]["id"] == 1 + APART
    assert (await posted(visit("bob"), channel_id=1 + APART))["channel_name"] == "Lobby"
    for nothing in (3, 4, THEIRS + APART, 10**18 - 1):  # 3 and 4 are the ids of what was imported
        refused(await visit("bob").post("/flask/api/posts/filter", {"channel_id": nothing}), 404)


async def test_two_numbers_of_one_name_mean_one_channel(visit: Visit) -> None:
    for number in (THEIRS, 18):
        assert (await posted(visit("bob"), channel_id=number))["channel_id"] == THEIRS


async def test_a_second_back_ends_numbers_do_not_replace_the_firsts(visit: Visit, told: list[str]) -> None:
    assert any(f"Changed: channel {THEIRS}: has another number below /flask" in line for line in told)
    found = await channels(visit)
    assert found["Cakes"]["id"] == THEIRS
    assert (await posted(visit("bob"), channel_id=found["Theirs"]["id"]))["channel_name"] == "Theirs"
