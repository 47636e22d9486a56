"""Addresses that are made to lead elsewhere: files outside, lines in headers, other hosts, statements in SQL."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

import pytest
from quart import Quart

from model.settings import Settings
from pottle.http import assets
from tests.api.conftest import LOBBY, dump, posted, refused
from tests.attacks.conftest import Raw
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

Unchanged = Callable[[], AbstractContextManager[None]]

# As the server hands them over: decoded once, and not tidied up. Those that clients send: tests/api/test_static.py.
OUTSIDE = [
    "../main.py",
    "../instance/app.db",
    "../../../../../../etc/passwd",
    "~x/../../main.py",
    "~x/../../instance/app.db",
    "~../main.py",
    "/etc/passwd",
    "//etc/passwd",
    "~x//etc/passwd",
    "pottle/../../main.py",
    "..\\main.py",
    "pottle\\..\\..\\main.py",
    "C:\\windows\\win.ini",
    "....//main.py",
    "%2e%2e/main.py",
    "..%2fmain.py",
    "..;/main.py",
    "style.css\x00.png",
    "\x00",
    "../static/../main.py",
    "\uff0e\uff0e/main.py",
    "..\u2215main.py",
    "file:///etc/passwd",
    ".",
    "..",
    "~x/..",
    "x" * 5_000,
    "../" * 1_000 + "etc/passwd",
]


@in_turn("name", OUTSIDE)
async def test_no_file_outside_is_served(raw: Raw, name: str) -> None:
    for path in (f"/static/{name}", f"/static/~{assets.release()}/{name}"):
        status, headers, body = await raw("GET", path)
        assert status == 404
        assert dict(headers)[b"content-type"] == b"application/problem+json"
        assert b"root:" not in body
        assert b"import" not in body


@in_turn("uid", ["..", "../../etc/passwd", "..%2f", "\x00", "../me", "alice/../bob"])
async def test_an_avatar_is_no_file(raw: Raw, uid: str) -> None:
    for path in (f"/api/users/{uid}/avatar", f"/api/users/{uid}"):
        assert (await raw("GET", path))[0] == 404


async def test_an_instance_folder_beside_the_static_files_is_out_of_reach(
    raw: Raw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where a folder's name begins as the static folder's does."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static-private").mkdir()
    (tmp_path / "static-private" / "app.db").write_text("secret")
    (tmp_path / "static" / "style.css").write_text("public")
    monkeypatch.setattr(assets, "FOLDER", tmp_path / "static")
    assert (await raw("GET", "/static/style.css"))[2].strip() == b"public"
    for name in ("../static-private/app.db", "-private/app.db", "~x/../static-private/app.db", str(tmp_path)):
        assert (await raw("GET", f"/static/{name}"))[0] == 404


BREAKS = [
    *("\r\nSet-Cookie: pwned=1", "\nSet-Cookie: pwned=1", "\r\n\r\n<html>"),
    *("\u560d\u560aSet-Cookie: pwned=1", "\x0b\x85\u2028x"),
]


@in_turn("line", BREAKS)
async def test_no_header_has_a_line_of_an_attackers(
    raw: Raw, root: Person, alice: Person, anyone: Person, line: str
) -> None:
    answers = [
        await raw("GET", f"/{line}"),
        await raw("GET", f"/channels/{line}"),
        await raw("GET", f"/static/{line}"),
        await raw("GET", f"/static/~{line}/style.css"),
        await raw("GET", f"/api/users/{line}"),
        await raw("GET", f"//evil.example{line}"),
        await raw(f"GET{line}", "/"),
        await raw("GET", LOBBY, query=b"limit=1&before=" + quote(line).encode()),
        await raw("GET", "/api/counts", query=b"group=home&key=" + quote(f"x{line}").encode()),
    ]
    await posted(alice, "One")
    await posted(alice, "Two")
    key = quote(f"x{line}", safe="")
    others = (
        await root.post("/api/groups/home/channels", {"key": f"x{line}", "title": f"x{line}"}),
        await alice.patch("/api/me", {"name": f"x{line}"}),
        await root.get(f"/api/groups/home/channels?key={key}"),
        await anyone.get(f"{LOBBY}?limit=1"),
        await root.get(f"/api/users?limit=1&q={key}"),
        await root.get(f"/api/audit?limit=1&group={key}"),
        await alice.post("/api/me/tokens", {"name": f"x{line}"}),
        await anyone.post("/api/users", {"uid": f"x{line}", "name": "X", "password": PASSWORD}),
        await root.post("/api/groups", {"slug": f"x{line}", "name": "X"}),
    )
    answers += [(answer.status_code, answer.headers.raw, answer.content) for answer in others]
    for status, headers, _ in answers:
        assert status < 500
        for name, value in headers:
            assert not {*b"\r\n\x00"} & {*name, *value}
            assert name.lower() != b"set-cookie"


HOST = "evil.example"


async def test_another_host_in_a_request_is_nowhere_in_the_answer(
    raw: Raw, alice: Person, anyone: Person, root: Person
) -> None:
    """Nor in one for the next reader: what is kept is kept without the host."""
    await posted(alice, "One")
    await posted(alice, "Two")
    forged = (
        *((b"host", HOST.encode()), (b"x-forwarded-host", HOST.encode()), (b"x-host", HOST.encode())),
        *((b"forwarded", f"host={HOST};proto=https".encode()), (b"x-forwarded-server", HOST.encode())),
        *((b"x-original-url", b"/api/me"), (b"x-rewrite-url", b"/api/me"), (b"x-forwarded-prefix", b"/evil")),
        *((b"x-forwarded-proto", b"https"), (b"x-forwarded-port", b"444"), (b"x-forwarded-scheme", b"nothttps")),
        (b"accept", b"text/html"),
    )
    paths = [
        "/",
        "/channels/1",
        "/join",
        "/docs",
        "/openapi.json",
        LOBBY,
        "/api/groups",
        "/nowhere",
        "/api/nowhere",
        "//join",
    ]
    for path in (*paths, "/api//channels/1", "//static//style.css"):
        status, headers, body = await raw("GET", path, forged, query=b"limit=1" if path in ("/", LOBBY) else b"")
        assert status in (200, 404)
        for text in (body, *(value for _, value in headers)):
            assert HOST.encode() not in text
            assert b"/evil" not in text
    for path in paths:
        assert HOST not in (await anyone.get(path)).text


@in_turn(
    "host",
    ["", "evil.example/x", "evil.example@pottle.test", "a b", "[", "\xff", "x" * 5_000, "a,b", "a..b", ".", "a..b:80"],
)
async def test_a_host_that_makes_no_sense_is_no_crash(raw: Raw, host: str) -> None:
    for path in ("/", "/join", LOBBY, "/nowhere"):
        status, _, _ = await raw("GET", path, ((b"host", host.encode("latin-1")),))
        assert status in (200, 400, 404)


@in_turn("query", [b"\xff", b"limit=\xff", b"%", b"%zz=%", b"&&&=;", b"limit=1\x00", "key=\u1234".encode()])
async def test_a_query_that_makes_no_sense_is_no_crash(raw: Raw, query: bytes) -> None:
    for path in ("/", "/join", LOBBY, "/nowhere", "/static/style.css"):
        assert (await raw("GET", path, query=query))[0] in (200, 400, 404, 422)


async def test_a_link_with_a_code_leads_where_whoever_asked_for_it_is(root: Person, alice: Person) -> None:
    """There is no form by which somebody else has a link sent, so nobody else names the host."""
    for person, path in ((root, "/api/users/bob/invitations"), (alice, "/api/groups/class/invitations")):
        made = (await person.post(path, {}, headers={"X-Forwarded-Host": HOST, "X-Forwarded-Proto": "gopher"})).json()
        assert made["url"] == f"http://pottle.test/join#{made['code']}"


class TestPublicAddress:
    """POTTLE_URL: then no request says where a link leads."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, url="https://pottle.example")

    async def test_it_works(self, root: Person) -> None:
        made = (await root.post("/api/users/bob/invitations", headers={"Host": HOST})).json()
        assert made["url"] == f"https://pottle.example/join#{made['code']}"


