"""What letters are about: addresses, forgotten passwords, invitations, and notices that they did not arrive."""

import asyncio
import dataclasses
import re

import pytest

from model.mail import letters
from model.settings import Settings
from tests.api.conftest import bearer, refused
from tests.conftest import Person
from tests.mail.conftest import HERE, confirmed, link_in
from tests.mailbox import Got, Mailbox
from tests.server import PATIENCE

BOUNCE = """\
From: MAILER-DAEMON@mail.school.example
To: pottle@school.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.school.example

Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: text/rfc822-headers

From: pottle@school.example
To: {to}
Message-ID: {id}

--b--
"""


def bounce(letter: Got, to: str = "", action: str = "failed", status: str = "5.1.1") -> bytes:
    id_ = letter.message["Message-ID"]
    return BOUNCE.format(to=to or letter.to, action=action, status=status, id=id_).encode()


async def bounced(person: Person, notice: bytes) -> list[str]:
    answer = await person.http.post("/api/mail/bounces", content=notice, headers={"Content-Type": "message/rfc822"})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["off"])


class TestAnAddress:
    async def test_it_counts_once_it_is_confirmed(self, box: Mailbox, bob: Person) -> None:
        await bob.patch("/api/me", {"email": "bob@school.example"})
        (letter,) = await box.has(1)
        assert (await bob.get("/api/me/address")).json() == {
            "email": "bob@school.example",
            "state": "unproven",
            "trouble": None,
        }
        assert (await bob.get(link_in(letter))).status_code == 200, "looking at the page confirms nothing"
        assert (await bob.get("/api/me/address")).json()["state"] == "unproven"
        assert (await bob.post(link_in(letter))).status_code == 303
        assert (await bob.get("/api/me/address")).json()["state"] == "proven"
        refused(await bob.post("/api/me/address"), 409)

    async def test_nobody_proves_it_for_somebody_else(self, box: Mailbox, bob: Person, charlie: Person) -> None:
        """Else a stranger who follows a link would give Bob their address."""
        await bob.patch("/api/me", {"email": "victim@school.example"})
        (letter,) = await box.has(1)
        refused(await charlie.post(link_in(letter)), 404)
        assert (await bob.get("/api/me/address")).json()["state"] == "unproven"

    async def test_a_link_is_for_one_address_and_cannot_be_made(self, box: Mailbox, bob: Person) -> None:
        await bob.patch("/api/me", {"email": "bob@school.example"})
        (letter,) = await box.has(1)
        path = link_in(letter)
        for wrong in (path[:-1], path + "A", path.replace("token=W", "token=X"), "/account/address?token=x.y"):
            refused(await bob.post(wrong), 404)
        await bob.patch("/api/me", {"email": "other@school.example"})
        refused(await bob.post(path), 404)

    async def test_another_one_is_told_to_both(self, box: Mailbox, bob: Person) -> None:
        await confirmed(bob, box, "old@school.example")
        await bob.patch("/api/me", {"email": "new@school.example"})
        got = {one.to: one.message["Subject"] for one in (await box.has(3))[1:]}
        assert got == {
            "old@school.example": "Your e-mail address was changed",
            "new@school.example": "Confirm your e-mail address",
        }
        assert (await bob.get("/api/me/address")).json()["state"] == "unproven"

    async def test_whoever_signs_up_with_one_is_asked(self, box: Mailbox, anyone: Person) -> None:
        new = {"uid": "dora", "name": "Dora", "password": "correct horse battery", "email": "dora@school.example"}
        assert (await anyone.post("/api/users", new)).status_code == 201
        assert [one.to for one in await box.has(1)] == ["dora@school.example"]


