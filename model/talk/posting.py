"""Posting: how posts are made, changed, moderated and removed."""

import asyncio
from typing import Any, cast

import msgspec
from sqlalchemy import bindparam, insert, update

from model import audit
from model.accounts.session import Identity
from model.groups import group as groups
from model.groups import rules
from model.talk import amounts, channel
from model.talk import edit as edits
from model.talk.channel import Channel
from model.talk.markdown import is_plain, rendered
from model.talk.post import BY_ID, FORMER_USER, Author, Post, PostView, State, view, visible_to
from pottle import text
from pottle.errors import Conflict, Forbidden, Invalid, NotFound, Versions, check_version, must_name_a_version
from pottle.store import Snapshot, Tx, db, replays
from pottle.store.unit import answered, may_be_repeated

QUICK = 1_000  # characters that are rendered in a moment, whatever they are

ADD = (
    insert(Post)
    .values(
        channel_id=bindparam("in_channel"),
        parent_id=bindparam("parent"),
        author_id=bindparam("author"),
        guest=bindparam("guest_name"),
        body=bindparam("text"),
        html=bindparam("shown"),
        state=bindparam("in_state"),
        reactions="{}",
        replies=0,
        created=bindparam("now"),
        edited=None,
        version=1,
    )
    .returning(Post.id)
)
COUNT_POST = update(Channel).where(Channel.id == bindparam("channel")).values(posts=Channel.posts + bindparam("by"))
COUNT_REPLY = update(Post).where(Post.id == bindparam("parent")).values(replies=Post.replies + bindparam("by"))


class Draft(msgspec.Struct):
    """A post that is about to be made, its Markdown already rendered (work before the lock)."""

    body: str
    html: str
    parent: int | None
    guest: str | None


async def publish(
    identity: Identity | None, channel_id: int, body: str, parent: int | None, guest: str | None, origin: str | None
) -> PostView:
    """Makes a post, and returns the one that was made where this request is repeated.

    Whatever may refuse it is asked before its Markdown is rendered, and in the transaction once more.
    Raises what `create` does; Invalid for a text that is too long, or shows nothing.
    """
    if may_be_repeated() or not is_plain(body):  # what is plain is no work, so only the transaction asks
        with db.snapshot() as read:
            if (made := answered(read, create)) is not None:
                return cast(PostView, made)
            _place_for(read, identity, channel_id, parent, guest, origin)
            amounts.check(read, len(body))
    return await db.write(create, identity, channel_id, await draft(body, parent, guest), origin)


async def revise(identity: Identity, id_: int, versions: Versions, body: str) -> PostView:
    """Changes a post's text; asks first, as `publish`. Raises what `edit` does; Invalid for a text that is no post."""
    with db.snapshot() as read:
        _editable(read, identity, id_, versions)
        amounts.check(read, len(body))
    return await db.write(edit, identity, id_, versions, await draft(body))


async def draft(body: str, parent: int | None = None, guest: str | None = None) -> Draft:
    """Checks and renders what is to be posted. Raises Invalid for a body that is too long, or shows nothing.

    What could take long (10,000 characters made to be slow: 90 ms) is rendered beside the event loop.
    """
    if len(body) > db.settings.post_length:
        raise Invalid({"body": f"must have at most {db.settings.post_length} characters"})
    html = rendered(body) if len(body) < QUICK else await asyncio.to_thread(rendered, body)
    if not text.shows(html):
        raise Invalid({"body": "shows nothing; write something that can be seen"})
    return Draft(body, html, parent, guest)


def create(tx: Tx, identity: Identity | None, channel_id: int, new: Draft, origin: str | None) -> PostView:
    """Unit: a new post. Raises what rules.may_post does; Invalid for a parent that is not in the channel."""
    place = _place_for(tx, identity, channel_id, new.parent, new.guest, origin)
    badge = rules.badge(place, identity)
    if badge is None:
        _check_name(tx, place.group_id, identity, new.guest)
    amounts.count(tx, len(new.body.encode()) + len(new.html.encode()))
    state = rules.first_state(place, identity)
    id_ = tx.one(
        ADD,
        in_channel=channel_id,
        parent=new.parent,
        author=identity.user if identity else None,
        guest_name=new.guest,
        text=new.body,
        shown=new.html,
        in_state=state,
        now=tx.now,
    ).id
    if state == "published":
        _count(tx, "post.created", id_, channel_id, new.parent, 1)
    author = Author(guest=new.guest or FORMER_USER)
    if identity:
        author = Author(identity.uid, identity.name, identity.avatar, badge=badge or msgspec.UNSET)
    return PostView(id_, channel_id, new.parent, author, new.body, new.html, state, {}, 0, tx.now, None, 1)  # type: ignore[arg-type]


