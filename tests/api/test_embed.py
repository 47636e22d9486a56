"""What pages of other sites show: threads as fragments of HTML, and the script of the tag."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from model.settings import Settings
from model.talk.post import Post
from pottle.http import caching
from pottle.store import db
from tests.api.conftest import joined, opened, refused, wrong_fields
from tests.conftest import Person

THREAD = "/groups/home/thread?key=/2026/hello/"
BLOG = "https://blog.example"


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


class Reader(HTMLParser):
    """What a plain parser finds in a fragment: its first tag, the posts by conversation, and the linked data."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        assert answer.status_code == 200, answer.text
        self.section: dict[str, str] = {}
        self.posts: dict[int, str] = {}  # in their order, with their texts
        self.talks: dict[int, list[int]] = {}
        self.links: list[str] = []
        self.left_out: dict[str, str] = {}
        self.said, self.script = "", ""
        self._inside: list[str] = []
        self.feed(answer.text)
        assert not self._inside
        self.linked = json.loads(self.script)["@graph"] if self.script else []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.section = self.section or given
        self.left_out |= {name: value for name, value in given.items() if name in ("data-more", "data-later")}
        if "data-root" in given:
            self.talks[int(given["data-root"])] = []
        if "data-id" in given:
            id_ = int(given["data-id"])
            assert given["id"] == f"pottle-{id_}"
            self.posts[id_] = ""
            if self.talks:
                self.talks[list(self.talks)[-1]].append(id_)
        if "href" in given and "template" not in self._inside:
            self.links.append(given["href"])
        if tag not in ("input", "img", "br", "hr"):
            self._inside.append("body" if given.get("class") == "body" else tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() in (tag, "body")

    def handle_data(self, data: str) -> None:
        if self._inside[-1:] == ["script"]:
            self.script += data
        elif "body" in self._inside and "template" not in self._inside:
            self.posts[list(self.posts)[-1]] += data.strip()
        elif "more" in data or "earlier" in data:
            self.said += data


async def read(person: Person, query: str = "", path: str = THREAD) -> Reader:
    return Reader(await person.get(path + query))


async def begun(person: Person, key: str = "/2026/hello/", group: str = "home") -> int:
    """The id of the channel of a page."""
    made = await person.post(f"/api/groups/{group}/channels", {"key": key, "title": "Hello"})
    return int(made.json()["id"])


async def said(person: Person, channel: int, body: str, **more: Any) -> int:
    """The id of a post that somebody made."""
    made = await person.post(f"/api/channels/{channel}/posts", {"body": body, **more})
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


async def test_it_works(anyone: Person, bob: Person) -> None:
    channel = await begun(bob)
    post = await said(bob, channel, "Good *morning*")
    answer = await anyone.get(THREAD)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    found = Reader(answer)
    assert found.posts == {post: "Goodmorning"}
    assert found.section["data-group"] == "home"
    assert found.section["data-key"] == "/2026/hello"
    assert found.section["data-channel"] == str(channel)
    assert found.section["data-title"] == "Hello"
    listed = (await anyone.get(f"/api/channels/{channel}/posts")).json()
    assert (found.section["data-epoch"], int(found.section["data-seq"])) == (listed["epoch"], listed["seq"])


async def test_a_page_without_a_channel_has_an_empty_thread(anyone: Person) -> None:
    found = await read(anyone)
    assert (found.section["data-channel"], found.posts) == ("", {})


async def talk(person: Person, channel: int, replies: int = 0, body: str = "Hello") -> list[int]:
    """A post and replies to it, each to the one before: their ids."""
    ids = [await said(person, channel, body)]
    for n in range(replies):
        ids.append(await said(person, channel, f"{body} {n}", parent=ids[-1]))
    return ids


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_pages_break_no_conversation(anyone: Person, bob: Person, order: str) -> None:
    channel = await begun(bob)
    talks = [await talk(bob, channel, replies=n % 3) for n in range(23)]
    late = await said(bob, channel, "late", parent=talks[0][0])
    talks[0].append(late)
    expected = {ids[0]: ids for ids in (talks if order == "oldest" else talks[::-1])}
    page = await read(anyone, f"&order={order}")
    first, seen = page.talks, dict(page.talks)
    assert (len(first), page.section["data-prev"]) == (20, "")
    page = await read(anyone, f"&order={order}&before={page.section['data-next']}")
    assert not seen.keys() & page.talks.keys()
    assert page.section["data-next"] == ""
    seen |= page.talks
    assert (seen, list(seen)) == (expected, list(expected))
    back = await read(anyone, f"&order={order}&after={page.section['data-prev']}")
    assert (back.talks, back.section["data-prev"]) == (first, "")


async def test_a_long_conversation_comes_in_parts(anyone: Person, bob: Person) -> None:
    channel = await begun(bob)
    root, *replies = await talk(bob, channel, replies=47)
    page = await read(anyone)
    assert page.talks == {root: [root, *replies[-20:]]}
    assert "27 earlier replies" in page.said
    seen = replies[-20:]
    while "data-more" in page.left_out:
        page = await read(anyone, f"&at={root}&before={page.left_out['data-more']}")
        ((_, *more),) = page.talks.values()
        assert "data-later" not in page.left_out
        seen = more + seen
    assert seen == replies


async def test_a_link_to_a_post_leads_to_its_page(anyone: Person, bob: Person) -> None:
    channel = await begun(bob)
    root, *replies = await talk(bob, channel, replies=45)
    other = await talk(bob, await begun(bob, "/other"))
    newer = [(await talk(bob, channel))[0] for _ in range(25)]
    for order in ("newest", "oldest"):
        for id_ in (root, replies[0], replies[20], replies[-1], newer[0], newer[-1]):
            page = await read(anyone, f"&order={order}&at={id_}")
            assert id_ in page.posts
            assert page.section["data-named"] == str(id_)
        deep = await read(anyone, f"&order={order}&at={replies[20]}")
        more = await read(anyone, f"&at={root}&before={deep.left_out['data-more']}")
        later = await read(anyone, f"&at={root}&after={deep.left_out['data-later']}")
        shown = deep.talks[root][1:]
        assert [*more.talks[root][1:], *shown, *later.talks[root][1:]][-len(replies) :] == replies
        for id_ in (other[0], 10**15):
            page = await read(anyone, f"&order={order}&at={id_}")
            assert (page.section["data-named"], page.section["data-prev"]) == ("", "")
    page = await read(anyone, f"&at={newer[0]}")
    before = await read(anyone, f"&after={page.section['data-prev']}")
    assert list(before.talks)[-1] == newer[1]
    assert list(page.talks)[:1] == [newer[0]]


async def test_what_waits_or_was_removed_is_not_in_it(anyone: Person, alice: Person, bob: Person, root: Person) -> None:
    await opened(root, "club", review="all", posting="users")
    await joined(root, "club", "alice", "moderator")
    channel = await begun(root, group="club")
    path = "/groups/club/thread?key=/2026/hello/"
    waits = await said(bob, channel, "not yet")
    removed, kept, deleted = [await said(alice, channel, text) for text in ("wicked", "good", "erased")]
    reply = await said(root, channel, "an answer", parent=removed)
    deep = await said(root, channel, "another", parent=reply)
    for id_ in (removed, deleted, reply):
        assert (await alice.delete(f"/api/posts/{id_}")).status_code == 204
    answer = await anyone.get(path)
    assert not re.search("not yet|wicked|erased|an answer", answer.text)
    page = Reader(answer)
    assert page.posts == {kept: "good", removed: (gone := "This post was removed."), reply: gone, deep: "another"}
    assert page.talks == {kept: [kept], removed: [removed, reply, deep]}, "no orphan, though no reply to it is left"
    states = [(one.get("creativeWorkStatus"), "text" in one) for one in (page.linked[1], *page.linked[1]["comment"])]
    assert states == [("Deleted", False), ("Deleted", False), (None, True)]
    assert (await read(anyone, f"&at={waits}", path)).section["data-named"] == ""
    assert (await read(alice, "", path)).posts == page.posts


NASTY = ["</script><script>alert(1)</script>", "<!-- <script>", "a\u2028b\u2029c & ]]> \\u003c \"'"]


async def test_linked_data_cannot_break_out(anyone: Person, bob: Person) -> None:
    channel = await begun(bob)
    posts = [await said(bob, channel, f"x {text}") for text in NASTY]
    answer = await said(bob, channel, "x </SCRIPT >", parent=posts[0])
    await bob.put(f"/api/posts/{posts[0]}/reactions/up")
    page = await read(anyone)
    assert [one["text"] for one in page.linked] == [f"x {text}" for text in reversed(NASTY)]
    first = page.linked[-1]
    assert not re.search("[<>&\u2028\u2029]", page.script)
    assert first["@type"] == "DiscussionForumPosting"
    assert (first["headline"], first["author"]["name"], first["commentCount"]) == ("Hello", "Bob", 1)
    assert first["interactionStatistic"]["userInteractionCount"] == 1
    assert first["url"].endswith(f"/channels/{channel}#pottle-{posts[0]}")
    (comment,) = first["comment"]
    assert (comment["@type"], comment["text"]) == ("Comment", "x </SCRIPT >")
    assert comment["url"].endswith(f"#pottle-{answer}")


async def test_a_page_is_no_larger_than_a_few_hundred_kilobytes(anyone: Person, bob: Person) -> None:
    channel = await begun(bob)
    root = await said(bob, channel, long := "word & " * 1400)
    for _ in range(20):
        await said(bob, channel, long, parent=root)
    for _ in range(20):
        await said(bob, channel, long)
    for query in ("", f"&at={root}", "&order=oldest"):
        assert len((await anyone.get(THREAD + query)).content) < 600_000


async def test_thousands_of_posts_are_read_a_page_at_a_time(anyone: Person, bob: Person) -> None:
    """And within the event loop's budget (tests/conftest.py)."""
    channel = await begun(bob)
    root = await said(bob, channel, "first")
    texts = {"channel_id": channel, "guest": "Gus", "body": "Hi", "html": "<p>Hi</p>", "state": "published"}
    one = {**texts, "reactions": "{}", "replies": 0, "created": "2026-11-26T17:00:00.000Z", "version": 1}
    rows = [{**one, "parent_id": root if n % 2 else None, "root_id": root if n % 2 else None} for n in range(4_000)]
    await db.write(lambda tx: tx.session.execute(insert(Post), rows) and None)
    for query in ("", "&order=oldest", f"&at={root}", f"&at={root + 2_000}", f"&at={root + 2_001}"):
        answer = await anyone.get(THREAD + query)
        assert 20 <= len(Reader(answer).posts) <= 120
        assert len(answer.content) < 400_000


async def test_members_read_theirs_by_a_token(anyone: Person, alice: Person, charlie: Person) -> None:
    channel = await begun(alice, group="class")
    await said(alice, channel, "among us")
    for path in ("/groups/class/thread?key=/2026/hello/", "/groups/class/recent"):
        answer = await alice.get(path)
        assert "among us" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        for other in (anyone, charlie):
            refused(await other.get(path), 404)


async def test_it_is_kept_for_whoever_is_not_signed_in(anyone: Person, bob: Person) -> None:
    await said(bob, await begun(bob), "Hello")
    for path in (THREAD, "/groups/home/thread?key=/none", "/groups/home/recent?limit=3"):
        answer, hits = await anyone.get(path), caching.shelf.hits
        assert answer.headers["Cache-Control"] == "no-cache"
        again = await anyone.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, caching.shelf.hits) == (304, hits + 1)