ELSEWHERE = [
    "//evil.example",
    "//evil.example/join",
    "///evil.example/..",
    "/\\evil.example",
    "/\\/evil.example",
    "//evil.example/%2e%2e",
    "/.evil.example",
    "http://evil.example/",
    "/join//",
    "/static//evil.example",
    "/api//groups",
    "/channels/1/",
    "@evil.example",
]


@in_turn("path", ELSEWHERE)
async def test_nothing_leads_elsewhere(raw: Raw, path: str) -> None:
    for query in (b"", b"next=//evil.example&url=//evil.example&redirect=//evil.example&return=//evil.example"):
        status, headers, body = await raw("GET", path, ((b"accept", b"text/html"),), query=query)
        assert status in (200, 404, 422)
        assert b"location" not in dict(headers)
        assert b"evil.example" not in body


SQL = [
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    '" OR ""="',
    "1) UNION SELECT password_hash FROM users --",
    "%' OR uid LIKE '%",
    "\\' OR 1=1 --",
    "${jndi:ldap://evil.example}",
    ":named",
    "?",
    "%s",
    "x' AND randomblob(1000000000) --",
]


@pytest.mark.parametrize("attack", SQL)
async def test_statements_are_text(
    anyone: Person, root: Person, alice: Person, instance: Path, attack: str, nothing_changes: Unchanged
) -> None:
    text = quote(attack, safe="")
    with nothing_changes():
        assert (await root.get(f"/api/users?q={text}")).json()["users"] == []
        assert (await root.get(f"/api/audit?uid={text}")).json().get("entries", []) == []
        assert (await root.get(f"/api/audit?group={text}")).json().get("entries", []) == []
        assert (await anyone.get(f"/api/groups/home/channels?key={text}")).json()["channels"] == []
        refused(await anyone.get(f"/api/counts?group={text}&key=lobby"), 422)
        assert (await anyone.get(f"/api/counts?group=home&key={text}")).json()["counts"] == {attack: 0}
        for path in ("/api/users/{}", "/api/groups/{}", "/api/groups/{}/channels", "/api/channels/{}", "/api/posts/{}"):
            refused(await anyone.get(path.format(text)), 404)
        for name in ("before", "after"):
            refused(await anyone.get(f"{LOBBY}?{name}={text}"), 422)
        refused(await anyone.post("/api/session", {"uid": attack, "password": PASSWORD}), 401)
        refused(await anyone.post("/api/session", {"uid": "alice", "password": attack}), 401)
        refused(await anyone.post("/api/invitations/look-up", {"code": attack[:80]}), 404)
        refused(await root.delete(f"/api/groups/class/members/{text}"), 404)
        refused(await anyone.get("/api/me", headers={"Authorization": f"Bearer {attack}"}), 401)
    made = await posted(alice, attack)
    opened = (await root.post("/api/groups/home/channels", {"key": attack, "title": attack})).json()
    named = (await alice.patch("/api/me", {"name": attack})).json()
    assert (made["body"], opened["key"], opened["title"], named["name"]) == (attack, attack, attack, attack)
    assert len(dump(instance)["users"]) == 4


async def test_a_pattern_finds_only_itself(root: Person) -> None:
    for pattern in ("%", "_", "%a%", "a%", "_lice", "\\", "\\%"):
        assert (await root.get(f"/api/users?q={quote(pattern)}")).json()["users"] == []
    assert len((await root.get("/api/users?q=AL")).json()["users"]) == 1


async def test_no_answer_names_the_server_or_its_files(app: Quart, anyone: Person, raw: Raw) -> None:
    for method, path in (("GET", "/"), ("GET", "/nowhere"), ("POST", LOBBY), ("TRACE", "/"), ("PUT", "/static/x")):
        _, headers, body = await raw(method, path)
        names = {name.lower() for name, _ in headers}
        assert not names & {b"server", b"x-powered-by", b"x-aspnet-version", b"x-debug"}
        for word in (b"Traceback", b"sqlalchemy", b"quart", b"/site-packages/", str(assets.FOLDER.parent).encode()):
            assert word not in body
