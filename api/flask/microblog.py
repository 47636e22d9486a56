"""`/flask/api/microblog`: the discussion of each page, as the panel of front ends of 2026 shows it."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.access import EDITING, POSTING, REACTING, asker, me
from api.flask.endpoints import (
    FlaskMessage,
    Number,
    PartOfText,
    Wanted,
    endpoint,
    meant,
    safe,
    safe_content,
    sent_back,
)
from api.flask.writing import answer_to, begin_under, body_of
from model.flask import pages
from model.flask import post as flask_post
from model.flask.extras import ours, theirs
from model.flask.overview import MOST
from model.flask.pages import PageRow, Thread
from model.talk import channel, post, posting, reaction, review
from model.talk.posting import Draft
from model.talk.reaction import Kind
from pottle.errors import Invalid, NotFound, Refusal
from pottle.http.asking import anyone, signed_in

LONGEST = 280  # characters
Limit = Annotated[int, Meta(ge=1, le=10**18 - 1)]


class FlaskReply(msgspec.Struct, rename="camel"):
    """A reply to a post under a page, or to another reply to it."""

    id: int
    user_id: int | None
    user_name: str
    content: str
    timestamp: str


class FlaskMicroblog(msgspec.Struct, rename="camel"):
    """A post under a page; what came as `data` with it is beside these fields.

    `reactions` lists, by kind, one's own number for one's own reaction, and null for each of the others'.
    """

    id: int
    user_id: int | None
    user_name: str
    user_uid: str | None
    content: str
    topic_id: int
    topic_key: str
    topic_path: str
    timestamp: str
    updated_at: str
    character_count: int
    replies: list[FlaskReply]
    reactions: dict[str, list[int | None]]


class FlaskMicroblogs(msgspec.Struct):
    """Posts under pages, newest first."""

    microblogs: list[FlaskMicroblog]
    count: int


@endpoint("GET /microblog", signed_in, rename="camel")
async def microblogs(
    page_path: Wanted | UnsetType = UNSET,
    topic_id: Number | UnsetType = UNSET,
    user_id: Number | UnsetType = UNSET,
    search: Wanted | UnsetType = UNSET,
    limit: Limit = 200,
) -> FlaskMicroblogs:
    """The posts under one page, of one user, or with a text; else under all pages."""
    limit = min(limit, MOST)
    if search:
        return await _listed(await pages.found(me(), meant(search), limit))
    if topic_id:
        return await _of(await _known("channel", topic_id), limit)
    if page_path:
        found = await pages.topic(me(), pages.key_of("pagePath", meant(page_path)))
        return await _of(found.id if found else None, limit)
    if user_id:
        whose = await _known("user", user_id)
        return await _listed(await pages.threads(me(), "author", limit, author_id=whose) if whose else [])
    return await _listed(await pages.threads(me(), "all", limit))


async def _known(kind: str, number: int | str) -> int | None:
    try:
        return await ours(kind, number)
    except NotFound:
        return None


async def _of(channel_id: int | None, limit: int) -> FlaskMicroblogs:
    return await _listed(await pages.threads(asker(), "page", limit, channel_id=channel_id) if channel_id else [])


async def _listed(found: list[Thread]) -> FlaskMicroblogs:
    number = await own_number()
    return FlaskMicroblogs([microblog(thread, number) for thread in found], len(found))


async def own_number() -> int | None:
    """The number of whoever asks."""
    who = asker()
    return await theirs("user", who.user) if who else None


def microblog(thread: Thread, number: int | None, text: str | None = None) -> Any:
    """A post as pages get it, whose reader has that `number`; with another `text` where that waits for a moderator."""
    row, view = thread.post, post.view(thread.post)
    written, beside = flask_post.text_of(row.body)
    written = written if text is None else text
    reactions = {
        pages.REACTIONS[kind][0]: [number if kind in thread.mine and not index else None for index in range(count)]
        for kind, count in view.reactions.items()
        if kind in pages.REACTIONS
    }
    made = FlaskMicroblog(
        id=row.number,
        user_id=row.author_number,
        user_name=safe(view.author.shown()),
        user_uid=view.author.uid or None,
        content=safe(written),
        topic_id=row.channel_number,
        topic_key=pages.page_key(row.channel_key),
        topic_path=safe(row.channel_key),
        timestamp=row.created,
        updated_at=row.edited or row.created,
        character_count=len(written),
        replies=[reply_of(reply) for reply in thread.replies],
        reactions=reactions,
    )
    return {**safe_content(beside), **msgspec.to_builtins(made)}


def reply_of(row: PageRow) -> FlaskReply:
    """A reply as pages get it."""
    name, content = post.view(row).author.shown(), flask_post.text_of(row.body)[0]
    return FlaskReply(row.number, row.author_number, safe(name), safe(content), row.created)


@endpoint("POST /microblog", signed_in, POSTING, rename="camel")
async def say_under_page(
    content: PartOfText = "",
    topic_path: Wanted | UnsetType = UNSET,
    topic_id: Number | UnsetType = UNSET,
    data: Any = None,
) -> FlaskMicroblog:
    """Post under a page. Whoever reads it sees the post at once, in the thread that is embedded there too."""
    _check(content)
    body = body_of("", content, _object(data), "data")
    if topic_id:
        channel_id = (await channel.visible_to(me(), await ours("channel", topic_id))).id
        made = await posting.publish(me(), channel_id, Draft(body), None)
    else:
        key = pages.key_of("topicPath", meant(topic_path)) if topic_path else pages.NOWHERE
        made = await begin_under(key, pages.title_of(key), body)
    return await _one(made.id)


async def _one(id_: int, text: str | None = None) -> FlaskMicroblog:
    made: FlaskMicroblog = microblog(await pages.thread(me(), id_), await own_number(), text)
    return made


def _check(content: str) -> None:
    if not content.strip():
        raise Refusal("Content is required")
    if len(content) > LONGEST:
        raise Refusal(f"Content must be {LONGEST} characters or less")


def _object(data: Any) -> dict[str, Any]:
    if data is not None and not isinstance(data, dict):
        raise Invalid({"data": "must be an object"})
    return data or {}


@endpoint("PUT /microblog", signed_in, EDITING, rename="camel")
async def edit_under_page(id_: Number, content: PartOfText | UnsetType = UNSET, data: Any = None) -> FlaskMicroblog:
    """Change one's own post; `data` is added to what it has. It stays under its page."""
    found, _ = await post.find(me(), (await pages.thread(me(), await ours("post", id_))).post.id)
    old, beside = flask_post.text_of(await review.own_text(me(), found))
    text = old if content is UNSET else sent_back(content, old)
    if text != old:
        _check(text)
    body = body_of("", text, {**beside, **_object(data)}, "data")
    await posting.revise(me(), found.id, {found.version}, body)
    return await _one(found.id, text)


