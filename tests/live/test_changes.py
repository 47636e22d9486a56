"""What each kind of change carries, and that a list and a subscription join (L4)."""

import asyncio
from typing import Any

from tests.live.meeting import Frame, Meeting, changes, names, unbroken
from tests.server import Socket


async def following(meeting: Meeting, channel: int, by: str = "") -> Socket:
    """A socket that follows a channel from now on."""
    socket = await meeting.socket(by)
    assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    return socket


async def told(socket: Socket) -> tuple[str, Any]:
    """Kind and post of the next change."""
    change = (await changes(socket, 1))[0]
    return change["kind"], change["post"]


async def patched(meeting: Meeting, post: Frame, by: str = "alice", **fields: object) -> Frame:
    answer = await (await meeting.http(by)).patch(f"/api/posts/{post['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    edited: Frame = answer.json()
    return edited


async def test_a_new_post_is_told_as_its_author_got_it(meeting: Meeting) -> None:
    channel = await meeting.channel()
    socket = await following(meeting, channel)
    made = await meeting.post(channel, "**Hello**", by="bob")
    assert await told(socket) == ("post.created", made)
    assert made["html"] == "<p><strong>Hello</strong></p>"


async def test_a_reply_names_its_parent(meeting: Meeting) -> None:
    channel = await meeting.channel()
    made = await meeting.post(channel)
    socket = await following(meeting, channel)
    reply = await meeting.post(channel, parent=made["id"], by="bob")
    assert reply["parent"] == made["id"]
    assert await told(socket) == ("post.created", reply)


async def test_an_edited_post_is_told_with_its_new_text(meeting: Meeting) -> None:
    channel = await meeting.channel()
    made = await meeting.post(channel)
    socket = await following(meeting, channel)
    edited = await patched(meeting, made, body="Bye")
    assert (edited["body"], edited["version"]) == ("Bye", made["version"] + 1)
    assert await told(socket) == ("post.edited", edited)


async def test_a_removed_post_is_a_tombstone_and_can_be_restored(meeting: Meeting) -> None:
    group = await meeting.group()
    channel = await meeting.channel(group)
    made = await meeting.post(channel, "secret", by="bob")
    socket = await following(meeting, channel)
    await patched(meeting, made, state="removed")
    kind, tombstone = await told(socket)
    assert kind == "post.removed"
    assert tombstone == {**made, "body": "", "html": "", "state": "removed", "version": made["version"] + 1}

    restored = await patched(meeting, made, state="published")
    assert restored["body"] == "secret"
    assert await told(socket) == ("post.restored", restored)


async def test_a_deleted_post_leaves_no_text_in_changes_that_are_read_later(meeting: Meeting) -> None:
    """The change log holds references: what was created and deleted meanwhile is told as two tombstones."""
    channel = await meeting.channel()
    listed = await meeting.listed(channel)
    made = await meeting.post(channel, "regretted", by="bob")
    await (await meeting.http("bob")).delete(f"/api/posts/{made['id']}")
    socket = await meeting.socket()
    await socket.ask(type="subscribe", channel=channel, epoch=listed["epoch"], after=listed["seq"])
    missed = await changes(socket, 2)
    assert [change["kind"] for change in missed] == ["post.created", "post.removed"]
    assert all(change["post"]["state"] == "removed" for change in missed)
    assert "regretted" not in str(missed)


async def test_reactions_carry_the_counts(meeting: Meeting) -> None:
    channel = await meeting.channel()
    made = await meeting.post(channel)
    socket = await following(meeting, channel)
    bob = await meeting.http("bob")
    for put, counts in (("up", {"up": 1}), ("heart", {"up": 1, "heart": 1}), ("down", {"down": 1, "heart": 1})):
        await bob.put(f"/api/posts/{made['id']}/reactions/{put}")
        assert await told(socket) == ("reactions", {"id": made["id"], "reactions": counts})
    await bob.delete(f"/api/posts/{made['id']}/reactions/heart")
    assert await told(socket) == ("reactions", {"id": made["id"], "reactions": {"down": 1}})


async def test_marking_twice_is_told_once(meeting: Meeting) -> None:
    channel = await meeting.channel()
    made = await meeting.post(channel)
    socket = await following(meeting, channel)
    for _ in range(2):
        await (await meeting.http("bob")).put(f"/api/posts/{made['id']}/reactions/eyes")
    after = await meeting.post(channel)
    assert [change["kind"] for change in await changes(socket, 2)] == ["reactions", "post.created"]
    assert (await meeting.listed(channel))["posts"][0] == after


async def test_an_edited_channel_is_told_with_what_it_is_now(meeting: Meeting) -> None:
    group = await meeting.group()
    channel = await meeting.channel(group)
    socket = await following(meeting, channel)
    alice = await meeting.http("alice")
    edited = (await alice.patch(f"/api/channels/{channel}", json={"title": "News", "locked": True})).json()
    change = (await changes(socket, 1))[0]
    assert change["kind"] == "channel.edited"
    assert edited in change.values()


async def test_a_pending_post_is_told_when_it_is_approved(meeting: Meeting) -> None:
    group = await meeting.group(review="all")
    channel = await meeting.channel(group)
    listed = await meeting.listed(channel)
    socket = await following(meeting, channel, by="bob")
    pending = await meeting.post(channel, "May I?", by="bob")
    assert pending["state"] == "pending"
    changed = await patched(meeting, pending, by="bob", body="May I, please?")
    seen = {"If-Match": f'"{changed["version"]}-0"'}
    path = f"/api/posts/{pending['id']}"
    approved = await (await meeting.http("alice")).patch(path, json={"state": "published"}, headers=seen)
    change = (await changes(socket, 1))[0]
    assert (change["kind"], change["post"], change["prev"]) == ("post.created", approved.json(), listed["seq"])


async def test_a_pending_post_that_is_removed_is_never_told(meeting: Meeting) -> None:
    group = await meeting.group(review="all")
    channel = await meeting.channel(group)
    socket = await following(meeting, channel)
    pending = await meeting.post(channel, "spam", by="bob")
    await patched(meeting, pending, state="removed")
    made = await meeting.post(channel)
    assert await told(socket) == ("post.created", made)


async def test_an_edit_that_waits_is_told_when_it_is_approved(meeting: Meeting) -> None:
    """Not before, and in no change that comes meanwhile: each carries the post as everybody sees it."""
    group = await meeting.group(review="all")
    channel = await meeting.channel(group)
    public = await patched(meeting, await meeting.post(channel, "Approved", by="bob"), state="published")
    socket = await following(meeting, channel)
    alice, bob = await meeting.http("alice"), await meeting.http("bob")
    path = f"/api/posts/{public['id']}"
    for body in ("unseen", "seen at last"):
        edited = await bob.patch(path, json={"body": body})
        assert edited.status_code == 202
    removed = await patched(meeting, public, state="removed")
    restored = await patched(meeting, removed, state="published")
    for kind in ("post.removed", "post.restored"):
        change = (await changes(socket, 1))[0]
        assert change["kind"] == kind
        assert "edit" not in change["post"]
        assert "seen" not in str(change)
    assert restored["edit"]["body"] == "seen at last", "for the moderator, in the answer"
    read = await alice.get(f"{path}/edit")
    approved = await alice.patch(
        f"{path}/edit", json={"state": "published"}, headers={"If-Match": read.headers["ETag"]}
    )
    assert await told(socket) == ("post.edited", approved.json())
    assert approved.json()["body"] == "seen at last"


async def test_a_channel_that_waits_is_told_without_its_title(meeting: Meeting) -> None:
    channel = await meeting.channel(await meeting.group(review="all"), by="bob")
    socket = await following(meeting, channel)
    alice = await meeting.http("alice")
    for fields, title in (
        ({"locked": True}, "New discussion"),
        ({"title": "News"}, "New discussion"),
        ({"state": "published"}, "News"),
    ):
        answer = await alice.patch(f"/api/channels/{channel}", json=fields)
        assert answer.status_code == 200
        (change,) = await changes(socket, 1)
        assert (change["kind"], change["edited"]["title"]) == ("channel.edited", title)
    assert change["edited"] == answer.json()


async def test_a_deleted_channel_is_not_found(meeting: Meeting) -> None:
    group = await meeting.group()
    channel, other = await meeting.channel(group), await meeting.channel(group)
    socket = await following(meeting, channel)
    await socket.ask(type="subscribe", channel=other)
    assert (await (await meeting.http("alice")).delete(f"/api/channels/{channel}")).status_code == 204
    assert await socket.receive() == {"type": "error", "code": "not-found", "channel": channel}
    made = await meeting.post(other)
    assert await told(socket) == ("post.created", made)


async def test_what_happens_elsewhere_is_not_told(meeting: Meeting) -> None:
    here, elsewhere = await meeting.channel(), await meeting.channel()
    socket = await following(meeting, here)
    await meeting.post(elsewhere)
    bob = await meeting.http("bob")
    await bob.patch("/api/me", json={"name": "Bob"})
    made = await meeting.post(here)
    assert await told(socket) == ("post.created", made)


async def test_subscribed_joins_on_to_the_first_change(meeting: Meeting) -> None:
    """Whatever kind of change came before, and although other channels draw seqs in between."""
    channel, other = await meeting.channel(), await meeting.channel()
    made = await meeting.post(channel)
    await (await meeting.http("bob")).put(f"/api/posts/{made['id']}/reactions/up")
    await meeting.post(other)
    listed = await meeting.listed(channel)
    socket = await meeting.socket()
    subscribed = await socket.ask(type="subscribe", channel=channel)
    await meeting.post(other)
    await meeting.post(channel)
    assert (await changes(socket, 1))[0]["prev"] == subscribed["seq"] == listed["seq"]


async def test_a_list_joins_on_to_a_subscription_whatever_is_written_meanwhile(meeting: Meeting) -> None:
    """L4. Lists are read and subscribed after while Alice and Bob write: each list and what follows make the whole.

    Fails when a list's seq is the head of the log instead of the channel's own.
    """
    channel, other = await meeting.channel(), await meeting.channel()
    done = asyncio.Event()

    async def write(by: str) -> None:
        for n in range(15):
            await meeting.post(channel, f"{by} {n}", by=by)
            await meeting.post(other, by=by)

    async def join() -> None:
        socket = await meeting.socket()
        while not done.is_set():
            listed = await meeting.listed(channel, by="charlie")
            asked = {"epoch": listed["epoch"], "after": listed["seq"]}
            subscribed = await socket.ask(type="subscribe", channel=channel, **asked)
            while subscribed["type"] != "subscribed":  # the last change of before
                subscribed = await socket.receive()
            assert subscribed["recovered"]
            change = await socket.receive()
            assert change["prev"] == listed["seq"]
            seen = [post["id"] for post in listed["posts"]]
            assert change["post"]["id"] not in seen
            before = await meeting.listed(channel, by="charlie")
            newest = [post["id"] for post in before["posts"] if post["id"] not in seen]
            assert change["post"]["id"] == newest[-1], "the oldest of those that the list did not show"

    joining = [asyncio.create_task(join()) for _ in range(4)]
    await asyncio.gather(write("alice"), write("bob"))
    done.set()
    for _ in range(2):
        await meeting.post(channel)  # so that nobody waits for ever
    await asyncio.gather(*joining)


async def test_every_subscriber_sees_every_kind_alike(meeting: Meeting) -> None:
    """L2 over kinds: four sockets, one of which resumes from the beginning, get the same."""
    group = await meeting.group()
    channel = await meeting.channel(group)
    epoch = (await meeting.listed(channel))["epoch"]
    sockets = [await following(meeting, channel) for _ in range(3)]
    made = await meeting.post(channel, by="bob")
    await meeting.post(channel, parent=made["id"])
    await patched(meeting, made, by="bob", body="Bye")
    await (await meeting.http("bob")).put(f"/api/posts/{made['id']}/reactions/up")
    await patched(meeting, made, state="removed")
    await patched(meeting, made, state="published")
    heard = [await changes(socket, 6) for socket in sockets]
    late = await meeting.socket()
    await late.ask(type="subscribe", channel=channel, epoch=epoch, after=0)
    resumed = await changes(late, 6)
    assert [names(frames) for frames in heard] == [names(resumed)] * 3
    assert unbroken(resumed)
