"""The change log, the hub and resuming against a list for each channel, over whatever may happen to a database.

People write and are refused, the log is pruned, readers lag, leave and come back from anywhere, the server starts
again, an older copy of the database is put in its place. A reader gets exactly what it missed, or is told so.
"""

import asyncio
import shutil
import tempfile
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import httpx
import pytest
from hypothesis import Phase, seed
from hypothesis import settings as rules
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import main
from model.settings import Settings
from pottle.live import hub as hub_module
from pottle.store import changes, db
from tests import databases
from tests.conftest import Person, World
from tests.lasting import SECONDS, SEED
from tests.live.silent import Listener

CHANNELS = (1, 2)  # the lobby, and a channel that only members of a class see
WRITES = (
    "post",
    "post",
    "post",
    "reply",
    "edit",
    "remove",
    "restore",
    "mark",
    "unmark",
    "title",
    "nothing",
    "forbidden",
)
SOME_WRITES = st.lists(st.sampled_from(WRITES), min_size=2, max_size=8)
KINDS = {
    "post": "post.created",
    "reply": "post.created",
    "edit": "post.edited",
    "remove": "post.removed",
    "restore": "post.restored",
    "mark": "reactions",
    "unmark": "reactions",
    "title": "channel.edited",
}


@dataclass
class Known:
    """What the model knows of the database: what a copy of it holds too."""

    log: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: {channel: [] for channel in CHANNELS})
    posts: dict[int, list[int]] = field(default_factory=lambda: {channel: [] for channel in CHANNELS})
    removed: set[int] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)

    def head(self, channel: int) -> int:
        """The channel's own seq."""
        return self.log[channel][-1][0] if self.log[channel] else 0

    def after(self, channel: int, seq: int) -> list[tuple[int, str]]:
        """The changes that somebody at `seq` has missed."""
        return [change for change in self.log[channel] if change[0] > seq]


@dataclass
class Reader:
    """A connection that subscribed, and where it is."""

    listener: Listener
    channel: int
    cursor: int


class Position(NamedTuple):
    """What a client may have kept."""

    epoch: str
    channel: int
    seq: int


