"""Feeds of posts: valid, conditional, never stale, and with nothing that is pending or private."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import feedparser
import httpx
import pytest

from model.settings import Settings
from tests.api.conftest import Json, opened, posted, refused
from tests.cases import in_turn
from tests.conftest import Person, World

PUBLIC = "https://talk.example"
PATHS = ("/channels/{channel}/feed", "/groups/home/feed", "/posts/{root}/feed")
HOSTILE = "</content></entry><script>alert(1)</script> ]]> &amp; <b> \U0001f600 𝒳"


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, url=PUBLIC)


def parsed(answer: httpx.Response) -> Any:
    """A feed of either kind, with its entries as readers of feeds have them."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    kind = answer.headers["Content-Type"]
    found = from_json(answer.json()) if kind.startswith("application/feed+json") else from_atom(answer.content)
    assert found.feed.title
    for entry in found.entries:
        assert entry.id.startswith("urn:pottle:")
        assert entry.link.startswith(PUBLIC)
        assert entry.title
        assert entry.author
        assert datetime.fromisoformat(entry.published).tzinfo is not None
    return found


def posts_in(answer: httpx.Response) -> list[int]:
    """The ids of the posts in a feed."""
    return [int(entry.id.rpartition(":")[2]) for entry in parsed(answer).entries]


def from_atom(content: bytes) -> Any:
    found = feedparser.parse(content, sanitize_html=False, response_headers={"content-type": "application/atom+xml"})
    assert not found.bozo, found.bozo_exception
    assert found.version == "atom10"
    for entry in found.entries:
        entry.html = entry.content[0].value
    return found


def from_json(feed: Json) -> Any:
    """As https://www.jsonfeed.org/version/1.1/ says that it must be."""
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"].startswith(PUBLIC)
    entries = [
        SimpleNamespace(
            id=item["id"],
            link=item["url"],
            title=item["title"],
            author=item["authors"][0]["name"],
            published=item["date_published"],
            html=item["content_html"],
        )
        for item in feed["items"]
    ]
    return SimpleNamespace(feed=SimpleNamespace(title=feed["title"]), entries=entries)


async def test_it_works(alice: Person, bob: Person, anyone: Person) -> None:
    root = (await posted(alice, "The *question*"))["id"]
    reply = (await posted(bob, HOSTILE, parent=root))["id"]
    for path in PATHS:
        for kind in ("atom", "json"):
            found = parsed(await anyone.get(f"{path.format(channel=1, root=root)}.{kind}"))
            newest, oldest = found.entries[:2]
            assert newest.id.endswith(f":post:{reply}")
            assert newest.link == f"{PUBLIC}/posts/{reply}"
            assert newest.title.startswith("Bob in ")
            assert len(newest.title) <= 80
            assert oldest.html.strip() == "<p>The <em>question</em></p>"
            assert "script" in newest.html
            assert "<script" not in newest.html


async def test_times_are_those_of_the_newest(alice: Person, anyone: Person) -> None:
    empty = parsed(await anyone.get("/channels/1/feed.atom"))
    assert empty.feed.updated
    id_ = (await posted(alice))["id"]
    edited = (await alice.patch(f"/api/posts/{id_}", {"body": "Better"})).json()["edited"]
    found = parsed(await anyone.get("/channels/1/feed.atom"))
    assert (found.feed.updated, found.entries[0].updated) == (edited, edited)


async def test_nothing_private_pending_or_removed_is_in_them(alice: Person, root: Person, anyone: Person) -> None:
    await opened(root, "secret", reading="members")
    refused(await anyone.get("/groups/secret/feed.atom"), 404)
    refused(await anyone.get("/groups/class/feed.json"), 404)
    channel = await opened(root, "slow", review="all")
    waiting = (await posted(alice, "Waits", channel))["id"]
    gone = (await posted(alice, "Gone"))["id"]
    await alice.delete(f"/api/posts/{gone}")
    for path in (f"/channels/{channel}/feed", "/groups/slow/feed", "/channels/1/feed", "/groups/home/feed"):
        assert parsed(await anyone.get(f"{path}.json")).entries == []
    refused(await anyone.get(f"/posts/{waiting}/feed.atom"), 404)
    refused(await anyone.get(f"/posts/{gone}/feed.atom"), 404)


