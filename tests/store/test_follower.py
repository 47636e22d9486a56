"""The follower and the bus: every commit of every process is seen, once and in order; pokes only save waiting."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store import bus as bus_module
from pottle.store import changes, postgres
from pottle.store.bus import SLOTS, Bus
from pottle.store.changes import Change
from pottle.store.database import Database
from pottle.store.follower import Listener
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx
from tests import databases
from tests.databases import Opened
from tests.server import PATIENCE

# Commits 1,000 changes one by one, as another process, with checkpoints in between, and says when it is done.
COMMITTING = """
import sqlite3, sys
if sys.argv[1].startswith("postgresql:"):
    import psycopg
    raw = psycopg.connect(sys.argv[1], autocommit=True)
else:
    raw = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
    raw.execute("PRAGMA synchronous=OFF")
    raw.execute("PRAGMA wal_autocheckpoint=50")
for n in range(1000):
    raw.execute(f"INSERT INTO changes (prev, kind, subject, tags, created) VALUES (0, 'test', {n}, '', '')")
raw.close()
"""


def told(tx: Tx, subject: int) -> int:
    """Unit: a change."""
    return tx.changed("test", subject=subject)


@asynccontextmanager
async def following(instance: Path, *more: Listener) -> AsyncIterator[tuple[Database, list[Change]]]:
    """A worker, and what it is told: in a test that waits for nothing else, only where it catches up."""
    database = Database()
    heard: list[Change] = []
    database.listeners = [Listener(lambda _, rows: rows, heard.extend, heard.clear), *more]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "POLL_SECONDS", PATIENCE)
        await database.open(Settings(instance=instance))
        yield database, heard
        await database.close()


def committing(instance: Path) -> "subprocess.Popen[bytes]":
    where = databases.url_of(instance) or str(instance / "app.db")
    return subprocess.Popen([sys.executable, "-c", COMMITTING, where])


def add(raw: Opened, subject: int = 0) -> None:
    raw.execute("INSERT INTO changes (prev, kind, subject, tags, created) VALUES (0, 'test', ?, '', '')", (subject,))


async def test_it_works(instance: Path) -> None:
    async with following(instance) as (database, heard):
        with databases.opened(instance) as raw:
            add(raw, 1)
            add(raw, 2)
        assert heard == []
        await database.caught_up()
        assert [row.subject for row in heard] == [1, 2]
        assert database.head == heard[-1].seq
        await database.caught_up()
        assert len(heard) == 2


async def test_what_was_there_before_is_not_told(instance: Path) -> None:
    with databases.opened(instance) as raw:
        add(raw)
        async with following(instance) as (database, heard):
            await database.caught_up()
            assert heard == []
            add(raw)
            await database.caught_up()
            assert len(heard) == 1


async def test_no_commit_of_another_process_is_missed(instance: Path) -> None:
    """1,000 commits, looked at as fast as can be: `PRAGMA data_version` moves with each that was not seen yet."""
    async with following(instance) as (database, heard):
        process = committing(instance)
        looks = 0
        while process.poll() is None:
            await database.caught_up()
            looks += 1
        await database.caught_up()
        assert process.returncode == 0
        assert [row.subject for row in heard] == [*range(1000)]
        assert [row.seq for row in heard] == [*range(heard[0].seq, heard[0].seq + 1000)]
        assert looks > 10


async def test_each_commit_is_seen_by_the_next_look(instance: Path) -> None:
    """Also when a checkpoint truncates SQLite's log, when nothing was changed in between, and after a vacuum."""
    async with following(instance) as (database, heard):
        with databases.opened(instance) as raw:
            for n in range(50):
                add(raw, n)
                if n % 10 == 3 and not databases.POSTGRES:
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                if n == 25:
                    raw.execute("VACUUM")
                await database.caught_up()
                assert heard[-1].subject == n
        assert len(heard) == 50


async def test_what_is_committed_while_it_looks_is_seen_by_the_next_look(instance: Path) -> None:
    """Fails when the version is taken after the rows were read: it then counts as seen what was not."""
    with databases.opened(instance) as raw:
        late = iter([True])
        ready = Listener(lambda _read, _rows: add(raw, 2) if next(late, False) else None, lambda _: None, lambda: None)
        async with following(instance, ready) as (database, heard):
            add(raw, 1)
            await database.caught_up()
            await database.caught_up()
            assert [row.subject for row in heard] == [1, 2]