class History(RuleBasedStateMachine):
    """Everything that happens is a rule; nothing is checked by looking inside except how far the log goes back."""

    world: ClassVar[World]

    @initialize(ring=st.sampled_from([0, 0, 1_500, 8 * 1024 * 1024]))
    def begin(self, ring: int) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.ring, hub_module.RING_BYTES = hub_module.RING_BYTES, ring
        self.instance = Path(shutil.copytree(self.world.folder, self.folder / "instance"))
        self.known = Known()
        self.open: list[Reader] = []
        self.runner.run(self.start())
        self.positions = {Position("made-up", CHANNELS[0], 1), *map(self.here, CHANNELS)}

    async def start(self) -> None:
        self.app = main.create_app(Settings(instance=self.instance, rate_limits=False))
        await self.app.startup()
        self.http = {uid: self.client(uid) for uid in ("alice", "bob", "root")}

    def client(self, uid: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
        credentials = {"Authorization": f"Bearer {self.world.tokens[uid]}"}
        return httpx.AsyncClient(transport=transport, base_url="http://pottle.test", headers=credentials)

    async def stop(self) -> None:
        for reader in self.open:
            reader.listener.leave()
        self.open.clear()
        for client in self.http.values():
            await client.aclose()
        await self.app.shutdown()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.stop())
            self.runner.close()
            hub_module.RING_BYTES = self.ring
            shutil.rmtree(self.folder)

    def asked(self, by: str, method: str, path: str, json: Any = None) -> httpx.Response:
        return self.runner.run(self.http[by].request(method, path, json=json))

    def listed(self, channel: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.asked("bob", "GET", f"/api/channels/{channel}/posts").json()
        return answer

    def here(self, channel: int) -> Position:
        """The position that a list gives."""
        listed = self.listed(channel)
        return Position(listed["epoch"], channel, listed["seq"])

    @rule(channel=st.sampled_from(CHANNELS), writes=SOME_WRITES)
    def write(self, channel: int, writes: list[str]) -> None:
        """A write that takes effect is one change and moves the channel's seq; a refused or repeated one is none."""
        for what in writes:
            before = self.known.head(channel)
            told = self.written(what, channel, self.known.posts[channel])
            position = self.here(channel)
            assert (position.seq > before) if told else (position.seq == before), what
            if told:
                self.known.log[channel].append((position.seq, KINDS[what]))
                self.positions.add(position)

    def written(self, what: str, channel: int, posts: list[int]) -> bool:
        """Writes, and says whether readers should hear of it."""
        newest = posts[-1] if posts else 0
        if what not in ("post", "title", "nothing") and not newest:
            return False
        match what:
            case "post" | "reply":
                fields = {"parent": posts[0]} if what == "reply" and posts[0] not in self.known.removed else {}
                made = self.asked("alice", "POST", f"/api/channels/{channel}/posts", {"body": "Hello", **fields})
                assert made.status_code == 201, made.text
                posts.append(made.json()["id"])
                return True
            case "edit":
                done = self.asked("alice", "PATCH", f"/api/posts/{newest}", {"body": "Bye"}).status_code
                assert done == (409 if newest in self.known.removed else 200)
                return done == 200
            case "remove" | "restore":
                state = {"remove": "removed", "restore": "published"}[what]
                assert self.asked("root", "PATCH", f"/api/posts/{newest}", {"state": state}).status_code == 200
                return self.turned(self.known.removed, newest, what == "remove")
            case "mark" | "unmark":
                method = {"mark": "PUT", "unmark": "DELETE"}[what]
                done = self.asked("bob", method, f"/api/posts/{newest}/reactions/heart").status_code
                return done == 200 and self.turned(self.known.marked, newest, what == "mark")
            case "title":
                title = {"title": f"{self.known.head(channel)}"}
                assert self.asked("root", "PATCH", f"/api/channels/{channel}", title).status_code == 200
                return True
            case "nothing":
                assert self.asked("alice", "POST", f"/api/channels/{channel}/posts", {"body": ""}).status_code == 422
            case "forbidden":
                done = self.asked("bob", "PATCH", f"/api/posts/{newest}", {"body": "Mine"}).status_code
                assert done == (404 if newest in self.known.removed else 403)
        return False

    def turned(self, those: set[int], post: int, on: bool) -> bool:
        """Puts a post among `those` or takes it out; whether that changed anything."""
        changed = (post in those) != on
        (those.add if on else those.discard)(post)
        return changed

    @rule(
        channel=st.sampled_from(CHANNELS),
        back=st.integers(0, 4),
        writes=SOME_WRITES,
        keep=st.sampled_from([None, 0, 1, 1, 2]),
    )
    def come(self, channel: int, back: int, writes: list[str], keep: int | None) -> None:
        """Somebody subscribes, from now on or from after a change that it knows, and then takes nothing for a while."""
        after = [0, *(seq for seq, _ in self.known.log[channel])][-back:][0] if back else None
        self.subscribed(channel, db.instance.epoch, after)
        self.write(channel, writes)
        if keep is not None:
            self.prune(keep)
            self.read()

    @rule()
    def read(self) -> None:
        """Everybody takes all that it missed."""
        for reader in list(self.open):
            self.reads(reader)

    @invariant()
    def whoever_comes_back_gets_what_it_missed(self) -> None:
        """From the newest positions that lists gave, from some older ones, and from beside them."""
        if hasattr(self, "http"):
            places = sorted(self.positions, key=lambda position: position.seq)
            for epoch, channel, seq in places[-8:] + places[:-8:5]:
                for after in (seq, seq + 1):
                    reader = self.subscribed(channel, epoch, after)
                    self.reads(reader)
                    self.leaves(reader)

    def subscribed(self, channel: int, epoch: str, after: int | None) -> Reader:
        """A new reader; `recovered` if and only if all that it missed is there."""
        listener = self.runner.run(Listener.of(self.world.tokens["bob"], endless=True))
        reader = Reader(listener, channel, self.known.head(channel))
        self.open.append(reader)
        position = {} if after is None else {"epoch": epoch, "after": after}
        answer = self.runner.run(reader.listener.ask(type="subscribe", channel=channel, **position))
        assert (answer["type"], answer["epoch"], answer["seq"]) == ("subscribed", db.instance.epoch, reader.cursor)
        assert answer["recovered"] == (after is None or self.recoverable(channel, epoch, after))
        if answer["recovered"] and after is not None:
            reader.cursor = after
        return reader

    def recoverable(self, channel: int, epoch: str, after: int) -> bool:
        missed = {seq for seq, _ in self.known.after(channel, after)}
        return epoch == db.instance.epoch and after <= self.known.head(channel) and missed <= self.kept()

    def kept(self) -> set[int]:
        """The seqs that the log still has."""
        return {row.seq for row in self.runner.run(db.read(changes.since, 0))}

    def reads(self, reader: Reader) -> None:
        """It gets all that it missed, in order and chained; or it is cut off where some of that was pruned."""
        missed = self.known.after(reader.channel, reader.cursor)
        got = self.runner.run(taken(reader.listener))
        assert [(frame["seq"], frame["kind"]) for frame in got] == missed[: len(got)]
        for frame in got:
            before = [0, *(seq for seq, _ in self.known.log[reader.channel] if seq < frame["seq"])]
            assert frame["prev"] == before[-1]
            reader.cursor = frame["seq"]
        if len(got) < len(missed):
            assert reader.listener.closed == 1013
            assert not {seq for seq, _ in missed} <= self.kept()
        if reader.listener.closed:
            self.leaves(reader)

    def leaves(self, reader: Reader) -> None:
        if reader in self.open:
            reader.listener.leave()
            self.open.remove(reader)

    @rule(keep=st.sampled_from([0, 1, 3, 10]))
    def prune(self, keep: int) -> None:
        self.runner.run(db.write(changes.prune, "0", keep))

    @rule()
    def start_again(self) -> None:
        """The same epoch: every position stays good."""
        epoch = db.instance.epoch
        self.runner.run(self.stop())
        self.runner.run(self.start())
        assert db.instance.epoch == epoch

    @rule(writes=SOME_WRITES)
    def go_back(self, writes: list[str]) -> None:
        """An operator puts back a copy from before some writes: a new epoch, unless they changed nothing."""
        known, before = deepcopy(self.known), self.newest()
        copy = self.folder / "copy"
        if databases.POSTGRES:
            self.runner.run(self.stop())  # it copies no database that somebody has open
            shutil.copytree(self.instance, copy, dirs_exist_ok=True)
            databases.url_of(copy)
            self.runner.run(self.start())
        else:
            with databases.opened(self.instance) as raw:
                raw.execute("VACUUM INTO ?", (str(copy),))
        self.write(CHANNELS[0], writes)
        after = self.newest()
        self.runner.run(self.stop())
        if databases.POSTGRES:
            shutil.copy(copy / databases.MARK, self.instance)
        else:
            copy.replace(self.instance / "app.db")
        self.known = known
        self.runner.run(self.start())
        assert (db.instance.epoch == before[0]) == (before == after)

    def newest(self) -> tuple[str, int]:
        """Which history of the database, and how far it is."""
        return db.instance.epoch, self.runner.run(db.read(changes.head))

    @invariant()
    def each_list_says_where_its_channel_is(self) -> None:
        if hasattr(self, "http"):
            for channel in CHANNELS:
                assert self.here(channel) == Position(db.instance.epoch, channel, self.known.head(channel))


async def taken(listener: Listener) -> list[dict[str, Any]]:
    return await listener.take()


@pytest.mark.slow
def test_whatever_happens_a_reader_gets_what_it_missed_or_is_told_that_it_does_not(world: World) -> None:
    """L3 and L4. Fails when `recoverable` does not ask what was pruned, or asks too much; when `identify` keeps the
    epoch of a database that went back, or `_subscribe` does not compare it; when the hub believes its ring
    complete, forgets what it dropped from it, or sends a page with a hole; when `prev` is the log's last change
    and not the channel's.
    """
    History.world = world
    # What is found is shown as it was found: to shrink it would take minutes.
    run_state_machine_as_test(
        seed(SEED)(History),
        settings=rules(
            max_examples=int(4 * SECONDS), stateful_step_count=12, deadline=None, database=None, phases=[Phase.generate]
        ),
    )


async def test_whoever_lags_in_a_channel_whose_last_change_was_pruned_is_cut_off(alice: Person) -> None:
    """The history above found it: only the next change, if one came, told it so."""
    await alice.post("/api/channels/1/posts", {"body": "Hello"})
    listener = Listener()
    assert (await listener.ask(type="subscribe", channel=1, epoch=db.instance.epoch, after=0))["recovered"]
    await db.write(lambda tx: tx.changed("another"))  # the newest is never pruned
    await db.write(changes.prune, "0", 1)
    assert (await listener.take(), listener.closed) == ([], 1013)
