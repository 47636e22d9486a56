"""What is mailed of what happens: of each kind as each wants it, to whom may still read it and has not."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from model.accounts import proof, user
from model.mail.setting import smtp
from model.notices import consumer, timing
from model.settings import Settings
from pottle import times
from pottle.store import Tx, db
from pottle.store.consumers import consumers
from tests import databases
from tests.api.conftest import joined, opened, posted, refused
from tests.conftest import Person, World
from tests.mailbox import Got, Mailbox, receiving
from tests.make import Make
from tests.server import PATIENCE

URL = "https://talk.school.example"
NOTICES = "/api/me/notices"
HOUR, DAY = 3_600.0, 86_400.0


@dataclass
class Clock:
    """The time, which a test sets forward; and what is done by then."""

    instance: Path
    ahead: float = 0.0

    def time_ns(self) -> int:
        return time.time_ns() + int(self.ahead * 1e9)

    def now(self, zone: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(self.time_ns() / 1e9, zone)

    async def forward(self, seconds: float) -> None:
        """What is due by then is sent."""
        self.ahead += seconds
        for one in consumers:
            one.woken.set()
        await self.until("SELECT count(*) = 0 FROM notices WHERE due <= ?", times.now())
        await self.until("SELECT count(*) = 0 FROM mails WHERE state = 'waiting'")

    async def until(self, question: str, *values: Any) -> None:
        """Until the database says yes."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with databases.opened(self.instance) as raw:
                    if raw.execute(question, values).fetchone()[0]:
                        return
                await asyncio.sleep(0.01)

    async def noticed(self, root: Person, somebody: Person) -> None:
        """Until all that happened before was taken: a change after it was."""
        made = await posted(root, f"The last, @{somebody.uid}")
        await self.until("SELECT count(*) FROM notices WHERE post_id = ?", made["id"])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, instance: Path) -> Clock:
    made = Clock(instance)
    monkeypatch.setattr(times, "time_ns", made.time_ns)
    monkeypatch.setattr(times, "datetime", type("Datetime", (datetime,), {"now": made.now}))
    return made


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with receiving() as received:
        yield received


@pytest.fixture
def settings(instance: Path, box: Mailbox) -> Settings:
    return Settings(instance=instance, url=URL, mail=smtp(f"{box.url}&pause=0.1&rate=60000"), rate_limits=False)


@pytest.fixture
def mailed(app: object, make: Make) -> Callable[..., Any]:
    """`await mailed("now", uid)` is a user with an address whose every kind is mailed so."""

    async def made(how: str, uid: str) -> Person:
        person = await make.user(uid)
        await proven(person)
        kinds = dict.fromkeys(("reply", "mention", "post", "decided", "waiting"), how)
        assert (await person.put(f"{NOTICES}/settings", json={"mail": kinds})).status_code == 200
        return person

    return made


async def proven(person: Person) -> None:
    """Their address takes mail."""
    email = f"{person.uid}@school.example"
    await person.patch("/api/me", {"email": email})

    def prove(tx: Tx) -> None:
        proof.proven(tx, tx.session.scalars(select(user.User.id).filter_by(uid=person.uid)).one(), email)

    await db.write(prove)


def of(box: Mailbox, person: Person) -> list[Got]:
    """What somebody was mailed of what happened."""
    mails = [one for one in box.got if "List-Unsubscribe" in one.message]
    return [one for one in mails if getaddresses([one.message["To"]])[0][1] == f"{person.uid}@school.example"]


@dataclass
class Place:
    """A group in which everything happened of which somebody is told, with a word in each of it."""

    slug: str
    channels: tuple[int, int]
    posts: dict[str, int]  # by the kind
    looked_after: str

    @property
    def words(self) -> dict[str, str]:
        """By the kind."""
        named = {kind: f"{kind}-in-{self.slug}" for kind in self.posts}
        return {**named, "waiting": self.looked_after.title()}


async def everything(root: Person, alice: Person, person: Person, slug: str) -> Place:
    """Each kind for one person: in a group of which they are a member, and one that they look after."""
    room = await opened(root, slug, reading="members", posting="members")
    other = int((await root.post(f"/api/groups/{slug}/channels", {"key": "other"})).json()["id"])
    queue = await opened(root, f"{slug}-queue", reading="members", posting="members", review="all")
    await joined(root, slug, person.uid)
    await joined(root, slug, "alice")
    await joined(root, f"{slug}-queue", person.uid, "moderator")
    await joined(root, f"{slug}-queue", "alice")
    await person.put(f"/api/channels/{other}/notices", json={"how": "follow"})
    mine = await posted(person, f"decided-in-{slug}", room)
    made = {
        "decided": mine,
        "reply": await posted(alice, f"reply-in-{slug} @{person.uid}", room, parent=mine["id"]),
        "mention": await posted(alice, f"mention-in-{slug} @{person.uid}", room),
        "post": await posted(alice, f"post-in-{slug}", other),
    }
    await posted(alice, "waits", queue)
    await root.patch(f"/api/posts/{mine['id']}", {"state": "removed"})
    return Place(slug, (room, other), {kind: post["id"] for kind, post in made.items()}, f"{slug}-queue")


