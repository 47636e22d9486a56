"""Posting: how posts are made, changed, moderated and removed."""

import asyncio
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Literal, NamedTuple, cast

from msgspec import UNSET
from sqlalchemy import BindParameter, bindparam, case, delete, func, insert, select, update

from model import audit, settings
from model.accounts import account
from model.accounts.session import Identity
from model.groups import group as groups
from model.groups import rules
from model.groups.group import asker
from model.talk import channel as channels
from model.talk import decision, image, mention
from model.talk.channel import Channel, ChannelRow
from model.talk.decision import UNSAID, Why
from model.talk.judging import block, challenge, look, report, source, trust, verdict
from model.talk.judging.block import Here
from model.talk.judging.verdict import Verdict
from model.talk.markdown import is_plain, rendered
from model.talk.notation import NAMELESS, NOTHING, Known
from model.talk.post import (
    ANONYMOUS,
    ASKS,
    BY_ID,
    FORMER_USER,
    ROOT,
    Author,
    Edit,
    Post,
    PostRow,
    PostView,
    State,
    as_sent,
    inbox_of,
    own_view,
    view,
    visible_to,
)
from model.talk.search import index
from pottle import text
from pottle.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Versions, check_version
from pottle.store import Snapshot, Tx, db, limits, reads, replays, writes
from pottle.store.unit import answered, may_be_repeated
from pottle.translation import _, ngettext

NOW = "now"
IMPORTED = "imported"  # a tag of the change that tells of a post which somebody wrote elsewhere, long ago
QUICK = 1_000  # characters that are rendered in a moment, whatever they are

GROUP = select(Channel.group_id).where(Channel.id == bindparam("place"))
ADD = insert(Post).returning(Post.id, GROUP.scalar_subquery().label("group_id"))
CHANGE = update(Post).where(Post.id == bindparam("id"))
_moment = Channel.active % channels.PINNED
_now: BindParameter[int] = bindparam("active")
_LATEST = case((_moment < _now, Channel.active - _moment + _now), else_=Channel.active)
COUNT_POST = (
    update(Channel).where(Channel.id == bindparam("id")).values(posts=Channel.posts + bindparam("by"), active=_LATEST)
)
COUNT_REPLY = update(Post).where(Post.id == bindparam("id")).values(replies=Post.replies + bindparam("by"))
NEWEST = select(func.max(Post.id).label("id"))
DROP_AUTHOR = update(Post).where(Post.author_id == bindparam("user_id")).values(author_id=None, guest=FORMER_USER)
ADD_EDIT = insert(Edit)
DROP_EDIT = delete(Edit).where(Edit.post_id == bindparam("post_id"))


class Unseen(Refusal):
    """Approving needs the version that was read (If-Match)."""

    status = 428


class Draft(NamedTuple):
    """A post to be made. `finished` renders its `html`, before the transaction. Of an imported one nobody is told."""

    body: str
    html: str = ""
    parent: int | None = None
    guest: str | None = None
    anonymous: bool = False
    proof: str | None = None  # of work, by a guest
    imported: bool = False


async def publish(identity: Identity | None, channel_id: int, new: Draft, origin: str | None) -> PostView:
    """Makes a post; for a repeated request, returns the one that was made.

    Rights and limits are checked before the Markdown is rendered, and again in the transaction.
    Raises what `create` and `finished` do.
    """
    known = NOTHING
    if may_be_repeated() or not is_plain(new.body):  # a plain text is no work to render: the transaction alone checks
        made, known = await db.read(_before_work, identity, channel_id, new, origin)
        if made is not None:
            return made
    return await create(identity, channel_id, await finished(new, known), origin)