@pytest.mark.sqlite("a hot read in the event loop; on PostgreSQL all are awaited")
async def test_it_watches_on_a_connection_that_is_never_blind(instance: Path) -> None:
    """`PRAGMA data_version` does not move inside a transaction, nor while a cursor is open."""
    async with following(instance) as (database, heard):
        with databases.opened(instance) as raw, database.snapshot() as read:
            before = len(changes.since(read, 0))
            add(raw)
            assert len(changes.since(read, 0)) == before, "one consistent state"
        await database.caught_up()
        assert len(heard) == 1


class Memory:
    """A listener that keeps what it heard, and fails when it is told to."""

    def __init__(self) -> None:
        self.kept: list[int | None] = []
        self.preparing = self.applying = self.forgetting = 0  # how many more times it fails at that
        self.forgot = 0
        self.listener = Listener(self._prepare, self._apply, self._forget)

    def _prepare(self, _: Snapshot, rows: list[Change]) -> list[int | None]:
        if self.preparing:
            self.preparing -= 1
            raise ValueError("oh")
        return [row.subject for row in rows]

    def _apply(self, subjects: list[int | None]) -> None:
        self.kept += subjects
        if self.applying:
            self.applying -= 1
            raise ValueError("oh")

    def _forget(self) -> None:
        if self.forgetting:
            self.forgetting -= 1
            raise ValueError("oh no")
        self.kept.clear()
        self.forgot += 1


@pytest.mark.parametrize("at", ["preparing", "applying"])
@pytest.mark.parametrize("which", [0, 1, 2])
async def test_where_one_listener_fails_all_forget(
    instance: Path, caplog: pytest.LogCaptureFixture, which: int, at: str
) -> None:
    """Nobody keeps half of what was: neither those before it, nor those after it, who never heard."""
    memories = [Memory() for _ in range(3)]
    async with following(instance, *(memory.listener for memory in memories)) as (database, _):
        with databases.opened(instance) as raw:
            add(raw, 1)
            await database.caught_up()
            setattr(memories[which], at, 1)
            add(raw, 2)
            await database.caught_up()
            assert [memory.kept for memory in memories] == [[]] * 3
            assert "could not be followed" in caplog.text
            add(raw, 3)
            await database.caught_up()
            assert [memory.kept for memory in memories] == [[3]] * 3
            assert [memory.forgot for memory in memories] == [1] * 3


