"""What the tests of `/flask` share: pages on a listed origin, whose visitors have the cookie of those back ends."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from model.settings import Settings
from tests.api.conftest import Json
from tests.conftest import ADDRESS, Person, World

SITE = "https://school.github.io"
LOCAL = "http://127.0.0.1:4100"
STRANGER = "https://stranger.example"
COOKIE = "jwt_python_flask"

Visit = Callable[..., Person]


@pytest.fixture
def settings(instance: Path) -> Settings:
    """Two origins may use `/flask`."""
    return Settings(instance=instance, flask_origins=(SITE, LOCAL))


@pytest.fixture
async def visit(app: object, world: World) -> AsyncIterator[Visit]:
    """`visit("bob")` is Bob on a page of SITE, with what every call of those pages sends; `visit()` is nobody."""
    clients: list[httpx.AsyncClient] = []

    def make(uid: str = "", origin: str | None = SITE, secret: str = "") -> Person:
        headers = {"Content-Type": "application/json", "X-Origin": "client"}
        token = secret or world.tokens.get(uid, "")
        if origin:
            headers["Origin"] = origin
        if token:
            headers["Cookie"] = f"{COOKIE}={token}"
        transport = httpx.ASGITransport(app=app, client=(ADDRESS, 1234))  # type: ignore[arg-type]
        clients.append(httpx.AsyncClient(transport=transport, base_url="https://pottle.test", headers=headers))
        return Person(clients[-1], uid, token)

    yield make
    for client in clients:
        await client.aclose()


def refused(response: httpx.Response, status: int) -> str:
    """The message of a refusal, which must have the shape of those back ends."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    said: Json = response.json()
    guarded = {"data", "error"} if status in (401, 403) else set()
    assert said.keys() == {"message", *guarded}
    assert said.get("data") is None
    assert said["message"]
    return str(said["message"])


def ok(response: httpx.Response) -> Json:
    """What an answer holds, which must be exactly 200: some pages test for it."""
    assert response.status_code == 200, response.text
    return response.json()  # type: ignore[no-any-return]


async def posted(visitor: Person, title: str = "Title", comment: str = "Comment", **more: object) -> Json:
    """A post that somebody made, in the lobby unless it says where."""
    new = {"title": title, "comment": comment, "channel_id": 1, **more}
    return ok(await visitor.post("/flask/api/post", new))