def _before_work(
    read: Snapshot, identity: Identity | None, channel_id: int, new: Draft, origin: str | None
) -> tuple[PostView | None, Known]:
    """What the request made before, if it is repeated; else what its text may refer to. Raises what `create` does."""
    if (made := answered(read, create.within)) is not None:
        return cast(PostView, made), NOTHING
    channel, here = _where_to_post(read, identity, channel_id, new, origin)
    limits.check_all(read, channels.uses(len(new.body)))
    look.check_turn(read, look.turn(channel, identity, here))
    if identity is None and here.rules.proof:
        challenge.check(read, new.proof)
    return None, known_in(read, identity, channel, new.body)


async def revise(identity: Identity, id_: int, versions: Versions, body: str) -> PostView:
    """Changes a post's text; checks first, as `publish`. Raises what `edit` and `finished` do."""
    known = await db.read(_before_edit, identity, id_, versions, body)
    return await edit(identity, id_, versions, await finished(Draft(body), known))


def _before_edit(read: Snapshot, identity: Identity, id_: int, versions: Versions, body: str) -> Known:
    _, channel, _here = _editable(read, identity, id_, versions)
    limits.check_all(read, channels.uses(len(body)))
    return known_in(read, identity, channel, body, id_)


async def preview(identity: Identity | None, channel_id: int, body: str, origin: str | None) -> str:
    """The HTML that a text would have as a post there. Raises what `publish` does."""
    new = Draft(body, guest=None if identity else FORMER_USER)
    return as_sent((await finished(new, await _to_preview(identity, channel_id, new, origin))).html)


@writes
def _to_preview(tx: Tx, identity: Identity | None, channel_id: int, new: Draft, origin: str | None) -> Known:
    """A unit, although it writes nothing itself: so a preview counts, before there is work."""
    channel, _here = _where_to_post(tx, identity, channel_id, new, origin)
    return known_in(tx, identity, channel, new.body)


def known_in(
    read: Snapshot, identity: Identity | None, channel: ChannelRow, body: str, post_id: int | None = None
) -> Known:
    """What a text may refer to, as a post in a channel."""
    people = mention.people(read, identity, channel.id, body)
    return Known(people, image.usable(read, identity, channel, body, post_id))


async def finished(new: Draft, known: Known = NOTHING) -> Draft:
    """As `finish`; a long text in a thread: 10,000 characters made to be slow take 90 ms."""
    short = len(new.body) < QUICK and "```" not in new.body  # the first code in a language takes longer
    return finish(new, known) if short else await asyncio.to_thread(finish, new, known)


def finish(new: Draft, known: Known = NOTHING) -> Draft:
    """Renders a draft. Raises Invalid for a text that is too long, shows nothing, or has an image without a name."""
    longest, body = settings.chosen().post_length, new.body
    if len(body) > longest:
        raise Invalid(
            {"body": ngettext("must have at most %(num)s character", "must have at most %(num)s characters", longest)}
        )
    html = rendered(body, known)
    if NAMELESS.search(body):
        raise Invalid({"body": _("has an image without a description; write between ![ and ] what it shows")})
    if not text.shows(html) and "<img" not in html:
        raise Invalid({"body": _("shows nothing; write something that can be seen")})
    return new._replace(html=html)


class Found(NamedTuple):
    """A post that somebody wants to do something with, its channel, and whether it is their own."""

    post: PostView
    channel: ChannelRow
    mine: bool


@reads
def to_act_on(read: Snapshot, identity: Identity | None, id_: int) -> Found:
    """A post that the asker may see; with its edit and what is withheld, if it is their own. Raises NotFound."""
    row, channel = visible_to.within(read, identity, id_)
    mine = identity is not None and row.author_id == identity.user
    return Found(own_view(row, removed_too=False) if mine else view(row), channel, mine)


