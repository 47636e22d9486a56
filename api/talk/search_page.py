"""The page of search: readable without JavaScript. What is chosen beside the results writes itself into the query."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Annotated
from urllib.parse import urlencode

from quart import Blueprint, Response, url_for
from quart_schema import hide

from api.access import SEARCHING, asker
from model.talk.search import results
from model.talk.search.results import Hit
from pottle.errors import Invalid, Overloaded
from pottle.http.answers import Opaque, Paging, asks, cursor, edges
from pottle.http.application import rendered
from pottle.http.asking import anyone
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule
from pottle.http.limits import limited_here
from pottle.store.paging import Page
from pottle.values import as_it_is

blueprint = Blueprint("search_page", __name__)

LONGEST = 200  # characters of a query; what is beyond them is left out
MOST_MARKED = 5  # words that are shown where a result leads to
PERIODS = (7, 30, 365)  # days
OPERATORS = {"group": "in", "by": "from", "has": "has", "since": "after", "until": "before"}
PARTS = re.compile(r'(?:-?\w+:)?(?:"[^"]*"?|[^\s"]+)')
BARE = re.compile(r"(?:^|\s)\w{2,}$")  # a last word that may go on
MARKED = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)

Typed = Annotated[str, as_it_is("whatever somebody types is looked for")]
Chosen = Annotated[str, as_it_is("it becomes part of what is looked for", longest=100)] | None


class SearchQuery(Tolerant):
    """The query; or what was chosen beside it. `scope` is the group on whose page it was typed."""

    q: Typed = ""
    scope: Chosen = None
    group: Chosen = None
    by: Chosen = None
    has: Chosen = None
    since: Chosen = None
    until: Chosen = None
    before: Opaque | None = None


@blueprint.get("/search")
@hide
@limited_here(SEARCHING)
@anyone
@asks(SearchQuery)
async def show(query: SearchQuery) -> Response:
    """Posts that one may read and in which that is, newest first."""
    asked = _tidy(query.q[:LONGEST])
    if any(getattr(query, field) is not None for field in ("scope", *OPERATORS)):
        headers = {"Location": _at(_composed(asked, query)), "Cache-Control": rule()}
        return Response(status=303, headers=headers)
    page, trouble = await _found(asked, query)
    chosen = {field: _chosen(asked, operator) for field, operator in OPERATORS.items()}
    today = datetime.now(UTC).date()
    periods = {days: str(today - timedelta(days)) for days in PERIODS}
    body = await rendered(
        "search.html",
        me=asker(),
        q=asked,
        chosen=chosen,
        periods=periods,
        to=lambda **other: _at(_composed(asked, SearchQuery(**other))),
        leads_to=_leads_to,
        longer=_at(f"{asked}*") if BARE.search(asked) else "",
        trouble=trouble,
        results=page.items,
        **edges(page),
    )
    headers = {"Cache-Control": rule(), "Vary": "Cookie"}
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


async def _found(asked: str, query: SearchQuery) -> tuple[Page[Hit], str]:
    """A page of results, empty where nothing is looked for; and why it could not be found, else ""."""
    edge = cursor(Paging(before=query.before))
    try:
        return (await results.find(asker(), asked, None, edge)).page, ""
    except Invalid:
        return Page([], None, None), ""
    except Overloaded as error:
        return Page([], None, None), error.detail


def _composed(asked: str, query: SearchQuery) -> str:
    """A query with what was chosen in place of what it had of that kind."""
    parts = PARTS.findall(asked)
    for field, operator in OPERATORS.items():
        value = getattr(query, field)
        if field == "group" and value is None and query.scope and not _chosen(asked, operator):
            value = query.scope
        if value is not None:
            parts = [part for part in parts if not part.startswith(f"{operator}:")]
            parts += [f"{operator}:{word}" for word in value.replace('"', "").lstrip("@").split()[:1]]
    return _tidy(" ".join(parts))


def _chosen(asked: str, operator: str) -> str:
    """The value of an operator in a query, "" where it has none."""
    values = [part for part in PARTS.findall(asked) if part.startswith(f"{operator}:")]
    return values[-1].removeprefix(f"{operator}:").strip('"') if values else ""


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _at(asked: str) -> str:
    return url_for("search_page.show") + ("?" + urlencode({"q": asked}) if asked else "")


def _leads_to(hit: Hit) -> str:
    """The address of a post where it stands in its discussion, with the words to be highlighted there."""
    words = dict.fromkeys(unescape(word) for word in MARKED.findall(hit.excerpt))
    query = urlencode([("at", hit.post.id), *(("word", word) for word in [*words][:MOST_MARKED])])
    return url_for("talk.channel", channel_id=hit.post.channel) + f"?{query}#p{hit.post.id}"
