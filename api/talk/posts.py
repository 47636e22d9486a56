"""`/api/channels/…/posts` and `/api/posts`: what people write, and how others react to it."""

from functools import partial
from typing import Annotated, Literal, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint

from api.access import EDITING, GUESTS, POSTING, PREVIEWING, REACTING, asker, me
from api.talk import bulk
from api.talk.access import shown_in
from api.talk.bulk import NewPosts, PostOutcomes
from model.operating import retention
from model.talk import aging, decision, marks, post, posting, reaction, review, selection
from model.talk.decision import Note, Reason, Why
from model.talk.desk import old
from model.talk.judging.challenge import Proof
from model.talk.marks import Mark
from model.talk.post import Author, Body, EditView, GuestName, PostView
from model.talk.posting import Draft
from model.talk.reaction import KINDS, Kind, Reactions
from model.talk.selection import Only
from pottle.errors import Invalid
from pottle.http.answers import (
    Answer,
    Paging,
    asks,
    changed_fields,
    cursor,
    edges,
    encode,
    etag,
    gives,
    here,
    links,
    listed,
    takes,
    wanted_versions,
)
from pottle.http.asking import anyone, foreign_origin, signed_in
from pottle.http.caching import renewed_by, shown
from pottle.http.limits import idempotent, limited
from pottle.http.shelf import Renewed
from pottle.store import Snapshot, db
from pottle.store.changes import Change
from pottle.store.paging import Filling, Page
from pottle.translation import _

blueprint = Blueprint("posts", __name__, url_prefix="/api")
reactions = Blueprint("reactions", __name__, url_prefix="/api/posts/<id:post_id>/reactions")
KIND = f"/<any({', '.join(KINDS)}):kind>"
retention.also(aging.RULE)
retention.also(old.RULE)


class NewPost(msgspec.Struct):
    """A post to make, in Markdown. `parent` is the post it replies to; `guest` a name, without an account.

    `anonymous` shows no name, to nobody but the group's moderators; for good, and only where the group allows it.
    `proof` is that of work (`GET /api/challenge`), by a guest, where the group wants it.
    """

    body: Body
    parent: Annotated[int, Meta(ge=1, le=10**18 - 1)] | None = None
    guest: GuestName | None = None
    anonymous: bool = False
    proof: Proof | None = None


class PostEdit(msgspec.Struct):
    """One change: a new text, by the author; or, by a moderator, another state, or a mark.

    Who asked a question may mark the reply that is the `answer`, too; one of a conversation is.

    A `reason` and a `note` for the author may come with the state `removed`.
    """

    body: Body | UnsetType = UNSET
    state: Literal["published", "removed"] | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET
    endorsed: bool | UnsetType = UNSET
    answer: bool | UnsetType = UNSET
    reason: Reason | UnsetType | None = UNSET
    note: Note | UnsetType | None = UNSET


class EditDecision(msgspec.Struct):
    """By a moderator: `published` approves the edit, `removed` declines it, maybe with a `reason` and a `note`."""

    state: Literal["published", "removed"]
    reason: Reason | None = None
    note: Note | None = None


class PostQuery(Paging):
    """Which part of the list. `state=pending` lists pending posts and edits, for moderators.

    `only` lists the pinned posts, the questions without an answer, the answers (those that were marked or endorsed), or
    one's own posts.
    """

    state: Literal["pending"] | None = None
    only: Only | None = None


class PostsView(msgspec.Struct):
    """Posts, newest first, and the position (`epoch`, `seq`) to subscribe after."""

    posts: list[PostView]
    next: str | None
    prev: str | None
    epoch: str
    seq: int


@blueprint.get("/channels/<id:channel_id>/posts")
@anyone
@asks(PostQuery)
@gives(PostsView)
async def index(channel_id: int, query: PostQuery) -> Answer:
    """The posts of a channel."""
    url = here()
    if query.only is not None and query.state is not None:
        raise Invalid({"only": _("cannot be asked for together with state")})
    if query.only is not None:
        found = await selection.listed(asker(), channel_id, query.only, cursor(query))
        if query.only != "mine":
            shown_in(found.channel, *authors_of(found.page.items))
    elif query.state == "pending":
        found = await review.pending_in(asker(), channel_id, cursor(query))
    else:
        found = await post.listed(asker(), channel_id, cursor(query))
        shown_in(found.channel, *authors_of(found.page.items))
        if query.before is None and query.after is None:
            renewed_by(partial(_with_new_posts, query.limit, url))
    return Answer(page_view(found.page, found.seq), headers=links(found.page, url))


