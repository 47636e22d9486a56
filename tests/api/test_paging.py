"""Lists: newest first, `?limit=`, `?before=`, `?after=`, and the Link header."""

import asyncio
import base64
import html
import re
from pathlib import Path

import httpx
import pytest

from model.accounts.session import identify
from model.settings import Settings
from model.talk import posting
from pottle.http import caching
from tests.api.conftest import LOBBY, opened, posted, refused, wrong_fields
from tests.api.test_renewals import same_as_made_anew
from tests.cases import in_turn
from tests.conftest import Person, World

POSTS = 250


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


@pytest.fixture
async def ids(app: object, world: World) -> list[int]:
    """The ids of 250 posts in the lobby, newest first."""
    alice = await identify(world.tokens["alice"])
    draft = await posting.finished(posting.Draft("Hello"))
    made = await asyncio.gather(*[posting.create(alice, 1, draft, None) for _ in range(POSTS)])
    return sorted((view.id for view in made), reverse=True)


def shown(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["posts"]]


def links(answer: httpx.Response) -> dict[str, str]:
    """The Link header (RFC 8288), by relation."""
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers.get("Link", ""))}


async def test_it_works(anyone: Person, ids: list[int]) -> None:
    first = await anyone.get(LOBBY)
    assert shown(first) == ids[:20]
    assert first.json()["prev"] is None
    second = await anyone.get(f"{LOBBY}?before={first.json()['next']}")
    assert shown(second) == ids[20:40]
    assert shown(await anyone.get(f"{LOBBY}?after={second.json()['prev']}")) == ids[:20]


@pytest.mark.parametrize("limit", [7, 50, 100])
async def test_every_item_comes_once_there_and_back(anyone: Person, ids: list[int], limit: int) -> None:
    answer = await anyone.get(f"{LOBBY}?limit={limit}")
    older = shown(answer)
    while cursor := answer.json()["next"]:
        answer = await anyone.get(f"{LOBBY}?limit={limit}&before={cursor}")
        assert 1 <= len(shown(answer)) <= limit
        older += shown(answer)
    assert older == ids

    newer = shown(answer)
    while cursor := answer.json()["prev"]:
        answer = await anyone.get(f"{LOBBY}?limit={limit}&after={cursor}")
        newer = shown(answer) + newer
    assert newer == ids


async def test_the_link_header_leads_there_and_back(anyone: Person, ids: list[int]) -> None:
    answer = await anyone.get(f"{LOBBY}?limit=100")
    assert links(answer).keys() == {"next"}
    seen = [shown(answer)]
    while "next" in links(answer):
        answer = await anyone.get(links(answer)["next"])
        seen.append(shown(answer))
    assert [len(page) for page in seen] == [100, 100, 50]
    assert links(answer).keys() == {"prev"}
    back = [shown(answer)]
    while "prev" in links(answer):
        answer = await anyone.get(links(answer)["prev"])
        back.append(shown(answer))
    assert [id_ for page in reversed(back) for id_ in page] == ids


async def test_nothing_shifts_while_somebody_reads(anyone: Person, alice: Person, ids: list[int]) -> None:
    first = (await anyone.get(LOBBY)).json()
    new = await posted(alice)
    await alice.delete(f"/api/posts/{ids[0]}")
    assert shown(await anyone.get(f"{LOBBY}?before={first['next']}")) == ids[20:40]
    assert shown(await anyone.get(LOBBY))[:2] == [new["id"], ids[1]]


async def test_what_is_new_comes_after_what_one_has(anyone: Person, alice: Person, ids: list[int]) -> None:
    page = (await anyone.get(f"{LOBBY}?limit=5&before={(await anyone.get(f'{LOBBY}?limit=5')).json()['next']}")).json()
    assert shown(await anyone.get(f"{LOBBY}?after={page['prev']}")) == ids[:5]
    new = await posted(alice)
    assert shown(await anyone.get(f"{LOBBY}?after={page['prev']}")) == [new["id"], *ids[:5]]


