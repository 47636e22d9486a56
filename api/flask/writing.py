"""What pages write becomes posts: their text with what stands beside it, under a page or as a reply."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from quart import request

from api.access import me
from api.flask.endpoints import is_too_deep
from api.flask.front_ends import page_of
from model.flask import pages
from model.flask import post as flask_post
from model.flask.pages import Thread
from model.talk import beginning, posting
from model.talk.channel import Title
from model.talk.post import PostView
from model.talk.posting import Draft
from pottle.access import around
from pottle.errors import Invalid
from pottle.store.unit import envelope
from pottle.values import Unfit, fit


def body_of(title: str, comment: str, content: Any, field: str = "content") -> str:
    """The body of a post with that title, comment and content; `field` is what a page calls the last."""
    if is_too_deep(content):
        raise Invalid({field: "has too many levels"})
    try:
        body = flask_post.joined(title, comment, content)
    except (ValueError, TypeError) as error:
        raise Invalid({field: "is nothing that JSON can hold"}) from error
    if not body.strip():
        raise Invalid({"comment": "is required"})
    return body


async def begin_under(key: str, title: str, body: str) -> PostView:
    """Posts in the discussion with that key, which is begun with that title where there is none."""
    found = await pages.topic(me(), key)
    if found is not None:
        return await posting.publish(me(), found.id, Draft(body), None)
    await posting.finished(Draft(body))  # nothing is begun for what cannot be posted
    page = page_of(request.scope)  # type: ignore[arg-type]  # a dict like any, to ASGI middleware
    url = f"{page.origin}{quote(key)}" if page.listed and key.startswith("/") else None
    surrounding = around()
    envelope.set(replace(surrounding, replay=None))  # an Idempotency-Key is for the post
    try:
        made, _ = await beginning.get_or_create(me(), pages.group(), key, title, url, None)
    finally:
        envelope.set(surrounding)
    return await posting.publish(me(), made.id, Draft(body), None)


async def answer_to(thread: Thread, content: str) -> PostView:
    """Replies to a post under a page."""
    draft = Draft(body_of("", content, {}), parent=thread.post.id)
    return await posting.publish(me(), thread.post.channel_id, draft, None)


def title_of(key: str, sent: str) -> str:
    """A title that a page sends, or the one that the path makes."""
    try:
        title: str = fit(sent, Title)
    except Unfit:
        return pages.title_of(key)
    return title