async def removed(root: Person, person: Person, place: Place) -> None:
    await person.delete(f"/api/posts/{place.posts['decided']}")
    for kind in ("reply", "mention", "post"):
        await root.delete(f"/api/posts/{place.posts[kind]}")
    await root.delete(f"/api/groups/{place.looked_after}")


async def read(root: Person, person: Person, place: Place) -> None:
    for channel, kind in zip(place.channels, ("mention", "post"), strict=True):
        await person.put(f"/api/channels/{channel}/read", json={"until": place.posts[kind]})
    await person.put(f"{NOTICES}/read", json={"posts": [place.posts["decided"]]})
    await root.delete(f"/api/groups/{place.looked_after}")


async def left(root: Person, person: Person, place: Place) -> None:
    for slug in (place.slug, place.looked_after):
        await root.delete(f"/api/groups/{slug}/members/{person.uid}")


BEFORE = {"there": None, "removed": removed, "read": read, "left": left}


async def test_each_kind_as_each_wants_it_and_only_what_is_still_to_be_told(
    box: Mailbox, clock: Clock, mailed: Callable[..., Any], root: Person, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "WAIT", HOUR)
    people = {how: await mailed(how, f"wants-{how}") for how in ("now", "daily", "off")}
    gone = await mailed("now", "disabled")
    places = {}
    for how, person in [*people.items(), ("gone", gone)]:
        for before in BEFORE if how != "gone" else ["there"]:
            places[how, before] = await everything(root, alice, person, f"{how}-{before}")
    await clock.noticed(root, people["now"])
    for (how, before), place in places.items():
        if act := BEFORE[before]:
            await act(root, people[how], place)
    assert (await root.patch("/api/users/disabled", {"disabled": True})).status_code == 200
    await root.delete("/api/groups/gone-there-queue")  # which has no moderator now

    def told(person: Person) -> dict[str, set[str]]:
        """By the subject of each mail, what it tells of."""
        texts = {str(one.message["Subject"]): one.text for one in of(box, person)}
        return {subject: set(re.findall(r"\w+-in-[\w-]+|[\w-]+-[Qq]ueue", text)) for subject, text in texts.items()}

    await clock.forward(2 * HOUR)
    first = told(people["now"])
    there = places["now", "there"].words
    assert first == {
        "[Now-There] room": {there["reply"], there["mention"]},
        "[Now-There] other": {there["post"]},
        "[Now-There] Your post was removed": {there["decided"]},
        "[Now-There-Queue] Waiting for you": {"now-there-queue", "Now-There-Queue"},
        "[Home] Lobby": set(),  # the last
    }
    await clock.forward(DAY)
    assert told(people["now"]) == first
    (digest,) = told(people["daily"]).values()
    assert digest >= {*places["daily", "there"].words.values()}
    assert not {word for word in digest if re.search("removed|read|left", word)}
    assert told(people["off"]) == told(gone) == {}


async def test_several_in_a_while_are_one_mail_in_its_thread(
    box: Mailbox, clock: Clock, bob: Person, alice: Person, world: World
) -> None:
    await proven(bob)
    mine = await posted(bob, "A question?", world.class_channel)
    answers = [await posted(alice, f"Answer {n} @bob", world.class_channel, parent=mine["id"]) for n in range(22)]
    await clock.until("SELECT count(*) FROM notices WHERE post_id = ?", answers[-1]["id"])
    await clock.forward(consumer.WAIT - 30)
    assert of(box, bob) == []
    await clock.forward(60)
    (mail,) = of(box, bob)
    assert mail.message["Subject"] == "[Class] Room"
    assert "22 posts for you" in mail.text
    assert "… and 2 more." in mail.text
    assert f"{URL}/posts/{answers[0]['id']}" in mail.text
    assert mail.message["List-Id"] == "<class.talk.school.example>"
    later = await posted(alice, "One more", world.class_channel, parent=mine["id"])
    await clock.until("SELECT count(*) FROM notices WHERE post_id = ?", later["id"])
    await clock.forward(consumer.WAIT + 30)
    assert len(of(box, bob)) == 1, "not again within a quarter of an hour"
    await clock.forward(consumer.APART)
    _, mail = of(box, bob)
    assert "Alice replied to you" in mail.text
    assert mail.message["References"].split()[0] == of(box, bob)[0].message["References"].split()[0]


