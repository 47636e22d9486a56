"""/api/me/avatar and /api/users/{uid}/avatar."""

import io
import struct
import zlib

import httpx
from PIL import Image

from pottle.http import caching
from tests.api.conftest import LOBBY, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def flag() -> Image.Image:
    """Red, green and blue, side by side."""
    picture = Image.new("RGB", (300, 100), "red")
    picture.paste("lime", (100, 0, 200, 100))
    picture.paste("blue", (200, 0, 300, 100))
    return picture


def huge() -> bytes:
    """A PNG of a few bytes that says it is 60,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


async def put(person: Person, image: bytes) -> httpx.Response:
    return await person.put("/api/me/avatar", content=image, headers={"Content-Type": "image/png"})


@in_turn("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_it_works(alice: Person, anyone: Person, kind: str) -> None:
    answer = await put(alice, encoded(flag(), kind))
    assert answer.status_code == 200, answer.text

    shown = await anyone.get(answer.json()["avatar"])
    assert shown.status_code == 200
    assert shown.headers["Content-Type"] == "image/webp"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    picture = Image.open(io.BytesIO(shown.content))
    assert (picture.format, picture.width, picture.height) == ("WEBP", 256, 256)
    red, green, blue = picture.convert("RGB").getpixel((128, 128))  # the middle square is the green one
    assert green > 200
    assert max(red, blue) < 60
    assert (await alice.get("/api/me/avatar")).content == shown.content


async def test_it_shows_at_once_wherever_the_user_does(alice: Person, anyone: Person) -> None:
    made = await posted(alice)
    paths = ["/api/users/alice", LOBBY, f"/api/posts/{made['id']}", "/"]
    for path in paths:
        assert "/avatar?v=" not in (await anyone.get(path)).text

    address = (await put(alice, encoded(flag()))).json()["avatar"]
    for path in paths:
        assert address in (await anyone.get(path)).text

    other = (await put(alice, encoded(flag().rotate(90)))).json()["avatar"]
    assert other != address  # so that a cache may keep each
    assert other in (await anyone.get(LOBBY)).text

    assert (await alice.delete("/api/me/avatar")).status_code == 204
    for path in paths:
        assert "/avatar?v=" not in (await anyone.get(path)).text
    refused(await anyone.get("/api/users/alice/avatar"), 404)
    refused(await alice.get("/api/me/avatar"), 404)
    refused(await alice.delete("/api/me/avatar"), 404)


async def test_it_is_at_most_64_kb(alice: Person, anyone: Person) -> None:
    noise = Image.effect_noise((600, 600), 200)
    await put(alice, encoded(noise))
    assert len((await anyone.get("/api/users/alice/avatar")).content) <= 64 * 1024


async def test_nothing_else_of_the_file_is_kept(alice: Person, anyone: Person) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    file = encoded(flag(), "JPEG", exif=exif, comment=b"<script>alert(1)</script>") + b"PK\x03\x04 a hidden archive"
    await put(alice, file)
    image = (await anyone.get("/api/users/alice/avatar")).content
    for hidden in (b"where I live", b"<script>", b"archive"):
        assert hidden in file
        assert hidden not in image


async def test_it_is_turned_as_the_camera_says(alice: Person, anyone: Person) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture = Image.new("RGB", (100, 100), "blue")
    picture.paste("red", (0, 0, 100, 50))
    await put(alice, encoded(picture, "JPEG", exif=exif))
    shown = Image.open(io.BytesIO((await anyone.get("/api/users/alice/avatar")).content)).convert("RGB")
    red, _, blue = shown.getpixel((128, 30))
    assert blue > red


async def test_it_is_sent_once(alice: Person, anyone: Person) -> None:
    address = (await put(alice, encoded(flag()))).json()["avatar"]
    etag = (await anyone.get(address)).headers["ETag"]
    known = {"If-None-Match": etag}
    assert (await anyone.get(address, headers=known)).status_code == 304
    assert (await alice.get("/api/me/avatar", headers=known)).status_code == 304
    caching.shelf.clear()
    assert (await anyone.get(address, headers=known)).status_code == 304


@in_turn(
    "image",
    [
        b"",
        b"GIF89a",
        b"not an image",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        encoded(flag())[:200],
        encoded(flag(), "TIFF"),
        encoded(flag(), "PPM"),
        huge(),
    ],
)
async def test_it_rejects_what_is_no_image(alice: Person, image: bytes) -> None:
    assert wrong_fields(await put(alice, image)) == {"image"}
    refused(await alice.get("/api/me/avatar"), 404)


async def test_it_rejects_more_than_5_mib(alice: Person) -> None:
    refused(await put(alice, bytes(5 * 1024 * 1024 + 1)), 413)


async def test_it_rejects_nobody(anyone: Person) -> None:
    refused(await put(anyone, encoded(flag())), 401)
    refused(await anyone.get("/api/me/avatar"), 401)
    refused(await anyone.delete("/api/me/avatar"), 401)
