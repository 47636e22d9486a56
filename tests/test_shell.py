"""`quart --app main shell`: as somebody uses it who wants to try something."""

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests import databases
from tests.server import PATIENCE, ROOT
from tests.test_backup_commands import QUART, environment, quart, refused

TYPED = """
made = await user.create("ada", "Ada", "correct horse")
async with db.session() as session:
    print(await session.scalar(select(User.uid)))

1 / 0
made.name
"""


def test_it_works(tmp_path: Path) -> None:
    """Units can be called, statements await, and an error ends neither the shell nor what was written."""
    code, said, shown = quart(tmp_path, "shell", stdin=None, input=TYPED)
    assert code == 0
    assert "ada" in said
    assert "'Ada'" in said
    assert shown.count("ZeroDivisionError") == 1
    assert "runner" not in shown, "only what was typed is in the traceback"
    with databases.opened(tmp_path) as raw:
        assert raw.execute("SELECT uid FROM users").fetchall() == [("ada",)]


@pytest.mark.sqlite("its log")
@pytest.mark.slow
def test_it_closes_the_database(tmp_path: Path) -> None:
    code, _, _ = quart(tmp_path, "shell", stdin=None, input="import sys; sys.exit(3)\n")
    assert code == 3
    assert not (tmp_path / "app.db-wal").exists()


@pytest.mark.sqlite("its file")
def test_a_database_that_cannot_be_served_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "app.db").mkdir()
    assert "is a folder" in refused(tmp_path, "shell")


@pytest.mark.slow
def test_an_interrupt_ends_what_waits_and_not_the_shell(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*QUART, "shell"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lambda: on_its_terminal(theirs),
    ) as process:
        os.close(theirs)
        answered(ours, b"import asyncio; print('be' + 'gun'); await asyncio.sleep(600)\n", b"begun")
        answered(ours, b"\x03", b"KeyboardInterrupt")
        answered(ours, b"print('still ' + 'here')\n", b"still here.*>>> ")  # before its prompt, Ctrl-D would be lost
        os.write(ours, b"\x04")
        try:
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
    os.close(ours)


def on_its_terminal(terminal: int) -> None:
    """Makes a process the one that Ctrl-C goes to."""
    os.setsid()
    os.close(os.open(os.ttyname(terminal), os.O_RDWR))


def answered(terminal: int, typed: bytes, expected: bytes) -> None:
    """Types something and waits for what the terminal shows then."""
    os.write(terminal, typed)
    shown = b""
    while not re.search(expected, shown, re.DOTALL):
        shown += os.read(terminal, 4_096)