async def test_where_one_cannot_even_forget_nothing_is_served_until_it_can(instance: Path) -> None:
    memories = [Memory() for _ in range(3)]
    async with following(instance, *(memory.listener for memory in memories)) as (database, _):
        memories[1].applying = 1
        memories[1].forgetting = 1_000
        with databases.opened(instance) as raw:
            add(raw, 1)
            for _ in range(2):
                with pytest.raises(ValueError, match="oh no"):
                    await database.caught_up()
            memories[1].forgetting = 0
            await database.caught_up()
            assert [memory.kept for memory in memories] == [[]] * 3
            add(raw, 2)
            await database.caught_up()
            assert [memory.kept for memory in memories] == [[2]] * 3


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_it_looks_again_after_a_look_that_failed(
    instance: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The slow poll goes on, and does not say the same ten times a second."""
    monkeypatch.setattr(bus_module, "POLL_SECONDS", 0.001)
    writing, listening = Database(), Database()
    heard = Heard(listening)
    for database in (writing, listening):
        await database.open(Settings(instance=instance))
        deafen(database._store._bus)
    failed, looks = asyncio.Event(), iter(range(20))

    def failing() -> None:
        if next(looks, None) is None:
            failed.set()
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(listening._store, "catch_up", failing)
        async with asyncio.timeout(PATIENCE):
            await failed.wait()
    await writing.write(told, 1)
    await heard.until(1)
    assert caplog.text.count("The change log cannot be followed") == 1
    for database in (writing, listening):
        await database.close()


@pytest.mark.sqlite("a hot read in the event loop; on PostgreSQL all are awaited")
async def test_a_snapshot_is_given_back_when_its_reader_fails(instance: Path) -> None:
    async with following(instance) as (database, _):
        with pytest.raises(ZeroDivisionError), database.snapshot():
            raise ZeroDivisionError
        with database.snapshot() as read:
            assert changes.head(read) >= 0


class Heard:
    """A database that is told of changes, and waits for one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.subjects: list[int | None] = []
        self._news = asyncio.Event()
        database.listeners = [Listener(lambda _, rows: rows, self._hear, self.subjects.clear)]

    def _hear(self, rows: list[Change]) -> None:
        self.subjects += [row.subject for row in rows if row.kind == "test"]
        self._news.set()

    async def until(self, subject: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while subject not in self.subjects:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def two(instance: Path) -> AsyncIterator[tuple[Database, Heard]]:
    """A database that writes, and what another that has the same file open hears."""
    writing, listening = Database(), Database()
    heard = Heard(listening)
    for database in (writing, listening):
        await database.open(Settings(instance=instance))
    yield writing, heard
    for database in (writing, listening):
        await database.close()


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_a_poke_arrives_without_a_poll(two: tuple[Database, Heard]) -> None:
    """Fails when Bus.poke sends nothing."""
    writing, heard = two
    heard.database._store._bus._timer.cancel()
    await writing.write(told, 1)
    await heard.until(1)


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_a_lost_poke_costs_only_a_little_time(instance: Path) -> None:
    """The socket of the bus is gone, on both sides; the slow poll finds what was committed.

    Fails (waits in vain) when Bus._poll does not look.
    """
    writing, listening = Database(), Database()
    heard = Heard(listening)
    for database in (writing, listening):
        await database.open(Settings(instance=instance))
        deafen(database._store._bus)
    for n in range(3):
        await writing.write(told, n)
        await heard.until(n)
    assert heard.subjects == [0, 1, 2]
    for database in (writing, listening):
        await database.close()


def deafen(bus: Bus) -> None:
    assert bus._socket is not None
    asyncio.get_running_loop().remove_reader(bus._socket)
    bus._socket.close()
    bus._socket = None


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_forged_and_doubled_pokes_do_no_harm(two: tuple[Database, Heard]) -> None:
    writing, heard = two
    for slot in range(SLOTS):
        with closing(bus_module.socket.socket(bus_module.socket.AF_UNIX, bus_module.socket.SOCK_DGRAM)) as stranger:
            stranger.setblocking(False)
            for _ in range(20):
                try:
                    stranger.sendto(b"rubbish" * 100, f"{writing._store._bus._name}-{slot}")
                except OSError:
                    break
    await writing.write(told, 1)
    await heard.until(1)
    assert heard.subjects == [1]


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_a_worker_too_many_hears_nothing_and_still_follows(instance: Path) -> None:
    """All slots are taken: its pokes are lost, the poll is left."""
    buses = [Bus(instance / "app.db", lambda: None) for _ in range(SLOTS)]
    database = Database()
    heard = Heard(database)
    await database.open(Settings(instance=instance))
    assert database._store._bus._socket is None
    await database.write(told, 1)
    await heard.until(1)
    await database.close()
    for bus in buses:
        bus.close()


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_a_slot_is_free_again_when_its_worker_has_gone(instance: Path) -> None:
    for _ in range(3):
        buses = [Bus(instance / "app.db", lambda: None) for _ in range(SLOTS)]
        assert all(bus._socket for bus in buses)
        for bus in buses:
            bus.close()


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_two_instances_do_not_poke_each_other(tmp_path: Path) -> None:
    """And a long path is no trouble: the name of the socket is made from a hash."""
    heard = asyncio.Event()
    own = Bus(tmp_path / ("long" * 60) / "app.db", lambda: None)
    other, another = [Bus(tmp_path / "other" / "app.db", hear) for hear in (lambda: None, heard.set)]
    another._timer.cancel()
    own.poke()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not heard.is_set()
    other.poke()
    async with asyncio.timeout(PATIENCE):
        await heard.wait()
    for bus in (own, other, another):
        bus.close()


@pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")
async def test_who_comes_later_is_poked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = asyncio.Event()
    first = Bus(tmp_path / "app.db", lambda: None)
    first.poke()
    second = Bus(tmp_path / "app.db", heard.set)
    second._timer.cancel()
    monkeypatch.setattr(bus_module, "POLL_SECONDS", 0.01)
    async with asyncio.timeout(PATIENCE):
        while not heard.is_set():
            first.poke()
            await asyncio.sleep(0.01)
    for bus in (first, second):
        bus.close()
