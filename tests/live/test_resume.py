"""L3: resuming gives exactly what was missed, or says that it cannot. Never a silent hole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.talk import post
from pottle.live import hub as hub_module
from pottle.store import changes as log
from pottle.store import db
from tests import databases
from tests.conftest import Person
from tests.live.meeting import Frame, Meeting, changes, names
from tests.live.silent import Listener
from tests.server import Socket

LOBBY = "/api/channels/1/posts"


async def resumed(meeting: Meeting, channel: int, epoch: str, after: int) -> tuple[Socket, Frame]:
    """A new socket that goes on after a position, and the server's answer."""
    socket = await meeting.socket()
    return socket, await socket.ask(type="subscribe", channel=channel, epoch=epoch, after=after)


async def test_it_gives_exactly_what_was_missed(meeting: Meeting) -> None:
    """From each of the positions that there were, on whatever worker, while other channels write in between."""
    channel, other = await meeting.channel(), await meeting.channel()
    epoch = (await meeting.listed(channel))["epoch"]
    whole, _ = await resumed(meeting, channel, epoch, 0)
    for n in range(8):
        await meeting.post(channel, f"{n}")
        await meeting.post(other)
    heard = await changes(whole, 8)
    for known, change in enumerate(heard, start=1):
        socket, subscribed = await resumed(meeting, channel, epoch, change["seq"])
        assert subscribed["recovered"]
        assert subscribed["seq"] == heard[-1]["seq"]
        missed = await changes(socket, 8 - known)
        assert names(missed) == names(heard[known:])
        await socket.ask(type="subscribe", channel=other)
        end = await meeting.post(other)
        assert (await changes(socket, 1))[0]["post"] == end, "nothing more came of the first channel"


async def test_whoever_missed_nothing_goes_on(meeting: Meeting) -> None:
    channel = await meeting.channel()
    await meeting.post(channel)
    listed = await meeting.listed(channel)
    socket, subscribed = await resumed(meeting, channel, listed["epoch"], listed["seq"])
    assert subscribed["recovered"]
    made = await meeting.post(channel)
    change = (await changes(socket, 1))[0]
    assert (change["prev"], change["post"]) == (listed["seq"], made)