async def test_a_cursor_outlives_what_it_points_at(anyone: Person, alice: Person, ids: list[int]) -> None:
    cursor = (await anyone.get(f"{LOBBY}?limit=10")).json()["next"]
    await alice.delete(f"/api/posts/{ids[9]}")
    assert shown(await anyone.get(f"{LOBBY}?limit=3&before={cursor}")) == ids[10:13]


async def test_a_last_page_that_is_full_is_the_last(anyone: Person, ids: list[int]) -> None:
    cursor = None
    for _ in range(5):
        answer = await anyone.get(f"{LOBBY}?limit=50" + (f"&before={cursor}" if cursor else ""))
        cursor = answer.json()["next"]
    assert shown(answer) == ids[200:]
    assert cursor is None


async def test_the_order_of_a_query_twice_given_counts(anyone: Person, ids: list[int]) -> None:
    """The response cache must not take one for the other."""
    one = await anyone.get(f"{LOBBY}?limit=1&limit=2")
    two = await anyone.get(f"{LOBBY}?limit=2&limit=1")
    assert one.status_code == two.status_code
    if one.status_code == 200:
        assert len(shown(one)) != len(shown(two))


@in_turn("limit", ["0", "101", "-1", "abc", "", "1.5", "1e400", "NaN", str(10**30), "9" * 5000, "%00"])
async def test_it_rejects_a_bad_limit(anyone: Person, limit: str) -> None:
    for path in (LOBBY, "/api/groups", "/api/groups/home/channels"):
        assert wrong_fields(await anyone.get(f"{path}?limit={limit}")) == {"limit"}


