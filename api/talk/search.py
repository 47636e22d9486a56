"""`/api/search`: posts by their words; and `quart --app main search …`: the index behind it."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import click
import msgspec
from quart import Blueprint

import model.talk.search.filling  # noqa: F401  # which fills the index
from api.access import SEARCHING, asker
from api.commands.running import run
from model.groups.group import SomeSlug
from model.operating import doctor
from model.talk.search import results, upkeep
from model.talk.search.query import Has
from model.talk.search.results import Hit
from pottle.commands import Failed, say
from pottle.http.answers import Paging, asks, cursor, edges, gives
from pottle.http.asking import anyone
from pottle.http.limits import limited_here
from pottle.store import Snapshot
from pottle.values import line

blueprint = Blueprint("search", __name__, url_prefix="/api/search")
commands = Blueprint("searching", __name__, cli_group="search")
commands.cli.help = "The index that search uses."


class SearchQuery(Paging):
    """What to look for, everywhere or in a `group`."""

    q: Annotated[str, line(200, shortest=0)] = ""
    group: SomeSlug | None = None


class Understood(msgspec.Struct):
    """A query as it was understood."""

    words: list[str]
    without: list[str]
    before: str | None
    after: str | None
    has: list[Has]
    author: str | None = msgspec.field(name="from")
    place: str | None = msgspec.field(name="in")


class SearchResults(msgspec.Struct):
    """What was found, newest first."""

    results: list[Hit]
    next: str | None
    prev: str | None
    query: Understood


@blueprint.get("")
@limited_here(SEARCHING)
@anyone
@asks(SearchQuery)
@gives(SearchResults)
async def find(query: SearchQuery) -> SearchResults:
    """Posts that one may read and in which all of these words are, newest first.

    `"words that stand together"`, `-without`, `begin*`, `from:ada`, `in:group`, `before:2026-12-31`, `after:2026-01-01`
    and `has:code`, `image`, `link` or `answer` say more; docs/search.md has examples.
    """
    found = await results.find(asker(), query.q, query.group, cursor(query))
    asked = found.query
    words, without = ([" ".join(term.words) for term in terms] for terms in (asked.terms, asked.without))
    days = asked.before, asked.since
    understood = Understood(words, without, *days, [*asked.has], asked.author, asked.place)
    return SearchResults(found.page.items, **edges(found.page), query=understood)


def _progress(read: Snapshot) -> Iterator[doctor.Finding]:
    posts, waiting = upkeep.progress.within(read)
    slow = f"{posts - waiting} of {posts} posts are indexed: the server goes on with the others"
    yield doctor.Finding(*("warn", "search", slow) if waiting else ("ok", "search", f"{posts} posts are indexed"))


doctor.also(_progress)


@commands.cli.command("rebuild")
def rebuild() -> None:
    """Make the index anew. Where a server runs, it finds less until this is done."""

    async def work() -> int:
        await upkeep.begin_anew()
        return await upkeep.go_on()

    say(f"Indexed {run(work)} posts.")


@commands.cli.command("check")
@click.option("--thorough", is_flag=True, help="Also the full-text index itself; nobody can post meanwhile.")
def check(thorough: bool) -> None:
    """Compare the index with the posts; what is wrong is named, and the exit code is then 1."""
    seen, wrong = run(partial(upkeep.differences, thorough))
    if wrong:
        raise Failed(f"Wrong for the posts {', '.join(map(str, wrong))}: quart --app main search rebuild")
    say(f"The index is right for all {seen} posts.")