@writes
def create(tx: Tx, identity: Identity | None, channel_id: int, new: Draft, origin: str | None) -> PostView:
    """Makes a post. Raises what rules.may_post does; Invalid for a parent that is not in the channel."""
    channel, here = _where_to_post(tx, identity, channel_id, new, origin)
    badge = rules.badge(channel, identity)
    if badge is None and not new.anonymous:
        _check_name(tx, channel.group_id, identity, here, new.guest)
    looked = look.at(tx, channel, identity, here, new.body, new.html)
    waits = rules.waits(channel, identity)
    found = looked.verdict if waits else looked.with_service(here)  # whom review holds back no service lets through
    uses = channels.uses(len(new.body.encode()) + len(new.html.encode()))
    if identity is None and here.rules.proof:
        challenge.check(tx, new.proof)
    look.check_turn(tx, turn := look.turn(channel, identity, here))
    limits.use(tx, [*uses, *turn])
    if identity is None and here.rules.proof:
        challenge.spend(tx, new.proof)
    state: State = "pending" if waits or found.holds else "published"
    id_ = add(tx, channel_id, new, identity.user if identity else None, state, looked.digest)
    if found.holds:
        verdict.keep(tx, id_, "post", found)
    _note_source(tx, id_, identity, here)
    author = Author(guest=new.guest or FORMER_USER)
    if new.anonymous:
        author = ANONYMOUS
    elif identity:
        author = Author(identity.uid, identity.name, identity.avatar, badge=badge or UNSET)
    return PostView(
        id=id_,
        channel=channel_id,
        parent=new.parent,
        author=author,
        body=new.body,
        html=as_sent(new.html),
        state=state,
        reactions={},
        replies=0,
        created=tx.now,
        edited=None,
        version=1,
        pinned=False,
        endorsed=False,
        answer=False,
    )


def add(
    tx: Tx,
    channel_id: int,
    new: Draft,
    author_id: int | None,
    state: State = "published",
    digest: int | None = None,
) -> int:
    """Within a unit: inserts a post; if it is public, counts and announces it. Returns its id."""
    texts = {"body": new.body, "html": new.html, "guest": new.guest, "reactions": "{}"}
    root = None if new.parent is None else tx.one(ROOT, id=new.parent)
    answered = root.author_id if root and root.author_id != author_id else None
    whose = {"channel_id": channel_id, "parent_id": new.parent, "root_id": root and root.id, "author_id": author_id}
    whose |= {"answered_id": answered, "anonymous": new.anonymous, "question": root is None and asks(new.body)}
    whose |= {"digest": digest}
    first = {"state": state, "replies": 0, "created": tx.now, "edited": None, "version": 1}
    id_: int
    id_, group_id = tx.one(ADD, **whose, **texts, **first, place=channel_id)
    addressed = mention.keep(tx, id_, channel_id, author_id, new.html)
    image.keep(tx, id_, author_id, new.html)
    index.put_new(tx, index.Made(id_, channel_id, group_id, author_id, new.anonymous, new.html, tx.now))
    if state == "published":
        more = [IMPORTED] if new.imported else []
        _count(tx, "post.created", id_, channel_id, group_id, new.parent, 1, addressed | {answered}, more)
    else:
        tx.changed("post.pending", subject=id_)
    return id_


def asks(body: str) -> bool:
    """Whether a text asks something: it has a question mark that is not part of an address."""
    return ASKS.search(body) is not None


def _where_to_post(
    read: Snapshot, identity: Identity | None, channel_id: int, new: Draft, origin: str | None
) -> tuple[ChannelRow, Here]:
    found = read.one(block.CHANNEL, id=channel_id, **asker(identity), **block.asking(identity))
    channel: ChannelRow = channels.there(found, channel_id)
    rules.may_post(channel, identity, origin)
    here = block.here_by(read, channel, identity, found)
    check_draft(read, identity, channel, new)
    return channel, here


def where_to_post(read: Snapshot, identity: Identity | None, channel_id: int, origin: str | None) -> ChannelRow:
    """A channel that the asker may post in. Raises NotFound, and what rules.may_post does."""
    channel = channels.visible_to.within(read, identity, channel_id)
    rules.may_post(channel, identity, origin)
    return channel


