"""What is kept in memory, in proxies and in browsers: nothing of one reader's for another, nothing of an attacker's."""

import itertools
import json
import re

import pytest
from quart import Quart

from api.access import cookie_name
from pottle.http import caching
from tests.api.conftest import LOBBY, bearer, posted
from tests.attacks.conftest import Header, Raw
from tests.conftest import Person, World
from tests.test_policy import addresses

SECRET = "Only for the class"
# Of these whoever is signed in gets one of their own, also where it is the same.
FRAGMENT = re.compile("/(thread|recent|search)")


@pytest.fixture
async def paths(bob: Person, alice: Person, world: World) -> list[str]:
    """Everything that can be read, of the class and of everybody."""
    room = world.class_channel
    post = (await posted(bob, SECRET, room))["id"]
    await posted(alice, "For all")
    return [
        *(
            "/",
            "/join",
            "/docs",
            "/account",
            "/account/access",
            "/account/messages",
            "/account/data",
            "/admin",
            "/groups/class/manage",
            "/channels/1",
            f"/channels/{room}",
            "/openapi.json",
        ),
        *("/api/me", "/api/me/tokens", "/api/me/reactions?channel=1", "/api/me/avatar", "/api/users", "/api/audit"),
        *("/api/groups", "/api/groups/class", "/api/groups/class/channels", "/api/groups/class/members"),
        *("/api/groups/class/posts", "/api/groups/class/invitations", "/api/groups/class/audit"),
        *("/api/counts?group=class&key=room", f"/api/channels/{room}", f"/api/channels/{room}/posts"),
        *(f"/api/posts/{post}", LOBBY, "/api/channels/1", "/api/groups/home", "/api/users/bob", "/healthz"),
    ]


async def test_nobody_gets_what_was_made_for_somebody(
    anyone: Person, alice: Person, root: Person, charlie: Person, paths: list[str]
) -> None:
    """Whoever asked first, by cookie or by token, and whatever the kind of answer that is wanted."""
    alone = {}
    for path in paths:
        caching.shelf.clear()
        alone[path] = (await anyone.get(path)).status_code, (await anyone.get(path)).text
    for path, accept in itertools.product(paths, ("*/*", "text/html")):
        caching.shelf.clear()
        for person in (alice, root):
            for headers in (bearer(person.token), {"Cookie": f"{cookie_name()}={person.token}"}):
                await anyone.get(path, headers={**headers, "Accept": accept})
        assert ((shown := await anyone.get(path)).status_code, shown.text) == alone[path], path
        assert SECRET not in (await charlie.get(path)).text, path


async def test_what_is_one_readers_says_so(app: Quart, alice: Person, anyone: Person, paths: list[str]) -> None:
    """What differs by reader is kept nowhere; what does not, as ever; a page that is one URL for all varies by Cookie.

    Seen to fail with `PERSONAL` as it was, "private, no-cache".
    """
    readable = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.websocket]
    for path in {*paths, *(path for rule in readable for path in addresses(rule))}:
        hers, theirs = await alice.get(path), await anyone.get(path)
        if hers.text != theirs.text:
            assert hers.headers["Cache-Control"] == "no-store", path
        elif theirs.headers.get("Cache-Control") == "no-cache" and not FRAGMENT.search(path):
            assert hers.headers["Cache-Control"] == "no-cache", path
        if hers.headers["Content-Type"].startswith("text/html") and "ETag" in hers.headers and path != "/docs":
            assert "Cookie" in hers.headers["Vary"]
        for answer in (hers, theirs):
            rule = answer.headers.get("Cache-Control", "no-store")
            assert rule in ("no-cache", "private, no-cache", "no-store") or path == "/embed.js", path


async def test_secrets_are_never_kept(anyone: Person, alice: Person, root: Person) -> None:
    for answer in (
        await anyone.post("/api/session", {"uid": "bob", "password": "correct horse"}),
        await alice.post("/api/me/tokens", {"name": "bell"}),
        await alice.post("/api/groups/class/invitations", {}),
        await alice.post("/api/groups/class/roster", {"names": ["Eve"]}),
        await root.post("/api/users/bob/invitations"),
    ):
        assert answer.status_code == 201
        assert answer.headers["Cache-Control"] == "no-store"