def _place_for(
    read: Snapshot,
    identity: Identity | None,
    channel_id: int,
    parent: int | None,
    guest: str | None,
    origin: str | None,
) -> Any:
    """The place of a channel, where whoever asks may post this. Raises what `create` does."""
    place = channel.visible_to(read, identity, channel_id)
    rules.may_post(place, identity, origin)
    if identity is None and guest is None:
        raise Invalid({"guest": "is required: the name to post under"})
    if identity is not None and guest is not None:
        raise Invalid({"guest": "is only for those who are not signed in"})
    if parent is not None:
        _check_parent(read, channel_id, parent)
    return place


def bring(tx: Tx, channel_id: int, author: int | None, guest: str | None, new: Draft) -> int:
    """Within a unit: publishes what a user (the id) or somebody without an account wrote elsewhere; the post's id."""
    id_: int = tx.one(
        ADD,
        in_channel=channel_id,
        parent=None,
        author=author,
        guest_name=guest,
        text=new.body,
        shown=new.html,
        in_state="published",
        now=tx.now,
    ).id
    _count(tx, "post.created", id_, channel_id, None, 1)
    return id_


def _check_name(tx: Tx, group_id: int, identity: Identity | None, guest: str | None) -> None:
    if identity is None:
        groups.check_name(tx, guest or "", group_id, "guest")
    elif groups.has_namesake(tx, identity.name, group_id, identity.user):
        raise Forbidden(
            "Your name can be taken for that of somebody who looks after this group. Please change it first."
        )


def _check_parent(read: Snapshot, channel_id: int, parent: int) -> None:
    row = read.one(BY_ID, post=parent)
    if row is None or row.channel_id != channel_id or row.state == "pending":
        raise Invalid({"parent": "is not a post of this channel"})
    if row.state == "removed":
        raise Conflict("The post you reply to has been removed.")


def _count(tx: Tx, kind: str, id_: int, channel_id: int, parent: int | None, by: int) -> None:
    """Counts a post that appeared (`by` is 1) or went (-1), and tells everybody."""
    tx.run(COUNT_POST, channel=channel_id, by=by)
    tags = ["posts", f"post:{id_}"]
    if parent is not None:
        tx.run(COUNT_REPLY, parent=parent, by=by)
        tags.append(f"post:{parent}")
    tx.changed(kind, stream=channel.stream(channel_id), subject=id_, tags=tags)


EDIT = (
    update(Post)
    .where(Post.id == bindparam("post"))
    .values(body=bindparam("text"), html=bindparam("shown"), edited=bindparam("now"), version=Post.version + 1)
)
SET_STATE = (
    update(Post).where(Post.id == bindparam("post")).values(state=bindparam("in_state"), version=Post.version + 1)
)
ERASE = update(Post).where(Post.id == bindparam("post")).values(body="", html="")


def edit(tx: Tx, identity: Identity, id_: int, versions: Versions, new: Draft) -> PostView:
    """Unit: changes a post's text. Its author may, unless the channel is locked. Raises Stale.

    Where the author's posts wait, so does the new text of a post that is public: it is the `edit` of the view.
    """
    row, place = _editable(tx, identity, id_, versions)
    amounts.count(tx, len(new.body.encode()) + len(new.html.encode()))
    if row.state == "published" and rules.waits(place, identity) and new.body != row.body:
        edits.put(tx, id_, identity.user, new.body, new.html)
    else:
        rewrite(tx, row, new.body, new.html)
    return private_view(tx, id_)


