"""Scripts of an attacker's in what others see (XSS): in every field, on every page, in every answer."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Browser, Page, expect
from quart import Quart

import main
from model.settings import Settings
from tests.api.conftest import posted, wrong_fields
from tests.attacks.conftest import Raw
from tests.browser.chromium import chromium
from tests.cases import in_turn
from tests.conftest import Person, World
from tests.server import Server

PAYLOADS = [
    "<script>pwned=1</script>",
    '"><img src=x onerror=pwned=1>',
    "'onmouseover='pwned=1' x='",
    "</title></textarea></script><svg/onload=pwned=1>",
    "javascript:pwned=1",
    "{{ 7 * 7 }}${7*7}<!--",
]
PAYLOAD = "".join(PAYLOADS[:4])  # within the 200 characters of a title; a name has 80
NAME = PAYLOADS[1] + PAYLOADS[0]
MARKDOWN = "\n\n".join(
    [*PAYLOADS, "[x](javascript:pwned=1)", "<javascript:pwned=1>", '[x](http://a.example "onload=pwned=1")']
)

PAGES = [
    *("/", "/channels/{room}", "/channels/{room}/thread?order=oldest", "/channels/{room}/write", "/posts/{post}"),
    *("/posts/{post}/act", "/join", "/offline", "/docs", "/groups/class", "/discussions", "/inbox", "/queue"),
    *("/groups/class/thread?key=room", "/groups/class/recent", "/sign-in?group=class&origin=%22%3E%3Cscript%3E"),
    *(
        "/account",
        "/account/messages",
        "/account/access",
        "/account/second",
        "/account/confirm?next=%22%3E%3Cscript%3E",
        "/account/sign-in?next=%22%3E%3Cscript%3E",
        "/account/sign-up?next=javascript:pwned=1",
    ),
    *("/decisions/1", "/groups/class/history/bob", "/queue?state=reported", "/queue?state=appeals"),
    *("/groups/class/queue", "/groups/class/room", "/groups/class/manage", "/admin"),
    *(f"/groups/class/manage/{tab}" for tab in ("discussions", "rules", "blocks", "site", "webhooks", "log")),
    *(f"/admin/{tab}" for tab in ("accounts", "groups", "webhooks", "mail", "import", "log")),
    "/account/address?token=%22%3E%3Cscript%3E",
    *("/search?q=pwned", "/search?q=%22%3E%3Cscript%3E", "/groups/class/search"),
]


class Inert(HTMLParser):
    """Fails on anything in a page that would run what is not a file of ours."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("object", "embed", "base", "math")
        if tag == "iframe":  # a letter, in which nothing runs
            assert (given["sandbox"], (given["src"] or "").partition("?")[0]) == ("", "/admin/mail/letter")
        runs = tag == "script" and given.get("type") != "application/ld+json"  # which is data
        assert not runs or re.match(r"/static/", given.get("src") or ""), given
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert not re.match(r"\s*(javascript|data|vbscript):", value or "", re.IGNORECASE), (tag, name, value)


def rules(headers: httpx.Headers) -> dict[str, list[str]]:
    """A page's policy, by directive."""
    parts = [part.split() for part in headers["Content-Security-Policy"].split(";")]
    return {words[0]: words[1:] for words in parts}


def inert(answer: httpx.Response) -> None:
    """That an answer is a page that runs nothing but our files, or is no page at all."""
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if not answer.headers["Content-Type"].startswith("text/html"):
        return
    found = rules(answer.headers)
    assert found["default-src"] == ["'self'"]
    assert "script-src" not in found
    assert found["object-src"] == found["base-uri"] == ["'none'"]
    assert found["form-action"] == ["'self'"]
    Inert(answer.text)


