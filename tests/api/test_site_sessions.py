"""Sessions that are good for one site of a group, and the popup that hands them over.

What such a one may do is in tests/api/test_roles.py, in the column `site`: seen to fail there without each of
`on_our_pages`, `HERE` and `must_be_good_in`.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from quart import Quart

from api.access import cookie_name
from model.accounts import session
from pottle import times
from tests.api.conftest import Json, bearer, opened, posted, refused, signed_in_again
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World

SITE = "https://blog.example"
FROM_SITE = {"Origin": SITE}
SESSIONS = "/api/groups/blog/sessions"
# Whoever has the token, but is no page of that origin.
THIEVES: dict[str, Json] = {
    "a program": {},
    "another site": {"Origin": "https://evil.example"},
    "a page without an origin": {"Origin": "null"},
    "by http": {"Origin": "http://blog.example"},
    "another port": {"Origin": "https://blog.example:8443"},
    "in capitals": {"Origin": "https://BLOG.example"},
    "a slash more": {"Origin": "https://blog.example/"},
    "a longer name": {"Origin": "https://blog.example.evil.example"},
    "a dot more": {"Origin": "https://blog.example."},
    "letters that look alike": {"Origin": "https://xn--blg-hoa.example"},
    "our own page": {"Origin": "http://pottle.test"},
    "another listed site": {"Origin": "https://docs.example"},
    "two": {"Origin": f"{SITE}, https://evil.example"},
    "empty": {"Origin": ""},
}
thieves = pytest.mark.parametrize("origin", THIEVES.values(), ids=THIEVES.keys())
Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.fixture
async def blog(root: Person) -> int:
    """The channel of a group with two sites."""
    return await opened(root, "blog", origins=[SITE, "https://docs.example"])


@pytest.fixture
async def token(blog: int, bob: Person) -> str:
    """Bob's, for the blog's pages."""
    return await for_site(bob)


async def for_site(person: Person, origin: str = SITE) -> str:
    made = await person.post(SESSIONS, {"origin": origin})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def test_it_works(anyone: Person, blog: int, token: str) -> None:
    there = {**FROM_SITE, **bearer(token)}
    assert (await anyone.get("/api/me", headers=there)).json()["uid"] == "bob"
    made = await anyone.post(f"/api/channels/{blog}/posts", {"body": "Hello"}, headers=there)
    assert made.json()["author"]["uid"] == "bob"
    assert (await anyone.delete("/api/session", headers=there)).status_code == 204
    refused(await anyone.get("/api/me", headers=there), 401)


@thieves
async def test_a_stolen_one_is_nobodys(
    anyone: Person, blog: int, token: str, origin: Json, nothing_changes: Unchanged
) -> None:
    stolen = {**origin, **bearer(token)}
    with nothing_changes():
        refused(await anyone.get("/api/me", headers=stolen), 401)
        for method, path, body in (
            ("POST", f"/api/channels/{blog}/posts", {"body": "Mine"}),
            ("POST", "/api/me/tokens", {"name": "mine"}),
            ("PATCH", "/api/me", {"password": "another horse", "current_password": PASSWORD}),
            ("DELETE", "/api/me/sessions", None),
            ("DELETE", "/api/session", None),
            ("POST", SESSIONS, {"origin": "https://docs.example"}),
        ):
            refused(await anyone.http.request(method, path, json=body, headers=stolen), 401)


@thieves
async def test_nor_over_the_websocket(app: Quart, token: str, origin: Json) -> None:
    async with app.test_client().websocket("/api/live", headers=origin) as socket:
        assert json.loads(await socket.receive())["type"] == "hello"
        await socket.send_json({"type": "auth", "token": token})
        answer = json.loads(await socket.receive())
        assert (answer["type"], answer["code"]) == ("error", "unauthenticated")


async def test_over_the_websocket_it_watches_as_its_user(app: Quart, token: str, bob: Person) -> None:
    """The GETs that the worker makes for it come from the same origin."""
    async with app.test_client().websocket("/api/live", headers=FROM_SITE) as socket:
        await socket.receive()
        for frame, answered in (
            ({"type": "auth", "token": token}, "authenticated"),
            ({"type": "watch", "get": "/api/me"}, "watching"),
            ({"type": "watch", "get": "/api/me/sessions"}, "error"),
            ({"type": "subscribe", "channel": 2}, "error"),
        ):
            await socket.send_json(frame)
            assert json.loads(await socket.receive())["type"] == answered, frame


async def test_it_is_no_cookie(anyone: Person, token: str) -> None:
    """Not even on our own pages, where a neighbouring host may have put it."""
    for headers in ({}, FROM_SITE, {"Origin": "http://pottle.test"}):
        planted = {**headers, "Cookie": f"{cookie_name()}={token}"}
        refused(await anyone.get("/api/me", headers=planted), 401)


async def test_a_closed_group_elsewhere_is_not_there(
    anyone: Person, bob: Person, alice: Person, token: str, world: World, app: Quart
) -> None:
    """Bob is a member of `class`, but what the blog's pages get is no member's."""
    room = world.class_channel
    post = await posted(alice, channel=room)
    there = {**FROM_SITE, **bearer(token)}
    for path in ("/api/groups/class", f"/api/channels/{room}/posts", f"/api/posts/{post['id']}"):
        assert (await bob.get(path)).status_code == 200
        refused(await anyone.get(path, headers=there), 404)
    shown = (await anyone.get("/api/groups", headers=there)).json()["groups"]
    assert {group["slug"] for group in shown} == {"home", "blog"}
    refused(await anyone.post(f"/api/channels/{room}/posts", {"body": "Hi"}, headers=there), 404)
    async with app.test_client().websocket("/api/live", headers=FROM_SITE) as socket:
        await socket.receive()
        await socket.send_json({"type": "auth", "token": token})
        await socket.receive()
        await socket.send_json({"type": "subscribe", "channel": room})
        assert json.loads(await socket.receive())["code"] == "not-found"


async def test_what_waits_elsewhere_is_not_shown(anyone: Person, root: Person, bob: Person, token: str) -> None:
    news = await opened(root, "news", review="all")
    waiting = await posted(bob, "Not for others yet", news)
    assert (await bob.get("/api/me/posts")).json()["posts"]
    there = {**FROM_SITE, **bearer(token)}
    assert (await anyone.get("/api/me/posts", headers=there)).json()["posts"] == []
    refused(await anyone.get(f"/api/posts/{waiting['id']}", headers=there), 404)


async def test_an_admin_is_none_there(anyone: Person, root: Person, blog: int) -> None:
    """Nor learns the site the mail address."""
    there = {**FROM_SITE, **bearer(await for_site(root))}
    await root.patch("/api/me", {"email": "root@school.example", "current_password": PASSWORD})
    assert (await anyone.get("/api/me", headers=there)).json()["email"] is None
    refused(await anyone.get("/api/users", headers=there), 403)
    refused(await anyone.patch("/api/users/bob", {"disabled": True}, headers=there), 403)
    refused(await anyone.get("/api/groups/class", headers=there), 404)
    made = await anyone.post(f"/api/channels/{blog}/posts", {"body": "Hello"}, headers=there)
    assert made.json()["author"]["badge"] == "admin"


class TestBeginning:
    async def test_only_for_a_site_of_the_group(self, bob: Person, blog: int, nothing_changes: Unchanged) -> None:
        with nothing_changes():
            for slug, origin in (("blog", "https://evil.example"), ("home", SITE), ("nowhere", SITE)):
                refused(await bob.post(f"/api/groups/{slug}/sessions", {"origin": origin}), 403)
            refused(await bob.post(SESSIONS, {"origin": f"{SITE}/"}), 422)

    async def test_by_no_page_but_ours(self, anyone: Person, bob: Person, blog: int, token: str) -> None:
        """Another page has no cookie there; and what it has was begun for itself."""
        cookie = {"Cookie": f"{cookie_name()}={bob.token}"}
        assert (await anyone.post(SESSIONS, {"origin": SITE}, headers=cookie)).status_code == 201
        refused(await anyone.post(SESSIONS, {"origin": SITE}, headers={**cookie, **FROM_SITE}), 401)
        again = await anyone.post(SESSIONS, {"origin": SITE}, headers={**bearer(token), **FROM_SITE})
        assert refused(again, 403)["type"] == "urn:pottle:session-needed"

    async def test_not_by_a_named_token(self, anyone: Person, bob: Person, blog: int) -> None:
        named = (await bob.post("/api/me/tokens", {"name": "bell"})).json()["token"]
        refused(await anyone.post(SESSIONS, {"origin": SITE}, headers=bearer(named)), 403)


class TestEnding:
    async def test_it_is_listed_and_ended_by_itself(self, anyone: Person, bob: Person, token: str) -> None:
        other = await for_site(bob, "https://docs.example")
        second, first, own = (await bob.get("/api/me/sessions")).json()["sessions"]
        assert [(one["site"], one["origin"]) for one in (second, first, own)] == [
            ("blog", "https://docs.example"),
            ("blog", SITE),
            (None, None),
        ]
        assert (await bob.delete(f"/api/me/sessions/{first['id']}")).status_code == 204
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(token)}), 401)
        there = {"Origin": "https://docs.example", **bearer(other)}
        assert (await anyone.get("/api/me", headers=there)).status_code == 200

    async def test_when_the_origin_leaves_the_groups(
        self, anyone: Person, root: Person, bob: Person, token: str
    ) -> None:
        other = await for_site(bob, "https://docs.example")
        assert (await root.patch("/api/groups/blog", {"origins": ["https://docs.example"]})).status_code == 200
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(token)}), 401)
        there = {"Origin": "https://docs.example", **bearer(other)}
        assert (await anyone.get("/api/me", headers=there)).status_code == 200
        await root.patch("/api/groups/blog", {"origins": [SITE, "https://docs.example"]})
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(token)}), 401)

    async def test_when_the_group_goes(self, anyone: Person, root: Person, bob: Person, token: str) -> None:
        assert (await root.delete("/api/groups/blog")).status_code == 204
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(token)}), 401)
        assert len((await bob.get("/api/me/sessions")).json()["sessions"]) == 1

    async def test_with_a_new_password(self, anyone: Person, bob: Person, token: str) -> None:
        assert (await bob.patch("/api/me", {"password": "another horse", "current_password": PASSWORD})).is_success
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(token)}), 401)

    async def test_when_it_expires(self, anyone: Person, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        late = times.later(days=31)
        monkeypatch.setattr(times, "now", lambda: late)
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(token)}), 401)

    async def test_the_session_that_began_it_may_end(self, anyone: Person, blog: int) -> None:
        """As in the popup, which begins one for no more than that."""
        own = bearer(await signed_in_again(anyone, "bob", PASSWORD))
        made = (await anyone.post(SESSIONS, {"origin": SITE}, headers=own)).json()["token"]
        await anyone.delete("/api/session", headers=own)
        assert await session.identify(made, SITE)


class TestPopup:
    @in_turn(
        "query",
        [
            "", "?group=blog", f"?origin={SITE}", "?group=blog&origin=null", f"?group=home&origin={SITE}",
            "?group=blog&origin=http://blog.example", "?group=blog&origin=https://blog.example/",
            "?group=blog&origin=https://BLOG.example", "?group=blog&origin=https://evil.example",
            f"?group=blog&origin={SITE}%00",
            "?group=blog&origin=https://evil.example&origin=https://blog.example",
            "?group=blog&origin=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
            "?group=%3Cscript%3E&origin=javascript:alert(1)",
        ],
    )  # fmt: skip
    async def test_it_is_for_a_listed_site_only(self, anyone: Person, blog: int, query: str) -> None:
        answer = await anyone.get(f"/sign-in{query}", headers={"Accept": "text/html"})
        assert answer.status_code in (403, 422)
        assert "<form" not in answer.text
        assert "<script" not in answer.text
        assert "<script>" not in answer.text.lower()

    async def test_nobody_frames_it(self, anyone: Person, blog: int) -> None:
        """Click-jacking; nor does another opener policy cut it off from the page that opened it."""
        answer = await anyone.get(f"/sign-in?group=blog&origin={SITE}")
        assert answer.status_code == 200
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Cross-Origin-Opener-Policy" not in answer.headers
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] in ("no-store", "private, no-cache")

    async def test_who_is_signed_in_need_not_type(self, anyone: Person, alice: Person, blog: int) -> None:
        cookie = {"Cookie": f"{cookie_name()}={alice.token}"}
        answer = await anyone.get(f"/sign-in?group=blog&origin={SITE}", headers=cookie)
        assert "Go on as <bdi>Alice</bdi>" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Go on as" not in (await anyone.get(f"/sign-in?group=blog&origin={SITE}")).text
