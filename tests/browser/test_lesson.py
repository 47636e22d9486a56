"""A whole lesson: an admin makes a class, a teacher comes with a code and three pupils with slips of paper.

The grown-ups sit at wide screens and the pupils hold telephones; all pages speak one language, which the test does not
know: it goes by what things are and not by what they are called.
"""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.browser.chromium import chromium, says_yes
from tests.browser.test_home import Visitor
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow

SCREEN, TELEPHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
PUPILS = {"mia.berg": "Mia Berg", "noor.hadid": "Noor Hadid", "tom.vu": "Tom Vu"}
WRITES = {"ar": "rtl", "fr": "ltr"}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


class Person(Visitor):
    """Somebody in the lesson."""

    language = "en"

    async def at(self, path: str) -> None:
        """Opens a page: in their language, and not wider than their screen."""
        await self.page.goto(f"{self.server.url}{path}")
        html = self.page.locator("html")
        await expect(html).to_have_attribute("lang", self.language)
        await expect(html).to_have_attribute("dir", WRITES[self.language])
        await self.fits()

    async def fits(self) -> None:
        """Nothing makes the page scroll sideways."""
        wide = await self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], (self.page.url, wide)

    async def signs_in(self, uid: str) -> None:
        await self.page.locator(".site [data-open=sign-in]").click()
        form = self.page.locator("#sign-in")
        await self.fills(form, uid=uid, password=PASSWORD)
        await expect(self.page.locator(".site .me")).to_be_visible()

    async def fills(self, form: Locator, **fields: str) -> None:
        """Fills a form in and sends it."""
        for name, value in fields.items():
            await form.locator(f"[name={name}]").fill(value)
        await form.locator("[type=submit]").click()

    async def writes(self, text: str, below: str | None = None, **choices: str) -> Locator:
        """Posts, or replies; the post as its author sees it."""
        form = self.page.locator("#compose")
        if below is not None:
            await self.article(below).first.locator("[data-do=reply]").click()
            form = self.page.locator(".post form.composer")
        for name, value in choices.items():
            await form.locator(f"[name={name}]").select_option(value)
        await form.locator("textarea").fill(text)
        await form.locator("[type=submit]").click()
        await expect(self.page.locator(".post form.composer")).to_have_count(0)
        post = self.article(text.replace("*", "")).last
        await expect(post).to_be_visible()
        return post

    async def does(self, text: str, what: str) -> None:
        """Something that the menu of a post has."""
        await self.article(text).first.locator("[data-do=more]").click()
        await self.article(text).first.locator(f".menu [data-do={what}]").click()


async def somebody(browser: Browser, server: Server, language: str, size: dict[str, int]) -> Person:
    context = await browser.new_context(viewport=size, locale=language, has_touch=size == TELEPHONE)  # type: ignore[arg-type]
    person = Person(server, context, await context.new_page())
    person.language = language
    await says_yes(person.page)
    return person


@pytest.mark.parametrize("language", WRITES)
async def test_it_works(server: Server, browser: Browser, world: World, language: str) -> None:
    root, lena = [await somebody(browser, server, language, SCREEN) for _ in range(2)]
    pupils = [await somebody(browser, server, language, TELEPHONE) for _ in PUPILS]
    mia, noor, tom = pupils
    await makes_a_class(root)
    await lena.at(f"/join#{await makes_a_code(root)}")
    await comes_with_a_code(lena)
    slips = await makes_accounts(lena)
    for pupil, (uid, code) in zip(pupils, slips.items(), strict=True):
        await comes_with_a_slip(pupil, uid, code)

    await may_be_anonymous(lena)
    discussion = await begins(lena, "Why are leaves green?")
    await lena.writes("Think first, then **look it up**.")
    for pupil in pupils:  # without loading the page again
        await pupil.page.locator(".threads a.title").filter(has_text="Why are leaves green?").click()
        await expect(pupil.article("Think first")).to_be_visible()
        await pupil.fits()
    await they_talk(lena, mia, noor, tom)
    await she_moderates(lena, tom)
    await she_looks_around(lena, discussion)
    await he_missed_something(lena, tom)
    await root.at("/admin")
    await expect(root.page.locator(".tabs [aria-current=page]")).to_be_visible()
    for person in (root, lena, *pupils):
        await person.fits()
        person.has_nothing_to_complain_of()


async def makes_a_class(root: Person) -> None:
    await root.at("/")
    await root.signs_in("root")
    await root.at("/admin/groups")
    await root.fills(root.page.locator("#groups form"), name="Biology 9b", slug="biology-9b")
    await root.page.locator("#groups .row a").filter(has_text="Biology 9b").click()
    await expect(root.page).to_have_url(f"{root.server.url}/groups/biology-9b/manage")