async def test_the_query_counts_as_far_as_it_is_known(anyone: Person, bob: Person) -> None:
    await said(bob, await begun(bob), "Hello")
    for more in ("&utm_source=x", "&fbclid=1&order=oldest"):
        assert len((await read(anyone, more)).posts) == 1
    for query, field in (("&order=best", "order"), ("&at=x", "at"), ("&at=0", "at"), ("&before=x", "before")):
        assert wrong_fields(await anyone.get(THREAD + query)) == {field}
    assert wrong_fields(await anyone.get("/groups/home/thread")) == {"key"}
    assert wrong_fields(await anyone.get("/groups/home/recent?limit=51")) == {"limit"}


class TestRecent:
    async def test_it_works(self, anyone: Person, alice: Person, root: Person) -> None:
        """The newest posts of all pages, each with a link to its page; nothing of what waits."""
        await opened(root, "blog", posting="users", review="all")
        pages = [await begun(root, f"/{n}", "blog") for n in range(3)]
        named = await root.post("/api/groups/blog/channels", {"key": "/4", "url": "https://blog.example/4/#top"})
        pages.append(named.json()["id"])
        begun_by_alice = await begun(alice, "/pending", "blog")
        ids = [await said(root, page, f"at {page}") for _ in range(3) for page in pages]
        await said(root, begun_by_alice, "nobody knows its title")
        await said(alice, pages[0], "not yet")
        await said(root, 1, "in another group")
        page = await read(anyone, "", "/groups/blog/recent?limit=5")
        assert list(page.posts) == ids[:-6:-1]
        assert f"https://blog.example/4/#pottle-{ids[-1]}" in page.links
        assert f"/posts/{ids[-2]}" in page.links
        everything = await read(anyone, "", "/groups/blog/recent?limit=50")
        assert list(everything.posts) == ids[::-1]

    async def test_a_removed_post_gives_way(self, anyone: Person, root: Person) -> None:
        ids = [await said(root, 1, f"post {n}") for n in range(3)]
        path = "/groups/home/recent?limit=2"
        assert list((await read(anyone, "", path)).posts) == [ids[2], ids[1]]
        await root.delete(f"/api/posts/{ids[2]}")
        assert list((await read(anyone, "", path)).posts) == [ids[1], ids[0]]