def check_draft(read: Snapshot, identity: Identity | None, channel: ChannelRow, new: Draft) -> None:
    """Raises Invalid, Conflict or Forbidden for what cannot be posted in the channel by whoever asks."""
    if identity is None and new.guest is None:
        raise Invalid({"guest": _("is required: the name to post under")})
    if identity is not None and new.guest is not None:
        raise Invalid({"guest": _("is only for those who are not signed in")})
    if new.anonymous:
        rules.may_be_anonymous(channel, identity)
    if new.parent is not None:
        parent: PostRow | None = read.one(BY_ID, id=new.parent)
        if parent is None or parent.channel_id != channel.id or parent.state == "pending":
            raise Invalid({"parent": _("is not a post of this channel")})
        if parent.state == "removed":
            raise Conflict(_("The post you reply to has been removed."))


def _check_name(tx: Tx, group_id: int, identity: Identity | None, here: Here, guest: str | None) -> None:
    if identity is None:
        groups.check_name(tx, guest or "", group_id, "guest")
    elif here.namesake:
        raise Forbidden(
            _("Your name can be taken for that of somebody who looks after this group. Please change it first.")
        )


def _count(
    tx: Tx,
    kind: str,
    id_: int,
    channel_id: int,
    group_id: int,
    parent: int | None,
    by: int,
    addressed: set[int | None],
    more: Iterable[str] = (),
) -> None:
    """Counts a post that appeared (`by` is 1) or went (-1), and announces it; also to the users whom it addressed."""
    active = channels.activity(tx.now, channel_id) if kind == "post.created" else 0
    tx.run(COUNT_POST, id=channel_id, by=by, active=active)
    tags = ["posts", f"posts-of:{group_id}", f"post:{id_}"]
    if parent is not None:
        tx.run(COUNT_REPLY, id=parent, by=by)
        tags.append(f"post:{parent}")
    tx.changed(kind, stream=channels.stream(channel_id), subject=id_, tags=[*tags, *_inboxes(addressed), *more])


def _inboxes(addressed: set[int | None]) -> list[str]:
    return [inbox_of(user_id) for user_id in addressed if user_id is not None]


@writes
def edit(tx: Tx, identity: Identity, id_: int, versions: Versions, new: Draft) -> PostView:
    """Changes a post's text. Its author may, unless the channel is locked. Raises Forbidden, Conflict, Stale.

    Where the author's posts are reviewed, the new text of a public post is pending: it is the view's `edit`.
    """
    row, channel, here = _editable(tx, identity, id_, versions)
    looked = look.at(tx, channel, identity, here, new.body, new.html, id_)
    limits.use(tx, channels.uses(len(new.body.encode()) + len(new.html.encode())))
    waits = rules.waits(channel, identity) or looked.verdict.holds
    if row.state == "published" and waits and new.body != row.body:
        tx.run(DROP_EDIT, post_id=id_)
        decision.drop(tx, id_, "edit")
        texts = {"body": new.body, "html": new.html}
        tx.run(ADD_EDIT, post_id=id_, author_id=identity.user, **texts, state="pending", created=tx.now)
        tx.changed("edit.pending", subject=id_, tags=[decision.made_on(id_)])
        _keep_images(tx, row, row.html + new.html)
    else:
        rewrite(tx, row, new.body, new.html)
        if looked.digest is not None:
            tx.run(CHANGE, id=id_, digest=looked.digest)
        _note_source(tx, id_, identity, here)
    if looked.verdict.holds and (row.state == "pending" or new.body != row.body):
        verdict.keep(tx, id_, "edit" if row.state == "published" else "post", looked.verdict)
    return current(tx, id_)


