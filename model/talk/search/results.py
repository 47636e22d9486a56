"""What a search finds: posts that the asker may read, newest first, with what surrounds the words."""

import asyncio
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import String, bindparam, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from model.accounts.session import Identity
from model.accounts.user import User
from model.groups.group import VISIBLE, Group, asker
from model.talk.channel import SHOWN_TITLE, Channel
from model.talk.post import FOUND, Post, PostView, view, weight
from model.talk.search import index
from model.talk.search.query import Query, understood
from model.talk.search.words import excerpt, plain
from pottle.errors import Invalid, Overloaded
from pottle.store import db
from pottle.store.fulltext import Wanted
from pottle.store.paging import Cursor, Page
from pottle.translation import _

LONGEST_SECONDS = 5.0


class PostPlace(msgspec.Struct):
    """Where a post is."""

    group: str
    group_name: str
    channel: int
    title: str
    key: str
    url: str | None


class Hit(msgspec.Struct):
    """A post that was found; `excerpt` is HTML with `<mark>` around the words."""

    post: PostView
    place: PostPlace
    excerpt: str


class Found(NamedTuple):
    """A page of what was found, and the query as it was understood."""

    page: Page[Hit]
    query: Query


PLACE = SHOWN_TITLE, Channel.key, Channel.url, Group.slug.label("group"), Group.name.label("group_name")
GROUPS, HIDDEN = (select(Group.id).where(seen).limit(index.MOST_GROUPS + 1) for seen in (VISIBLE, ~VISIBLE))
BY_SLUG = select(Group.id).where(VISIBLE, Group.slug == bindparam("slug"))
CHANNELS = (
    select(Channel.id)
    .join(Group, Group.id == Channel.group_id)
    .where(VISIBLE, or_(Channel.key == bindparam("named"), cast(Channel.id, String) == bindparam("named")))
    .limit(index.MOST_GROUPS)
)
AUTHOR = select(User.id).where(User.uid_folded == bindparam("uid_folded"))
NOTHING: Page[Any] = Page([], None, None)


async def find(identity: Identity | None, text: str, slug: str | None, cursor: Cursor) -> Found:
    """What somebody finds, everywhere or in a group. Raises Invalid for a query that looks for nothing; Overloaded."""
    query = understood(text)
    if query.is_empty:
        raise Invalid({"q": _("must have a word to look for")})
    try:
        async with asyncio.timeout(LONGEST_SECONDS), db.session() as session:
            page = await _found(session, identity, query, slug, cursor)
    except TimeoutError:
        raise Overloaded(_("That is said too often to be found quickly. Add a rarer word, or a group.")) from None
    hits = await asyncio.to_thread(lambda: [_hit(row, query) for row in page.items])  # long posts take milliseconds
    return Found(Page(hits, page.next, page.prev), query)


def _hit(row: Any, query: Query) -> Hit:
    place = PostPlace(row.group, row.group_name, row.channel_id, row.title, row.key, row.url)
    return Hit(view(row), place, excerpt(plain(row.html), query.terms))


async def _found(
    session: AsyncSession, identity: Identity | None, query: Query, slug: str | None, cursor: Cursor
) -> Page[Any]:
    who = asker(identity)
    match = await _match(session, query, slug, who)
    if match is None:
        return NOTHING
    days = {name: day for name in EDGES if (day := getattr(query, name)) is not None}
    return await index.INDEX.page(session, READABLE[tuple(days)], cursor, _as_it_is, weight, **who, match=match, **days)


def _readable(names: tuple[str, ...], found: Any) -> Any:
    """Of what was found, the posts that one may read and that are of the right days."""
    return (
        FOUND.add_columns(*PLACE, found.c.rowid)
        .join(Channel, Channel.id == Post.channel_id)
        .join(Group, Group.id == Channel.group_id)
        .join(found, found.c.rowid == Post.id)
        .where(Post.state == "published", Channel.state == "published", VISIBLE, *(EDGES[name] for name in names))
    )


EDGES: dict[str, Any] = {"since": Post.created >= bindparam("since"), "before": Post.created < bindparam("before")}
READABLE: dict[tuple[str, ...], Any] = {
    names: partial(_readable, names) for names in ((), ("since",), ("before",), ("since", "before"))
}


def _as_it_is(row: Any) -> Any:
    return row


async def _match(session: AsyncSession, query: Query, slug: str | None, who: dict[str, int]) -> Wanted | None:
    """The query as the index takes it; None where nothing can be found.

    It says where to look, or not to: else a common word would be looked for in all that one may not read.
    """

    async def ids(statement: Any, letter: str, **values: Any) -> list[str]:
        return [f"{letter}{row.id}" for row in (await session.execute(statement, values)).all()]

    facts = [[f"has{name}"] for name in query.has] + index.between(query.since, query.before)
    if query.author is not None:
        facts.append(await ids(AUTHOR, "u", uid_folded=query.author.lower()))
    places = [await ids(BY_SLUG, "g", slug=slug, **who)] if slug is not None else []
    if query.place is not None:
        groups = await ids(BY_SLUG, "g", slug=query.place.lower(), **who)
        places.append(groups or await ids(CHANNELS, "c", named=query.place, **who))
    hidden: list[str] = []
    if not places:
        groups, hidden = [await ids(statement, "g", **who) for statement in (GROUPS, HIDDEN)]
        if len(groups) <= len(hidden):
            places, hidden = [groups], []
    if not all([*facts, *places]):
        return None
    facts += [some for some in places if len(some) <= index.MOST_GROUPS]
    return Wanted(query.terms, query.without, facts, hidden if len(hidden) <= index.MOST_GROUPS else [])
