"""L3 under load: resuming gives exactly what was missed, or says that it cannot. Never a silent hole.

What somebody was told is compared, at the end, with what there was: each change once, in order, its `prev` the one
before it.
"""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import websockets

from model.settings import Settings
from pottle.store import db
from pottle.store.changes import Change
from pottle.store.follower import Listener
from tests.conftest import World
from tests.lasting import lasting
from tests.live.meeting import Frame, Meeting
from tests.live.test_restart import copied, epoch_of
from tests.server import Server, Socket

pytestmark = pytest.mark.slow

WRITERS = 6
RESUMERS = 9
KEEP = 60  # changes in the log, while it is pruned
FAT = "€" * 9_000  # a post of which the ring holds about 150
TOO_SLOW = 1013


@pytest.fixture(scope="module")
def one_server(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For all tests that neither stop it nor mind what the others left there."""
    folder = tmp_path_factory.mktemp("resume")
    with Server(Path(shutil.copytree(world.folder, folder / "instance")), folder) as server:
        yield server


@pytest.fixture
async def here(one_server: Server, stack: AsyncExitStack, world: World) -> Meeting:
    return Meeting(one_server, stack, world.tokens)


class Heard(NamedTuple):
    """What one subscription was told."""

    worker: int
    channel: int
    after: int
    recovered: bool
    seq: int  # the channel's newest, at the time
    changes: list[Frame]
    cut: bool = False  # closed with 1013 before it had all that was missed, or even an answer: pruned just then


def seqs_of(heard: Heard) -> list[int]:
    return [change["seq"] for change in heard.changes]


async def resume(meeting: Meeting, channel: int, epoch: str, after: int, live: int = 0) -> Heard:
    """Goes on after a position with a new socket, and hears all that was missed and so many changes more."""
    raw = await websockets.connect(f"ws://127.0.0.1:{meeting.server.port}/api/live", max_size=None)
    async with raw:
        socket = Socket(raw)
        heard = Heard((await socket.receive())["worker"], channel, after, recovered=True, seq=after, changes=[])
        try:
            answer = await socket.ask(type="subscribe", channel=channel, epoch=epoch, after=after)
            assert answer["type"] == "subscribed", answer
            heard = heard._replace(recovered=answer["recovered"], seq=answer["seq"])
            at = after if heard.recovered else heard.seq
            while at < heard.seq or live:
                live -= at >= heard.seq
                heard.changes.append(await socket.receive())
                at = heard.changes[-1]["seq"]
        except websockets.ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != TOO_SLOW:
                raise
            return heard._replace(cut=True)
        return heard


def assert_exact(heard: Heard, truth: list[Frame]) -> None:
    """That it was told, of all changes of its channel, just those that followed on where it began."""
    start = heard.after if heard.recovered else heard.seq
    due = [change for change in truth if change["seq"] > start]
    told = [brief(change) for change in heard.changes]
    assert told == [brief(change) for change in due[: len(told)]], f"a hole, or more than there was: {heard}"
    if heard.recovered and not heard.cut:
        assert len(told) >= sum(change["seq"] <= heard.seq for change in due), f"not all that was missed: {heard}"


def brief(change: Frame) -> tuple[int, int, str, int]:
    return change["seq"], change["prev"], change["kind"], change["post"]["id"]


async def write_on(
    meeting: Meeting, by: str, channels: list[int], rng: random.Random, over: asyncio.Event
) -> list[int]:
    """Posts as fast as it can until it is over; returns the ids of what was acknowledged."""
    return [(await meeting.post(rng.choice(channels), by=by))["id"] async for _ in until(over)]


async def until(over: asyncio.Event) -> AsyncIterator[None]:
    while not over.is_set():
        yield


async def test_many_who_resume_while_everybody_writes_get_exactly_what_they_missed(
    here: Meeting, rng: random.Random
) -> None:
    """From positions of every kind, on all workers: those that were, those between, those of the future, made-up ones.

    Fails when Connection._subscribe sets the cursor to the channel's seq instead of `after`, and when it says
    `recovered` whatever the epoch.
    """
    channels = [await here.channel() for _ in range(3)]
    epoch = (await here.listed(channels[0]))["epoch"]
    over, heard = asyncio.Event(), list[Heard]()
    wrong = list[Heard]()

    async def resume_again_and_again() -> None:
        for _ in lasting():
            channel = rng.choice(channels)
            head = (await here.listed(channel))["seq"]
            live = rng.randrange(4)
            heard.append(await resume(here, channel, epoch, rng.randint(0, head), live))
            if rng.random() < 0.2:
                wrong.append(await resume(here, channel, epoch, head + 10**6, live))
                wrong.append(await resume(here, channel, f"{rng.getrandbits(64):016x}", head, live))

    async with asyncio.TaskGroup() as group:
        writing = [group.create_task(write_on(here, by, channels, rng, over)) for by in ("alice", "bob", "charlie") * 2]
        resuming = [group.create_task(resume_again_and_again()) for _ in range(RESUMERS)]
        await asyncio.gather(*resuming)
        over.set()
    truth = {channel: (await resume(here, channel, epoch, 0)).changes for channel in channels}
    posted = [change["post"]["id"] for channel in channels for change in truth[channel]]
    assert sorted(posted) == sorted(id_ for task in writing for id_ in task.result())
    for one in heard + wrong:
        assert_exact(one, truth[one.channel])
    assert all(one.recovered and not one.cut for one in heard)
    assert not any(one.recovered for one in wrong)
    assert len({one.worker for one in heard}) == 3
    print(f"{len(heard)} resumed and got {sum(len(one.changes) for one in heard)} changes of {len(posted)}")


async def test_on_every_worker_what_the_ring_has_long_dropped_comes_from_the_log(here: Meeting) -> None:
    """10 MiB and more are missed, with a ring of 8 MiB that somebody on each worker keeps filled.

    Fails when Hub._drop_oldest leaves `since` where it was.
    """
    channel, epoch = await here.channel(), (await here.listed(1))["epoch"]
    listening = [socket for (socket,) in (await here.sockets(each=1)).values()]
    for socket in listening:
        await socket.ask(type="subscribe", channel=channel)

    async def write(by: str) -> None:
        for _ in range(45):
            await here.post(channel, FAT, by=by)

    async with asyncio.TaskGroup() as group:
        writing = [group.create_task(write(by)) for by in ("alice", "bob", "charlie", "root")]
        truth = [await listening[0].receive() for _ in range(180)]
        for socket in listening[1:]:
            assert [brief(await socket.receive()) for _ in range(180)] == [brief(change) for change in truth]
        await asyncio.gather(*writing)
    assert [change["prev"] for change in truth] == [0, *(change["seq"] for change in truth[:-1])]
    met: set[int] = set()
    while len(met) < 3:
        for after in (0, truth[10]["seq"], truth[100]["seq"], truth[178]["seq"]):
            one = await resume(here, channel, epoch, after)
            assert one.recovered
            assert_exact(one, truth)
            met.add(one.worker)
    for socket in listening:
        await socket.raw.close()


class Sweep(NamedTuple):
    """What one more process sees of the log that it prunes all the time."""

    rows: list[Change]
    gone: list[int]  # seqs up to which all was pruned, one for each time


@asynccontextmanager
async def swept(instance: Path) -> AsyncIterator[Sweep]:
    """This process opens the database, too, and does what each worker does once a minute, again and again."""
    sweep = Sweep([], [0])

    def note(rows: list[Change]) -> None:
        sweep.rows.extend(rows)

    async def prune() -> None:
        while True:
            head = db.head
            await db.write(db._prune)
            sweep.gone.append(head - KEEP)
            await asyncio.sleep(0.02)

    before = db.listeners
    db.listeners = (*before, Listener(lambda _, rows: rows, note, sweep.rows.clear))
    await db.open(Settings(instance=instance, log_changes=KEEP))
    pruning = asyncio.create_task(prune())
    try:
        yield sweep
    finally:
        pruning.cancel()
        await asyncio.wait([pruning])
        await db.close()
        db.listeners = before


async def test_on_a_quiet_channel_and_on_busy_ones_a_pruned_log_is_never_a_silent_hole(
    here: Meeting, rng: random.Random
) -> None:
    """The log keeps 60 changes, and is pruned while busy channels fill it; the quiet one has a change now and then.

    Whoever missed nothing goes on, also where every change of the channel is gone. Whoever missed what is gone is told
    so. Fails when `recoverable` asks only whether `after` lies behind the channel's seq, and when it does not let those
    go on who missed nothing.
    """
    busy, quiet = [await here.channel() for _ in range(2)], await here.channel()
    epoch = (await here.listed(quiet))["epoch"]
    over, heard = asyncio.Event(), list[tuple[Heard, int]]()

    async def resume_again_and_again(sweep: Sweep) -> None:
        for n in lasting(10):
            channel = rng.choice([quiet, quiet, *busy])
            known = [row.seq for row in sweep.rows if row.stream == f"channel:{channel}"]
            after = rng.choice([known[-1], *rng.choices(known, k=2), *known[-4:]]) if known else 0
            gone = sweep.gone[-1]
            heard.append((await resume(here, channel, epoch, after, live=0), gone))
            if n % 10 == 0:
                await here.post(quiet)

    async with swept(here.server.instance) as sweep:
        for _ in range(2):
            await here.post(quiet)
        async with asyncio.TaskGroup() as group:
            for by in ("alice", "bob", "charlie") * 2:
                group.create_task(write_on(here, by, busy, rng, over))
            resuming = [group.create_task(resume_again_and_again(sweep)) for _ in range(RESUMERS)]
            await asyncio.gather(*resuming)
            over.set()
        last = (await here.listed(quiet))["seq"]
        while sweep.gone[-1] < last:
            await here.post(busy[0])
        first = next(row.seq for row in sweep.rows if row.stream == f"channel:{quiet}")
        for after in (first, last):
            heard.append((await resume(here, quiet, epoch, after), sweep.gone[-1]))
        assert [one.recovered for one, _ in heard[-2:]] == [False, True], "all of the quiet channel is gone"
        await db.caught_up()
    for channel in (quiet, *busy):
        truth = [as_frame(row) for row in sweep.rows if row.stream == f"channel:{channel}"]
        of_channel = [(one, gone) for one, gone in heard if one.channel == channel]
        for one, gone in of_channel:
            assert_exact(one, truth)
            assert one.recovered or one.after != one.seq, f"it missed nothing: {one}"
            missed = [change["seq"] for change in truth if one.after < change["seq"] <= one.seq]
            assert not (one.recovered and missed and missed[0] <= gone), f"{missed[0]} was gone by then: {one}"
    print(f"{sum(one.recovered for one, _ in heard)} of {len(heard)} recovered, {sum(one.cut for one, _ in heard)} cut")


def as_frame(row: Change) -> Frame:
    return {"seq": row.seq, "prev": row.prev, "kind": row.kind, "post": {"id": row.subject}}


@pytest.mark.sqlite("a copy of its file; tests/postgres/test_epoch.py has PostgreSQL's")
async def test_after_an_older_copy_was_put_back_no_position_is_recovered(
    meeting: Meeting, rng: random.Random, tmp_path: Path
) -> None:
    """A backup is made while people write; everything is killed, the copy put back, and they write on.

    With `app.db-turn` left behind, and with all of `app.db*` deleted, as docs/administration.md says. On every worker,
    from every position that there was, before the backup or after, and whether or not its seq has been given again by
    then. Fails when `instance.identify` does not look at what the turn file says.
    """
    server, channel = meeting.server, await meeting.channel()
    epochs = [(await meeting.listed(channel))["epoch"]]
    for leftovers in (["app.db", "app.db-wal", "app.db-shm"], ["app.db", "app.db-wal", "app.db-shm", "app.db-turn"]):
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for by in ("alice", "bob", "charlie"):
                group.create_task(write_on(meeting, by, [channel], rng, over))
            await reached(meeting, channel, 20)
            await asyncio.to_thread(copied, server.instance / "app.db", tmp_path / "copy.db")
            await reached(meeting, channel, 20)
            over.set()
        before = await resume(meeting, channel, epochs[-1], 0)
        server.kill()
        for name in leftovers:
            (server.instance / name).unlink(missing_ok=True)
        shutil.copy(tmp_path / "copy.db", server.instance / "app.db")
        server.start()

        epoch = await epoch_of(server)
        assert epoch not in epochs
        for again in range(2):
            for after in [0, *rng.sample(seqs_of(before), 8), before.seq]:
                assert not (await resume(meeting, channel, epochs[-1], after)).recovered
            while not again and (await meeting.listed(channel))["seq"] <= before.seq:
                await meeting.post(channel, "instead")
        epochs.append(epoch)
        truth = (await resume(meeting, channel, epoch, 0)).changes
        assert [change["prev"] for change in truth] == [0, *(change["seq"] for change in truth[:-1])]


async def reached(meeting: Meeting, channel: int, more: int) -> None:
    """So many more posts."""
    wanted = (await meeting.listed(channel))["seq"] + more
    while (await meeting.listed(channel))["seq"] < wanted:
        await asyncio.sleep(0.02)
