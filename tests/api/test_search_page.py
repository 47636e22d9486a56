"""The page of search without JavaScript, and what docs/search.md says that one can type."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from api.access import SEARCHING
from model.talk.search import upkeep
from tests import databases
from tests.api.conftest import joined, opened, posted, refused
from tests.conftest import Person
from tests.make import Make
from tests.pages import chapter

WORDS = re.compile(r'<span class="words" dir="auto">(.*?)</span>', re.DOTALL)
EXAMPLE = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
LEAF, PHRASE, AUTUMN, CODE = "A leaf, and it is green", "The green leaf", "A leaf in autumn", "A leaf: `min(light)`"
# What each example of the document finds of these, newest first.
FOUND = {
    "leaf green": [PHRASE, LEAF],
    '"green leaf"': [PHRASE],
    "leaf -autumn": [CODE, PHRASE, LEAF],
    "gre*": [PHRASE, LEAF],
    "from:max": [PHRASE],
    "in:biology": [CODE, PHRASE, AUTUMN, LEAF],
    "has:code": [CODE],
    "after:2026-09-01": [CODE, PHRASE, LEAF],
    "before:2026-09-01": [AUTUMN],
    "leaf from:max in:biology": [PHRASE],
}


@pytest.fixture
async def biology(root: Person, alice: Person, make: Make, instance: Path) -> int:
    """A group for members, with these posts."""
    channel = await opened(root, "biology", reading="members", posting="members", review="none")
    max_ = await make.user("max")
    for uid in ("alice", "max"):
        await joined(root, "biology", uid)
    for person, body in ((alice, LEAF), (alice, AUTUMN), (max_, PHRASE), (alice, CODE)):
        await posted(person, body, channel)
    with databases.opened(instance) as raw:
        raw.execute("UPDATE posts SET created = '2026-10-15T10:00:00.000Z'")
        raw.execute("UPDATE posts SET created = '2026-08-15T10:00:00.000Z' WHERE body = ?", (AUTUMN,))
    await upkeep.begin_anew()
    await upkeep.go_on()
    return channel


async def shown(person: Person, query: str, **more: str) -> list[str]:
    """The texts of the results on the page."""
    page = await person.http.get("/search", params={"q": query, **more})
    assert page.status_code == 200, page.text
    return [unescape(re.sub(r"<[^>]*>", "", words)) for words in WORDS.findall(page.text)]


@pytest.mark.usefixtures("biology")
async def test_it_works(alice: Person, anyone: Person) -> None:
    """Each example of the document finds what it says, for members."""
    assert {*EXAMPLE.findall(chapter("search", "What you can type"))} == {*FOUND}
    for query, texts in FOUND.items():
        assert await shown(alice, query) == [text.replace("`", "") for text in texts], query
        assert await shown(anyone, query) == [], query


async def test_nothing_that_is_typed_is_an_error(alice: Person, anyone: Person) -> None:
    await posted(alice, "<script>alert(1)</script> & <b>bold</b>")
    for query in ("", " ", "-", '"', "*", "has:", "in:nowhere", "NOT (", "x" * 5000, "\u202e", "from:"):
        await shown(anyone, query)
    page = await anyone.http.get("/search", params={"q": 'bold "><script>'})
    assert "<script>" not in page.text.partition("<main")[2]
    assert "&amp; &lt;b&gt;<mark>bold</mark>" in page.text
    refused(await anyone.get("/search?q=bold&before=made-up"), 422)


async def test_what_is_chosen_writes_itself_into_the_query(anyone: Person) -> None:
    async def leads_to(**fields: str) -> str:
        answer = await anyone.http.get("/search", params=fields)
        assert answer.status_code == 303, answer.text
        [query] = parse_qs(urlsplit(answer.headers["Location"]).query).get("q", [""])
        return query

    assert await leads_to(q='leaf "in:dry" in:biology', group="home", by="@max", since="", until="2026-01-01") == (
        'leaf "in:dry" in:home from:max before:2026-01-01'
    )
    assert await leads_to(q="leaf in:biology has:code", group="", has="") == "leaf"
    assert await leads_to(q="leaf", scope="biology") == "leaf in:biology"
    assert await leads_to(q="leaf in:home", scope="biology") == "leaf in:home"
    assert await leads_to(q="", scope="biology") == "in:biology"


async def test_it_goes_on_until_everything_is_shown(alice: Person, bob: Person, anyone: Person) -> None:
    for number in range(25):
        await posted(alice if number % 2 else bob, f"Number {number}")
    first = await anyone.http.get("/search?q=number")
    older = re.search(r'class="older"><a [^>]*href="([^"]*)"', first.text)
    assert older
    rest = await anyone.http.get(f"/search{unescape(older[1])}")
    numbers = [int(words.rsplit(" ", 1)[1]) for words in WORDS.findall(first.text + rest.text)]
    assert numbers == [*range(24, -1, -1)]
    assert 'class="older"' not in rest.text


async def test_it_is_limited(anyone: Person, app: object) -> None:
    """In each worker by itself."""
    for _ in range(2 * SEARCHING.count):
        answer = await anyone.http.get("/search?q=x")
        if answer.status_code == 429:
            break
        assert answer.headers["RateLimit"].startswith('"searches";r=')
    assert int(answer.headers["Retry-After"]) >= 1
