"""The pages: readable without JavaScript; error pages."""

import html
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from quart import Quart

from model.settings import Settings
from pottle.http import caching
from pottle.store import db
from tests.api.conftest import opened, posted, refused, wrong_fields
from tests.conftest import PASSWORD, Person, World
from tests.test_policy import addresses

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Text(HTMLParser):
    """What a reader without JavaScript sees of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._unseen = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in ("script", "template", "dialog", "style")
        given = dict(attrs)
        if tag == "a" and given.get("href") and not self._unseen:
            self.links.append(str(given["href"]))

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("script", "template", "dialog", "style")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.words).split())


async def test_it_works(alice: Person, bob: Person, anyone: Person) -> None:
    made = await posted(alice, "The *first* of all")
    await posted(bob, "A reply", parent=made["id"])
    for path in ("/", "/channels/1"):
        page = await anyone.get(path, headers=HTML)
        assert page.status_code == 200
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        shown = str(Text(page.text))
        for words in ("Lobby", "Alice", "The first of all", "Bob", "A reply"):
            assert words in shown


async def test_a_new_instance_says_that_it_is_empty(anyone: Person) -> None:
    assert "Nobody has said anything yet" in str(Text((await anyone.get("/")).text))


async def test_older_posts_are_a_link_away(anyone: Person, alice: Person, bob: Person) -> None:
    for number in range(25):
        await posted(alice if number % 2 else bob, f"number {number}.")
    for path in ("/", "/channels/1"):
        first = Text((await anyone.get(path)).text)
        assert "number 24." in str(first)
        assert "number 4." not in str(first)
        (older,) = [link for link in first.links if "before=" in link]
        second = Text((await anyone.get(older)).text)
        assert "number 4." in str(second)
        assert "number 0." in str(second)
        assert path in second.links  # back to the newest


async def test_the_home_page_leads_to_the_other_channels(root: Person, anyone: Person) -> None:
    channel = await opened(root, "chess")
    assert f"/channels/{channel}" in Text((await anyone.get("/")).text).links
    assert "room" in str(Text((await anyone.get(f"/channels/{channel}")).text))


async def test_what_people_write_stays_text(alice: Person, root: Person, anyone: Person) -> None:
    attack = "\"><script>alert(1)</script>'{{ 7654 * 4321 }}<b>"
    await alice.patch("/api/me", {"name": attack})
    await posted(alice, attack)
    made = await root.post("/api/groups", {"slug": "site", "name": attack, "posting": "guests"})
    assert made.status_code == 201
    channel = (await root.post("/api/groups/site/channels", {"key": "x", "title": attack})).json()["id"]
    await posted(anyone, channel=channel, guest=attack)
    for path in ("/", f"/channels/{channel}"):
        page = (await anyone.get(path)).text
        assert "<script>alert" not in page
        assert '"><' not in re.sub(r"<[a-z][^>]*>", "", page)
        assert attack in str(Text(page))
        assert "33072934" not in str(Text(page))


async def test_a_channels_own_page_is_linked_safely(root: Person, anyone: Person) -> None:
    url = 'https://blog.example/"onmouseover="alert(1)'
    channel = (await root.post("/api/groups/home/channels", {"key": "x", "url": url})).json()["id"]
    page = (await anyone.get(f"/channels/{channel}")).text
    assert url in Text(page).links
    assert '"onmouseover="' not in page


async def test_a_cookie_signs_the_reader_in(anyone: Person, bob: Person, world: World) -> None:
    await posted(bob, "Only for the class", world.class_channel)
    path = f"/channels/{world.class_channel}"
    assert (await anyone.get(path, headers=HTML)).status_code == 404
    await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD})
    page = await anyone.get(path, headers=HTML)
    assert "Only for the class" in str(Text(page.text))
    assert "Sign out" in str(Text(page.text))
    assert page.headers["Cache-Control"] == "no-store"
    assert "Cookie" in page.headers["Vary"]
    await anyone.delete("/api/session")
    assert (await anyone.get(path, headers=HTML)).status_code == 404


async def test_one_readers_page_is_not_anothers(anyone: Person, bob: Person) -> None:
    for _ in range(2):
        assert 'data-uid="bob"' in (await bob.get("/channels/1")).text
        assert 'data-uid=""' in (await anyone.get("/channels/1")).text


async def test_what_is_not_there_is_a_page_for_readers(anyone: Person) -> None:
    for path in ("/nowhere", "/channels/999", "/channels/0"):
        page = await anyone.get(path, headers=HTML)
        assert page.status_code == 404
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-store"
        assert "Nothing here" in page.text
        refused(await anyone.get(path, headers={"Accept": "*/*"}), 404)
        refused(await anyone.get(path, headers={"Accept": "application/json"}), 404)


async def test_the_api_never_answers_with_a_page(anyone: Person) -> None:
    refused(await anyone.get("/api/nowhere", headers=HTML), 404)
    refused(await anyone.get("/api/me", headers=HTML), 401)


async def test_whoever_cannot_see_a_page_can_sign_in_there(anyone: Person, charlie: Person, world: World) -> None:
    """It says alike what is for members and what is not there."""
    pages = [await anyone.get(f"/channels/{id_}", headers=HTML) for id_ in (world.class_channel, 99_999)]
    assert [page.status_code for page in pages] == [404, 404]
    assert pages[0].text == pages[1].text
    assert '<button type="button" class="button" data-open="sign-in">' in pages[0].text
    signed_in = await charlie.get(f"/channels/{world.class_channel}", headers=HTML)
    assert signed_in.status_code == 404
    assert '<button type="button" class="button" data-open="sign-in">' not in signed_in.text
    assert 'data-uid="charlie"' in signed_in.text  # and the way on is still there
    assert 'id="sidebar"' in signed_in.text


async def test_without_a_lobby_there_is_still_a_page(root: Person, anyone: Person) -> None:
    await root.delete("/api/channels/1")
    page = await anyone.get("/", headers=HTML)
    assert page.status_code in (200, 404)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"


READS = ("snapshot", "read", "session")  # how the database is read


class TestBroken:
    """Something broke, maybe the database."""

    @pytest.fixture
    async def browser(self, app: Quart) -> AsyncIterator[httpx.AsyncClient]:
        """A client that sees what a server would send of an exception that the application let through."""
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://pottle.test") as client:
            yield client

    @pytest.mark.parametrize("broken", [READS, (*READS, "caught_up", "caught_up_at_once")], ids=["reads", "all"])
    async def test_it_works(
        self, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise sqlite3.OperationalError("disk I/O error: /secret/path")

        for name in broken:
            monkeypatch.setattr(db, name, fail)
        page = await browser.get("/", headers=HTML)
        assert page.status_code == 500
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-store"
        assert "Something broke" in page.text
        assert "Content-Security-Policy" in page.headers

        answer = await browser.get("/api/channels/1/posts")
        refused(answer, 500)
        for text in (page.text, answer.text):
            assert "secret" not in text
            assert "Traceback" not in text
            assert "sqlite" not in text.lower()

    async def test_the_address_of_its_style_works(self, browser: httpx.AsyncClient) -> None:
        assert (await browser.get("/static/style.css")).status_code == 200


class TestBrokenInDevelopment(TestBroken):
    """Whoever develops is told what broke, and where in what they wrote: here in this file."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, development=True)

    @pytest.mark.parametrize("broken", [READS])
    async def test_it_works(
        self, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]
    ) -> None:
        def fail(*_: object) -> None:
            raise sqlite3.OperationalError("no such column: jokes.text")

        for name in broken:
            monkeypatch.setattr(db, name, fail)
        told = "sqlite3.OperationalError: no such column: jokes.text (" + __file__
        page = await browser.get("/", headers=HTML)
        assert (page.status_code, told in html.unescape(page.text)) == (500, True)
        answer = await browser.get("/api/channels/1/posts")
        assert (answer.status_code, answer.json()["detail"].startswith(told)) == (500, True)