class TestElsewhere:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, url="https://talk.example/pottle")

    async def test_addresses_are_whole_where_the_public_one_is_known(self, anyone: Person, bob: Person) -> None:
        """Whatever the request says: its answer is kept for everybody."""
        channel = await begun(bob)
        post = await said(bob, channel, "Hello")
        recent = await read(anyone, "", "/groups/home/recent")
        assert f"https://talk.example/pottle/posts/{post}" in recent.links
        links = (await read(anyone, "", "/groups/home/thread?key=/x")).links
        assert "https://talk.example/pottle/groups/home/manage" in links
        assert "https://talk.example/pottle/account/messages#push" in links
        (one,) = (await read(anyone)).linked
        assert one["url"] == f"https://talk.example/pottle/channels/{channel}#pottle-{post}"


async def test_an_unknown_group_is_said_to_be(anyone: Person) -> None:
    assert "nowhere" in refused(await anyone.get("/groups/nowhere/thread?key=/"), 404)["detail"]


async def test_every_origin_may_read_it(anyone: Person) -> None:
    for path in (THREAD, "/groups/nowhere/thread?key=/", "/embed.js"):
        answer = await anyone.get(path, headers={"Origin": BLOG})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    asked = {"Origin": BLOG, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = await anyone.http.options(THREAD, headers=asked)
    assert answer.status_code == 204
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


async def test_the_script_is_one_file_and_what_is_asked_for_later_stands_on_it(anyone: Person) -> None:
    """That of another release it must not have: they would not fit."""
    answer = await anyone.get("/embed.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert not re.search(r"^import ", answer.text, re.MULTILINE)
    later = sorted(set(re.findall(r"import\('\./(embed/[^']+)'\)", answer.text)))
    names = [path.rpartition("/")[2].removesuffix(".js") for path in later]
    assert names == ["count", "more", "part", "polling", "recent", "search"]
    for path in later:
        module = await anyone.get(f"/{path}")
        assert (module.status_code, module.headers["Access-Control-Allow-Origin"]) == (200, "*")
        assert "immutable" in module.headers["Cache-Control"]
        _, hashed, name = path.split("/")
        assert (await anyone.get(f"/embed/{hashed[::-1]}/{name}")).status_code == 404
    (sheet,) = re.findall(r"new URL\('\./(static/[^']+)'", answer.text)
    assert (await anyone.get(f"/{sheet}")).headers["Content-Type"].startswith("text/css")
    again = await anyone.get("/embed.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
