"""What is in the outbox is sent by SMTP: once, oldest first, whatever the server says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from model.mail.setting import smtp
from model.settings import Settings
from tests.conftest import Person
from tests.mailbox import Mailbox, receiving

URL = "https://talk.school.example"


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with receiving() as received:
        yield received


@pytest.fixture
def settings(instance: Path, box: Mailbox) -> Settings:
    return Settings(instance=instance, url=URL, mail=smtp(f"{box.url}&pause=0.1&rate=60000"), rate_limits=False)


async def test_it_works(box: Mailbox, bob: Person) -> None:
    changed = await bob.patch("/api/me", {"email": "bob@school.example"})
    assert changed.status_code == 200
    (letter,) = await box.has(1)
    print(letter.raw.decode())
    print(letter.text)
    assert letter.to == "bob@school.example"
