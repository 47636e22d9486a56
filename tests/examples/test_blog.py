"""The blog of examples/: what a plain Flask project does, its blueprint does here, after imports and async/await."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples.sites import FLASK, POTTLE, FlaskSite, PottleSite

Site = FlaskSite | PottleSite
GRACE = {"name": "Grace", "password": "hopper"}
ENTRY = {"title": "On <moths>", "body": "One was in the relay."}


@pytest.fixture(params=[FlaskSite, PottleSite], ids=["flask", "pottle"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """The blog, ready."""
    made: Site = request.param(tmp_path / "instance")
    await made.start()
    ran = await asyncio.to_thread(made.command, "blog", "init")
    assert (ran.exit_code, ran.output) == (0, "The blog is ready.\n")
    yield made
    await made.stop()


@pytest.fixture
async def grace(site: Site) -> Any:
    """The client of somebody who signed up and in."""
    ask = site.client()
    assert (await ask("POST", "/blog/sign-up", GRACE)).location == "/blog/sign-in"
    assert (await ask("POST", "/blog/sign-in", GRACE)).location == "/blog/"
    return ask


def said(text: str) -> list[str]:
    """The flashed messages of a page."""
    return re.findall(r'<p role="status">(.*?)</p>', text)


async def test_it_works(site: Site, grace: Any) -> None:
    assert "Nothing has been written yet." in (await site.client()("GET", "/blog/")).text
    assert (await grace("POST", "/blog/write", ENTRY)).location == "/blog/"
    page = (await grace("GET", "/blog/")).text
    assert said(page) == ["Written."]
    assert '<h2 dir="auto">On &lt;moths&gt;</h2>' in page
    assert '<a href="/blog/1/edit">Edit</a>' in page
    assert said((await grace("GET", "/blog/")).text) == []
    other = (await site.client()("GET", "/blog/")).text
    assert "Grace</bdi>" in other
    assert "Edit" not in other


async def test_it_edits_and_deletes(grace: Any) -> None:
    await grace("POST", "/blog/write", ENTRY)
    assert 'value="On &lt;moths&gt;"' in (await grace("GET", "/blog/1/edit")).text
    await grace("POST", "/blog/1/edit", {**ENTRY, "title": "On bugs"})
    assert '<h2 dir="auto">On bugs</h2>' in (await grace("GET", "/blog/")).text
    assert (await grace("POST", "/blog/1/delete")).location == "/blog/"
    assert "On bugs" not in (await grace("GET", "/blog/")).text


async def test_it_asks_to_sign_in(site: Site) -> None:
    ask = site.client()
    assert (await ask("POST", "/blog/write", ENTRY)).location == "/blog/sign-in"
    assert said((await ask("GET", "/blog/sign-in")).text) == ["Sign in first."]


async def test_it_refuses_a_wrong_password_and_a_name_that_is_taken(site: Site, grace: Any) -> None:
    ask = site.client()
    assert said((await ask("POST", "/blog/sign-in", {**GRACE, "password": "x"})).text) == ["That is not right."]
    assert said((await ask("POST", "/blog/sign-up", GRACE)).text) == ["Grace is taken."]
    assert (await ask("POST", "/blog/sign-in", {"name": "Grace"})).status == 400


async def test_it_signs_out(grace: Any) -> None:
    assert (await grace("POST", "/blog/sign-out")).location == "/blog/"
    assert (await grace("GET", "/blog/write")).location == "/blog/sign-in"


async def test_it_keeps_others_out(site: Site, grace: Any) -> None:
    await grace("POST", "/blog/write", ENTRY)
    ask = site.client()
    await ask("POST", "/blog/sign-up", {"name": "Ada", "password": "x"})
    await ask("POST", "/blog/sign-in", {"name": "Ada", "password": "x"})
    assert (await ask("POST", "/blog/1/edit", ENTRY)).status == 403
    assert (await ask("POST", "/blog/1/delete")).status == 403


async def test_its_own_error_page(grace: Any) -> None:
    answer = await grace("GET", "/blog/7/edit")
    assert answer.status == 404
    assert "There is no such entry." in answer.text


async def test_a_forged_cookie_is_nobody(site: Site, grace: Any) -> None:
    (cookie,) = (await grace("POST", "/blog/write", ENTRY)).cookies
    name, value = cookie.split(";")[0].split("=", 1)
    forged = value[:-4] + ("AAAA" if value[-4:] != "AAAA" else "BBBB")
    ask = site.client(cookies=False)
    assert (await ask("GET", "/blog/write", Cookie=f"{name}={value}")).status == 200
    assert (await ask("GET", "/blog/write", Cookie=f"{name}={forged}")).status == 302


@pytest.mark.check
def test_nothing_but_imports_and_async_and_await_was_changed() -> None:
    """The blueprint of the one is that of the other, word for word, without these."""
    text = (POTTLE / "blog.py").read_text()
    for pattern, plain in (
        (r"^from asyncio import to_thread\n", ""),
        (r"^from quart import", "from flask import"),
        (r"^async def ", "def "),
        (r"\bawait ", ""),
        (r"\bto_thread\((\w+), ", r"\1("),
    ):
        text, count = re.subn(pattern, plain, text, flags=re.MULTILINE)
        assert count, pattern
    assert text == (FLASK / "blog.py").read_text()


class TestOnlyHere:
    """What Pottle adds to the cookie that Flask's `session` is kept in."""

    @pytest.fixture
    async def site(self, tmp_path: Path) -> AsyncIterator[PottleSite]:
        made = PottleSite(tmp_path / "instance")
        await made.start()
        await asyncio.to_thread(made.command, "blog", "init")
        yield made
        await made.stop()

    async def test_the_cookie_is_for_our_own_pages(self, grace: Any) -> None:
        """Seen to fail without _foreign_change in pottle/http/application.py: the entry was written."""
        foreign = {"Origin": "https://elsewhere.example"}
        assert (await grace("POST", "/blog/write", ENTRY, **foreign)).location == "/blog/sign-in"
        signed = await grace("POST", "/blog/sign-in", GRACE, **foreign)
        assert signed.cookies == []
        assert "On &lt;moths&gt;" not in (await grace("GET", "/blog/")).text

    async def test_its_flags(self, site: PottleSite) -> None:
        ask = site.client()
        await ask("POST", "/blog/sign-up", GRACE)
        (cookie,) = (await ask("POST", "/blog/sign-in", GRACE)).cookies
        assert re.fullmatch(r"session_[0-9a-f]{6}=[^;]+; HttpOnly; Path=/; SameSite=Lax", cookie)

    async def test_pages_that_do_not_use_it_know_nothing_of_it(self, site: PottleSite) -> None:
        found = await site.app.test_client().get("/api/groups")
        assert "Set-Cookie" not in found.headers
        assert found.headers["Vary"] == "Accept-Encoding", "neither by its page nor by a cookie"

    async def test_what_openapi_says_stays_valid(self, site: PottleSite) -> None:
        found = await (await site.app.test_client().get("/openapi.json")).get_json()
        assert "/api/groups" in found["paths"]
