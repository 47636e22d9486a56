"""A second application: the engine with a resource, and without our accounts, pages and words."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from quart import Blueprint, request

from pottle import access
from pottle.access import Access
from pottle.engine import Engine
from pottle.errors import Unauthenticated
from pottle.http.answers import gives, takes
from pottle.http.application import Application
from pottle.http.asking import anyone, signed_in
from pottle.http.limits import limited
from pottle.http.openapi import Term, Words
from pottle.rates import Rate
from pottle.settings import Settings
from pottle.store import Snapshot, Tx, db
from tests.api.conftest import refused
from tests.live.silent import Listener

TELLING = Rate("telling", 2, per=3600)


class Joke(msgspec.Struct):
    """A joke."""

    text: str


class Visitor(msgspec.Struct, frozen=True):
    """Somebody with a ticket."""

    uid: str
    expires: str = "9999"
    admin: bool = False

    @property
    def party(self) -> str:
        return f"ticket {self.uid}"


class Tickets(Access[Visitor]):
    """Whoever names a ticket is let in, until it is torn up."""

    def __init__(self) -> None:
        self.torn = False

    async def asking(self) -> Visitor | None:
        ticket = request.headers.get("Ticket")
        if ticket == "false":
            raise Unauthenticated("That is no ticket.")
        return Visitor(ticket) if ticket else None

    def confirm(self, read: Snapshot, identity: Visitor) -> None:
        if self.torn:
            raise Unauthenticated("The ticket was torn up.")


def nothing(tx: Tx) -> None:
    """Unit."""


def jokes() -> Blueprint:
    blueprint = Blueprint("jokes", __name__)

    @blueprint.get("/api/jokes")
    @anyone
    @gives(Joke)
    async def show() -> Joke:
        """The joke."""
        return Joke("Knock, knock.")

    @blueprint.post("/api/jokes")
    @limited(TELLING)
    @signed_in
    @takes(Joke)
    @gives(Joke, 201)
    async def tell(data: Joke) -> Joke:
        """Tell one."""
        await db.write(nothing)
        return data

    return blueprint


@pytest.fixture
async def second(instance: Path, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, with the access that a test names."""
    app = Application("second", static_folder=None)
    Engine(app, Settings(instance=instance), *getattr(request, "param", ()))
    app.register_blueprint(jokes())
    await app.startup()
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # it names ASGI's dicts
    async with httpx.AsyncClient(transport=transport, base_url="http://second.test") as client:
        yield client
    await app.shutdown()
    access.tell(Access())


async def test_it_works(second: httpx.AsyncClient) -> None:
    assert (await second.get("/api/jokes")).json() == {"text": "Knock, knock."}
    assert (await second.get("/readyz")).status_code == 200
    assert (await second.get("/docs")).status_code == 200


async def test_without_an_access_nobody_is_signed_in(second: httpx.AsyncClient) -> None:
    refused(await second.post("/api/jokes", json={"text": "x"}), 401)


async def test_nothing_of_the_first_application_is_there(second: httpx.AsyncClient) -> None:
    document = (await second.get("/openapi.json")).json()
    of_the_engine = {"/api/live", "/api/streams/{stream}"}
    assert {path for path in document["paths"] if path.startswith("/api/")} == {"/api/jokes", *of_the_engine}
    live, health = {"Frames", "Heard", "StreamPage"}, {"Alive", "Health"}
    assert set(document["components"]["schemas"]) == {"Joke", *live, *health, "Problem", "WrongField"}
    refused(await second.get("/api/groups"), 404)


@pytest.mark.usefixtures("second")
async def test_a_stream_of_its_own_is_followed_and_resumed() -> None:
    """Without an access everybody may read it."""
    reader = Listener()
    answer = await reader.ask(type="subscribe", stream="jokes")
    at = {"epoch": db.instance.epoch, "seq": 0, "recovered": True}
    assert answer == {"type": "subscribed", "stream": "jokes", **at}
    first, second = [await db.write(lambda tx: tx.changed("joke.told", stream="jokes", subject=7)) for _ in range(2)]
    told = {"type": "change", "stream": "jokes", "kind": "joke.told"}
    later = {**told, "seq": second, "prev": first}
    assert await reader.take() == [{**told, "seq": first, "prev": 0}, later]
    assert await reader.ask(type="unsubscribe", stream="jokes") == {"type": "unsubscribed", "stream": "jokes"}
    error = {"type": "error", "code": "not-found", "stream": "jokes"}
    assert await reader.ask(type="unsubscribe", stream="jokes") == error
    back = Listener()
    await back.ask(type="subscribe", stream="jokes", epoch=db.instance.epoch, after=first)
    assert await back.take() == [later]
    for one in (reader, back):
        one.leave()


TICKETS = Tickets()


@pytest.mark.parametrize("second", [(TICKETS,)], indirect=True)
async def test_the_application_says_who_asks_and_confirms_it_in_the_write(second: httpx.AsyncClient) -> None:
    made = await second.post("/api/jokes", json={"text": "x"}, headers={"Ticket": "7"})
    assert made.status_code == 201
    assert made.headers["RateLimit"].startswith('"telling";r=1')
    TICKETS.torn = True
    refused(await second.post("/api/jokes", json={"text": "x"}, headers={"Ticket": "7"}), 401)
    TICKETS.torn = False


@pytest.mark.parametrize("second", [(TICKETS,)], indirect=True)
async def test_bad_credentials_change_nothing_and_read_what_everybody_may(second: httpx.AsyncClient) -> None:
    wrong = {"Ticket": "false"}
    assert (await second.get("/api/jokes", headers=wrong)).status_code == 200
    assert "no ticket" in refused(await second.post("/api/jokes", json={"text": "x"}, headers=wrong), 401)["detail"]


@pytest.mark.parametrize("second", [(TICKETS,)], indirect=True)
async def test_a_limit_counts_whom_the_application_names(second: httpx.AsyncClient) -> None:
    answers = [(await second.post("/api/jokes", json={"text": "x"}, headers={"Ticket": "8"})) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert (await second.post("/api/jokes", json={"text": "x"}, headers={"Ticket": "9"})).status_code == 201


WORDS = Words(about={"title": "Jokes"}, terms={"text": Term("What is told.", "Knock, knock.")})


@pytest.mark.parametrize("second", [(None, WORDS)], indirect=True)
async def test_the_application_says_what_its_names_mean(second: httpx.AsyncClient) -> None:
    document = (await second.get("/openapi.json")).json()
    assert document["info"]["title"] == "Jokes"
    assert document["components"]["schemas"]["Joke"]["properties"]["text"]["description"] == "What is told."