async def test_each_post_of_a_followed_discussion_is_told_once(
    box: Mailbox, clock: Clock, bob: Person, alice: Person, world: World
) -> None:
    await proven(bob)
    room = world.class_channel
    mine = await posted(bob, "A question?", room)
    await bob.put(f"/api/channels/{room}/notices", json={"how": "follow"})
    told: list[set[str]] = []
    for round_ in ("1a 1b", "2a 2b"):
        for word in round_.split():
            await posted(alice, f"word-{word}", room)
        made = await posted(alice, f"word-{round_[0]}reply", room, parent=mine["id"])
        await clock.until("SELECT count(*) FROM notices WHERE post_id = ? AND kind = 'reply'", made["id"])
        await clock.forward(consumer.APART + HOUR)
        told.append({*re.findall(r"word-\w+", of(box, bob)[-1].text)})
    assert told == [{"word-1a", "word-1b", "word-1reply"}, {"word-2a", "word-2b", "word-2reply"}]
    await bob.put(f"/api/channels/{room}/notices", json={"how": "mute"})
    await posted(alice, "word-3 @bob", room)
    await clock.noticed(alice, bob)
    await clock.forward(HOUR)
    assert [str(one.message["Subject"]) for one in of(box, bob)] == ["[Class] Room", "[Class] Room", "[Home] Lobby"]


async def test_an_edit_tells_those_whom_it_newly_mentions_and_what_waited_is_told_when_it_is_there(
    box: Mailbox, clock: Clock, root: Person, alice: Person, bob: Person
) -> None:
    channel = await opened(root, "news", review="all")
    await joined(root, "news", "bob")
    for person in (alice, bob):
        await proven(person)
    waits = (await bob.post(f"/api/channels/{channel}/posts", {"body": "Hello @alice, from news"})).json()
    said = await posted(root, "Hello @alice", channel)
    await clock.until("SELECT count(*) FROM notices WHERE post_id = ?", said["id"])
    await root.patch(f"/api/posts/{waits['id']}", {"state": "published"}, headers={"If-Match": '"1-0"'})
    await root.patch(f"/api/posts/{said['id']}", {"body": "Hello @alice and @bob"})
    await clock.until("SELECT count(*) = 2 FROM notices WHERE post_id = ?", said["id"])
    await clock.forward(2 * HOUR)
    (to_alice,) = of(box, alice)
    assert "2 posts for you" in to_alice.text
    assert {str(one.message["Subject"]) for one in of(box, bob)} == {
        "[News] room",
        "[News] What you wrote is public now",
    }


async def test_one_click_ends_them_without_a_session(
    box: Mailbox, clock: Clock, anyone: Person, alice: Person, bob: Person, world: World
) -> None:
    await proven(bob)
    mine = await posted(bob, "A question?", world.class_channel)
    answer = await posted(alice, "Answer", world.class_channel, parent=mine["id"])
    await clock.until("SELECT count(*) FROM notices WHERE post_id = ?", answer["id"])
    await clock.forward(consumer.WAIT + 1)
    (mail,) = of(box, bob)
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail.message["List-Unsubscribe"].strip("<>").removeprefix(URL)
    page = await anyone.get(link, headers={"Accept": "text/html"})
    assert "bob" in page.text
    assert (await bob.get(f"{NOTICES}/settings")).json()["mail"]["reply"] == "now", "a GET does nothing"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    done = await anyone.http.post(link, content="List-Unsubscribe=One-Click", headers=form)
    assert done.status_code == 200
    kinds = {"reply": "off", "mention": "now", "post": "now", "decided": "now", "waiting": "now"}
    assert (await bob.get(f"{NOTICES}/settings")).json()["mail"] == kinds
    await anyone.http.post(link, content="what=group", headers=form)
    assert [one["muted"] for one in (await bob.get(f"{NOTICES}/settings")).json()["groups"]] == [True]
    await anyone.http.post(link, content=b"\xff", headers={"Content-Type": "multipart/form-data"})
    await anyone.http.post(link, content="what=all", headers=form)
    assert {*(await bob.get(f"{NOTICES}/settings")).json()["mail"].values()} == {"off"}
    refused(await anyone.http.post(f"{link}x", content="what=all", headers=form), 404)


def test_quiet_hours_and_summaries_follow_the_readers_clock() -> None:
    """Also where it jumps: Berlin's did at 1 a.m. UTC on 29 March 2026."""
    berlin = timing.Clocks("Europe/Berlin", ("21:30", "07:00"), "08:15")
    day, night = "2026-03-28T12:00:00.000Z", "2026-03-28T20:29:00.000Z"
    assert timing.due(day, "now", berlin, 120) == ("soon", "2026-03-28T12:02:00.000Z")
    assert timing.due(night, "now", berlin, 120) == ("digest", "2026-03-29T05:00:00.000Z")
    assert timing.due(night, "daily", berlin._replace(digest_at="06:00"), 120)[1] == "2026-03-29T05:00:00.000Z"
    assert timing.due(night, "daily", berlin, 120) == ("digest", "2026-03-29T06:15:00.000Z")
    assert timing.due(day, "now", berlin, 120, "2026-03-28T11:59:00.000Z", 900) == ("soon", "2026-03-28T12:14:00.000Z")
    assert timing.loud("2026-03-29T04:59:00.000Z", berlin) == "2026-03-29T05:00:00.000Z"
    assert timing.loud("2026-03-29T05:00:00.000Z", berlin) == "2026-03-29T05:00:00.000Z"
    noon = timing.Clocks("Nowhere/Else", ("12:00", "13:00"))
    assert timing.loud("2026-03-29T12:30:00.000Z", noon) == "2026-03-29T13:00:00.000Z"
