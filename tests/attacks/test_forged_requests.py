"""Requests that another site makes in a victim's browser (CSRF, login CSRF, cross-site websockets, clickjacking)."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from quart import Quart

from api.access import cookie_name
from tests.api.conftest import posted, refused
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World

Unchanged = Callable[[], AbstractContextManager[None]]

EVIL = "https://evil.example"
# How a browser says that another site asks. Old ones send no Origin with a form, new ones send `null` where a page is
# sandboxed or hides its referrer; Sec-Fetch-Site is of all the same.
FOREIGN = {
    "origin": {"Origin": EVIL},
    "null": {"Origin": "null"},
    "looks like ours": {"Origin": "http://pottle.test.evil.example"},
    "has ours in it": {"Origin": "http://pottle.test@evil.example"},
    "another port": {"Origin": "http://pottle.test:8080"},
    "empty": {"Origin": ""},
    "none, but cross-site": {"Sec-Fetch-Site": "cross-site"},
    "none, but a sister": {"Sec-Fetch-Site": "same-site"},
    "a sister": {"Origin": "http://sister.pottle.test", "Sec-Fetch-Site": "same-site"},
}
# What a form can send without a preflight.
SIMPLE = {
    "text/plain": json.dumps({"body": "Not me"}),
    "application/x-www-form-urlencoded": "body=Not+me",
    "multipart/form-data; boundary=x": '--x\r\nContent-Disposition: form-data; name="body"\r\n\r\nNot me\r\n--x--\r\n',
}


def changes(world: World, post: int) -> list[tuple[str, str, object]]:
    """What would hurt."""
    return [
        ("POST", "/api/channels/1/posts", {"body": "Not me"}),
        ("PATCH", f"/api/posts/{post}", {"body": "Not me"}),
        ("DELETE", f"/api/posts/{post}", None),
        ("PUT", f"/api/posts/{post}/reactions/up", None),
        ("PATCH", "/api/me", {"name": "Mallory"}),
        ("PUT", "/api/me/avatar", None),
        ("POST", "/api/me/tokens", {"name": "theirs"}),
        ("DELETE", "/api/me", {"password": PASSWORD}),
        ("DELETE", "/api/session", None),
        ("POST", "/api/groups/class/members", {"uid": "charlie", "role": "moderator"}),
        ("POST", "/api/groups/class/sessions", {"origin": EVIL}),
        ("POST", "/api/groups/class/secrets", None),
        ("POST", "/api/groups/class/invitations", {"role": "moderator"}),
        ("POST", "/api/groups/class/roster", {"names": ["Mallory"]}),
        ("PATCH", "/api/groups/class", {"reading": "public"}),
        ("DELETE", f"/api/channels/{world.class_channel}", None),
    ]


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
async def test_another_site_changes_nothing(
    victim: Person, alice: Person, world: World, headers: dict[str, str], nothing_changes: Unchanged
) -> None:
    post = (await posted(alice))["id"]
    with nothing_changes():
        for method, path, body in changes(world, post):
            answer = await victim.http.request(method, path, json=body, headers=headers)
            assert (method, path, answer.status_code) in ((method, path, 401), (method, path, 404))
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("site", ["same-origin", "none", ""])
async def test_our_own_pages_do(victim: Person, site: str) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert (await victim.post("/api/channels/1/posts", {"body": "Me"}, headers=headers)).status_code == 201


@pytest.mark.parametrize("kind", SIMPLE)
async def test_a_form_changes_nothing_even_from_our_own_pages(
    victim: Person, kind: str, nothing_changes: Unchanged
) -> None:
    with nothing_changes():
        for path in ("/api/channels/1/posts", "/api/me/tokens", "/api/groups/class/invitations"):
            refused(await victim.post(path, content=SIMPLE[kind], headers={"Content-Type": kind}), 415)
            foreign = await victim.post(path, content=SIMPLE[kind], headers={"Content-Type": kind, "Origin": EVIL})
            assert foreign.status_code in (401, 415)


async def test_nothing_changes_by_get(victim: Person, alice: Person, app: Quart, nothing_changes: Unchanged) -> None:
    """Nor by HEAD, over the whole map: a link or an image is asked for with the cookie."""
    post = (await posted(alice))["id"]
    with nothing_changes():
        for rule in app.url_map.iter_rules():
            if not rule.websocket:
                path = rule.rule.replace("<slug>", "class").replace("<uid>", "alice").replace("<id:post_id>", str(post))
                for method in ("GET", "HEAD"):
                    await victim.http.request(method, path.replace("<id:channel_id>", "1"), headers={"Origin": EVIL})


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_a_method_is_what_it_is(victim: Person, alice: Person, header: str, nothing_changes: Unchanged) -> None:
    post = (await posted(alice))["id"]
    with nothing_changes():
        for method in ("DELETE", "PATCH", "PUT"):
            refused(await victim.post(f"/api/posts/{post}?_method={method}", headers={header: method}), 405)
            shown = await victim.get(f"/api/posts/{post}", headers={header: method})
            assert shown.json()["id"] == post


@in_turn("headers", FOREIGN.values())
async def test_nobody_is_signed_in_as_the_attacker(anyone: Person, root: Person, headers: dict[str, str]) -> None:
    """Login CSRF: what the victim then writes would be the attacker's to read."""
    code = (await root.post("/api/users/charlie/invitations")).json()["code"]
    for answer in (
        await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD}, headers=headers),
        await anyone.put("/api/password", json={"code": code, "password": "another horse"}, headers=headers),
    ):
        assert answer.status_code == 201
        assert "Set-Cookie" not in answer.headers


@in_turn("headers", FOREIGN.values())
async def test_another_sites_websocket_is_nobodys(
    app: Quart, alice: Person, world: World, headers: dict[str, str]
) -> None:
    """Cross-site websocket hijacking: there is no CORS for websockets, and the cookie is sent along."""
    for extra, answer in ((headers, "error"), ({"Origin": "http://pottle.test"}, "subscribed")):
        sent = {"Host": "pottle.test", "Cookie": f"{cookie_name()}={alice.token}", **extra}
        async with app.test_client().websocket("/api/live", headers=sent) as socket:
            assert json.loads(await socket.receive())["type"] == "hello"
            await socket.send_json({"type": "subscribe", "channel": world.class_channel})
            assert json.loads(await socket.receive())["type"] == answer


async def test_no_answer_can_be_read_with_the_browsers_credentials(victim: Person, world: World) -> None:
    room = f"/api/channels/{world.class_channel}/posts"
    for path in ("/api/me", room, "/api/me/tokens", "/", "/groups/class/manage"):
        for headers in FOREIGN.values():
            answer = await victim.get(path, headers=headers)
            assert answer.headers.get("Access-Control-Allow-Origin", "*") == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "DELETE"}
    assert "Access-Control-Allow-Credentials" not in (await victim.http.options(room, headers=asked)).headers


@in_turn("path", ["/", "/join", "/docs", "/groups/class/manage", "/channels/1", "/nowhere"])
async def test_no_other_site_may_frame_a_page(victim: Person, path: str) -> None:
    answer = await victim.get(path, headers={"Accept": "text/html", "Origin": EVIL, "Referer": EVIL})
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self'")


async def test_a_script_tag_gets_nothing(victim: Person, world: World) -> None:
    """JSON with one's cookie, read as a script: it is none, and browsers are told so. There is no JSONP."""
    for path in ("/api/me", f"/api/channels/{world.class_channel}/posts", "/api/groups"):
        answer = await victim.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.text[0] == "{"
    assert "pwned" not in (await victim.get("/api/me?callback=pwned")).text