async def test_a_list_and_its_seq_are_of_one_moment(
    anyone: Person, alice: Person, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L4: another worker commits while the list is being read. Fails when its seq is of another snapshot."""
    made = (await alice.post(LOBBY, {"body": "known"})).json()
    paged = post.paged

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        page = paged(*args, **kwargs)
        with databases.opened(instance) as other:
            other.execute("UPDATE streams SET seq = seq + 1 WHERE name = 'channel:1'")
        return page

    with monkeypatch.context() as patch:
        patch.setattr(post, "paged", overtaken)
        listed = (await anyone.get(f"{LOBBY}?limit=7")).json()
    later = (await anyone.get(f"{LOBBY}?limit=8")).json()
    assert [one["id"] for one in listed["posts"]] == [made["id"]]
    assert later["seq"] == listed["seq"] + 1


@pytest.mark.parametrize("wrong", ["epoch", "future", "far future"])
async def test_a_position_that_never_was_is_not_recovered(meeting: Meeting, wrong: str) -> None:
    """Nothing of before comes then; what comes next joins on to the answer's seq."""
    channel = await meeting.channel()
    await meeting.post(channel)
    listed = await meeting.listed(channel)
    epoch = "0123456789abcdef" if wrong == "epoch" else listed["epoch"]
    after = {"epoch": 0, "future": listed["seq"] + 1, "far future": 10**17}[wrong]
    socket, subscribed = await resumed(meeting, channel, epoch, after)
    assert not subscribed["recovered"]
    assert (subscribed["seq"], subscribed["epoch"]) == (listed["seq"], listed["epoch"])
    made = await meeting.post(channel)
    change = (await changes(socket, 1))[0]
    assert (change["prev"], change["post"]) == (listed["seq"], made)


async def test_the_seq_of_another_channel_is_no_danger(meeting: Meeting) -> None:
    """Between two of the channel's own seqs: what follows is exact. Beyond the last: not recovered."""
    channel, other = await meeting.channel(), await meeting.channel()
    await meeting.post(channel)
    await meeting.post(other)
    between = (await meeting.listed(other))["seq"]
    made = await meeting.post(channel)
    epoch = (await meeting.listed(channel))["epoch"]
    socket, subscribed = await resumed(meeting, channel, epoch, between)
    assert subscribed["recovered"]
    assert (await changes(socket, 1))[0]["post"] == made
    await meeting.post(other)
    beyond = (await meeting.listed(other))["seq"]
    assert not (await resumed(meeting, channel, epoch, beyond))[1]["recovered"]


@pytest.mark.slow
async def test_more_than_a_thousand_missed_changes_come_in_order_while_new_ones_are_made(meeting: Meeting) -> None:
    """More than a page of the log and than one frame holds; the sockets on all workers end up with the same."""
    channel = await meeting.channel()
    epoch = (await meeting.listed(channel))["epoch"]
    made = [(await meeting.post(channel, "x" * 500))["id"] for _ in range(1_050)]
    found = await meeting.sockets(each=1)
    for socket in (sockets[0] for sockets in found.values()):
        await socket.send(type="subscribe", channel=channel, epoch=epoch, after=0)
    made += [(await meeting.post(channel))["id"] for _ in range(50)]
    for socket in (sockets[0] for sockets in found.values()):
        assert (await socket.receive())["recovered"]
        assert [change["post"]["id"] for change in await changes(socket, 1_100)] == made


async def test_what_the_ring_no_longer_holds_is_read_from_the_log(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that listens and one that lags get the same, with room for about three changes in the ring.

    Fails when Hub._drop_oldest leaves `since` where it was: the one that lags then misses what was dropped.
    """
    monkeypatch.setattr(hub_module, "RING_BYTES", 1_500)
    listening, lagging = Listener(), Listener()
    for listener in (listening, lagging):
        await listener.ask(type="subscribe", channel=1)
    made = []
    for n in range(40):
        made.append((await alice.post(LOBBY, {"body": f"{n}"})).json())
        assert [change["post"] for change in await listening.take()] == [made[-1]]
    assert [change["post"] for change in await lagging.take()] == made
    assert sum(len(frame.data) for frame in hub_module.hub._ring) <= 1_500


async def test_the_ring_begins_where_the_first_subscriber_came(alice: Person) -> None:
    """A subscriber from before the feed's beginning reads the log; and a feed that nobody followed holds nothing."""
    epoch = db.instance.epoch
    first = [(await alice.post(LOBBY, {"body": f"{n}"})).json() for n in range(3)]
    early = Listener()
    await early.ask(type="subscribe", channel=1)
    first.append((await alice.post(LOBBY, {"body": "4"})).json())
    late = Listener()
    await late.ask(type="subscribe", channel=1, epoch=epoch, after=0)
    assert [change["post"] for change in await late.take()] == first
    assert [change["post"] for change in await early.take()] == first[-1:]
    for listener in (early, late):
        listener.leave()
    first.append((await alice.post(LOBBY, {"body": "5"})).json())
    again = Listener()
    await again.ask(type="subscribe", channel=1, epoch=epoch, after=0)
    assert [change["post"] for change in await again.take()] == first


async def pruned(alice: Person, keep: int, posts: int = 10) -> list[int]:
    """The seqs of `posts` changes, of which the log keeps only the newest `keep`."""
    listener = Listener()
    await listener.ask(type="subscribe", channel=1)
    for n in range(posts):
        await alice.post(LOBBY, {"body": f"{n}"})
    if not keep:
        await db.write(lambda tx: tx.changed("another"))  # the newest change always stays
    await db.write(log.prune, "0", max(keep, 1))
    return [change["seq"] for change in await listener.take()]


async def test_after_the_log_was_pruned_only_what_is_whole_is_recovered(alice: Person) -> None:
    """Fails when `recoverable` asks only whether `after` lies behind the channel's seq."""
    seqs = await pruned(alice, keep=4)
    for index, after in enumerate(seqs):
        listener = Listener()
        subscribed = await listener.ask(type="subscribe", channel=1, epoch=db.instance.epoch, after=after)
        assert subscribed["recovered"] == (index >= 5), "the sixth is gone, and whoever has it misses nothing"
        missed = [change["seq"] for change in await listener.take()]
        assert missed == (seqs[index + 1 :] if index >= 5 else [])
    assert not (await Listener().ask(type="subscribe", channel=1, epoch=db.instance.epoch, after=0))["recovered"]


async def test_after_the_whole_log_was_pruned_whoever_missed_nothing_goes_on(alice: Person) -> None:
    """The channel's own seq is never pruned."""
    seqs = await pruned(alice, keep=0)
    listener = Listener()
    subscribed = await listener.ask(type="subscribe", channel=1, epoch=db.instance.epoch, after=seqs[-1])
    assert (subscribed["recovered"], subscribed["seq"]) == (True, seqs[-1])
    assert not (await Listener().ask(type="subscribe", channel=1, epoch=db.instance.epoch, after=seqs[-2]))["recovered"]
    await alice.post(LOBBY, {"body": "next"})
    change = (await listener.take())[0]
    assert change["prev"] == seqs[-1]
    assert change["seq"] > seqs[-1], "a pruned log does not begin again at 1"


async def test_what_is_pruned_while_a_reader_lags_cuts_it_off(alice: Person) -> None:
    """A reader that was told `recovered` and then took nothing for so long gets no hole: it has to come back."""
    for n in range(10):
        await alice.post(LOBBY, {"body": f"{n}"})
    listener = Listener()
    subscribed = await listener.ask(type="subscribe", channel=1, epoch=db.instance.epoch, after=0)
    assert subscribed["recovered"]
    await db.write(log.prune, "0", 4)
    assert (await listener.take(), listener.closed) == ([], 1013)


async def test_the_log_is_pruned_by_its_size(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep's own unit, with the setting POTTLE_LOG_CHANGES."""
    seqs = await pruned(alice, keep=1_000)
    monkeypatch.setattr(db, "settings", replace(db.settings, log_changes=3))
    await db.write(db._prune)
    assert [row.seq for row in await db.read(log.since, 0)] == seqs[-3:]
