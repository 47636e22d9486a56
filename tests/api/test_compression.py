"""Answers are compressed for whoever takes that, once where they are kept, and are the same version all the same."""

import gzip
from collections.abc import Callable

import httpx
import pytest

from pottle.http import packing
from tests.api.conftest import LOBBY, posted
from tests.cases import in_turn
from tests.conftest import Person

LONG = "as long as a post that is worth compressing is " * 30
GZIP, PLAIN = {"Accept-Encoding": "br, gzip"}, {"Accept-Encoding": "identity"}


def is_packed(answer: httpx.Response) -> bool:
    assert answer.status_code == 200, answer.text
    assert "Accept-Encoding" in answer.headers["Vary"]
    packed = answer.headers.get("Content-Encoding") == "gzip"
    assert answer.headers["ETag"].endswith('-gzip"') is packed
    return packed


@in_turn("path", [LOBBY, "/channels/1", "/openapi.json", "/docs"])
async def test_it_works(alice: Person, anyone: Person, path: str) -> None:
    await posted(alice, LONG)
    for person in (anyone, anyone, alice):  # as it is made, as it is kept, and as it is for one reader
        small, large = await person.get(path, headers=GZIP), await person.get(path, headers=PLAIN)
        assert is_packed(small)
        assert not is_packed(large)
        if path != "/openapi.json":
            assert int(small.headers["Content-Length"]) < len(large.content) / 2
        assert small.content == large.content


async def test_what_is_kept_is_compressed_once(alice: Person, anyone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    await posted(alice, LONG)
    bodies: list[bytes] = []
    pack: Callable[[bytes], bytes] = packing.packed
    monkeypatch.setattr(packing, "packed", lambda body: bodies.append(body) or pack(body))
    for _ in range(3):
        assert is_packed(await anyone.get(LOBBY, headers=GZIP))
    assert len(bodies) == 1
    await posted(alice, LONG)  # of what is kept the next is made, without anybody asking for it
    for _ in range(3):
        assert (await anyone.get(LOBBY, headers=GZIP)).json()["posts"][1]["body"] == LONG
    assert len(bodies) == 2


async def test_it_is_the_same_version(alice: Person, anyone: Person) -> None:
    path = f"/api/posts/{(await posted(alice, LONG))['id']}"
    for person in (anyone, alice):
        for coding in (GZIP, PLAIN):
            tag = (await person.get(path, headers=coding)).headers["ETag"]
            again = await person.get(path, headers={**coding, "If-None-Match": tag})
            assert (again.status_code, again.content) == (304, b"")
    tag = (await alice.get(path, headers=GZIP)).headers["ETag"]
    assert (await alice.patch(path, {"body": "Edited"}, headers={"If-Match": tag})).status_code == 200
    assert (await alice.patch(path, {"body": "Too late"}, headers={"If-Match": tag})).status_code == 412


@in_turn("coding", ["", "br", "gzip;q=0", "identity", "x" * 300 + ", gzip"])
async def test_it_is_left_to_who_does_not_take_it(alice: Person, anyone: Person, coding: str) -> None:
    await posted(alice, LONG)
    for _ in range(2):
        assert not is_packed(await anyone.get(LOBBY, headers={"Accept-Encoding": coding}))


async def test_what_is_short_is_left(alice: Person) -> None:
    made = await posted(alice, "Short")
    answer = await alice.get(f"/api/posts/{made['id']}", headers=GZIP)
    assert "Content-Encoding" not in answer.headers


async def test_secrets_are_not_compressed(alice: Person) -> None:
    """BREACH: they are only in answers to other methods; and no other site sees how well what is private compresses."""
    made = await alice.post(LOBBY, {"body": LONG}, headers=GZIP)  # as that of a session or a token would be
    assert made.status_code == 201
    assert "Content-Encoding" not in made.headers
    cookie = {"Cookie": "a=1", **GZIP}
    for site, packed in (("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)):
        assert is_packed(await alice.get("/channels/1", headers={**cookie, "Sec-Fetch-Site": site})) is packed


async def test_a_compressed_answer_can_be_read_by_any_program(alice: Person, anyone: Person) -> None:
    await posted(alice, LONG)
    await anyone.get(LOBBY, headers=GZIP)
    async with anyone.http.stream("GET", LOBBY, headers=GZIP) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert LONG.encode() in gzip.decompress(raw)
