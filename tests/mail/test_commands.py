"""`quart --app main doctor --mail` and `mail bounced`: what an operator asks of mail, by a program of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.mail.setting import smtp
from model.operating.doctor import Patient, examine, post
from model.settings import Settings
from tests.conftest import Person
from tests.mail.conftest import HERE, confirmed
from tests.mail.test_letters import bounce
from tests.mailbox import Mailbox
from tests.server import ROOT, clean_environment


async def beside(work: Callable[..., Any], *args: Any) -> Any:
    """What a command does, while the mailbox answers it."""
    return await asyncio.to_thread(work, *args)


async def test_the_doctor_sends_one(box: Mailbox, instance: Path) -> None:
    settings = Settings(instance=instance, url=HERE, mail=smtp(box.url))
    patient = Patient(settings, {})
    assert await beside(lambda: [*post(patient, "ops@school.example")]) == [
        ("ok", "a mail", "127.0.0.1 has taken one to ops@school.example")
    ]
    assert "sent by the doctor" in str(box.got[0].message.get_content())
    box.rcpt = lambda _to: "550 5.1.1 No such user"
    (said,) = await beside(lambda: [*post(patient, "nobody@school.example")])
    assert said == ("FAIL", "a mail", "127.0.0.1: 550 5.1.1 No such user")
    (none,) = post(Patient(replace(settings, mail=None), {}), "ops@school.example")
    assert none.level == "FAIL"


def test_the_doctor_knows_the_setting(instance: Path) -> None:
    def said(value: str) -> tuple[str, str]:
        settings = Settings(instance=instance, url=HERE, mail=smtp(value))
        (found,) = [one for one in examine(Patient(settings, {})) if one.about == "mail"]
        return found.level, found.says

    assert said("smtp://h/?from=a@b.c") == ("ok", "by h, from a@b.c")
    assert said("smtp://h/?from=a@b.c&starttls=off")[0] == "warn"


async def test_notices_can_be_files(box: Mailbox, bob: Person, instance: Path, tmp_path: Path) -> None:
    await confirmed(bob, box, "bob@school.example")
    notice = tmp_path / "notice.eml"
    notice.write_bytes(bounce(box.got[0]))
    settings = {"POTTLE_INSTANCE": str(instance), "POTTLE_MAIL": box.url, "POTTLE_URL": HERE}
    environment = clean_environment(tmp_path, PYTHONPATH=str(ROOT), **settings)
    command = [str(Path(sys.executable).with_name("quart")), "--app", "main", "mail", "bounced", os.fspath(notice)]
    done = await beside(
        lambda: subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    )
    assert (done.returncode, done.stdout) == (0, "bob@school.example\n"), done.stderr
    assert (await bob.get("/api/me/address")).json()["state"] == "off"
