"""What is small to send and large to answer: patterns, nesting, tables, compressed bodies, pictures.

Work is counted in the processor time of this process, which a busy machine does not change.
"""

import gzip
import io
import json
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from PIL import Image

from tests.api.conftest import LOBBY, posted, refused, wrong_fields
from tests.attacks.conftest import Raw
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

Unchanged = Callable[[], AbstractContextManager[None]]

SECONDS = 1.0  # of work for one request; what grows with the square takes minutes

COSTLY = {
    "name": ["a " * 30_000 + "b", "\t" * 30_000, "\u0301" * 30_000, "\u200b" * 20_000, "a\u200d" * 15_000],
    "uid": ["a" * 60_000 + "!", "a." * 30_000, "a" * 39 + "\n"],
    "email": ["a@" * 30_000, "@" * 60_000, "a" * 60_000, "a@" + "a." * 30_000 + "\n"],
    "slug": ["a-" * 30_000, "a" * 60_000 + "-", "-" * 60_000],
    "origin": ["http://" + "a." * 30_000 + "!", "https://" + "-" * 60_000],
    "url": ["http://" + "a" * 60_000 + " ", "http://" * 8_000],
    "code": ["K7QD-" * 12_000, "-" * 60_000],
}


@in_turn("field", COSTLY)
async def test_no_pattern_takes_long(anyone: Person, root: Person, field: str, nothing_changes: Unchanged) -> None:
    with nothing_changes():
        for text in COSTLY[field]:
            new = {"uid": "new", "name": "New", "password": PASSWORD}
            group = {"slug": "new", "name": "New"}
            person, path, body = {
                "slug": (root, "/api/groups", {**group, "slug": text}),
                "origin": (root, "/api/groups", {**group, "origins": [text]}),
                "url": (root, "/api/groups/home/channels", {"key": "x", "url": text}),
                "code": (anyone, "/api/invitations/look-up", {"code": text}),
            }.get(field, (anyone, "/api/users", {**new, field: text}))
            begun = time.process_time()
            answer = await person.post(path, body)
            assert time.process_time() - begun < SECONDS
            refused(answer, 422)


UNITS = [
    *("a@", "http://", "www.", "[a](b", "*a _", "a**b", "***a", "[a\n", "<http://", "http://a/(", "[[", "![[]()"),
    *("||\n|-|\n", "a_b_", "> - ", "1)\n", "&#1;", '"', "`a``", "*_", "<!--", "[x][", "[a]: b\n", "a.co ", "~~a"),
    *("\\", "|a\n", "\u0300", "<a "),
]


@pytest.mark.parametrize("unit", UNITS)
async def test_no_markdown_takes_long(alice: Person, unit: str) -> None:
    begun = time.process_time()
    made = await posted(alice, ("x" + unit * 10_000)[:10_000])
    assert time.process_time() - begun < SECONDS
    assert len(made["html"]) < 20 * 10_000


@in_turn("columns", [20, 50, 100, 400, 1_000])
@in_turn("row", ["|\n", "a\n"])
async def test_no_table_is_larger_than_its_text(alice: Person, columns: int, row: str) -> None:
    """Cells that a row leaves out are filled in: rows times columns."""
    table = "|" + "a|" * columns + "\n|" + "-|" * columns + "\n" + row * 5_000
    begun = time.process_time()
    made = await posted(alice, table[:10_000])
    assert time.process_time() - begun < SECONDS
    assert len(made["html"]) < 100_000


async def test_json_that_unfolds_is_refused(alice: Person, nothing_changes: Unchanged) -> None:
    headers = {"Content-Type": "application/json"}
    with nothing_changes():
        for body, status in (
            ("[" * 60_000, 400),
            ('{"body":' * 8_000, 400),
            ('{"body":' + "[" * 30_000 + "]" * 30_000 + "}", 400),
            (json.dumps({f"k{number}": 1 for number in range(5_000)}), 422),
            ('{"body": 1' + "0" * 60_000 + "}", 422),
            ('{"body": 1e' + "9" * 60_000 + "}", 422),
            ('{"body": "' + "\\u0000" * 10_000 + '"}', 422),
        ):
            begun = time.process_time()
            answer = await alice.post(LOBBY, content=body, headers=headers)
            assert time.process_time() - begun < SECONDS
            assert answer.status_code in (status, 400)
            assert len(answer.content) < 10 * len(body)