@pytest.fixture
async def poisoned(root: Person, alice: Person, bob: Person, world: World) -> int:
    """A payload in every field there is."""
    room = world.class_channel
    for person in (root, alice, bob):
        assert (await person.patch("/api/me", {"name": NAME + person.uid, "email": '"><b>@x'})).status_code == 200
    assert (await alice.patch("/api/groups/class", {"name": NAME})).status_code == 200
    assert (await alice.patch(f"/api/channels/{room}", {"title": PAYLOAD})).status_code == 200
    url = 'https://a.example/"onmouseover="pwned=1'
    made = await alice.post(
        "/api/groups/class/channels", {"key": " ".join(MARKDOWN.split())[:200], "title": PAYLOAD, "url": url}
    )
    assert made.status_code == 201
    assert (await root.post("/api/groups/home/channels", {"key": PAYLOAD, "url": url})).status_code == 201
    for body in (MARKDOWN, *PAYLOADS):
        await posted(bob, body, room)
    mine, said = await posted(root, MARKDOWN, room), PAYLOADS[0]
    removal = {"state": "removed", "note": said, "decisions": [{"post": mine["id"], "version": 1}]}
    assert (await alice.post("/api/decisions", removal)).json()["refused"] == []
    assert (await root.put("/api/me/decisions/1/appeal", json={"text": said})).status_code == 200
    assert (await alice.post("/api/groups/class/notes", {"uid": "bob", "text": said})).status_code == 201
    reported = {"reason": "rude", "note": said}
    assert (await root.post(f"/api/posts/{mine['id'] - 1}/reports", reported)).status_code == 201
    assert (await alice.post("/api/me/tokens", {"name": NAME})).status_code == 201
    assert (await root.post("/api/me/second")).status_code == 201
    assert (await alice.post("/api/groups/class/roster", {"names": [f"{NAME[2:]} of Eve"]})).status_code == 201
    return room


@in_turn("path", PAGES)
async def test_no_page_runs_what_people_wrote(root: Person, poisoned: int, path: str) -> None:
    page = await root.get(path.format(room=poisoned, post=1), headers={"Accept": "text/html"})
    assert page.status_code == (403 if path.startswith("/sign-in") else 200)
    assert page.headers["Content-Type"].startswith("text/html")
    inert(page)


async def test_every_page_is_among_them() -> None:
    app = main.create_app(Settings(instance=Path("/nowhere")))
    others = (
        "/account/forgotten",  # which is not there without mail
        "/account/with/",  # leads elsewhere: tests/api/test_providers.py
        "/admin/mail/letter",  # tests/mail/test_letters.py
        "/unsubscribe/",  # tests/mail/test_notices.py
        "/api/",
        "/static/",
        "/embed",
        "/app.webmanifest",
        "/worker.js",
        "/openapi.json",
        "/favicon.ico",
        "/healthz",
        "/readyz",
        "/metrics",
    )
    no_pages = re.compile(r"/feed\.|/room\.csv$|^/old/")  # tests/api/test_{feeds,room,imports}.py
    shown = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(others) and not no_pages.search(rule.rule)
    }
    asked = app.url_map.bind("pottle.test")
    paths = [path.partition("?")[0].format(room=1, post=1) for path in PAGES]
    assert shown == {asked.match(path, return_rule=True)[0].rule for path in paths}


async def test_the_api_never_answers_with_html(root: Person, poisoned: int) -> None:
    for path in (
        f"/api/channels/{poisoned}/posts",
        "/api/groups",
        "/api/groups/class/members",
        "/api/users",
        "/api/audit",
        "/api/me",
        f"/api/users/{quote(PAYLOADS[0])}",
        f"/api/groups/{quote(PAYLOADS[1], safe='')}",
        f"/api/counts?group={quote(PAYLOADS[0])}&key=x",
        f"/api/{quote(PAYLOADS[0])}",
    ):
        answer = await root.get(path, headers={"Accept": "text/html"})
        assert answer.headers["Content-Type"] in ("application/json", "application/problem+json"), path
        inert(answer)


@in_turn("payload", PAYLOADS)
async def test_nothing_is_reflected(raw: Raw, anyone: Person, payload: str) -> None:
    """In a path, a query or a header, with any method: of a page that does not exist, or one that is refused."""
    html = (b"accept", b"text/html")
    for path in (f"/{payload}", f"/channels/{payload}", f"/groups/{payload}", f"/static/{payload}", f"//{payload}"):
        for method in ("GET", "POST", payload):
            status, headers, body = await raw(method, path, (html,))
            assert status >= 400
            inert(httpx.Response(status, headers=headers, content=body))
            assert payload.encode() not in body
    for query in (f"?before={quote(payload)}", f"?{quote(payload)}=1", f"?limit={quote(payload)}"):
        answer = await anyone.get(
            f"/{query}", headers={"Accept": "text/html", "Referer": payload, "User-Agent": payload}
        )
        assert answer.status_code in (200, 404, 422)
        inert(answer)
        assert payload not in answer.text


