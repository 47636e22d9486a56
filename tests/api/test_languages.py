"""Languages: each reader's own, kept apart by caches, and English where nothing else fits."""

from pottle.http import caching
from tests.conftest import Person


def asking_for(language: str) -> dict[str, str]:
    return {"Accept": "text/html", "Accept-Language": language}


async def test_it_works(anyone: Person) -> None:
    """A browser that asks for German gets German."""
    answer = await anyone.get("/", headers=asking_for("de-CH, en;q=0.5"))
    assert '<html lang="de" dir="ltr"' in answer.text
    assert "Anmelden" in answer.text
    assert answer.headers["Content-Language"] == "de"
    assert "Accept-Language" in answer.headers["Vary"]


async def test_whoever_asks_for_nothing_gets_english(anyone: Person) -> None:
    for headers in ({}, asking_for(""), asking_for("*"), asking_for("tlh, xx-yy;q=0.8, de;q=0"), asking_for(";;q=,")):
        answer = await anyone.get("/", headers=headers)
        assert '<html lang="en"' in answer.text, headers
        assert "Sign in" in answer.text


async def test_cached_pages_differ_by_language(anyone: Person) -> None:
    """Whichever came first, each reader gets their own, and its own ETag."""
    first = {tag: await anyone.get("/", headers=asking_for(tag)) for tag in ("de", "en")}
    hits = caching.shelf.hits
    again = {tag: await anyone.get("/", headers=asking_for(tag)) for tag in ("en", "de")}
    assert caching.shelf.hits == hits + 2
    for tag, answer in first.items():
        assert f'<html lang="{tag}"' in answer.text
        assert again[tag].text == answer.text
    assert first["de"].headers["ETag"] != first["en"].headers["ETag"]
    etag = {"If-None-Match": first["en"].headers["ETag"]}
    assert (await anyone.get("/", headers=asking_for("en") | etag)).status_code == 304
    assert (await anyone.get("/", headers=asking_for("de") | etag)).status_code == 200
