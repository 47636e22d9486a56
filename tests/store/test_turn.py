"""Whose turn it is to write, and the epoch: which history of the database the seqs belong to (L3)."""

import asyncio
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from model.settings import Settings
from pottle.store.database import Database
from pottle.store.instance import Instance
from pottle.store.locks import Turn
from pottle.store.sqlite import turn_file
from pottle.store.unit import Tx
from tests import databases
from tests.server import ROOT, clean_environment

# Adds 1 to the number in a file 300 times, reading and writing it in two steps, in turn.
COUNTING = """
import sys
from pathlib import Path
from pottle.store.locks import Turn

turn, number = Turn(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(300):
    with turn:
        now = int(number.read_text())
        number.write_text(str(now + 1))
"""


async def opened(instance: Path, writes: int = 0) -> Instance:
    """What a worker that opens the folder says it is; it may write some changes before it closes."""
    database = Database()
    await database.open(Settings(instance=instance))
    for _ in range(writes):
        await database.write(changed)
    await database.close()
    return database.instance


def changed(tx: Tx) -> int:
    """Unit: a change."""
    return tx.changed("test")


def test_two_processes_take_turns(tmp_path: Path) -> None:
    """Fails when Turn takes no lock: additions are then lost."""
    number = tmp_path / "number"
    number.write_text("0")
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "turn"), str(number)]
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running: list[Any] = [
        subprocess.Popen(command, cwd=ROOT, env=clean_environment(tmp_path), **piped) for _ in range(2)
    ]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * 2
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()  # only now, when both can: one that is over before the other begins takes no turns
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0, 0]
    assert number.read_text() == "600"


def test_the_turn_is_given_up_when_its_holder_fails(tmp_path: Path) -> None:
    with closing(Turn(tmp_path / "turn")) as first, closing(Turn(tmp_path / "turn")) as second:
        with pytest.raises(ZeroDivisionError), first:
            raise ZeroDivisionError
        with second:
            pass
        with first:
            pass


def test_a_note_is_found_again(tmp_path: Path) -> None:
    with closing(Turn(tmp_path / "turn")) as turn:
        assert turn.noted() == ("", 0)
        turn.note("epoch", 12)
        turn.note("epoch", 9)
    with closing(Turn(tmp_path / "turn")) as turn:
        assert turn.noted() == ("epoch", 9)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"epoch", b"epoch x", b"epoch -1", b" ", b"x" * 10_000])
def test_a_note_that_makes_no_sense_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "turn").write_bytes(content)
    with closing(Turn(tmp_path / "turn")) as turn:
        assert turn.noted() == ("", 0)


def test_a_full_disk_is_no_reason_to_fail_a_commit_that_has_happened(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with closing(Turn(Path("/dev/full"))) as turn:
        turn.note("epoch", 1)


async def test_a_database_keeps_its_id_and_epoch(instance: Path) -> None:
    first = await opened(instance, writes=3)
    assert await opened(instance) == first
    assert await opened(instance, writes=1) == first


async def test_two_workers_say_the_same(tmp_path: Path) -> None:
    """Also while one of them writes; and on a folder that was empty."""
    databases = [Database() for _ in range(3)]
    for database in databases:
        await database.open(Settings(instance=tmp_path / "new"))
        await asyncio.gather(*[database.write(changed) for _ in range(5)])
    assert len({database.instance for database in databases}) == 1
    for database in databases:
        await database.close()


async def test_two_new_databases_differ(tmp_path: Path) -> None:
    one, two = await opened(tmp_path / "one"), await opened(tmp_path / "two")
    assert one.id != two.id
    assert one.epoch != two.epoch


def note_file(instance: Path) -> Path:
    """Where a machine notes what it has seen of its database."""
    return instance / "postgres-seen" if databases.POSTGRES else turn_file(instance / "app.db")


def rewrite(instance: Path, epoch: str, seq: int) -> None:
    with closing(Turn(note_file(instance))) as turn:
        turn.note(epoch, seq)


def noted(instance: Path) -> tuple[str, int]:
    with closing(Turn(note_file(instance))) as turn:
        return turn.noted()


async def test_every_commit_is_noted(instance: Path) -> None:
    before = await opened(instance)
    start = noted(instance)
    await opened(instance, writes=3)
    assert noted(instance) == (before.epoch, start[1] + 3)


ALONE = pytest.mark.sqlite("it is written on one machine; of another history PostgreSQL itself tells")


@pytest.mark.parametrize(
    "trouble", ["ahead", *(pytest.param(trouble, marks=ALONE) for trouble in ("another epoch", "lost", "emptied"))]
)
async def test_a_database_that_is_not_the_one_last_written_is_a_new_epoch(instance: Path, trouble: str) -> None:
    """Its id stays: the cookies do too. Once that is said, the new epoch stays."""
    before = await opened(instance, writes=3)
    epoch, seq = noted(instance)
    file = note_file(instance)
    match trouble:
        case "ahead":
            rewrite(instance, epoch, seq + 1)
        case "another epoch":
            rewrite(instance, "0123456789abcdef", seq)
        case "lost":
            file.unlink()
        case "emptied":
            file.write_bytes(b"")
    after = await opened(instance)
    assert after.id == before.id
    assert after.epoch != before.epoch
    assert await opened(instance, writes=1) == after
    assert await opened(instance) == after


async def test_a_note_that_the_loss_of_power_left_behind_is_no_new_epoch(instance: Path) -> None:
    """The note is not synced, the database is: it may be older, never newer."""
    before = await opened(instance, writes=3)
    epoch, seq = noted(instance)
    rewrite(instance, epoch, seq - 2)
    assert await opened(instance) == before
    assert noted(instance) == (epoch, seq)