@endpoint("DELETE /microblog", signed_in, EDITING)
async def delete_under_page(id_: Number) -> FlaskMessage:
    """Delete one's own post; a moderator removes anybody's."""
    await posting.remove(me(), (await pages.thread(me(), await ours("post", id_))).post.id, None)
    return FlaskMessage("MicroBlog post deleted successfully")


class FlaskReplied(msgspec.Struct):
    """A reply, and the post with all its replies."""

    message: str
    reply: FlaskReply
    microblog: FlaskMicroblog


@endpoint("POST /microblog/reply", signed_in, POSTING, rename="camel")
async def reply_under_page(
    content: PartOfText = "", post_id: Number | UnsetType = UNSET, microblog_id: Number | UnsetType = UNSET
) -> FlaskReplied:
    """Reply to a post under a page."""
    if not content.strip():
        raise Refusal("Reply content is required")
    if len(content) > LONGEST:
        raise Refusal(f"Reply content must be {LONGEST} characters or less")
    made = await answer_to(await _meant(post_id, microblog_id), content)
    thread = await pages.thread(me(), (await pages.thread(me(), made.id)).post.root_id or made.id)
    reply = next(reply_of(row) for row in thread.replies if row.id == made.id)
    return FlaskReplied("Reply added successfully", reply, microblog(thread, await own_number()))


async def _meant(post_id: Number | UnsetType, microblog_id: Number | UnsetType) -> Thread:
    """The post that a page names in either way."""
    number = post_id or microblog_id
    if not number:
        raise Refusal("postId (or microblogId) is required")
    return await pages.thread(asker(), await ours("post", number))


class FlaskReplies(msgspec.Struct):
    """The replies to a post, oldest first."""

    replies: list[FlaskReply]
    count: int


@endpoint("GET /microblog/reply", anyone, rename="camel")
async def replies_under_page(
    post_id: Number | UnsetType = UNSET, microblog_id: Number | UnsetType = UNSET
) -> FlaskReplies:
    """The replies to a post under a page."""
    found = (await _meant(post_id, microblog_id)).replies
    return FlaskReplies([reply_of(row) for row in found], len(found))


class FlaskReacted(msgspec.Struct):
    """What was done, and the post since."""

    message: str
    microblog: FlaskMicroblog


@endpoint("POST /microblog/reaction", signed_in, REACTING, rename="camel")
async def react_under_page(
    reaction_type: Wanted, post_id: Number | UnsetType = UNSET, microblog_id: Number | UnsetType = UNSET
) -> FlaskReacted:
    """React to a post under a page, by the name or the picture of one of the six kinds."""
    found = await _meant(post_id, microblog_id)
    await reaction.add(me(), found.post.id, _kind(reaction_type))
    return FlaskReacted("Reaction added successfully", await _one(found.post.id))


@endpoint("DELETE /microblog/reaction", signed_in, REACTING, rename="camel")
async def take_back_under_page(
    reaction_type: Wanted, post_id: Number | UnsetType = UNSET, microblog_id: Number | UnsetType = UNSET
) -> FlaskReacted:
    """Take a reaction back; 404 for one that was not there."""
    found, kind = await _meant(post_id, microblog_id), _kind(reaction_type)
    if kind not in found.mine:
        raise NotFound("Reaction not found")
    await reaction.remove(me(), found.post.id, kind)
    return FlaskReacted("Reaction removed successfully", await _one(found.post.id))


def _kind(name: str) -> Kind:
    kind = pages.BY_NAME.get(name.strip().lower())
    if kind is None:
        said = ", ".join(f"{names[0]} ({kind})" for kind, names in pages.REACTIONS.items())
        raise Invalid({"reactionType": f"must be one of {said}"})
    return kind
