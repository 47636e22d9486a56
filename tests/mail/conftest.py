"""An application whose mail goes to a real SMTP server in this process."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from model.mail.setting import smtp
from model.settings import Settings
from tests.conftest import Person
from tests.mailbox import Got, Mailbox, receiving

HERE = "https://talk.school.example"


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with receiving() as received:
        yield received


@pytest.fixture
def settings(instance: Path, box: Mailbox) -> Settings:
    """Fast: what is put off is tried again after a tenth of a second."""
    return Settings(instance=instance, url=HERE, mail=smtp(f"{box.url}&pause=0.1&rate=60000"), rate_limits=False)


def link_in(letter: Got) -> str:
    """The path that a letter's button leads to."""
    return re.findall(re.escape(HERE) + r"(/[^\s]+)", letter.text)[0]


async def confirmed(person: Person, box: Mailbox, email: str) -> None:
    """Has somebody get an address, and confirm it."""
    before = len(box.got)
    assert (await person.patch("/api/me", {"email": email})).status_code == 200
    await box.has(lambda got: any(one.to == email for one in got[before:]))
    (letter,) = [one for one in box.got[before:] if one.to == email]
    assert (await person.post(link_in(letter))).status_code == 303
