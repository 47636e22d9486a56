"""What is in the outbox is sent by SMTP: once, oldest first, whatever the server says."""

import asyncio
from email.headerregistry import Address
from pathlib import Path

import pytest

from model.mail.setting import Smtp, smtp
from model.settings import Settings
from pottle.settings import BadSetting, read
from tests.conftest import Person
from tests.mail.conftest import HERE, confirmed
from tests.mailbox import Mailbox
from tests.server import PATIENCE


async def invite(alice: Person, *names: str) -> None:
    """Letters to several, in one go."""
    addresses = [f"{name}@school.example" for name in names]
    made = await alice.post("/api/groups/class/invitations/mails", {"addresses": addresses})
    assert made.status_code == 201, made.text


async def states(alice: Person) -> dict[str, str]:
    mails = (await alice.get("/api/groups/class/invitations/mails")).json()["mails"]
    return {mail["address"].partition("@")[0]: mail["state"] for mail in mails}


async def becomes(alice: Person, **wanted: str) -> None:
    """Waits until letters are in these states."""
    async with asyncio.timeout(PATIENCE):
        while not wanted.items() <= (await states(alice)).items():  # it is told by nothing else
            await asyncio.sleep(0.02)


async def test_it_works(box: Mailbox, bob: Person) -> None:
    """As it arrives: both parts of one template, and the headers of a good machine's mail."""
    await bob.patch("/api/me", {"email": "bob@school.example"})
    (letter,) = await box.has(1)
    message = letter.message
    assert letter.to == message["To"] == "bob@school.example"
    assert message["From"] == "pottle@school.example"
    assert message["Subject"] == "Confirm your e-mail address"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Message-ID"].endswith("@talk.school.example>")
    assert message["Content-Language"] == "en"
    assert "The account bob has the address bob@school.example." in letter.text
    assert f"Confirm the address\n{HERE}/account/address?token=" in letter.text
    assert 'lang="en" dir="ltr"' in letter.html
    assert all(len(line) < 998 for line in letter.raw.splitlines())
    assert all(byte < 128 for byte in letter.raw), "a server without 8BITMIME takes it too"


async def test_in_the_language_of_its_reader(box: Mailbox, bob: Person) -> None:
    await bob.patch("/api/me", {"email": "bob@school.example", "language": "ar"})
    (letter,) = await box.has(1)
    assert letter.message["Content-Language"] == "ar"
    assert 'lang="ar" dir="rtl"' in letter.html


async def test_several_go_over_one_connection_oldest_first(box: Mailbox, alice: Person) -> None:
    names = [f"pupil-{number}" for number in range(12)]
    await invite(alice, *names)
    assert [one.to.partition("@")[0] for one in await box.has(12)] == names
    assert box.connections == 1


async def test_some_are_refused_and_the_others_are_sent(box: Mailbox, alice: Person) -> None:
    box.rcpt = lambda to: "550 5.1.1 No such user here" if to.startswith("gone") else None
    await invite(alice, "ann", "gone", "zoe")
    await becomes(alice, ann="sent", gone="failed", zoe="sent")
    assert box.asked.count("gone@school.example") == 1, "it is not tried again"
    (failed,) = [
        one
        for one in (await alice.get("/api/groups/class/invitations/mails")).json()["mails"]
        if one["state"] == "failed"
    ]
    assert failed["trouble"] == "550 5.1.1 No such user here"


async def test_what_a_server_puts_off_comes_later(box: Mailbox, alice: Person) -> None:
    """Greylisting: the same server takes it a while later. The others do not wait for that."""
    box.rcpt = lambda to: "451 4.7.1 Greylisted" if to.startswith("grey") and box.asked.count(to) < 3 else None
    await invite(alice, "grey", "zoe")
    assert [one.to.partition("@")[0] for one in await box.has(2)] == ["zoe", "grey"]
    assert box.asked.count("grey@school.example") == 3


async def test_a_letter_that_is_not_taken_keeps_no_other_up(box: Mailbox, alice: Person) -> None:
    box.data = lambda to: "554 5.6.0 Rejected" if to.startswith("odd") else None
    await invite(alice, "odd", "zoe")
    await becomes(alice, odd="failed", zoe="sent")


async def test_refusals_that_mean_us_switch_no_address_off(box: Mailbox, bob: Person) -> None:
    """A relay that is set up wrongly refuses everybody: all addresses would be off in an hour."""
    await confirmed(bob, box, "bob@school.example")
    box.rcpt = lambda _to: "550 5.7.1 Relaying denied" if len(box.asked) < 4 else None
    await bob.post("/api/password/forgotten", {"who": "bob"})
    assert len(await box.has(2)) == 2
    assert (await bob.get("/api/me/address")).json()["state"] == "proven"


async def test_an_address_that_takes_no_mail_is_switched_off(box: Mailbox, bob: Person) -> None:
    await confirmed(bob, box, "bob@school.example")
    box.rcpt = lambda _to: "550 5.1.1 No such user here"
    await bob.post("/api/password/forgotten", {"who": "bob"})
    async with asyncio.timeout(PATIENCE):
        while (await bob.get("/api/me/address")).json()["state"] != "off":
            await asyncio.sleep(0.02)
    page = (await bob.get("/account")).text
    assert "takes no mail" in page
    assert "550 5.1.1 No such user here" in page
    asked = len(box.asked)
    await bob.post("/api/password/forgotten", {"who": "bob"})
    box.rcpt = lambda _to: None
    await bob.post("/api/me/address")  # the link that is sent now is asked for by its owner, and proves it again
    await box.has(2)
    assert len(box.asked) == asked + 1, "no password link went there"