def _editable(read: Snapshot, identity: Identity, id_: int, versions: Versions) -> tuple[PostRow, ChannelRow, Here]:
    """A post that the user may edit, its channel, and what is known there of them. Raises what `edit` does."""
    row, channel = visible_to.within(read, identity, id_)
    rules.must_be_good_in(channel, identity)
    if row.author_id != identity.user:
        raise Forbidden(_("Only its author may edit a post."))
    here = block.here(read, channel, identity)
    if channel.locked and not rules.moderates(channel, identity):
        raise Forbidden(_("This channel is locked."))
    if row.state == "removed":
        raise Conflict(_("The post has been removed."))
    check_version(row.version, versions)
    return row, channel, here


def rewrite(tx: Tx, row: PostRow, body: str, html: str, edited: str | None = NOW) -> None:
    """Within a unit: replaces a post's text, and drops its edit and what was decided on that."""
    texts = {"body": body, "html": html, "edited": tx.now if edited is NOW else edited}
    question = row.parent_id is None and asks(body)
    tx.run(CHANGE, id=row.id, **texts, question=question, version=row.version + 1)
    tx.run(DROP_EDIT, post_id=row.id)
    addressed = mention.keep(tx, row.id, row.channel_id, row.author_id, html, row.html)
    _keep_images(tx, row, html)
    index.put(tx, row.id)
    decision.drop(tx, row.id, "edit")
    if row.state == "published":
        tags = ["posts", f"post:{row.id}", *_inboxes({*addressed})]
        tx.changed("post.edited", stream=channels.stream(row.channel_id), subject=row.id, tags=tags)


def _keep_images(tx: Tx, row: PostRow, html: str) -> None:
    """Within a unit: a post and its edit show the images of this HTML alone from now on."""
    image.keep(tx, row.id, row.author_id, html, row.html + (getattr(row, "edit_html", None) or ""))


def drop_edit(tx: Tx, row: PostRow) -> None:
    """Within a unit: an edit is taken back, with the images that only it has."""
    tx.run(DROP_EDIT, post_id=row.id)
    _keep_images(tx, row, row.html)


def current(tx: Tx, id_: int) -> PostView:
    """Within a unit: a post as it is now, with its edit; for its author and moderators."""
    return own_view(tx.one(BY_ID, id=id_), removed_too=False)


def must_name_a_version(versions: Versions) -> None:
    """Raises Unseen without versions: the text may have changed since it was read."""
    if versions is None:
        raise Unseen("Its text may have changed since you read it: name the version that you saw (If-Match).")


@writes
def moderate(
    tx: Tx,
    identity: Identity,
    id_: int,
    versions: Versions,
    state: Literal["published", "removed"],
    why: Why = UNSAID,
) -> PostView:
    """A moderator approves or restores a post (`published`), or removes it. Raises Forbidden, Stale, Conflict, Unseen.

    Unseen for a pending post that was edited, if no version is named; for declining, too: what was declined is what may
    be restored later. Invalid for a reason where nothing is removed.
    """
    decision.check(state, why)
    row, channel = visible_to.within(tx, identity, id_)
    rules.must_moderate(channel, identity)
    check_version(row.version, versions)
    if state == "published" and not row.body:
        raise Conflict(_("Its author deleted it; there is nothing left to restore."))
    if row.state == "pending" and row.edited:
        must_name_a_version(versions)
    if row.state != state:
        set_state(tx, row, state)
        restored: audit.Action = "post.restored" if row.state == "removed" else "post.approved"
        note(tx, identity, row, channel, "post.removed" if state == "removed" else restored, why)
        what = {"was": row.state, "state": state, "version": row.version + 1}
        decision.record(tx, identity, row, "post", why, **what)
        if row.author_id is not None:
            gain_or_lose = trust.gain if state == "published" else trust.lose
            gain_or_lose(tx, channel.group_id, row.author_id)
    report.close(tx, id_, "removed" if state == "removed" else "kept")
    return current(tx, id_)