@in_turn("encoding", ["gzip", "deflate", "br", "x-gzip", "identity, gzip"])
async def test_a_body_is_never_unpacked(alice: Person, encoding: str, nothing_changes: Unchanged) -> None:
    packed = gzip.compress(json.dumps({"body": "x" * 10_000_000}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    with nothing_changes():
        refused(await alice.post(LOBBY, content=packed, headers=headers), 400)


async def test_a_long_address_takes_no_time(raw: Raw) -> None:
    many = b"".join(b"&key=%d" % number for number in range(20_000))
    for path, query in (
        ("/api/counts", b"group=home" + many),
        ("/api/counts", b"group=home&key=" + b"%25" * 20_000),
        ("/", b"a&" * 30_000),
        ("/", b"\xff" * 60_000),
        (LOBBY, b"before=" + b"A" * 60_000),
        ("/api/users/" + "a" * 60_000, b""),
        ("/x" * 30_000, b""),
        ("/" * 60_000, b""),
        ("/static/" + "../" * 20_000, b""),
    ):
        begun = time.process_time()
        status, _, _ = await raw("GET", path, query=query)
        assert time.process_time() - begun < SECONDS
        assert status in (200, 404, 422)


def png(width: int, height: int, rows: int) -> bytes:
    """A PNG that says it is so large, with so many rows of nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    data = zlib.compress(bytes(rows * (1 + (width + 7) // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@in_turn("size", [(5_000, 5_000), (7_000, 7_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1)])
async def test_a_small_file_of_a_large_picture_is_not_unpacked(alice: Person, size: tuple[int, int]) -> None:
    bomb = png(*size, rows=size[1] if max(size) <= 7_000 else 0)
    assert len(bomb) < 100_000
    tracemalloc.start()
    begun = time.process_time()
    answer = await alice.put("/api/me/avatar", content=bomb, headers={"Content-Type": "image/png"})
    spent, (_, peak) = time.process_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert wrong_fields(answer) == {"image"}
    assert spent < SECONDS
    assert peak < 20_000_000


async def test_a_text_chunk_that_unfolds_is_refused(alice: Person) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    text = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 9))
    whole = png(10, 10, 10)
    bomb = whole[:33] + text + whole[33:]
    assert wrong_fields(await alice.put("/api/me/avatar", content=bomb)) == {"image"}


async def test_a_telephones_photo_is_none_of_these(alice: Person) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (8_000, 6_000), "green").save(photo, "JPEG")
    assert (await alice.put("/api/me/avatar", content=photo.getvalue())).status_code == 200


SCRIPT = b"<html><script>pwned=1</script></html>"


def pictures() -> dict[str, bytes]:
    """Pictures that are something else besides."""
    made = {}
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        out = io.BytesIO()
        Image.new("RGB", (9, 9)).save(out, kind)
        made[f"{kind} and HTML"] = out.getvalue() + SCRIPT
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "JPEG", comment=SCRIPT)
    made["HTML in a comment"] = out.getvalue()
    out = io.BytesIO()
    Image.new("P", (9, 9)).save(out, "GIF", comment=b"*/pwned=1//" + SCRIPT)
    made["GIF and JavaScript"] = out.getvalue()
    return made


@in_turn(("name", "data"), pictures().items())
async def test_a_picture_is_only_a_picture(alice: Person, anyone: Person, name: str, data: bytes) -> None:
    for kind in ("image/png", "text/html", "image/svg+xml", "application/javascript"):
        put = await alice.put("/api/me/avatar", content=data, headers={"Content-Type": kind})
        assert put.status_code == 200, name
    shown = await anyone.get("/api/users/alice/avatar")
    assert shown.headers["Content-Type"] == "image/webp"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert b"pwned" not in shown.content


@in_turn(
    "data",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="pwned=1"/>',
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
        SCRIPT,
        b"GIF89a/*" + SCRIPT,
        b"%PDF-1.4",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file",
        b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 '/etc/passwd'\npop graphic-context",
        b"PK\x03\x04" + bytes(100),
    ],
)
async def test_what_is_no_picture_is_refused(alice: Person, data: bytes) -> None:
    headers = {"Content-Type": "image/png"}
    assert wrong_fields(await alice.put("/api/me/avatar", content=data, headers=headers)) == {"image"}