class TestAForgottenPassword:
    async def test_it_works(self, box: Mailbox, bob: Person, anyone: Person) -> None:
        """By user name or address; the link works once, and ends all sessions."""
        await confirmed(bob, box, "bob@school.example")
        assert (await anyone.post("/api/password/forgotten", {"who": "BOB@school.example"})).status_code == 204
        letter = (await box.has(2))[-1]
        code = link_in(letter).partition("#")[2]
        new = {"code": code, "password": "another good one"}
        session = await anyone.put("/api/password", json=new)
        assert session.status_code == 201
        assert (await anyone.get("/api/me", headers=bearer(session.json()["token"]))).json()["uid"] == "bob"
        refused(await bob.get("/api/me"), 401)
        refused(await anyone.put("/api/password", json=new), 404)

    async def test_whoever_asks_learns_nothing(self, box: Mailbox, bob: Person, alice: Person, anyone: Person) -> None:
        """An account with a confirmed address, one with another, one with none, and none: all alike."""
        await confirmed(bob, box, "bob@school.example")
        await alice.patch("/api/me", {"email": "alice@school.example"})
        await box.has(2)
        asked = ("bob", "alice", "charlie", "nobody", "nobody@school.example", "bob@school.example")
        answers = [await anyone.post("/api/password/forgotten", {"who": who}) for who in asked]
        assert {(one.status_code, one.content) for one in answers} == {(204, b"")}
        pages = [await anyone.http.post("/account/forgotten", data={"who": who}) for who in ("bob", "nobody")]
        assert pages[0].content == pages[1].content
        await box.has(5)
        assert {one.to for one in box.got[2:]} == {"bob@school.example"}

    async def test_links_that_were_sent_end_with_the_address(self, box: Mailbox, bob: Person, anyone: Person) -> None:
        await confirmed(bob, box, "bob@school.example")
        await anyone.post("/api/password/forgotten", {"who": "bob"})
        code = link_in((await box.has(2))[-1]).partition("#")[2]
        await bob.patch("/api/me", {"email": "new@school.example"})
        refused(await anyone.put("/api/password", json={"code": code, "password": "another good one"}), 404)


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return dataclasses.replace(settings, rate_limits=True)

    async def test_nobody_fills_somebody_elses_mailbox(self, box: Mailbox, bob: Person, anyone: Person) -> None:
        await confirmed(bob, box, "bob@school.example")
        for _ in range(6):
            assert (await anyone.post("/api/password/forgotten", {"who": "bob"})).status_code == 204
        await box.has(4)
        await confirmed(bob, box, "new@school.example")  # which comes after all that was asked for
        assert sum("password" in one.message["Subject"] for one in box.got) == 3


class TestInvitations:
    async def test_it_works(self, box: Mailbox, alice: Person, anyone: Person) -> None:
        made = await alice.post("/api/groups/class/invitations/mails", {"addresses": ["dora@school.example"]})
        assert made.status_code == 201
        (letter,) = await box.has(1)
        assert letter.message["Subject"] == "Alice invites you to Class"
        assert letter.message["List-Id"] == "<class.talk.school.example>"
        code = link_in(letter).partition("#")[2]
        new = {"uid": "dora", "name": "Dora", "password": "correct horse battery", "invitation": code}
        assert (await anyone.post("/api/users", new)).status_code == 201
        people = (await alice.get("/api/groups/class/members")).json()["members"]
        assert "dora" in {one["uid"] for one in people}
        again = {**new, "uid": "eve", "name": "Eve"}
        refused(await anyone.post("/api/users", again), 422)

    async def test_nobody_is_asked_twice_in_a_week(self, box: Mailbox, alice: Person) -> None:
        to = {"addresses": ["dora@school.example", "Dora@School.example"]}
        for _ in range(2):
            made = await alice.post("/api/groups/class/invitations/mails", to)
            assert len(made.json()["mails"]) == 1
        await alice.post("/api/groups/class/invitations/mails", {"addresses": ["zoe@school.example"]})
        assert [one.to for one in await box.has(2)] == ["dora@school.example", "zoe@school.example"]

    async def test_one_that_was_revoked_is_not_sent_or_not_good(
        self, box: Mailbox, alice: Person, anyone: Person
    ) -> None:
        box.rcpt = lambda to: "451 later" if to.startswith("eve") else None
        to = {"addresses": ["dora@school.example", "eve@school.example"]}
        await alice.post("/api/groups/class/invitations/mails", to)
        (letter,) = await box.has(1)
        for mail in (await alice.get("/api/groups/class/invitations/mails")).json()["mails"]:
            assert (await alice.delete(f"/api/groups/class/invitations/mails/{mail['id']}")).status_code == 204
        refused(await anyone.post("/api/invitations/look-up", {"code": link_in(letter).partition("#")[2]}), 404)
        box.rcpt = lambda _to: None
        await alice.post("/api/groups/class/invitations/mails", {"addresses": ["zoe@school.example"]})
        assert [one.to for one in await box.has(2)] == ["dora@school.example", "zoe@school.example"]

    async def test_one_is_worth_its_makers_rights(self, box: Mailbox, alice: Person, root: Person) -> None:
        box.rcpt = lambda _to: "451 later"
        await alice.post("/api/groups/class/invitations/mails", {"addresses": ["dora@school.example"]})
        async with asyncio.timeout(PATIENCE):
            while not box.asked:
                await asyncio.sleep(0.01)
        await root.post("/api/groups/class/members", {"uid": "alice", "role": "member"})
        box.rcpt = lambda _to: None
        async with asyncio.timeout(PATIENCE):
            while (await root.get("/api/groups/class/invitations/mails")).json()["mails"][0]["state"] != "dropped":
                await asyncio.sleep(0.02)
        assert not box.got

    async def test_addresses_that_are_none(self, alice: Person) -> None:
        wrong = {"addresses": ["dora@school.example", "a..b@school.example", "größe@school.example"]}
        answer = refused(await alice.post("/api/groups/class/invitations/mails", wrong), 422)
        assert [one["field"] for one in answer["errors"]] == ["addresses[1]", "addresses[2]"]