class TestLinks:
    """POTTLE_LINKS."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, links=(("Privacy & more", "https://school.example/privacy"),))

    async def test_they_are_at_the_foot_of_each_page(self, anyone: Person) -> None:
        for path in ("/", "/account/sign-up", "/nowhere"):
            page = (await anyone.get(path, headers=HTML)).text
            assert '<a href="https://school.example/privacy" dir="auto">Privacy &amp; more</a>' in page


class TestNotStarted:
    """The database was never opened."""

    async def test_it_works(self, tmp_path: Path) -> None:
        import main

        app = main.create_app(Settings(instance=tmp_path))
        async with app.app_context():
            template = app.jinja_env.get_template("errors/500.html")
            page = await template.render_async()
        assert "Something broke" in page


async def test_the_page_for_codes_is_nobodys_in_particular(anyone: Person) -> None:
    """It is not kept, shows no code, and says nothing of where one came from."""
    page = await anyone.get("/join")
    assert page.status_code == 200
    assert 'class="joining' in page.text
    assert "private" in page.headers["Cache-Control"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


PAGES = ("/", "/channels/1", "/join", "/docs", "/groups/class/manage", "/admin")
STRANGE = ("x=1", "utm_source=mail&utm_medium=x", "fbclid=abc", "", "=", "&&", "a" * 2000, "x[]=%FF%00", "limit[]=2")


async def test_pages_ignore_what_they_do_not_know(app: Quart, root: Person, anyone: Person) -> None:
    """Links come with `utm_…` and `fbclid`. Every route that is no API's and no file's is asked."""
    rules = [rule for rule in app.url_map.iter_rules() if not rule.websocket and "GET" in (rule.methods or ())]
    pages = {path for rule in rules for path in addresses(rule) if not rule.rule.startswith(("/api/", "/static/"))}
    assert pages >= {"/", "/channels/1", "/join", "/docs", "/groups/home/manage", "/admin", "/healthz"}
    await posted(root)
    for person, path in itertools.product((anyone, root), sorted(pages)):
        plain = await person.get(path, headers=HTML)
        for query in STRANGE:
            page = await person.get(f"{path}?{query}", headers=HTML)
            assert page.status_code == plain.status_code, f"{path}?{query}"
            if path == "/metrics" or plain.status_code != 200 or without_key(page.text) == without_key(plain.text):
                continue
            plain = await person.get(path, headers=HTML)  # such as the numbers of `/admin`, which may have moved on
            assert without_key(page.text) == without_key(plain.text), f"{path}?{query}"


def without_key(page: str) -> str:
    """A page but for the keys of its forms, which are new each time."""
    return re.sub(r'(name="idempotency_key" value=)"[\w-]{16}"', r"\1", page)


async def test_what_they_know_counts_beside_it(anyone: Person, alice: Person, bob: Person) -> None:
    for number in range(4):
        await posted(alice if number % 2 else bob, f"number {number}.")
    first = (await anyone.get("/?fbclid=x&limit=2&utm_source=y", headers=HTML)).text
    assert first == (await anyone.get("/?limit=2", headers=HTML)).text
    assert "number 1." not in str(Text(first))


async def test_the_api_refuses_what_it_does_not_know(anyone: Person) -> None:
    for path in ("/api/groups", "/api/channels/1/posts", "/api/groups/home/channels"):
        assert wrong_fields(await anyone.get(f"{path}?fbclid=x")) == {"fbclid"}


async def test_a_strange_query_is_no_second_answer_to_keep(anyone: Person) -> None:
    """`?x=1` to `?x=1000000` would push out what others ask for."""
    for path in ("/", "/channels/1", "/api/channels/1", "/api/groups/home", "/api/users/alice"):
        caching.shelf.clear()
        await anyone.get(path)
        kept = caching.shelf.bytes
        assert kept > 0, path
        for number in range(20):
            assert (await anyone.get(f"{path}?x={number}")).status_code == 200
        assert caching.shelf.bytes == kept, path
        hits = caching.shelf.hits
        await anyone.get(path)
        assert caching.shelf.hits == hits + 1, path


async def test_a_bad_cursor_is_said_to_be_a_broken_link(anyone: Person) -> None:
    for path, query in itertools.product(("/", "/channels/1"), ("before=nonsense", "limit=0", "before=x&after=y")):
        page = await anyone.get(f"{path}?{query}", headers=HTML)
        assert page.status_code == 422
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "A broken link" in str(Text(page.text))
        assert "?" in Text(page.text).links


async def test_a_form_that_was_sent_without_its_script_is_told_so(anyone: Person, alice: Person) -> None:
    """By a browser that has no JavaScript, or was quicker than it; `Back` then shows what was typed."""
    for person, path in itertools.product((anyone, alice), PAGES):
        page = await person.post(path, headers=HTML, data={"body": "Long thoughts", "password": PASSWORD})
        assert page.status_code == 405, path
        assert "go back, and what you typed is still there" in str(Text(page.text))
        assert PASSWORD not in page.text
