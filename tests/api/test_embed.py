"""What pages of other sites show: threads as fragments of HTML, and the script of the tag."""

import re
from html.parser import HTMLParser
from typing import Any

from tests.api.conftest import refused
from tests.conftest import Person

THREAD = "/groups/home/thread?key=/2026/hello/"
BLOG = "https://blog.example"


class Reader(HTMLParser):
    """What a plain parser finds: the section's attributes, and of each post its id and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.section: dict[str, Any] = {}
        self.posts: dict[int, str] = {}
        self._in_body = self._in_template = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in_template |= tag == "template"
        if tag == "section":
            assert not self.section
            self.section = given
        if "data-id" in given:
            self.posts[int(given["data-id"] or 0)] = ""
        if given.get("class") == "body":
            self._in_body = not self._in_template

    def handle_endtag(self, tag: str) -> None:
        self._in_template &= tag != "template"
        self._in_body &= tag != "div"

    def handle_data(self, data: str) -> None:
        if self._in_body:
            self.posts[list(self.posts)[-1]] += data.strip()


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
    found = Reader(answer.text)
    assert found.posts == {post: "Goodmorning"}
    assert found.section["data-group"] == "home"
    assert found.section["data-key"] == "/2026/hello"
    assert found.section["data-channel"] == str(channel)
    assert found.section["data-title"] == "Hello"
    listed = (await anyone.get(f"/api/channels/{channel}/posts")).json()
    assert (found.section["data-epoch"], int(found.section["data-seq"])) == (listed["epoch"], listed["seq"])


async def test_a_page_without_a_channel_has_an_empty_thread(anyone: Person) -> None:
    found = Reader((await anyone.get(THREAD)).text)
    assert (found.section["data-channel"], found.posts) == ("", {})


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
    assert [path.rpartition("/")[2] for path in later] == ["count.js", "more.js", "part.js", "recent.js"]
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
