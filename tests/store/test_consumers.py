"""Consumers of the log: one runs at a time, each change is taken once and in order, and somebody else goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store import Snapshot, Tx, db
from pottle.store import consumers as store_consumers
from pottle.store.changes import Change
from pottle.store.consumers import Consumer, Consuming, Runner
from pottle.store.instance import fact, put
from tests.server import PATIENCE

next_of = Runner._next


class Notes(Consumer):
    """Notes what it takes, in the database; the first time it fails after that."""

    name, kinds = "notes", frozenset({"test"})

    def __init__(self) -> None:
        self.failed = False

    def take(self, tx: Tx, rows: list[Change]) -> None:
        put(tx, "noted", " ".join([fact(tx, "noted") or "", *(str(row.subject) for row in rows)]))
        if not self.failed:
            self.failed = True
            raise RuntimeError("for once")


@pytest.fixture
async def opened(instance: Path) -> AsyncIterator[None]:
    await db.open(Settings(instance=instance))
    yield
    await db.close()


def told(tx: Tx, kind: str, subject: int) -> None:
    tx.changed(kind, subject=subject)


async def noted(subjects: list[int]) -> None:
    """Waits until it has taken these."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if (await db.read(fact, "noted") or "").split() == [str(one) for one in subjects]:
                return
            await asyncio.sleep(0.01)


async def test_each_change_is_taken_once_by_whoever_is_the_one(opened: None) -> None:
    runners = [Runner(Notes()), Runner(Notes())]
    tasks = [asyncio.create_task(runner.run()) for runner in runners]
    for subject in range(5):
        await db.write(told, "test" if subject != 3 else "another", subject)
    for runner in runners:
        runner.woken.set()
    await noted([0, 1, 2, 4])
    assert [runner.consumer.failed for runner in runners] == [True, False]  # type: ignore[attr-defined]
    await ended(tasks[0])
    await db.write(told, "test", 5)
    await noted([0, 1, 2, 4, 5])  # by the other one, which has waited for the lock
    await ended(tasks[1])


class Choosy(Notes):
    """Wants them or not."""

    interested = False

    def __init__(self) -> None:
        self.failed = True

    def wants(self, _read: Snapshot, _rows: list[Change]) -> bool:
        return self.interested


async def test_what_nobody_wants_is_passed_over_and_not_read_again(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The follower has read it. What comes later is taken where it is wanted, and nothing of before."""
    choosy, all_of_them, read = Choosy(), Consuming(), []
    monkeypatch.setattr(store_consumers, "consumers", [choosy])
    monkeypatch.setattr(db, "listeners", (all_of_them.listener,))
    monkeypatch.setattr(Runner, "_next", lambda self, snapshot: read.append(self) or next_of(self, snapshot))
    await db.open(Settings(instance=instance))
    all_of_them.start()
    try:
        choosy.interested = True
        await db.write(told, "test", 0)
        await noted([0])
        choosy.interested = False
        before = 0
        while len(read) != before:  # until it has seen that there is no more
            before = len(read)
            await asyncio.sleep(0.5)
        for subject in range(1, 6):
            await db.write(told, "test" if subject % 2 else "another", subject)
            await db.caught_up()
        assert len(read) == before
        choosy.interested = True
        await db.write(told, "test", 6)
        await noted([0, 6])
    finally:
        await all_of_them.stop()
        await db.close()


async def ended(task: asyncio.Task[None]) -> None:
    """It stops at once when it is told to."""
    task.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([task])
    assert task.cancelled()