def page_view(page: Page[PostView], seq: int) -> PostsView:
    """A page of posts and the channel's position, as clients and templates get them."""
    return PostsView(page.items, **edges(page), epoch=db.instance.epoch, seq=seq)


def _with_new_posts(limit: int, url: str, read: Snapshot, body: bytes, rows: list[Change]) -> Renewed | None:
    """The first page of a channel's posts after changes that only added some; None after others."""
    if any(row.kind != "post.created" for row in rows):
        return None
    was = msgspec.json.decode(body, type=PostsView)
    last = was.posts[-1].id if was.next is not None else 0  # one that was pending may be older than this page
    filling = Filling(limit, post.weight)
    all(
        map(
            filling.takes,
            post.joined(read, was.posts, {row.subject for row in rows if row.subject and row.subject > last}),
        )
    )
    more = filling.more or was.next is not None
    page = Page(filling.items, filling.items[-1].id if more else None, None)
    seq = rows[-1].seq
    body = encode(page_view(page, seq))
    return Renewed(body, {"ETag": etag(body, seq), **links(page, url)}, authors_of(page.items))


class ModerationQuery(Paging):
    """Which list, pending or removed posts, and which part of it."""

    state: Literal["pending", "removed"] = "pending"


class ModerationView(msgspec.Struct):
    """Posts of all channels of a group, newest first; removed ones with their text, edits as `edit`."""

    posts: list[PostView]
    next: str | None
    prev: str | None


@blueprint.get("/groups/<slug>/posts")
@signed_in
@asks(ModerationQuery)
@gives(ModerationView)
async def to_moderate(slug: str, query: ModerationQuery) -> Answer:
    """A group's pending posts and edits, or what its moderators removed and may restore. They may see it."""
    return listed(ModerationView, await review.to_moderate(me(), slug, query.state, cursor(query)))


class QuestionsView(msgspec.Struct):
    """Questions of all channels of a group that have no answer yet, newest first."""

    posts: list[PostView]
    next: str | None
    prev: str | None


@blueprint.get("/groups/<slug>/questions")
@anyone
@asks(Paging)
@gives(QuestionsView)
async def questions(slug: str, query: Paging) -> Answer:
    """The questions in a group that have no answer yet: no reply is marked as the answer, or endorsed."""
    in_group, page = await selection.unanswered(asker(), slug, cursor(query))
    if in_group.reading == "public":
        tags = {f"post:{item.id}" for item in page.items} | authors_of(page.items)
        shown(f"group:{in_group.id}", "posts", *tags)
    return listed(QuestionsView, page)


def authors_of(posts: list[PostView]) -> set[str]:
    """The tags of the posts' authors, whose names they show."""
    return {f"user:{item.author.uid}" for item in posts if item.author.uid}


@blueprint.post("/channels/<id:channel_id>/posts")
@limited(POSTING, guests=GUESTS)
@anyone
@idempotent
@takes(NewPost, NewPosts)
@gives(PostView, 201)
async def create(channel_id: int, data: NewPost | NewPosts) -> Answer:
    """Post, or reply. Everybody who reads the channel sees it at once, unless it is pending.

    `{"posts": […]}` makes many, and is answered with 200, as at `/bulk`.
    """
    if isinstance(data, NewPosts):
        return Answer(await bulk.create_all(channel_id, data.posts), 200)
    new = Draft(data.body, parent=data.parent, guest=data.guest, anonymous=data.anonymous, proof=data.proof)
    made = await posting.publish(asker(), channel_id, new, foreign_origin())
    return Answer(made, location=f"/api/posts/{made.id}")


@blueprint.post("/channels/<id:channel_id>/posts/bulk")
@limited(POSTING, guests=GUESTS)
@anyone
@idempotent
@takes(NewPosts)
@gives(PostOutcomes)
async def create_all(channel_id: int, data: NewPosts) -> PostOutcomes:
    """Make up to 500 posts at once, with an outcome for each.

    Each counts against the limit; those by moderators of the group count against 5,000 an hour.
    """
    return await bulk.create_all(channel_id, data.posts)


