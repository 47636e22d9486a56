"""/groups/{slug}/manage and /admin: who gets these pages, and what they say without a script."""

from dataclasses import replace

import pytest

from pottle.store import db
from tests.api.conftest import refused
from tests.cases import in_turn
from tests.conftest import Person

HTML = {"Accept": "text/html"}


async def test_it_works(alice: Person, root: Person) -> None:
    page = await alice.get("/groups/class/manage", headers=HTML)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert '<h1 class="channel-title" dir="auto">Class</h1>' in page.text
    rules = await alice.get("/groups/class/manage/rules", headers=HTML)
    assert '<option value="members" selected>Members only</option>' in rules.text
    assert '<a href="/groups/class/manage/log" dir="auto">Activity log</a>' in page.text
    assert (await root.get("/groups/class/manage", headers=HTML)).status_code == 200
    assert '<h1 class="channel-title">Admin</h1>' in (await root.get("/admin", headers=HTML)).text


@in_turn("path", ["/groups/class/manage", "/groups/home/manage", "/groups/nowhere/manage", "/admin"])
async def test_whoever_is_not_signed_in_is_asked_to(anyone: Person, path: str) -> None:
    page = await anyone.get(path, headers=HTML)
    assert page.status_code == 401
    assert 'data-open="sign-in"' in page.text
    refused(await anyone.get(path), 401)


@in_turn(
    ("uid", "path"),
    [
        ("bob", "/groups/class/manage"),
        ("charlie", "/groups/class/manage"),
        ("alice", "/groups/home/manage"),
        ("alice", "/admin"),
    ],
)
async def test_to_others_there_is_no_such_page(
    alice: Person, bob: Person, charlie: Person, uid: str, path: str
) -> None:
    person = {"alice": alice, "bob": bob, "charlie": charlie}[uid]
    page = await person.get(path, headers=HTML)
    assert page.status_code == 404
    assert "Nothing here" in page.text


async def test_a_name_is_text(root: Person, alice: Person) -> None:
    await alice.patch("/api/groups/class", {"name": '<b>4b</b>"><script>'})
    page = (await root.get("/groups/class/manage", headers=HTML)).text
    assert "<b>4b" not in page
    assert '"><script>' not in page


async def test_links_are_for_those_who_may(anyone: Person, alice: Person, root: Person, bob: Person) -> None:
    await root.post("/api/groups/home/members", {"uid": "alice", "role": "moderator"})
    manage, admin = '<a class="manage" href="/groups/home/manage"', '<a class="quiet admins" href="/admin"'
    for person, moderates, administers in (
        (anyone, False, False),
        (bob, False, False),
        (alice, True, False),
        (root, True, True),
    ):
        page = (await person.get("/channels/1", headers=HTML)).text
        assert (f"{manage}>" in page, f"{manage} hidden>" in page) == (moderates, not moderates)
        assert (f"{admin}>" in page, f"{admin} hidden>" in page) == (administers, not administers)


async def test_the_address_for_the_board_is_the_public_one(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who manages the group on the server itself may have found it at localhost, where no pupil will."""
    assert 'data-join-at="pottle.test/join"' in (await alice.get("/groups/class/manage", headers=HTML)).text
    monkeypatch.setattr(db, "settings", replace(db.settings, url="https://pottle.example/talk"))
    assert 'data-join-at="pottle.example/talk/join"' in (await alice.get("/groups/class/manage", headers=HTML)).text
