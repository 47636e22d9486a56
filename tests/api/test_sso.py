"""POST /api/groups/{slug}/sso: what a site's signed token opens, and what it does not."""

import pytest

from tests.api.conftest import Json, bearer, refused, signed
from tests.conftest import Person

SITE = "https://blog.example"
FROM_SITE = {"Origin": SITE}


@pytest.fixture
async def secret(root: Person) -> str:
    """Of the group `blog`, whose only site is SITE."""
    await root.post("/api/groups", {"slug": "blog", "name": "Blog", "origins": [SITE]})
    made = await root.post("/api/groups/blog/secrets")
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


async def entered(anyone: Person, token: str, **headers: str) -> Json:
    answer = await anyone.post("/api/groups/blog/sso", {"token": token}, headers=headers or FROM_SITE)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_it_works(anyone: Person, secret: str) -> None:
    made = await entered(anyone, signed(secret, email="anna@school.example"))
    assert made.keys() == {"user", "token", "expires"}
    assert (made["user"]["uid"], made["user"]["name"]) == ("anna.schmidt", "Anna Schmidt")
    own = await anyone.get("/api/me", headers={**FROM_SITE, **bearer(made["token"])})
    assert own.json()["email"] == "anna@school.example"


async def test_it_counts_for_its_origin_alone(anyone: Person, secret: str) -> None:
    made = await entered(anyone, signed(secret))
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://blog.example"}):
        refused(await anyone.get("/api/me", headers={**origin, **bearer(made["token"])}), 401)