@writes
def remove(tx: Tx, identity: Identity, id_: int, versions: Versions) -> None:
    """Deletes a post with its text, for its author; or removes it, for a moderator, as `moderate`."""
    row, channel = visible_to.within(tx, identity, id_)
    rules.must_be_good_in(channel, identity)
    if row.author_id != identity.user:
        if not rules.moderates(channel, identity):
            raise Forbidden(_("It is not yours."))
        moderate.within(tx, identity, id_, versions, "removed")
        return
    check_version(row.version, versions)
    erase(tx, row)


def erase(tx: Tx, row: PostRow) -> None:
    """Within a unit: a post goes for good, with its text; of a reply's parent an empty post stays."""
    if row.state != "removed":
        set_state(tx, row, "removed")
    report.close(tx, row.id, "removed")
    tx.run(CHANGE, id=row.id, body="", html="")
    mention.keep(tx, row.id, row.channel_id, row.author_id, "", row.html)
    _keep_images(tx, row, "")
    index.drop(tx, row.id)
    tx.run(DROP_EDIT, post_id=row.id)
    decision.drop(tx, row.id)


def _stay_without_a_name(tx: Tx, user_id: int) -> None:
    tx.run(DROP_AUTHOR, user_id=user_id)


account.on_end(_stay_without_a_name)


def note(
    tx: Tx, identity: Identity, row: PostRow, channel: ChannelRow, action: audit.Action, why: Why = UNSAID
) -> None:
    """Within a unit: logs what a moderator did to a post; without its text, which must not live on in the log."""
    by = "by somebody anonymous" if row.anonymous else f"by {row.uid or row.guest or FORMER_USER}"
    by += f", {why.reason}" if why.reason else ""
    audit.note(tx, identity, action, f"post {row.id}", group=channel.group, detail=by)


def set_state(tx: Tx, row: PostRow, state: State) -> None:
    """Within a unit: has a post appear or go, and counts and announces that."""
    tx.run(CHANGE, id=row.id, state=state, version=row.version + 1)
    where = row.id, row.channel_id, tx.one(GROUP, place=row.channel_id).group_id, row.parent_id
    addressed = {row.answered_id, *mention.mentioned_by(tx, row.id)}
    if state == "published":
        if row.state == "pending" and (newest := tx.one(NEWEST).id) > row.id:
            tx.run(CHANGE, id=row.id, shown_after=newest)
        _count(tx, "post.created" if row.state == "pending" else "post.restored", *where, 1, addressed)
    elif row.state == "published":
        _count(tx, "post.removed", *where, -1, addressed)


def hide(tx: Tx, row: PostRow, found: Verdict) -> None:
    """Within a unit: takes a public post away until a moderator has looked, and keeps why.

    One that was replied to leaves a tombstone, as if it had been removed: its replies stay.
    """
    verdict.keep(tx, row.id, "post", found)
    set_state(tx, row, "removed" if row.replies else "pending")
    tx.changed("post.pending", subject=row.id)


def _note_source(tx: Tx, id_: int, identity: Identity | None, here: Here) -> None:
    """Within a unit: keeps where a guest's post came from; has a service be asked, where the group does so."""
    asks_service = here.rules.service != "none" and not (here.looks_after or here.trusted)
    if identity is None or asks_service:
        source.keep(tx, id_)
    if asks_service:
        for do in _on_asking:
            do(tx, id_)


_on_asking: list[Callable[[Tx, int], None]] = []


def on_asking(do: Callable[[Tx, int], None]) -> None:
    """Has `do(tx, id_)` be called within each unit that makes a text public, or pending, that a service is to judge."""
    _on_asking.append(do)


def again(read: Snapshot, id_: int) -> PostView:
    """The post that a repeated request made, as it is now."""
    row = read.one(BY_ID, id=id_)
    if row is None:
        raise NotFound(_("There is no post %(id)s.", id=id_))
    return view(row)


replays.kept_as(PostView, attrgetter("id"), again)