class Written(msgspec.Struct):
    """A text that is being written, and the discussion that it is for."""

    channel: Annotated[int, Meta(ge=1, le=10**18 - 1)]
    body: Body


class Preview(msgspec.Struct):
    """What it would look like."""

    html: str


@blueprint.post("/preview")
@limited(PREVIEWING)
@anyone
@takes(Written)
@gives(Preview)
async def preview(data: Written) -> Preview:
    """A text as it would be shown, posted there. Whoever may post there may ask."""
    return Preview(await posting.preview(asker(), data.channel, data.body, foreign_origin()))


@blueprint.get("/posts/<id:post_id>")
@anyone
@gives(PostView)
async def show(post_id: int) -> PostView:
    """A post."""
    view, channel = await post.find(asker(), post_id)
    if channel.reading == "public" and view.state == "published":
        shown(f"group:{channel.group_id}", f"post:{post_id}", *authors_of([view]))
    return view


@blueprint.patch("/posts/<id:post_id>")
@limited(EDITING)
@signed_in
@takes(PostEdit)
@gives(PostView, 200, 202)
async def edit(post_id: int, data: PostEdit) -> Answer:
    """Change a post's text (its author), approve, remove, restore, pin or endorse it (a moderator), or mark the answer.

    202: the new text is pending. It is the answer's `edit`; everybody else still sees the old one.
    428: the pending text has been changed, so approving needs the version that was read (If-Match).
    """
    fields = changed_fields(data)
    why = Why(fields.pop("reason", None), fields.pop("note", None))
    if not fields:
        raise Invalid({"reason": _("needs a state")})
    if len(fields) > 1:
        raise Invalid(dict.fromkeys(fields, _("cannot be changed together with others")))
    ((field, value),) = fields.items()
    if field == "state":
        return Answer(await posting.moderate(me(), post_id, wanted_versions(), value, why))
    decision.check("published", why)
    if field == "body":
        changed = await posting.revise(me(), post_id, wanted_versions(), value)
        return Answer(changed, 200 if changed.edit is UNSET else 202)
    return Answer(await marks.put(me(), post_id, wanted_versions(), cast(Mark, field), value))


@blueprint.delete("/posts/<id:post_id>")
@limited(EDITING)
@signed_in
@gives(None, 204)
async def delete(post_id: int) -> None:
    """Delete your own post, or remove any, as a moderator. One with replies stays as a tombstone."""
    await posting.remove(me(), post_id, wanted_versions())


@blueprint.get("/posts/<id:post_id>/author")
@signed_in
@gives(Author)
async def show_author(post_id: int) -> Author:
    """Who wrote a post, also where it is anonymous. The group's moderators may see it."""
    return await review.author_of(me(), post_id)


@blueprint.get("/posts/<id:post_id>/edit")
@signed_in
@gives(EditView)
async def show_edit(post_id: int) -> EditView:
    """A post's new text that is not approved. Its author and moderators may see it."""
    return await review.edit_of(me(), post_id)


@blueprint.patch("/posts/<id:post_id>/edit")
@limited(EDITING)
@signed_in
@takes(EditDecision)
@gives(PostView)
async def decide_edit(post_id: int, data: EditDecision) -> PostView:
    """Approve or decline a pending edit. Moderators may; the answer is the post after it.

    428: approving needs the version of the edit that was read (If-Match).
    """
    return await review.decide(me(), post_id, wanted_versions(), data.state, Why(data.reason, data.note))


@blueprint.delete("/posts/<id:post_id>/edit")
@limited(EDITING)
@signed_in
@gives(None, 204)
async def withdraw_edit(post_id: int) -> None:
    """Take back your own edit, pending or declined."""
    await review.withdraw(me(), post_id, wanted_versions())


@reactions.put(KIND, endpoint="mark")
@limited(REACTING)
@signed_in
@gives(Reactions)
async def react(post_id: int, kind: Kind) -> Reactions:
    """React to a post; twice is once. `up` and `down` replace each other."""
    return await reaction.add(me(), post_id, kind)


@reactions.delete(KIND, endpoint="unmark")
@limited(REACTING)
@signed_in
@gives(Reactions)
async def take_back(post_id: int, kind: Kind) -> Reactions:
    """Take a reaction back."""
    return await reaction.remove(me(), post_id, kind)
