"""Languages: each reader's own, kept apart by caches, and English where nothing else fits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from quart import Quart, Response

from api.access import asker
from pottle import translation
from pottle.http import caching
from pottle.http.application import rendered
from pottle.http.languages import environment
from tests.api.conftest import opened, refused
from tests.conftest import Person
from tests.server import ROOT

GERMAN = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"

#: static/account.js templates/base.html
msgid "Sign in"
msgstr "Anmelden"

#: pottle/errors.py
msgid "%(name)s %(phrase)s."
msgstr "%(name)s: %(phrase)s."

#: api/words.py
msgid "The title"
msgstr "Der Titel"

#: pottle/values.py
msgid "must have at most %(num)s character"
msgid_plural "must have at most %(num)s characters"
msgstr[0] "darf höchstens %(num)s Zeichen haben"
msgstr[1] "darf höchstens %(num)s Zeichen haben"

#: pottle/http/problems.py
msgid "Unprocessable Content"
msgstr "Nicht zu verarbeiten"

#: static/news.js
msgid "%(num)s new post"
msgid_plural "%(num)s new posts"
msgstr[0] "%(num)s neuer Beitrag"
msgstr[1] "%(num)s neue Beiträge"
"""


@pytest.fixture(autouse=True)
def catalogues(app: object, tmp_path: Path) -> Iterator[None]:
    """German, and Arabic of which nothing is translated yet."""
    for tag, lines in (("de", GERMAN), ("ar", "")):
        file = tmp_path / "translations" / tag / translation.CATALOGUE
        file.parent.mkdir(parents=True)
        file.write_text(lines)
    translation.find(tmp_path / "translations")
    yield
    translation.find(ROOT / "translations")


def asking_for(language: str) -> dict[str, str]:
    return {"Accept": "text/html", "Accept-Language": language}


async def test_it_works(anyone: Person) -> None:
    """A browser that asks for German gets German."""
    answer = await anyone.get("/", headers=asking_for("de-CH, en;q=0.5"))
    assert '<html lang="de" dir="ltr"' in answer.text
    assert "Anmelden" in answer.text
    assert answer.headers["Content-Language"] == "de"
    assert "Accept-Language" in answer.headers["Vary"]
    assert '<html lang="ar" dir="rtl"' in (await anyone.get("/", headers=asking_for("ar"))).text


async def test_numbers_are_said_in_it_whichever_language_came_first(app: Quart) -> None:
    for tag, said in (
        ("de", "2 neue Beiträge"),
        ("ar", "2 new posts"),
        ("en", "2 new posts"),
        ("de", "2 neue Beiträge"),
    ):
        page = environment(app, tag).from_string("{{ ngettext('%(num)s new post', '%(num)s new posts', 2) }}")
        assert page.render() == said


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


async def test_none_of_them_is_ever_stale(anyone: Person, alice: Person) -> None:
    for word in ("first", "second"):
        await alice.post("/api/channels/1/posts", {"body": f"The {word} word"})
        for tag in ("de", "en", "ar", "de"):
            assert f"The {word} word" in (await anyone.get("/", headers=asking_for(tag))).text


async def test_what_is_the_same_in_every_language_is_kept_once(anyone: Person) -> None:
    first = await anyone.get("/api/channels/1/posts", headers={"Accept-Language": "de"})
    hits = caching.shelf.hits
    assert first.headers["Vary"] == "Accept-Encoding"
    assert (await anyone.get("/api/channels/1/posts", headers={"Accept-Language": "ar"})).text == first.text
    assert caching.shelf.hits == hits + 1


async def test_refusals_are_said_in_it(alice: Person) -> None:
    """The words; `type`, and what the fields are called by programs, stay."""
    sent = {"title": "x" * 201}
    answer = await alice.post("/api/groups/home/channels", sent, headers={"Accept-Language": "de"})
    said = answer.json()
    assert (said["type"], said["title"]) == ("urn:pottle:unprocessable-content", "Nicht zu verarbeiten")
    assert said["errors"] == [{"field": "title", "message": "Der Titel: darf höchstens 200 Zeichen haben."}]
    assert said["detail"] == said["errors"][0]["message"]
    assert answer.headers["Content-Language"] == "de"
    english = refused(await alice.post("/api/groups/home/channels", sent), 422)
    assert english["detail"] == "The title must have at most 200 characters."


async def test_what_somebody_chose_counts_more(alice: Person, anyone: Person) -> None:
    chosen = await alice.patch("/api/me", {"language": "de-AT"})
    assert chosen.json()["language"] == (await alice.get("/api/me")).json()["language"] == "de"
    page = await alice.get("/join", headers=asking_for("ar"))
    assert '<html lang="de"' in page.text
    assert page.headers["Content-Language"] == "de"
    assert '<html lang="en"' in (await anyone.get("/", headers=asking_for("en"))).text
    await alice.patch("/api/me", {"language": None})
    assert '<html lang="ar"' in (await alice.get("/join", headers=asking_for("ar"))).text


async def test_what_somebody_chose_is_for_them_alone(app: Quart, alice: Person, anyone: Person) -> None:
    """Although the handler says that all get the same."""

    async def page() -> Response:
        asker()
        caching.shown("group:1")
        return Response(await rendered("join.html", me=None))

    app.add_url_rule("/alike", "alike", page)
    await alice.patch("/api/me", {"language": "de"})
    assert "Anmelden" in (await alice.get("/alike", headers=asking_for("en"))).text
    assert "Anmelden" not in (await anyone.get("/alike", headers=asking_for("en"))).text


async def test_only_what_there_is_can_be_chosen(alice: Person) -> None:
    problem = refused(await alice.patch("/api/me", {"language": "tlh"}), 422)
    assert problem["errors"] == [{"field": "language", "message": "The language must be one of en, ar, de."}]


async def test_fragments_for_other_sites_are_in_it(anyone: Person, root: Person) -> None:
    await opened(root, "blog", reading="public")
    for tag, direction in (("de", "ltr"), ("ar", "rtl"), ("en", "ltr")):
        answer = await anyone.get("/groups/blog/thread?key=/a", headers={"Accept-Language": tag})
        assert f'lang="{tag}" dir="{direction}"' in answer.text
        assert (f"/texts/{tag}.js" in answer.text) is (tag != "en")


async def test_scripts_find_their_texts(anyone: Person) -> None:
    """Those of scripts alone, as a module, with the rule for numbers."""
    answer = await anyone.get("/static/~0/texts/de.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert '"Sign in": "Anmelden"' in answer.text
    assert '"%(num)s new post": ["%(num)s neuer Beitrag", "%(num)s neue Beiträge"]' in answer.text
    assert "plural:(n)=>(n != 1)" in answer.text
    assert "Der Titel" not in answer.text
    for name in ("en", "fr", "..%2Fde"):
        assert (await anyone.get(f"/static/~0/texts/{name}.js")).status_code == 404


async def test_a_catalogue_that_cannot_be_read_costs_no_page(anyone: Person, tmp_path: Path) -> None:
    (tmp_path / "translations" / "de" / translation.CATALOGUE).write_bytes(b'msgid "Sign in"\nmsgstr "\xff\n')
    translation.find(tmp_path / "translations")
    answer = await anyone.get("/join", headers=asking_for("de"))
    assert answer.status_code == 200
    assert "Sign in" in answer.text
    assert "messages:{}" in (await anyone.get("/static/~0/texts/de.js")).text
