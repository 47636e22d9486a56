"""docs/webhooks.md does what it says: its receivers, in each language, take what is ours and nothing else."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from model.webhooks import hook, signing
from tests.conftest import needs
from tests.server import ROOT, free_port, wait_until

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "webhooks.md").read_text()
PROGRAMS = {"Python": ("python3", "receiver.py"), "Node": ("node", "receiver.mjs")}
BODY = b'{"type": "post.created", "data": {}}'


@contextmanager
def running(language: str, secret: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The example under a heading: its address, and what it prints."""
    program, name = PROGRAMS[language]
    (folder / name).write_text(re.split(r"```\w*\n", PAGE.split(f"\n### {language}\n")[1])[1].split("\n```")[0])
    port, printed = free_port(), folder / "printed"
    environment = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    with printed.open("w") as out:
        process = subprocess.Popen([program, name], cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: _answers(port), f"the receiver in {language}", printed.read_text)
        yield f"http://127.0.0.1:{port}/", printed
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/", content=b"{}").status_code == 401
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_receiver_works(language: str, tmp_path: Path) -> None:
    needs(PROGRAMS[language][0])
    secret, before, now = hook.new_secret(), hook.new_secret(), int(time.time())
    good = signing.headers("msg_1", now, BODY, [before, secret])
    with running(language, secret, tmp_path) as (url, printed):
        for body, headers, status in (
            (BODY, good, 204),
            (BODY, good, 204),
            (BODY + b" ", good, 401),
            (BODY, {**good, "webhook-id": "msg_2"}, 401),
            (BODY, signing.headers("msg_3", now - 400, BODY, [secret]), 401),
            (BODY, signing.headers("msg_4", now, BODY, [before]), 401),
            (BODY, {}, 401),
        ):
            assert httpx.post(url, content=body, headers=headers).status_code == status
        assert printed.read_text() == "post.created\n"