async def test_a_slow_server_gets_each_letter_once(box: Mailbox, alice: Person) -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.3)

    box.data = lambda _to: slowly()
    await invite(alice, "ann", "zoe")
    await becomes(alice, ann="sent", zoe="sent")
    assert len(box.got) == 2


async def test_a_server_that_hangs_up_is_called_again(box: Mailbox, alice: Person) -> None:
    """As those do that take few letters over one connection."""
    box.rcpt = lambda to: "421 4.7.0 Come back later" if box.asked.count(to) == 1 else None
    await invite(alice, "ann", "zoe")
    assert {one.to for one in await box.has(2)} == {"ann@school.example", "zoe@school.example"}
    assert len(box.got) == 2


class TestADayWithoutSmtp:
    """No letter loses an attempt meanwhile; then they come oldest first, no faster than they may."""

    @pytest.fixture
    def settings(self, instance: Path, box: Mailbox) -> Settings:
        return Settings(instance=instance, url=HERE, mail=smtp(f"{box.url}&pause=0.5&rate=1200"), rate_limits=False)

    async def test_it_is_caught_up_oldest_first_without_a_flood(
        self, box: Mailbox, alice: Person, bob: Person, root: Person
    ) -> None:
        await confirmed(bob, box, "bob@school.example")
        before = len(box.got)
        async with box.gone():
            names = [f"pupil-{number}" for number in range(30)]
            await invite(alice, *names)
            async with asyncio.timeout(PATIENCE):
                while "The server takes no mail" not in (await root.get("/admin/mail")).text:
                    await asyncio.sleep(0.05)
            await bob.post("/api/password/forgotten", {"who": "bob"})
        began = asyncio.get_running_loop().time()
        got = [one.to.partition("@")[0] for one in (await box.has(before + 31))[before:]]
        took = asyncio.get_running_loop().time() - began
        assert [name for name in got if name != "bob"] == names
        assert got.index("bob") <= 1, "whoever waits for it does not wait behind all others"
        assert took > (31 - 10 - 2) / 20, "20 a second, but for ten at once"
        assert "The server takes no mail" not in (await root.get("/admin/mail")).text


class TestTheSetting:
    def test_it_says_all(self) -> None:
        found = smtp("smtp://pottle:s%3Acr%40t@mail.school.example/?from=Class <talk+x@school.example>&rate=6")
        assert (found.host, found.port, found.user, found.password) == ("mail.school.example", 587, "pottle", "s:cr@t")
        assert (str(found.sender), found.starttls, found.rate) == ("Class <talk+x@school.example>", True, 6)
        assert smtp("smtps://h/?from=a@b.c") == Smtp("h", 465, True, False, Address("", addr_spec="a@b.c"))
        assert not smtp("smtp://localhost:25/?from=a@b.c").starttls

    @pytest.mark.parametrize(
        "value",
        [
            *(
                "mail.school.example",
                "http://h/?from=a@b.c",
                "smtp://h",
                "smtp://h/?from=nobody",
                "smtp://h:x/?from=a@b.c",
            ),
            *("smtp://u@h/?from=a@b.c", "smtp://h/?from=a@b.c&starttls=no", "smtp://h/?from=a@b.c&rate=0"),
            *("smtp://u:secret@h/?from=a@b.c&form=x", "smtp://u:secret@h/path?from=a@b.c"),
        ],
    )
    def test_a_wrong_one_is_told_without_the_password(self, value: str) -> None:
        with pytest.raises(BadSetting) as refused:
            read({"POTTLE_MAIL": value, "POTTLE_URL": HERE}, Settings)
        assert "POTTLE_MAIL" in str(refused.value)
        assert "secret" not in str(refused.value)

    def test_it_needs_the_public_address(self) -> None:
        with pytest.raises(BadSetting, match="POTTLE_URL"):
            read({"POTTLE_MAIL": "smtp://h/?from=a@b.c"}, Settings)

    def test_the_password_is_in_no_text_of_it(self) -> None:
        chosen = read({"POTTLE_MAIL": "smtp://u:secret@h/?from=a@b.c", "POTTLE_URL": HERE}, Settings)
        assert "secret" not in repr(chosen) + repr(chosen.mail)


class TestSigningIn:
    @pytest.fixture
    def settings(self, instance: Path, box: Mailbox) -> Settings:
        address = f"smtp://pottle:s%3Acr%40t@127.0.0.1:{box.port}/?from=pottle@school.example&pause=0.1"
        return Settings(instance=instance, url=HERE, mail=smtp(address), rate_limits=False)

    async def test_it_works(self, box: Mailbox, bob: Person) -> None:
        await bob.patch("/api/me", {"email": "bob@school.example"})
        assert len(await box.has(1)) == box.signed_in == 1
