"""`/flask/api/microblog/topics` and `/page`: the discussions of pages, and one with its posts."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from api.access import asker
from api.flask.endpoints import Wanted, endpoint, meant, safe
from api.flask.microblog import FlaskMicroblogs, Limit, microblog, own_number
from model.flask import pages
from model.flask.overview import MOST
from model.flask.pages import TopicRow
from model.talk import channel
from pottle.errors import NotFound
from pottle.http.asking import anyone


class FlaskTopic(msgspec.Struct, rename="camel"):
    """The discussion of a page."""

    id: int
    page_key: str
    page_path: str
    page_title: str
    page_description: str | None
    display_name: str
    color: str
    icon: str | None
    allow_anonymous: bool
    moderated: bool
    max_posts_per_user: int | None
    is_active: bool
    settings: dict[str, str]
    post_count: int
    created_at: str
    updated_at: str


class FlaskTopics(msgspec.Struct):
    """The discussions of pages, by their titles."""

    topics: list[FlaskTopic]
    count: int


def _topic(row: TopicRow) -> FlaskTopic:
    key, title = row.given_key, safe(row.title)
    return FlaskTopic(
        id=row.number,
        page_key=pages.page_key(key),
        page_path=safe(key),
        page_title=title,
        page_description=None,
        display_name=title,
        color="#007bff",
        icon=None,
        allow_anonymous=row.reading == "public",
        moderated=row.review == "all",
        max_posts_per_user=None,
        is_active=not row.locked,
        settings={},
        post_count=row.posts,
        created_at=row.created,
        updated_at=channel.view(row).active,
    )


@endpoint("GET /microblog/topics", anyone, rename="camel", answer=FlaskTopics)
async def page_topics(
    page_path: Wanted | UnsetType = UNSET, page_key: Wanted | UnsetType = UNSET, search: Wanted | UnsetType = UNSET
) -> Any:
    """The discussions of all pages, or of those with a text in the title.

    That of one page, 404 without one, is also the answer itself: its fields are beside the list.
    """
    if page_path:
        found = await pages.topic(asker(), pages.key_of("pagePath", meant(page_path)))
        if found is None:
            raise NotFound("Topic not found for this page")
        return _alone(_topic(found))
    if page_key:
        return _alone(_topic(await _by_page_key(page_key)))
    topics = [_topic(row) for row in await pages.topics(asker(), words=meant(search or ""))]
    return FlaskTopics(topics, len(topics))


def _alone(topic: FlaskTopic) -> dict[str, Any]:
    return {**msgspec.to_builtins(topic), **msgspec.to_builtins(FlaskTopics([topic], 1))}


async def _by_page_key(key: str) -> TopicRow:
    found = await pages.topics(asker(), pages.page_key(key))
    if not found:
        raise NotFound("Page topic not found")
    return found[0]


class FlaskPageMicroblogs(FlaskMicroblogs, rename="camel", kw_only=True):
    """A page's discussion with its posts, newest first."""

    topic: FlaskTopic
    can_post: bool
    user_post_count: int


@endpoint("GET /microblog/page/<string:page_key>", anyone, rename="camel")
async def page_microblogs(page_key: str, limit: Limit = 20) -> FlaskPageMicroblogs:
    """The posts under a page, which is named by its path with all but letters, digits, - and _ as _."""
    row = await _by_page_key(page_key)
    found = await pages.threads(asker(), "page", min(limit, MOST), channel_id=row.id)
    number = await own_number()
    own = sum(number is not None and thread.post.author_number == number for thread in found)
    return FlaskPageMicroblogs(
        [microblog(thread, number) for thread in found],
        len(found),
        topic=_topic(row),
        can_post=pages.may_post(row, asker()),
        user_post_count=own,
    )
