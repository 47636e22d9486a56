"""ETags: `"version-bytehash"`. If-Match compares the version alone, If-None-Match all of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from pottle.http import caching
from tests.api.conftest import LOBBY, Json, opened, posted, refused
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World

ETAG = re.compile(r'"\d+-[0-9a-f]+"')

Change = tuple[str, Json]


@pytest.fixture
async def changeable(alice: Person, root: Person, world: World) -> dict[str, Json]:
    """Everything that has a version, by path, with a change that Alice may make."""
    made = await posted(alice, channel=world.class_channel)
    return {
        f"/api/posts/{made['id']}": {"body": "Edited"},
        f"/api/channels/{world.class_channel}": {"title": "Edited"},
        "/api/groups/class": {"name": "Edited"},
        "/api/me": {"name": "Edited"},
    }


# What proxies make of the ETag of an answer that they compress.
COMPRESSED = {
    "nginx": lambda tag: f"W/{tag}",
    "apache": lambda tag: f'{tag[:-1]}-gzip"',
    "caddy": lambda tag: f'{tag[:-1]}-zstd"',
    "brotli": lambda tag: f'W/{tag[:-1]}-br"',
    "jetty": lambda tag: f'{tag[:-1]}--gzip"',
    "two in a row": lambda tag: f'W/{tag[:-1]}-br-gzip"',
}
compressed = pytest.mark.parametrize("marked", COMPRESSED.values(), ids=COMPRESSED)
PLAIN = {"Accept-Encoding": "identity"}  # as a proxy that compresses asks, and httpx by itself does not
# Where reading depends on the response cache, and where it does not.
READ = [
    LOBBY,
    "/api/posts/1",
    "/api/channels/1",
    "/api/groups/home",
    "/api/me",
    "/openapi.json",
    "/channels/1",
    "/static/pottle.js",
]


async def etag(person: Person, path: str) -> str:
    return str((await person.get(path)).headers["ETag"])


async def test_it_works(alice: Person, changeable: dict[str, Json]) -> None:
    for path, change in changeable.items():
        first = await etag(alice, path)
        assert ETAG.fullmatch(first), path
        changed = await alice.patch(path, change, headers={"If-Match": first})
        assert changed.status_code == 200, path
        assert changed.headers["ETag"] == await etag(alice, path) != first


async def test_a_stale_change_is_refused(
    alice: Person, changeable: dict[str, Json], nothing_changes: Callable[..., object]
) -> None:
    for path, change in changeable.items():
        stale = await etag(alice, path)
        await alice.patch(path, change)
        with nothing_changes():  # type: ignore[attr-defined]
            refused(await alice.patch(path, change, headers={"If-Match": stale}), 412)


async def test_a_stale_delete_is_refused(
    alice: Person, root: Person, changeable: dict[str, Json], nothing_changes: Callable[..., object]
) -> None:
    for path, change in changeable.items():
        stale = {"If-Match": await etag(alice, path)}
        await alice.patch(path, change)
        fresh = {"If-Match": await etag(alice, path)}
        who, body = (
            (root if path == "/api/groups/class" else alice),
            ({"password": PASSWORD} if path == "/api/me" else None),
        )
        with nothing_changes():  # type: ignore[attr-defined]
            assert ((await who.delete(path, headers=stale, json=body)).status_code, path) == (412, path)
        if path != "/api/groups/class":
            assert (await who.delete(path, headers=fresh, json=body)).status_code == 204


async def test_without_if_match_or_with_a_star_the_last_one_wins(alice: Person) -> None:
    made = await posted(alice)
    for headers in ({}, {"If-Match": "*"}):
        assert (await alice.patch(f"/api/posts/{made['id']}", {"body": "x"}, headers=headers)).status_code == 200


async def test_reactions_and_replies_do_not_touch_the_version(alice: Person, bob: Person) -> None:
    made = await posted(alice)
    path = f"/api/posts/{made['id']}"
    before = await etag(alice, path)
    await bob.put(f"{path}/reactions/up")
    await posted(bob, parent=made["id"])
    after = await alice.get(path)
    assert after.json()["version"] == made["version"]
    assert after.headers["ETag"] != before  # for the bytes are others
    assert (await alice.patch(path, {"body": "Edited"}, headers={"If-Match": before})).status_code == 200


@compressed
async def test_a_proxys_compression_makes_no_other_version(
    alice: Person, changeable: dict[str, Json], marked: Callable[[str], str]
) -> None:
    for path, change in changeable.items():
        changed = await alice.patch(path, change, headers={"If-Match": marked(await etag(alice, path))})
        assert (path, changed.status_code) == (path, 200)
        stale = {"If-Match": marked('"1-00112233"')}
        assert (path, (await alice.patch(path, change, headers=stale)).status_code) == (path, 412)


@in_turn(
    "header",
    [
        *("1", '"x-y"', "", '"-1-x"', '"1"', "\xb9-x", f'"{"9" * 5000}-x"', '"', '"""', ",", '*, "99-0"', "W/", "w/*"),
        *(
            '"-gzip"',
            '"' + "-gzip" * 10_000 + 'x"',
            '"99-0-gzip-gzip-gzip"',
            '"99-0;gzip' + '"' * 999,
            "\x00",
            "\xff" * 99,
        ),
    ],
)
async def test_what_is_no_etag_matches_nothing(
    alice: Person, header: str, nothing_changes: Callable[..., object]
) -> None:
    made = await posted(alice)
    headers = {"If-Match": header.encode("latin-1")}
    with nothing_changes():  # type: ignore[attr-defined]
        answer = await alice.patch(f"/api/posts/{made['id']}", {"body": "Edited"}, headers=headers)
        assert answer.status_code in (412, 422), answer.text


