"""Images in posts: where they may be, who sees them, and when they go."""

import io
from pathlib import Path

from PIL import Image

from model.settings import Settings
from tests import databases
from tests.api.conftest import Json, joined, opened, posted, refused, wrong_fields
from tests.conftest import Person


def photo(width: int = 3_000, height: int = 2_000) -> bytes:
    """As a telephone takes it, with where it was."""
    picture, out = Image.new("RGB", (width, height), "green"), io.BytesIO()
    exif = picture.getexif()
    exif[0x010E] = "at home"
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


async def sent(person: Person, channel: int, data: bytes = b"") -> Json:
    answer = await person.post(f"/api/images?channel={channel}", content=data or photo(9, 9))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["url"]
    return dict(answer.json())


def kept(instance: Path) -> int:
    with databases.opened(instance) as raw:
        return int(raw.execute("SELECT count(*) FROM images").fetchone()[0])


async def test_an_image_is_drawn_again_and_shown_in_a_post(alice: Person, anyone: Person, root: Person) -> None:
    channel = await opened(root, "art", images=True)
    image = await sent(alice, channel, photo())
    assert (image["width"], image["height"]) == (1_600, 1_067)
    url = image["url"]
    refused(await anyone.get(url), 404)  # not yet in any post
    made = await posted(alice, f'A ![map & "more"]({url})', channel)
    shown = f'<img src="{url}" alt="map &amp; &quot;more&quot;" width="1600" height="1067" loading="lazy">'
    assert made["html"] == f"<p>A {shown}</p>"
    answer = await anyone.get(url)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Cache-Control"] == "no-cache"
    drawn = Image.open(io.BytesIO(answer.content))
    assert (drawn.size, len(drawn.getexif())) == ((1_600, 1_067), 0)
    assert (await anyone.get(url, headers={"If-None-Match": answer.headers["ETag"]})).status_code == 304


async def test_only_ones_own_images_are_shown_and_each_in_one_post(alice: Person, bob: Person, root: Person) -> None:
    channel = await opened(root, "art", images=True)
    url = (await sent(alice, channel))["url"]
    text = f"![a]({url}) ![b](https://evil.example/x.png) ![c](/api/images/{'x' * 22})"
    assert "<img" not in (await posted(bob, text, channel))["html"]
    assert (await posted(alice, text, channel))["html"].count("<img") == 1
    assert "<img" not in (await posted(alice, text, channel))["html"]
    assert wrong_fields(await alice.post(f"/api/channels/{channel}/posts", {"body": f"![ ]({url})"})) == {"body"}


async def test_an_image_is_seen_by_who_may_read_its_post(alice: Person, bob: Person, root: Person) -> None:
    channel = await opened(root, "art", images=True, reading="members", posting="members", review="all")
    await joined(root, "art", "alice")
    url = (await sent(alice, channel))["url"]
    refused(await bob.get(url), 404)
    made = await posted(alice, f"![a]({url})", channel)
    await joined(root, "art", "bob")
    refused(await bob.get(url), 404)  # it waits
    assert (await alice.get(url)).status_code == (await root.get(url)).status_code == 200
    path = f"/api/posts/{made['id']}"
    await root.patch(path, {"state": "published"})
    assert (await bob.get(url)).headers["Cache-Control"] == "no-store"
    await root.patch(path, {"state": "removed"})
    refused(await bob.get(url), 404)
    assert (await root.get(url)).status_code == 200


async def test_images_go_with_what_shows_them(alice: Person, root: Person, instance: Path) -> None:
    channel = await opened(root, "art", images=True, review="all")
    one, two = [(await sent(alice, channel))["url"] for _ in range(2)]
    path = f"/api/posts/{(await posted(alice, f'![a]({one})', channel))['id']}"
    await root.patch(path, {"state": "published"})
    assert "<img" in (await alice.patch(path, {"body": f"![b]({two})"})).json()["edit"]["html"]
    assert kept(instance) == 2
    await alice.delete(f"{path}/edit")
    assert kept(instance) == 1
    refused(await alice.delete(one), 409)
    await alice.delete(path)
    assert kept(instance) == 0
    assert (await alice.delete((await sent(alice, channel))["url"])).status_code == 204
    await sent(alice, channel)
    with databases.opened(instance) as raw:
        raw.execute("UPDATE images SET created = '2026-01-01T00:00:00.000Z'")
    await sent(alice, channel)
    assert kept(instance) == 1  # the forgotten one has gone


async def test_images_are_bounded(alice: Person, root: Person, settings: Settings) -> None:
    channel = await opened(root, "art", images=True)
    size = len((await alice.get((await sent(alice, channel, photo()))["url"])).content)
    object.__setattr__(settings, "user_image_bytes", size + 1)
    refused(await alice.post(f"/api/images?channel={channel}", content=photo()), 409)
    await root.patch("/api/groups/art", {"images": False})
    refused(await root.post(f"/api/images?channel={channel}", content=photo(9, 9)), 403)
    refused(await alice.post("/api/images?channel=1", content=photo(9, 9)), 403)


async def test_a_preview_is_what_the_post_would_be(alice: Person, bob: Person, anyone: Person, root: Person) -> None:
    channel = await opened(root, "art", images=True, reading="members")
    await joined(root, "art", "alice")
    url = (await sent(alice, channel))["url"]
    body = f"# Hello @root\n![a]({url}) `b`"
    shown = await alice.post("/api/preview", {"channel": channel, "body": body})
    assert shown.json()["html"] == (await posted(alice, body, channel))["html"]
    refused(await bob.post("/api/preview", {"channel": channel, "body": body}), 404)
    refused(await anyone.post("/api/preview", {"channel": 1, "body": body}), 401)
    assert wrong_fields(await alice.post("/api/preview", {"channel": channel, "body": "&nbsp;"})) == {"body"}
