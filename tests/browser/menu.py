"""The menu of what may be done to a post."""

from playwright.async_api import Locator


async def choose(article: Locator, name: str) -> None:
    """What people do to a post by its menu."""
    await article.locator("[data-do=more]").click()
    await article.locator(".menu").get_by_role("button", name=name, exact=True).click()