@in_turn("change", ["another post", "an edit", "a removal", "another name", "another title"])
async def test_they_are_conditional_and_never_stale(root: Person, alice: Person, anyone: Person, change: str) -> None:
    id_ = (await posted(alice, "Hello"))["id"]
    paths = [path.format(channel=1, root=id_) + ".atom" for path in PATHS]
    before = [await anyone.get(path) for path in paths]
    again = [
        await anyone.get(path, headers={"If-None-Match": one.headers["ETag"]})
        for path, one in zip(paths, before, strict=True)
    ]
    assert [one.status_code for one in again] == [304, 304, 304]
    if change == "another post":
        await posted(alice, "Another", parent=id_)
    elif change == "an edit":
        await alice.patch(f"/api/posts/{id_}", {"body": "Better"})
    elif change == "a removal":
        await alice.delete(f"/api/posts/{id_}")
    elif change == "another name":
        await alice.patch("/api/me", {"name": "Alicia"})
    else:
        await root.patch("/api/channels/1", {"title": "Elsewhere"})
    for path, was in zip(paths, before, strict=True):
        assert (await anyone.get(path)).content != was.content


async def test_a_reader_finds_the_replies_to_oneself(
    alice: Person, bob: Person, root: Person, anyone: Person, world: World
) -> None:
    public = (await posted(alice, "To all"))["id"]
    inside = (await posted(alice, "To the class", world.class_channel))["id"]
    answers = [(await posted(bob, "An answer", parent=public))["id"]]
    answers += [(await posted(bob, "Another", world.class_channel, parent=inside))["id"]]
    await posted(alice, "My own", parent=public)
    made = await alice.put("/api/me/feed")
    feed = {kind: urlsplit(made.json()[kind]).path for kind in ("atom", "json")}
    for path in feed.values():
        answer = await anyone.get(path)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert posts_in(answer) == answers[::-1]
    await root.delete("/api/groups/class/members/alice")
    assert [entry.id.rpartition(":")[2] for entry in parsed(await anyone.get(feed["json"])).entries] == [
        str(answers[0])
    ]
    again = urlsplit((await alice.put("/api/me/feed")).json()["atom"]).path
    refused(await anyone.get(feed["atom"]), 404)
    parsed(await anyone.get(again))
    assert (await alice.delete("/api/me/feed")).status_code == 204
    refused(await anyone.get(again), 404)
    refused(await alice.delete("/api/me/feed"), 404)


async def test_the_address_ends_with_the_account(alice: Person, root: Person, anyone: Person) -> None:
    path = urlsplit((await alice.put("/api/me/feed")).json()["json"]).path
    await root.patch("/api/users/alice", {"disabled": True})
    refused(await anyone.get(path), 404)


async def test_a_named_token_makes_no_address(alice: Person, person: Callable[..., Person]) -> None:
    token = (await alice.post("/api/me/tokens", {"name": "bot"})).json()["token"]
    refused(await person(Authorization=f"Bearer {token}").put("/api/me/feed"), 403)


async def test_the_page_of_a_discussion_names_its_feeds(alice: Person, anyone: Person, world: World) -> None:
    page = (await anyone.get("/channels/1")).text
    named = re.findall(r'<link rel="alternate" type="([^"]+)".* href="([^"]+)">', page)
    assert len(named) == 3
    for kind, path in named:
        answer = await anyone.get(path)
        parsed(answer)
        assert answer.headers["Content-Type"].startswith(kind)
    assert 'rel="alternate"' not in (await alice.get(f"/channels/{world.class_channel}")).text


async def test_the_public_address_counts_whatever_host_was_asked_for(anyone: Person, alice: Person) -> None:
    await posted(alice)
    answer = await anyone.get("/channels/1/feed.json", headers={"Host": "evil.example"})
    assert "evil.example" not in answer.text
