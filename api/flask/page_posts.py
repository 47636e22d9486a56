"""`/flask/api/post/…`: posts with a grade about a page, and their replies, as front ends of 2026 have them."""

import msgspec
from msgspec import UNSET, UnsetType

from api.access import EDITING, POSTING, asker, me
from api.flask.endpoints import FlaskMessage, Number, PartOfText, Wanted, endpoint, meant, safe, sent_back
from api.flask.writing import answer_to, begin_under, body_of, title_of
from model.flask import pages
from model.flask import post as flask_post
from model.flask.extras import ours
from model.flask.overview import MOST
from model.flask.pages import PageRow, Thread
from model.talk import post, posting, review
from pottle.errors import NotFound, Refusal
from pottle.http.asking import anyone, signed_in

GRADE = "gradeReceived"  # what it is called in the object that stands below a post's text


class FlaskReplyToPost(msgspec.Struct, rename="camel"):
    """A reply to a post about a page."""

    id: int
    user_id: int | None
    student_name: str
    content: str
    timestamp: str


class FlaskPagePost(FlaskReplyToPost, rename="camel", kw_only=True):
    """A post about a page, maybe with a grade, and its replies; of a reply `parentId` is what it answers."""

    grade_received: str | None
    page_url: str | None
    page_title: str | None
    updated_at: str
    parent_id: int | None
    reply_count: int
    replies: list[FlaskReplyToPost]


def view(thread: Thread, text: str | None = None, grade: str | None = None) -> FlaskPagePost:
    """A post as pages get it; with another text and grade where these wait for a moderator."""
    row, replies = thread.post, thread.replies
    written, beside = flask_post.text_of(row.body)
    kept = grade if text is not None else beside.get(GRADE)
    on_a_page = row.channel_key.startswith("/")
    return FlaskPagePost(
        id=row.number,
        user_id=row.author_number,
        student_name=safe(post.view(row).author.shown()),
        content=safe(written if text is None else text),
        grade_received=safe(kept) if isinstance(kept, str) else None,
        page_url=safe(row.channel_key) if on_a_page else None,
        page_title=safe(row.channel_title) if on_a_page else None,
        timestamp=row.created,
        updated_at=row.edited or row.created,
        parent_id=None,
        reply_count=len(replies),
        replies=[_reply(reply) for reply in replies],
    )


def _reply(row: PageRow) -> FlaskReplyToPost:
    name, content = post.view(row).author.shown(), flask_post.text_of(row.body)[0]
    return FlaskReplyToPost(row.number, row.author_number, safe(name), safe(content), row.created)


async def create(content: str, grade: str | None, page_url: str | None, page_title: str | None) -> FlaskPagePost:
    """Posts about a page, or in the discussion for what belongs to none."""
    text = content.strip()
    if not text:
        raise Refusal("Content is required")
    key = pages.key_of("pageUrl", meant(page_url)) if page_url else pages.NOWHERE
    title = title_of(key, meant(page_title or "")) if page_url else pages.title_of(key)
    made = await begin_under(key, title, body_of("", text, _beside(grade)))
    return view(await pages.thread(me(), made.id))


def _beside(grade: str | None) -> dict[str, str]:
    return {GRADE: grade} if grade else {}


@endpoint("GET /post/all", anyone)
async def all_page_posts() -> list[FlaskPagePost]:
    """The newest posts about all pages, newest first."""
    return [view(thread) for thread in await pages.threads(asker(), "all", MOST)]


@endpoint("GET /post/page", anyone)
async def posts_about_page(url: Wanted | UnsetType = UNSET) -> list[FlaskPagePost]:
    """The newest posts about a page, newest first."""
    if not url:
        raise Refusal("Page URL is required")
    found = await pages.topic(asker(), pages.key_of("url", meant(url)))
    return [view(one) for one in await pages.threads(asker(), "page", MOST, channel_id=found.id)] if found else []


@endpoint("GET /post/user/<id:user_id>", anyone)
async def posts_of_user(user_id: int) -> list[FlaskPagePost]:
    """The newest posts of a user, newest first."""
    whose = await ours("user", user_id)
    return [view(thread) for thread in await pages.threads(asker(), "author", MOST, author_id=whose)]


@endpoint("GET /post/<id:post_id>", anyone)
async def show_page_post(post_id: int) -> FlaskPagePost:
    """A post."""
    return await _shown(await ours("post", post_id))


async def _shown(id_: int) -> FlaskPagePost:
    found = await pages.thread(asker(), id_)
    made = view(found)
    if found.post.parent_id is not None:
        made.parent_id = (await pages.thread(asker(), found.post.parent_id)).post.number
    return made


@endpoint("PUT /post/<id:post_id>", signed_in, EDITING, rename="camel")
async def edit_page_post(
    post_id: int, content: PartOfText | UnsetType | None = UNSET, grade_received: PartOfText | UnsetType | None = UNSET
) -> FlaskPagePost:
    """Change one's own post; what is left out stays."""
    thread = await pages.thread(me(), await ours("post", post_id))
    found, _ = await post.find(me(), thread.post.id)
    old, beside = flask_post.text_of(await review.own_text(me(), found))
    text = sent_back(content, old) if content else old
    if grade_received:
        beside[GRADE] = sent_back(grade_received, str(beside.get(GRADE, "")))
    await posting.revise(me(), found.id, {found.version}, body_of("", text, beside))
    return view(await pages.thread(me(), found.id), text, beside.get(GRADE))


@endpoint("DELETE /post/<id:post_id>", signed_in, EDITING)
async def delete_page_post(post_id: int) -> FlaskMessage:
    """Delete one's own post; a moderator removes anybody's. Its replies stay."""
    await posting.remove(me(), (await pages.thread(me(), await ours("post", post_id))).post.id, None)
    return FlaskMessage("Post deleted successfully")


@endpoint("POST /post/reply", signed_in, POSTING, status=201, rename="camel")
async def reply_to_post(parent_id: Number | UnsetType = UNSET, content: PartOfText = "") -> FlaskPagePost:
    """Reply to a post."""
    if not parent_id:
        raise Refusal("Parent post ID is required")
    if not (text := content.strip()):
        raise Refusal("Content is required")
    try:
        parent = await pages.thread(me(), await ours("post", parent_id))
    except NotFound as gone:
        raise NotFound("Parent post not found") from gone
    return await _shown((await answer_to(parent, text)).id)