async def test_if_match_may_name_several(alice: Person) -> None:
    made = await posted(alice)
    path = f"/api/posts/{made['id']}"
    several = f'"99-0011223344556677", {await etag(alice, path)}'
    assert (await alice.patch(path, {"body": "Edited"}, headers={"If-Match": several})).status_code == 200


FORMS = {**COMPRESSED, "same": str, "list": lambda tag: f'"other",{tag} , "more"', "star": lambda _tag: " * "}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@in_turn("path", READ)
async def test_what_is_known_is_not_sent_again(alice: Person, path: str, form: Callable[[str], str]) -> None:
    await posted(alice)
    first = await alice.get(path, headers=PLAIN)
    known = PLAIN | {"If-None-Match": form(first.headers["ETag"])}
    for forget in (lambda: None, caching.shelf.clear):  # with and without the response cache
        forget()
        again = await alice.get(path, headers=known)
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert again.headers.get("Content-Type") in (None, first.headers["Content-Type"])  # a cache keeps the newer


@in_turn("path", READ)
async def test_a_reading_of_another_version_is_refused(alice: Person, path: str) -> None:
    await posted(alice)
    first = await alice.get(path, headers=PLAIN)
    for forget in (lambda: None, lambda: None, caching.shelf.clear):  # with and without the response cache
        forget()
        for unknown in ('"99999-0123"', "", "W/x", '"other", "another"', "1"):
            problem = refused(await alice.get(path, headers={"If-Match": unknown}), 412)
            assert "version" in problem["detail"]
            head = await alice.http.head(path, headers={"If-Match": unknown})
            assert (head.status_code, head.content) == (412, b"")
        for known in (*[mark(first.headers["ETag"]) for mark in COMPRESSED.values()], "*", first.headers["ETag"]):
            again = await alice.get(path, headers=PLAIN | {"If-Match": known})
            assert (again.status_code, again.content) == (200, first.content)
            not_again = {"If-Match": known, "If-None-Match": first.headers["ETag"]}
            assert (await alice.get(path, headers=not_again)).status_code == 304


async def test_conditions_over_several_lines_are_one_list(alice: Person) -> None:
    made = await posted(alice)
    path = f"/api/posts/{made['id']}"
    lines: Any = [("If-None-Match", '"other"'), ("If-None-Match", await etag(alice, path))]
    assert (await alice.get(path, headers=lines)).status_code == 304
    lines = [("If-Match", '"99-0011"'), ("If-Match", await etag(alice, path))]
    assert (await alice.get(path, headers=lines)).status_code == 200
    assert (await alice.patch(path, {"body": "Edited"}, headers=lines)).status_code == 200


async def test_what_is_new_is_sent(alice: Person, bob: Person, anyone: Person) -> None:
    made = await posted(alice)
    for path in (LOBBY, f"/api/posts/{made['id']}"):
        known = {"If-None-Match": await etag(anyone, path)}
        await bob.put(f"/api/posts/{made['id']}/reactions/{'up' if path == LOBBY else 'eyes'}")
        assert (await anyone.get(path, headers=known)).status_code == 200


async def test_the_list_has_an_etag_of_its_own_page(alice: Person, anyone: Person) -> None:
    for _ in range(3):
        await posted(alice)
    tags = {await etag(anyone, LOBBY + query) for query in ("", "?limit=1", "?limit=2")}
    assert len(tags) == 3


async def test_a_members_answer_is_not_confirmed_to_an_outsider(bob: Person, charlie: Person, world: World) -> None:
    path = f"/api/channels/{world.class_channel}"
    known = {"If-None-Match": await etag(bob, path)}
    refused(await charlie.get(path, headers=known), 404)


async def test_head_is_get_without_the_body(alice: Person, anyone: Person) -> None:
    await posted(alice)
    for path in (LOBBY, "/api/posts/1", "/", "/healthz"):
        for _ in range(2):  # before and after it is kept
            head, got = await anyone.http.head(path), await anyone.get(path)
            assert head.status_code == 200
            assert head.content == b""
            assert head.headers.get("ETag") == got.headers.get("ETag")
            assert head.headers["Content-Type"] == got.headers["Content-Type"]


async def test_a_page_has_one_too(anyone: Person) -> None:
    assert (await anyone.get("/", headers={"If-None-Match": await etag(anyone, "/")})).status_code == 304


async def test_two_who_edit_at_once_do_not_overwrite_each_other(root: Person) -> None:
    await opened(root, "site")
    first = {"If-Match": await etag(root, "/api/groups/site")}
    answers = [await root.patch("/api/groups/site", {"name": name}, headers=first) for name in ("One", "Two")]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert (await root.get("/api/groups/site")).json()["name"] == "One"