async def makes_a_code(root: Person) -> str:
    """For who teaches the class."""
    form = root.page.locator("#invitations form")
    await form.locator("[name=role]").select_option("moderator")
    await form.locator("[type=submit]").click()
    shown = root.page.locator("#code .big")
    await expect(shown).to_be_visible()
    code = await shown.inner_text()
    await root.page.locator("#code [data-close]").click()
    return code


async def comes_with_a_code(lena: Person) -> None:
    form = lena.page.locator("[data-kind=group] .sign-up")
    await lena.fills(form, name="Lena Brandt", uid="lena", password=PASSWORD)
    await expect(lena.page).to_have_url(f"{lena.server.url}/groups/biology-9b")
    await expect(lena.page.locator("a.manage")).to_be_visible()


async def makes_accounts(lena: Person) -> dict[str, str]:
    """The codes on the slips of paper, by user name."""
    await lena.at("/groups/biology-9b/manage/people")
    await lena.fills(lena.page.locator("#roster form"), csv="\n".join(PUPILS.values()))
    slips = lena.page.locator(".slip")
    await expect(slips).to_have_count(len(PUPILS))
    found = {
        await slip.locator(".uid").inner_text(): await slip.locator(".code").inner_text() for slip in await slips.all()
    }
    assert set(found) == set(PUPILS)
    return {uid: found[uid] for uid in PUPILS}


async def comes_with_a_slip(pupil: Person, uid: str, code: str) -> None:
    await pupil.at("/join")
    await pupil.fills(pupil.page.locator("[data-kind=code]"), code=code)
    await pupil.fills(pupil.page.locator("[data-kind=password]"), password="a long enough 9")
    await expect(pupil.page).to_have_url(f"{pupil.server.url}/groups/biology-9b")
    await expect(pupil.page.locator(".site .me")).to_have_text(PUPILS[uid])
    await pupil.fits()


async def may_be_anonymous(lena: Person) -> None:
    await lena.at("/groups/biology-9b/manage/rules")
    await lena.page.locator("#rules [name=anonymous]").check()
    await lena.page.locator("#rules [type=submit]").click()
    await expect(lena.page.locator("#rules .saved")).not_to_be_empty()


async def begins(lena: Person, title: str) -> str:
    """The path of the discussion."""
    await lena.at("/groups/biology-9b")
    await lena.fills(lena.page.locator("form#begin"), title=title)
    await expect(lena.page.locator("h1")).to_have_text(title)
    await lena.is_live()
    return lena.page.url.removeprefix(lena.server.url)


async def they_talk(lena: Person, mia: Person, noor: Person, tom: Person) -> None:
    await mia.writes("They throw green away", below="Think first")
    await noor.writes("What **is** chlorophyll?", anonymous="true")
    for person in (lena, mia, tom):
        asked = person.article("What is chlorophyll?")
        await expect(asked).to_be_visible()
        await expect(asked).to_have_attribute("data-uid", "")
        assert "Noor" not in await person.page.content() or person is lena
    await tom.article("They throw green away").first.locator("[data-do=pick]").click()
    await tom.article("They throw green away").first.locator(".menu [data-kind=heart]").click()
    await expect(mia.article("They throw green away").last.locator("[data-kind=heart] .count")).not_to_be_empty()
    await tom.writes("Who cares, stupid", below="What is chlorophyll?")


async def she_moderates(lena: Person, tom: Person) -> None:
    await lena.does("They throw green away", "endorse")
    await expect(tom.article("They throw green away").last.locator(".is-endorsed")).to_be_visible()
    await lena.does("Think first", "pin")
    await expect(tom.article("Think first").first.locator(".is-pinned")).to_be_visible()
    rude = lena.article("Who cares, stupid").last
    await rude.locator("[data-do=more]").click()
    await rude.locator(".menu [data-do=remove]").click()
    why = lena.page.locator("dialog.why")
    await why.locator("[value=unkind]").check()
    await why.locator("[name=note]").fill("Please say it kindly.")
    await why.locator("[value=yes]").click()
    await expect(tom.page.locator(".post").filter(has_text="Please say it kindly.").last).to_be_visible()


async def she_looks_around(lena: Person, discussion: str) -> None:
    """Who is still silent, and who asked."""
    await lena.at("/groups/biology-9b/room")
    rows = lena.page.locator("table tbody tr")
    await expect(rows.filter(has_text="Noor Hadid")).to_contain_text("1")
    await lena.at(discussion)
    await lena.is_live()


async def he_missed_something(lena: Person, tom: Person) -> None:
    """Elsewhere he sees how much is new, and whom it names."""
    await tom.at("/groups/home")
    await lena.writes("@tom.vu what do you think?")
    await tom.page.locator("[aria-controls=sidebar]").click()
    unread = tom.page.locator(".sidebar .unread").filter(has_text="Why are leaves green?")
    await expect(unread).to_be_visible()
    await tom.at("/inbox")
    await expect(tom.page.locator("main")).to_contain_text("what do you think?")
