"""Feeds of posts, as Atom (RFC 4287) and JSON Feed 1.1."""

import re
from collections.abc import Awaitable
from typing import Literal

import msgspec
from markupsafe import Markup
from quart import Blueprint, Response, request
from quart_schema import hide

from api.access import EDITING, by_session, me
from api.addresses import here
from api.talk.posts import authors_of
from model.talk import feed
from model.talk.feed import Entry, Feed
from pottle.http import caching
from pottle.http.answers import etag, gives
from pottle.http.application import rendered_alone
from pottle.http.asking import anyone, signed_in
from pottle.http.caching import shown
from pottle.http.cross_origin import opened
from pottle.http.limits import limited
from pottle.store import db

blueprint = Blueprint("feeds", __name__)
own = Blueprint("own_feed", __name__, url_prefix="/api/me/feed")
PARTS = (blueprint, own)
KIND = "feed.<any(atom, json):kind>"
Kind = Literal["atom", "json"]
TYPES = {"atom": "application/atom+xml", "json": "application/feed+json"}
VERSION = "https://jsonfeed.org/version/1.1"
LONGEST_HEADLINE = 80  # characters
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # https://www.w3.org/TR/xml/#charsets

opened(r"/(channels|groups|posts|feeds)/[^/]+/feed\.(atom|json)")


@blueprint.get(f"/channels/<id:channel_id>/{KIND}")
@hide
@anyone
async def of_channel(channel_id: int, kind: Kind) -> Response:
    """The newest posts of a channel."""
    return await _public(kind, feed.of_channel(channel_id))


@blueprint.get(f"/posts/<id:post_id>/{KIND}")
@hide
@anyone
async def of_conversation(post_id: int, kind: Kind) -> Response:
    """The newest posts of a conversation."""
    return await _public(kind, feed.of_conversation(post_id))


@blueprint.get(f"/groups/<slug>/{KIND}")
@hide
@anyone
async def of_group(slug: str, kind: Kind) -> Response:
    """The newest posts of a group."""
    return await _public(kind, feed.of_group(slug))


@blueprint.get(f"/feeds/<secret>/{KIND}")
@hide
@anyone
async def of_replies(secret: str, kind: Kind) -> Response:
    """The newest replies to a user. The secret is in the address, for feed readers do not sign in."""
    return await _told(kind, await feed.of_replies(secret), caching.PRIVATE)


async def _public(kind: Kind, finding: Awaitable[Feed]) -> Response:
    """A feed that everybody gets alike: kept, where its addresses do not depend on how the server was called."""
    found = await finding
    if db.settings.url:
        shown(*found.tags, *authors_of([entry.post for entry in found.entries]))
    return await _told(kind, found, caching.SHARED)


async def _told(kind: Kind, found: Feed, rule: str) -> Response:
    urn, at = f"urn:pottle:{db.instance.id}", request.path.removeprefix(request.root_path)
    if kind == "json":
        data = msgspec.json.encode(_as_json(found, urn, here() + at))
    else:
        latest = max((entry.post.edited or entry.post.created for entry in found.entries), default=found.begun)
        entries = [(entry.post, _headline(entry)) for entry in found.entries]
        about = {"urn": urn, "root": here(), "at": at, "updated": latest}
        data = NO_XML.sub("", rendered_alone("feed.xml", feed=found, entries=entries, **about)).encode()
    headers = {"ETag": etag(data, 0), "Cache-Control": rule}
    return Response(data, headers=headers, content_type=f"{TYPES[kind]}; charset=utf-8")


class FeedAuthor(msgspec.Struct):
    """Who wrote an item."""

    name: str


class Item(msgspec.Struct, omit_defaults=True):
    """A post, as JSON Feed has items."""

    id: str
    url: str
    title: str
    content_html: str
    date_published: str
    authors: list[FeedAuthor]
    date_modified: str | None = None


class JsonFeed(msgspec.Struct):
    """A JSON Feed."""

    title: str
    home_page_url: str
    feed_url: str
    items: list[Item]
    version: str = VERSION


def _as_json(found: Feed, urn: str, address: str) -> JsonFeed:
    items = [
        Item(
            f"{urn}:post:{entry.post.id}",
            f"{here()}/posts/{entry.post.id}",
            _headline(entry),
            entry.post.html,
            entry.post.created,
            [FeedAuthor(entry.post.author.shown())],
            entry.post.edited,
        )
        for entry in found.entries
    ]
    return JsonFeed(found.title, here() + found.about, address, items)


def _headline(entry: Entry) -> str:
    """`Anna in Lobby: the first words`."""
    words = " ".join(Markup(entry.post.html).striptags().split())  # noqa: S704  # all tags go
    said = f"{entry.post.author.shown()} in {entry.discussion}: {words}"
    return said if len(said) <= LONGEST_HEADLINE else said[: LONGEST_HEADLINE - 1].rstrip() + "…"


class FeedAddress(msgspec.Struct):
    """Where a user's feed of replies is, shown this once: whoever knows the address can read it."""

    atom: str
    json: str
    created: str


@own.put("")
@limited(EDITING)
@signed_in
@by_session
@gives(FeedAddress)
async def make_address() -> FeedAddress:
    """Make an address at which feed readers find the replies to oneself. The address before it ends."""
    made = await feed.make_address(me())
    address = f"{here()}/feeds/{made.secret}/feed"
    return FeedAddress(f"{address}.atom", f"{address}.json", made.created)


@own.delete("")
@limited(EDITING)
@signed_in
@by_session
@gives(None, 204)
async def drop_address() -> None:
    """End the address of one's feed of replies."""
    await feed.drop_address(me())