class TestBounces:
    async def test_a_user_is_told(self, box: Mailbox, bob: Person, anyone: Person) -> None:
        await confirmed(bob, box, "bob@school.example")
        letter = box.got[-1]
        for harmless in (
            bounce(letter, action="delayed", status="4.4.1"),
            bounce(letter, status="5.7.1"),
            bounce(letter, to="root@school.example"),
            b"hello",
            bounce(letter).replace(b"<letter-", b"<letter-9"),
        ):
            assert await bounced(anyone, harmless) == []
        assert (await bob.get("/api/me/address")).json()["state"] == "proven"
        assert await bounced(anyone, bounce(letter)) == ["bob@school.example"]
        told = (await bob.get("/api/me/address")).json()
        assert (told["state"], told["trouble"]) == ("off", "5.1.1 550 5.1.1 User unknown")
        await bob.post("/api/me/address")
        await bob.post(link_in((await box.has(2))[-1]))
        assert (await bob.get("/api/me/address")).json()["state"] == "proven"

    async def test_a_moderator_is_told_of_whom_they_invited(self, box: Mailbox, alice: Person, anyone: Person) -> None:
        await alice.post("/api/groups/class/invitations/mails", {"addresses": ["dora@school.example"]})
        (letter,) = await box.has(1)
        assert await bounced(anyone, bounce(letter)) == ["dora@school.example"]
        (mail,) = (await alice.get("/api/groups/class/invitations/mails")).json()["mails"]
        assert (mail["state"], mail["trouble"]) == ("failed", "5.1.1 550 5.1.1 User unknown")


class TestThePreview:
    @pytest.mark.parametrize("language", ["en", "ar"])
    async def test_every_kind_can_be_looked_at(self, root: Person, language: str) -> None:
        """In each theme; nothing is loaded from anywhere."""
        assert len(letters.kinds) >= 5
        for kind in letters.kinds:
            page = await root.get(f"/admin/mail?kind={kind}&language={language}")
            assert page.status_code == 200, kind
            for theme in ("light", "dark"):
                shown = await root.get(f"/admin/mail/letter?kind={kind}&language={language}&theme={theme}")
                assert f'lang="{language}"' in shown.text
                assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
                links = re.findall(r'(?:href|src)="([^"]*)"', shown.text)
                assert links
                assert all(link.startswith((f"{HERE}/", "http")) for link in links), kind
                assert not re.search(r"<(img|script|link|iframe)\b", shown.text), kind

    async def test_an_admin_sends_a_test(self, box: Mailbox, root: Person) -> None:
        refused(await root.post("/admin/mail"), 409)
        await root.patch("/api/me", {"email": "root@school.example"})
        assert (await root.post("/admin/mail")).status_code == 303
        assert "Mail works" in {one.text.split("\n")[0] for one in await box.has(2)}