async def test_error_pages_have_the_policy_too(
    anyone: Person, bob: Person, app: Quart, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    html = {"Accept": "text/html"}
    pages = [
        await anyone.get("/admin", headers=html),  # 401
        await bob.get("/admin", headers=html),  # 404
        await anyone.post("/join", headers=html),  # 405
        await anyone.post("/nowhere", content=bytes(70_000), headers=html),
    ]
    monkeypatch.setitem(app.view_functions, "pages.join", None)
    pages.append(await anyone.get("/join", headers=html))  # 500
    assert [page.status_code for page in pages] == [401, 404, 405, 404, 500]
    assert "TypeError" in caplog.text
    for page in pages:
        assert page.headers["Content-Type"].startswith("text/html")
        inert(page)
        assert page.headers["Cache-Control"] == "no-store"


ADDRESSES = [
    *("javascript:pwned=1", "JaVaScRiPt:pwned=1", " javascript:pwned=1", "java\tscript:x", "data:text/html,x"),
    *("vbscript:x", "//a.example", "https:javascript:x", "http://a b"),
]


@in_turn("url", ADDRESSES)
async def test_a_channels_address_is_a_web_address(root: Person, url: str) -> None:
    assert wrong_fields(await root.post("/api/groups/home/channels", {"key": "x", "url": url})) == {"url"}


async def test_uids_and_slugs_hold_no_markup(anyone: Person, root: Person) -> None:
    for payload in PAYLOADS:
        new = {"uid": payload, "name": "New", "password": "correct horse"}
        assert wrong_fields(await anyone.post("/api/users", new)) == {"uid"}
        assert wrong_fields(await root.post("/api/groups", {"slug": payload, "name": "New"})) == {"slug"}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


PWNED = "typeof pwned !== 'undefined'"


@pytest.mark.slow
class TestInChromium:
    """With JavaScript that makes pages of what people wrote."""

    @pytest.fixture
    async def page(self, browser: Browser, server: Server, world: World) -> AsyncIterator[Page]:
        """Alice's; it must not ask or run anything of an attacker's, nor need its policy to be saved."""
        seen: list[str] = []
        context = await browser.new_context()
        context.on("dialog", lambda dialog: seen.append(dialog.message))
        context.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
        context.on("weberror", lambda error: seen.append(str(error.error)))
        context.on("request", lambda asked: None if asked.url.startswith(server.url) else seen.append(asked.url))
        signed = httpx.post(  # noqa: ASYNC210
            f"{server.url}/api/session", json={"uid": "root", "password": "correct horse"}
        )
        name, value = signed.headers["Set-Cookie"].split(";")[0].split("=", 1)
        await context.add_cookies([{"name": name, "value": value, "url": server.url}])
        yield await context.new_page()
        assert seen == []

    async def test_it_works(self, page: Page, server: Server, world: World) -> None:
        room = world.class_channel
        with httpx.Client(base_url=server.url) as http:

            def does(uid: str, method: str, path: str, body: object) -> None:
                headers = {"Authorization": f"Bearer {world.tokens[uid]}"}
                http.request(method, path, json=body, headers=headers).raise_for_status()

            for uid in ("bob", "alice"):
                does(uid, "PATCH", "/api/me", {"name": NAME + uid})
            does("alice", "PATCH", "/api/groups/class", {"name": NAME})
            does("alice", "PATCH", f"/api/channels/{room}", {"title": PAYLOAD})
            does("alice", "POST", "/api/me/tokens", {"name": NAME})
            does("alice", "POST", "/api/groups/class/roster", {"names": [f"{NAME[2:]} of Eve"]})
            for body in (MARKDOWN, *PAYLOADS):
                does("bob", "POST", f"/api/channels/{room}/posts", {"body": body})

            await page.goto(f"{server.url}/channels/{room}")
            await expect(page.locator(".status")).to_have_attribute("data-state", "live")
            await expect(page.locator(".posts .post")).to_have_count(1 + len(PAYLOADS))
            does("bob", "POST", f"/api/channels/{room}/posts", {"body": f"live {MARKDOWN}"})
            does("alice", "PATCH", f"/api/channels/{room}", {"title": f"live {PAYLOAD}"})
            await expect(page.locator(".posts .post")).to_have_count(2 + len(PAYLOADS))
            await expect(page.locator("h1").first).to_contain_text("live")
            assert not await page.evaluate(PWNED)
            for path in ("/", "/groups/class/queue", "/admin/accounts", f"/join#{quote(PAYLOAD)}"):
                await page.goto(server.url + path)
                await page.wait_for_load_state("networkidle")
                assert not await page.evaluate(PWNED), path