def _editable(read: Snapshot, identity: Identity, id_: int, versions: Versions) -> tuple[Any, Any]:
    """The row and the place of a post that whoever asks may edit. Raises what `edit` does."""
    row, place = visible_to(read, identity, id_)
    if row.author_id != identity.user:
        raise Forbidden("Only its author may edit a post.")
    _check_open(place, identity)
    if row.state == "removed":
        raise Conflict("The post has been removed.")
    check_version(row.version, versions)
    return row, place


def rewrite(tx: Tx, row: Any, body: str, html: str) -> None:
    """Within a unit: puts a text that may be public into a post, in the place of an edit that waited."""
    tx.run(EDIT, post=row.id, text=body, shown=html, now=tx.now)
    edits.drop(tx, row.id)
    if row.state == "published":
        tx.changed(
            "post.edited", stream=channel.stream(row.channel_id), subject=row.id, tags=["posts", f"post:{row.id}"]
        )


def private_view(tx: Tx, id_: int) -> PostView:
    """Within a unit: a post as it is now, with its `edit` if it has one; for its author and moderators only."""
    now, waiting = _now(tx, id_), edits.find(tx, id_)
    if waiting is not None:
        now.edit = edits.view(waiting)
    return now


def _check_open(place: Any, identity: Identity) -> None:
    if place.locked and not rules.moderates(place, identity):
        raise Forbidden("This channel is locked.")


def moderate(tx: Tx, identity: Identity, id_: int, versions: Versions, state: State) -> PostView:
    """Unit: a moderator approves or restores (`published`) or removes a post. Raises Forbidden, Stale, Invalid."""
    row, place = visible_to(tx, identity, id_)
    rules.must_moderate(place, identity)
    check_version(row.version, versions)
    if state == "pending":
        raise Invalid({"state": "must be published or removed"})
    if state == "published" and not row.body:
        raise Conflict("Its author deleted it; there is nothing left to restore.")
    _check_seen(row, versions)
    if row.state != state:
        _set_state(tx, row, state)
        _note(tx, identity, row, place, state)
    return private_view(tx, id_)


def remove(tx: Tx, identity: Identity, id_: int, versions: Versions) -> None:
    """Unit: its author deletes a post, whose text is then gone; or a moderator removes it. Raises Forbidden, Stale."""
    row, place = visible_to(tx, identity, id_)
    rules.must_own(place, identity, row.author_id)
    check_version(row.version, versions)
    if row.author_id != identity.user:
        _check_seen(row, versions)
    if row.state != "removed":
        _set_state(tx, row, "removed")
        if row.author_id != identity.user:
            _note(tx, identity, row, place, "removed")
    if row.author_id == identity.user:
        tx.run(ERASE, post=id_)
        edits.drop(tx, id_)


def _check_seen(row: Any, versions: Versions) -> None:
    """Raises Unseen unless a moderator names the version of a text that waits, if it was another one before.

    Who declines it has to, too: it may be restored later, and what was declined is what is restored.
    """
    if row.state == "pending" and row.edited:
        must_name_a_version(versions)


def _note(tx: Tx, identity: Identity, row: Any, place: Any, state: State) -> None:
    action: audit.Action = "post.restored" if row.state == "removed" else "post.approved"
    note(tx, identity, row, place, "post.removed" if state == "removed" else action)


def note(tx: Tx, identity: Identity, row: Any, place: Any, action: audit.Action) -> None:
    """Within a unit: notes what a moderator did to a post, without its text, which must not live on there."""
    by = f"by {row.uid or row.guest or FORMER_USER}"
    audit.note(tx, identity, action, f"post {row.id}", group=place.group, detail=by)


def _set_state(tx: Tx, row: Any, state: State) -> None:
    tx.run(SET_STATE, post=row.id, in_state=state)
    if state == "published":
        kind = "post.created" if row.state == "pending" else "post.restored"
        _count(tx, kind, row.id, row.channel_id, row.parent_id, 1)
    elif row.state == "published":
        _count(tx, "post.removed", row.id, row.channel_id, row.parent_id, -1)


def _now(read: Snapshot, id_: int) -> PostView:
    row = read.one(BY_ID, post=id_)
    if row is None:
        raise NotFound(f"There is no post {id_}.")
    return view(row)


replays.not_copied(PostView, _now)