POISON: list[tuple[Header, ...]] = [
    ((b"host", b"evil.example"),),
    ((b"x-forwarded-host", b"evil.example"),),
    ((b"x-forwarded-proto", b"evil"), (b"x-forwarded-for", b"evil")),
    ((b"origin", b"https://evil.example"),),
    ((b"accept", b"evil/evil"),),
    ((b"accept-language", b"evil"), (b"user-agent", b"evil"), (b"referer", b"https://evil.example")),
    ((b"range", b"bytes=0-1"),),
    ((b"if-none-match", b'"evil"'), (b"if-modified-since", b"Thu, 01 Jan 1970 00:00:00 GMT")),
    ((b"x-http-method-override", b"DELETE"),),
    ((b"cookie", b"evil=1"),),
    ((b"authorization", b"Bearer evil"),),
    ((b"content-length", b"3"), (b"content-type", b"application/json")),
    ((b"x-request-id", b"evil"),),
]


@pytest.mark.parametrize("headers", POISON, ids=[b" ".join(pair[0]).decode() for pair in POISON])
async def test_no_header_of_one_reader_shows_to_the_next(raw: Raw, anyone: Person, headers: tuple[Header, ...]) -> None:
    """What is not part of the key must not be part of the answer."""
    paths = ["/", "/channels/1", LOBBY, "/api/groups", "/api/groups/home", "/api/channels/1", "/openapi.json", "/join"]
    for path in paths:
        caching.shelf.clear()
        clean = await anyone.get(path)
        caching.shelf.clear()
        await raw("GET", path, headers, body=b"evil")
        after = await anyone.get(path)
        differing = {"x-request-id"}
        assert after.content == clean.content
        assert after.status_code == clean.status_code == 200
        assert {name: value for name, value in after.headers.items() if name not in differing} == {
            name: value for name, value in clean.headers.items() if name not in differing
        }


@pytest.mark.parametrize(
    "query",
    [b"limit=1&limit=2", b"limit=2&limit=1", b"LIMIT=1", b"limit=1;x=2", b"limit=%31", b"limit=1&callback=x", b""],
)
async def test_no_query_gets_anothers_answer(raw: Raw, query: bytes) -> None:
    """Two that are one key are one answer: each is asked for alone, and after each of the others."""
    others = [b"limit=1", b"limit=2", b"limit=1&limit=2", b"limit=2&limit=1", b"", b"limit=1;x=2", b"limit=1&x=2"]
    caching.shelf.clear()
    alone = await raw("GET", LOBBY, query=query)
    for other in others:
        caching.shelf.clear()
        await raw("GET", LOBBY, query=other)
        status, _, body = await raw("GET", LOBBY, query=query)
        assert (status, body) == (alone[0], alone[2])


async def test_no_key_gets_anothers_answer(raw: Raw) -> None:
    """What is sent as it is and what is escaped are read alike: `\u00e9` in UTF-8 is `\u00c3\u00a9` in Latin-1."""
    caching.shelf.clear()
    accented = ((b"\xc3\xa9", "\u00e9"), (b"%C3%A9", "\u00e9"), (b"%C3%83%C2%A9", "\u00c3\u00a9"))
    for sent, key in (*accented, (b"\xff", "%FF"), (b"%FE", "%FE"), (b"%C3%BF", "\u00ff"), (b"%EF%BF%BD", "\ufffd")):
        status, _, body = await raw("GET", "/api/counts", query=b"group=home&key=" + sent)
        assert (status, json.loads(body)) == (200, {"counts": {key: 0}})


@pytest.mark.parametrize(
    "suffix", ["/x.css", "/static/~x/style.css", ";x.css", "%00.css", "/..%2fstatic/~x/style.css", ".css"]
)
async def test_a_private_answer_has_no_second_address(raw: Raw, alice: Person, suffix: str) -> None:
    """Web cache deception: an address that a cache takes for a file, and that shows the victim's page."""
    mine: tuple[Header, ...] = ((b"authorization", f"Bearer {alice.token}".encode()),)
    for path in ("/api/me", "/groups/class/manage", "/api/groups/class/members"):
        status, headers, _ = await raw("GET", path + suffix, mine)
        assert status in (404, 405)
        assert dict(headers)[b"cache-control"] == b"no-store"