def disguised(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@in_turn("name", ["before", "after"])
@in_turn(
    "cursor",
    [
        "",
        "1",
        "abc",
        "!!",
        "é",
        "%00",
        "=" * 5,
        "A" * 10_000,
        disguised("c"),
        disguised("c-1"),
        disguised("c1.5"),
        disguised("c01"),
        disguised("x1"),
        disguised("c١"),
        disguised(f"c{10**30}"),
        disguised("c1") + "=",
    ],
)
async def test_it_rejects_a_made_up_cursor(anyone: Person, name: str, cursor: str) -> None:
    assert wrong_fields(await anyone.get(f"{LOBBY}?{name}={cursor}")) == {name}


async def test_it_rejects_both_ways_at_once(anyone: Person, ids: list[int]) -> None:
    cursor = (await anyone.get(LOBBY)).json()["next"]
    refused(await anyone.get(f"{LOBBY}?before={cursor}&after={cursor}"), 422)


async def test_it_rejects_an_unknown_question(anyone: Person) -> None:
    for path in (LOBBY, "/api/groups", "/api/groups/home/channels"):
        assert wrong_fields(await anyone.get(f"{path}?page=2")) == {"page"}


async def test_other_lists_have_pages_too(root: Person, anyone: Person) -> None:
    for number in range(5):
        await root.post("/api/groups", {"slug": f"g{number}", "name": "G"})
        await root.post("/api/groups/home/channels", {"key": f"k{number}"})
    for path, plural, name in (("/api/groups", "groups", "slug"), ("/api/groups/home/channels", "channels", "key")):
        everything = [item[name] for item in (await anyone.get(path)).json()[plural]]
        assert len(everything) == 6
        answer = await anyone.get(f"{path}?limit=4")
        following = await anyone.get(links(answer)["next"])
        assert [item[name] for page in (answer, following) for item in page.json()[plural]] == everything
        assert (await anyone.get(links(following)["prev"])).json()[plural] == answer.json()[plural]


@pytest.mark.parametrize("query", ["state=null", "state=Null"])
async def test_null_is_no_value_of_a_query(alice: Person, query: str) -> None:
    """msgspec reads it as None: a moderator who asked wrongly for what waits would get the whole list."""
    assert wrong_fields(await alice.get(f"{LOBBY}?{query}")) == {"state"}


async def test_null_is_a_word_like_any_other(root: Person) -> None:
    assert (await root.get("/api/users?q=null")).json()["users"] == []


class TestLargePosts:
    """A page ends early where its posts are large, and `next` and `prev` go on from there."""

    MOST = 250_000  # bytes of an answer: 128 KiB of texts, and the rest
    LINKS = "https://a.co/b, "  # 53 kB of HTML where it fills a post
    SIZES = (10_000, 10, 3_000, 10_000, 10_000, 9_000, 1, 10_000)

    @pytest.fixture
    async def ids(self, alice: Person) -> list[int]:
        bodies = [(self.LINKS * 1_000)[:size] for size in self.SIZES * 5]
        return [(await posted(alice, body))["id"] for body in bodies][::-1]

    async def test_it_works(self, anyone: Person, ids: list[int]) -> None:
        answer, older, newer, pages = await anyone.get(f"{LOBBY}?limit=100"), list[int](), list[int](), 1
        while older := [*older, *shown(answer)]:
            assert len(answer.content) < self.MOST
            if not (cursor := answer.json()["next"]):
                break
            assert links(answer)["next"].endswith(f"before={cursor}")
            answer, pages = await anyone.get(f"{LOBBY}?limit=100&before={cursor}"), pages + 1
        assert older == ids
        assert 10 <= pages <= 30
        while newer := [*shown(answer), *newer]:
            assert len(answer.content) < self.MOST
            if not (cursor := answer.json()["prev"]):
                break
            answer = await anyone.get(f"{LOBBY}?limit=100&after={cursor}")
        assert newer == ids

    async def test_a_page_of_html_does_so_too(self, anyone: Person, ids: list[int]) -> None:
        url, seen = "/channels/1?limit=100", list[int]()
        while url:
            page = await anyone.get(url)
            assert len(page.content) < self.MOST
            seen += map(int, re.findall(r'<article[^>]* id="p(\d+)"', page.text))
            assert len(seen) <= len(ids)
            older = re.search(r'href="([^"]*before=[^"]+)"', page.text)
            url = f"{html.unescape(older[1])}&limit=100" if older else ""
        assert sorted(seen, reverse=True) == ids

    async def test_an_answer_that_is_kept_stays_what_a_handler_would_say(
        self, anyone: Person, alice: Person, ids: list[int]
    ) -> None:
        url = f"{LOBBY}?limit=100"
        for body in ("Hello", self.LINKS * 600, "x" * 9_000, "Bye"):
            await anyone.get(url)
            before = caching.shelf.renewals
            await posted(alice, body)
            await same_as_made_anew(anyone, url)
            assert caching.shelf.renewals == before + 1

    async def test_what_waits_for_a_moderator_comes_in_such_pages(self, root: Person, alice: Person) -> None:
        place = await opened(root, "club", review="all")
        made = [(await posted(alice, self.LINKS * 600, place))["id"] for _ in range(7)]
        for url in (f"/api/channels/{place}/posts?state=pending&limit=100", "/api/groups/club/posts?limit=100"):
            answer, seen = await root.get(url), list[int]()
            while seen := [*seen, *shown(answer)]:
                assert len(answer.content) < self.MOST
                if not (cursor := answer.json()["next"]):
                    break
                answer = await root.get(f"{url}&before={cursor}")
            assert seen == made[::-1]

    async def test_channels_come_in_such_pages(self, root: Person, anyone: Person) -> None:
        for number in range(100):
            new = {"key": f"{number}", "title": "\U0001f600" * 200, "url": "https://a.example/" + "\U0001f600" * 1_900}
            assert (await root.post("/api/groups/home/channels", new)).status_code == 201
        answer, seen = await anyone.get("/api/groups/home/channels?limit=100"), list[str]()
        while seen := [*seen, *(item["key"] for item in answer.json()["channels"])]:
            assert len(answer.content) < self.MOST
            if not (cursor := answer.json()["next"]):
                break
            answer = await anyone.get(f"/api/groups/home/channels?limit=100&before={cursor}")
        assert seen == [*(str(number) for number in reversed(range(100))), "lobby"]
