"""What the rules of a group hold back: never lost, shown to its author and to moderators with the reasons."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import altcha
import pytest
from sqlalchemy import update
from standardwebhooks.webhooks import Webhook

from model.settings import Settings
from model.talk.judging import earning, scoring, source
from model.talk.judging.source import Source
from model.talk.post import Post
from pottle import times
from pottle.store import Tx, db
from tests.api.conftest import Json, joined, opened, posted, refused
from tests.conftest import Person
from tests.receiver import Receiver, receiving

SPAM = "Best online casino bonus, click here: http://lucky-win.top/x"
LONG = "A text that is long enough to be known again, whoever of all these people posts it a second and a third time."


@pytest.fixture
def settings(instance: Any) -> Settings:
    return Settings(instance=instance, rate_limits=False, webhook_networks=("127.0.0.0/8",))


@pytest.fixture
async def club(root: Person) -> int:
    """A channel of a group with the usual rules, where nobody is trusted yet; Alice moderates."""
    channel = await opened(root, "club", posting="guests")
    await joined(root, "club", "alice", "moderator")
    return channel


async def ruled(by: Person, **rules: Any) -> Json:
    made = await by.patch("/api/groups/club/rules", rules)
    assert made.status_code == 200, made.text
    return dict(made.json())


async def shown(anyone: Person, channel: int) -> list[int]:
    return [post["id"] for post in (await anyone.get(f"/api/channels/{channel}/posts")).json()["posts"]]


class TestHeldBack:
    async def test_spam_waits_and_is_not_lost(self, club: int, alice: Person, bob: Person, anyone: Person) -> None:
        made = await posted(bob, SPAM, club)
        assert made["state"] == "pending"
        assert await shown(anyone, club) == []
        assert [post["id"] for post in (await bob.get("/api/me/posts")).json()["posts"]] == [made["id"]]
        (queued,) = (await alice.get("/api/queue")).json()["posts"]
        assert queued["verdict"]["score"] >= 1
        assert any("lucky-win.top" in said for said in queued["verdict"]["reasons"])
        assert (await alice.patch(f"/api/posts/{made['id']}", {"state": "published"})).status_code == 200
        assert await shown(anyone, club) == [made["id"]]

    async def test_what_is_ordinary_does_not(self, club: int, bob: Person, anyone: Person) -> None:
        links = "See https://en.wikipedia.org/wiki/Bee and https://bee.example"
        for body in ("Hello", links, "thanks", "thanks", "thanks"):
            assert (await posted(bob, body, club))["state"] == "published"
        guest = await anyone.post(f"/api/channels/{club}/posts", {"body": "Nice page!", "guest": "Gus"})
        assert guest.json()["state"] == "published"

    async def test_an_edit_into_spam_waits_too(self, club: int, alice: Person, bob: Person, anyone: Person) -> None:
        made = await posted(bob, "Hello", club)
        edited = await bob.patch(f"/api/posts/{made['id']}", {"body": SPAM})
        assert edited.status_code == 202
        assert (await anyone.get(f"/api/posts/{made['id']}")).json()["body"] == "Hello"
        (queued,) = (await alice.get("/api/queue")).json()["posts"]
        assert queued["edit"]["body"] == SPAM

    async def test_many_at_once_are_judged_each(self, club: int, bob: Person) -> None:
        made = await bob.post(f"/api/channels/{club}/posts/bulk", {"posts": [{"body": "Hello"}, {"body": SPAM}]})
        assert [one["post"]["state"] for one in made.json()["outcomes"]] == ["published", "pending"]

    async def test_a_discussion_called_like_spam_waits(self, club: int, bob: Person) -> None:
        fine = await bob.post("/api/groups/club/channels", {"title": "Bees"})
        spam = await bob.post("/api/groups/club/channels", {"title": "Online casino bonus code, buy now"})
        assert [made.json()["state"] for made in (fine, spam)] == ["published", "pending"]

    async def test_the_same_text_again_and_again_waits(self, club: int, alice: Person, bob: Person) -> None:
        assert [(await posted(bob, LONG, club))["state"] for _ in range(3)] == ["published", "published", "pending"]

    async def test_what_was_removed_is_not_posted_again(
        self, club: int, alice: Person, bob: Person, charlie: Person
    ) -> None:
        first = await posted(bob, LONG, club)
        await alice.patch(f"/api/posts/{first['id']}", {"state": "removed"})
        assert (await posted(charlie, LONG.upper(), club))["state"] == "pending"

    async def test_somebody_whose_posts_were_removed_waits(self, club: int, alice: Person, bob: Person) -> None:
        for body in ("One", "Two"):
            made = await posted(bob, body, club)
            await alice.patch(f"/api/posts/{made['id']}", {"state": "removed"})
        assert (await posted(bob, "Three", club))["state"] == "pending"
        await bob.delete(f"/api/posts/{made['id']}")
        assert (await posted(bob, "Four", club))["state"] == "pending", "deleting it washes nothing away"


class TestTrust:
    async def test_it_is_said_or_earned_and_lost(self, club: int, alice: Person, bob: Person) -> None:
        here = "/api/groups/club/trust/bob"
        assert (await alice.put(here, json={"level": "trusted"})).json()["level"] == "trusted"
        assert (await posted(bob, SPAM, club))["state"] == "published"
        await alice.put(here, json={"level": "watched"})
        assert (await posted(bob, "Hello", club))["state"] == "pending"
        assert (await alice.delete(here)).status_code == 204
        assert (await posted(bob, SPAM, club))["state"] == "pending"
        refused(await bob.put(here, json={"level": "trusted"}), 403)

    async def test_posts_that_stood_for_a_day_earn_it(self, club: int, alice: Person, bob: Person) -> None:
        made = [await posted(bob, f"Post {number}", club) for number in range(5)]
        await db.write(earning.count_what_stood)
        assert (await posted(bob, SPAM, club))["state"] == "pending", "they have not stood yet"
        old = update(Post).where(Post.author_id.is_not(None)).values(created=times.later(hours=-25))
        await db.write(lambda tx: tx.session.execute(old) and None)
        await db.write(earning.count_what_stood)
        await db.write(earning.count_what_stood)
        assert (await posted(bob, SPAM, club))["state"] == "published"
        await alice.patch(f"/api/posts/{made[0]['id']}", {"state": "removed"})
        assert (await posted(bob, SPAM, club))["state"] == "pending", "a removal takes it away"

    async def test_first_posts_wait_where_a_group_wants_it(self, club: int, alice: Person, bob: Person) -> None:
        await ruled(alice, hold_first=1)
        made = await posted(bob, "Hello", club)
        assert made["state"] == "pending"
        await alice.patch(f"/api/posts/{made['id']}", {"state": "published"})
        assert (await posted(bob, "Hello again", club))["state"] == "published"


class TestRules:
    async def test_words_are_held_or_refused(self, club: int, alice: Person, bob: Person) -> None:
        await ruled(alice, hold_words=["exam answer*"], refuse_words=["moron"])
        assert (await posted(bob, "Who has the exam answers?", club))["state"] == "pending"
        problem = refused(await bob.post(f"/api/channels/{club}/posts", {"body": "You m0ron"}), 422)
        assert "moron" in problem["detail"]
        assert (await posted(alice, "Who has the exam answers, moron?", club))["state"] == "published"

    async def test_slow_mode_says_how_long_to_wait(self, club: int, alice: Person, bob: Person) -> None:
        await ruled(alice, slow=60)
        await posted(bob, "One", club)
        answer = await bob.post(f"/api/channels/{club}/posts", {"body": "Two"})
        assert refused(answer, 429)["type"] == "urn:pottle:slow-mode"
        assert 55 <= int(answer.headers["Retry-After"]) <= 60
        for _ in range(2):
            await posted(alice, "Hello", club)
        await ruled(alice, slow=0)
        await posted(bob, "Two", club)

    async def test_a_discussion_may_be_slower(self, club: int, alice: Person, bob: Person) -> None:
        assert (await alice.patch(f"/api/channels/{club}", {"slow": 30})).json()["slow"] == 30
        await posted(bob, "One", club)
        refused(await bob.post(f"/api/channels/{club}/posts", {"body": "Two"}), 429)

    async def test_they_are_changed_with_care(self, club: int, alice: Person) -> None:
        before = (await alice.get("/api/groups/club/rules")).json()
        assert before["judging"]
        assert not before["hold_words"]
        for wrong in (
            {"hold_words": ["*a*"]},
            {"hide_after": 1},
            {"service": "akismet"},
            {"service": "url"},
            {"service": "url", "service_url": "ftp://x"},
            {"hosts": ["HTTP://X"]},
            {"hold_words": ["x"] * 1_001},
        ):
            refused(await alice.patch("/api/groups/club/rules", wrong), 422)
        after = await ruled(alice, service="akismet", service_key="secret", links=9)
        assert after["service_key"] is True
        assert "secret" not in (await alice.get("/api/groups/club/rules")).text
        stale = await alice.patch("/api/groups/club/rules", {"links": 1}, headers={"If-Match": '"1-0"'})
        refused(stale, 412)

    async def test_a_text_can_be_tried(self, club: int, alice: Person) -> None:
        tried = (await alice.post("/api/groups/club/rules/try", {"body": SPAM})).json()
        assert tried["waits"]
        assert round(sum(one["points"] for one in tried["reasons"]), 2) == tried["score"]
        assert not (await alice.post("/api/groups/club/rules/try", {"body": "Hello", "guest": True})).json()["waits"]


class TestHiding:
    async def test_enough_reports_by_trusted_people_hide_a_post(
        self, club: int, alice: Person, bob: Person, charlie: Person, root: Person, anyone: Person
    ) -> None:
        await ruled(alice, hide_after=2)
        made = await posted(bob, "Something mean", club)
        report = f"/api/posts/{made['id']}/reports"
        await charlie.post(report, {"reason": "rude"})
        await root.post(report, {"reason": "rude"})
        assert await shown(anyone, club) == [made["id"]], "nobody trusts Charlie yet"
        await alice.put("/api/groups/club/trust/charlie", json={"level": "trusted"})
        another = await posted(bob, "Something mean", club)
        for by in (charlie, root):
            await by.post(f"/api/posts/{another['id']}/reports", {"reason": "rude"})
        assert await shown(anyone, club) == [made["id"]]
        await alice.patch(f"/api/posts/{another['id']}", {"state": "published"})
        assert await shown(anyone, club) == [another["id"], made["id"]]


class TestNetworks:
    async def test_a_guests_network_is_blocked_by_a_post(self, club: int, alice: Person, anyone: Person) -> None:
        guest = {"body": "Hello", "guest": "Gus"}
        made = (await anyone.post(f"/api/channels/{club}/posts", guest)).json()
        block = await alice.post("/api/groups/club/blocks", {"post": made["id"], "why": "Spam."})
        assert block.json()["network"] == "127.0.0.1/32"
        refused(await anyone.post(f"/api/channels/{club}/posts", guest), 403)
        await db.write(_age_sources)
        await db.write(source.forget_old)
        refused(await alice.post("/api/groups/club/blocks", {"post": made["id"], "why": "Spam."}), 409)


def _age_sources(tx: Tx) -> None:
    tx.session.execute(update(Source).values(created=times.later(days=-8)))


def solved(challenge: Json) -> str:
    """By the package of ALTCHA: what it solves is what we take."""
    found = altcha.solve_challenge_v1(challenge["challenge"], challenge["salt"], "SHA-256", challenge["maxnumber"])
    assert found
    said = {name: challenge[name] for name in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**said, "number": found.number}).encode()).decode()


class TestProofOfWork:
    async def test_guests_do_it_once_for_each_post(self, club: int, alice: Person, bob: Person, anyone: Person) -> None:
        await ruled(alice, proof=True)
        await posted(bob, "Hello", club)
        posts, guest = f"/api/channels/{club}/posts", {"body": "Hello", "guest": "Gus"}
        problem = refused(await anyone.post(posts, guest), 403)
        assert (problem["type"], problem["challenge"]) == ("urn:pottle:proof-needed", "/api/challenge")
        challenge = (await anyone.get("/api/challenge")).json()
        proof = solved(challenge)
        assert (await anyone.post(posts, {**guest, "proof": proof})).status_code == 201
        refused(await anyone.post(posts, {**guest, "proof": proof}), 403)
        forged = json.loads(base64.b64decode(solved((await anyone.get("/api/challenge")).json())))
        for change in ({"signature": "0" * 64}, {"number": -1}, {"salt": "x?expires=9999999999&"}, {"salt": "\u00e4"}):
            wrong = base64.b64encode(json.dumps({**forged, **change}).encode()).decode()
            refused(await anyone.post(posts, {**guest, "proof": wrong}), 403)
        for wrong in ("", "x", "bnVsbA==", base64.b64encode(b"[]").decode()):
            refused(await anyone.post(posts, {**guest, "proof": wrong}), 403)

    async def test_an_old_one_is_good_no_more(self, club: int, alice: Person, anyone: Person, monkeypatch: Any) -> None:
        await ruled(alice, proof=True)
        monkeypatch.setattr("model.talk.judging.challenge.GOOD_SECONDS", -1)
        proof = solved((await anyone.get("/api/challenge")).json())
        guest = {"body": "Hello", "guest": "Gus", "proof": proof}
        problem = refused(await anyone.post(f"/api/channels/{club}/posts", guest), 403)
        assert "too old" in problem["detail"]


def answered(score: float) -> bytes:
    return json.dumps({"score": score, "why": "sounds like spam"}).encode()


async def settled() -> None:
    """Until nothing is to be asked any more."""
    async with asyncio.timeout(10):
        while (await scoring.due())[1] is not None:  # the database tells nobody
            await asyncio.sleep(0.02)


class TestServices:
    @pytest.fixture
    async def service(self) -> AsyncIterator[Receiver]:
        async with receiving() as service:
            service.answer, service.says = lambda _got: "200 OK", answered(0)
            yield service

    async def test_a_service_of_ones_own_is_asked_after_the_post_is_in(
        self, club: int, alice: Person, bob: Person, anyone: Person, service: Receiver
    ) -> None:
        await ruled(alice, service="url", service_url=service.url, service_key="shared")
        made = await posted(bob, "Hello", club)
        assert made["state"] == "published"
        (got,) = await service.has(1)
        assert (got["post"], got["body"], got["author"]["uid"], got["group"]) == (made["id"], "Hello", "bob", "club")
        key = base64.b64encode(b"shared").decode()
        Webhook(key).verify(got["raw"], got["headers"])
        await settled()
        assert await shown(anyone, club) == [made["id"]]
        service.says = answered(1.5)
        await posted(bob, "Hello again", club)
        await service.has(2)
        await settled()
        assert await shown(anyone, club) == [made["id"]]
        (queued,) = (await alice.get("/api/queue")).json()["posts"]
        assert any("sounds like spam" in said for said in queued["verdict"]["reasons"])

    async def test_posts_may_wait_for_it_and_its_failure_holds_none_back(
        self, club: int, alice: Person, bob: Person, anyone: Person, service: Receiver, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(scoring, "PAUSES", (0, 0.05, 0.05))
        await ruled(alice, service="url", service_url=service.url, service_holds=True)
        service.hangs = asyncio.Event()
        made = await posted(bob, "Hello", club)
        assert made["state"] == "pending"
        service.hangs.set()
        await settled()
        assert await shown(anyone, club) == [made["id"]]
        service.answer = lambda _got: "500 Internal Server Error"
        broken = await posted(bob, "Hello again", club)
        await service.has(4)
        await settled()
        assert await shown(anyone, club) == [broken["id"], made["id"]]
        service.answer = lambda _got: "200 OK"
        assert (await alice.patch("/api/groups/club", {"review": "all"})).status_code == 200
        await posted(bob, "What review holds back no service lets through", club)
        await service.has(5)
        await settled()
        assert await shown(anyone, club) == [broken["id"], made["id"]]

    async def test_akismet_is_asked_as_it_wants_it(
        self, club: int, alice: Person, anyone: Person, service: Receiver
    ) -> None:
        service.says = b"true"
        await ruled(alice, service="akismet", service_key="abc", service_url=service.url)
        posts = f"/api/channels/{club}/posts"
        made = (await anyone.post(posts, {"body": "Hi & bye", "guest": "viagra-test-123"})).json()
        (got,) = await service.has(1)
        told = {name: values[0] for name, values in parse_qs(got["raw"].decode(), strict_parsing=False).items()}
        assert told["api_key"] == "abc"
        assert (told["comment_author"], told["comment_content"]) == ("viagra-test-123", "Hi & bye")
        assert (told["user_ip"], told["user_agent"].split("/")[0]) == ("127.0.0.1", "python-httpx")
        assert told["permalink"].endswith(f"/posts/{made['id']}")
        await settled()
        assert await shown(anyone, club) == []
