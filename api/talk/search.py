"""`/api/search`: posts by their words; and `quart --app main search …`: the index behind it."""

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from typing import Annotated, cast

import click
import msgspec
from quart import Blueprint, Quart
from quart.blueprints import BlueprintSetupState

from api.access import SEARCHING, asker
from api.commands.running import run
from model.groups.group import SomeSlug
from model.operating import doctor
from model.talk.search import results, upkeep
from model.talk.search.query import Has
from model.talk.search.results import Hit
from pottle.commands import Failed, say
from pottle.errors import Refusal
from pottle.http.answers import Paging, asks, cursor, edges, gives
from pottle.http.asking import anyone
from pottle.http.limits import limited_here
from pottle.store import Snapshot, db
from pottle.values import line

RESTART_SECONDS = 60.0  # until a worker that another one was started before looks, too

log = logging.getLogger("pottle")

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


@blueprint.record_once
def _fill_it(state: BlueprintSetupState) -> None:
    """While it serves, has the index filled for posts of before: by the first worker, or by others should that end."""
    app, filling = cast(Quart, state.app), list[asyncio.Task[None]]()

    async def begin() -> None:
        filling.append(asyncio.create_task(_fill(0.0 if db.first_of_start else RESTART_SECONDS)))

    async def end() -> None:
        while filling:
            filling.pop().cancel()

    app.before_serving(begin)
    app.after_serving_funcs.insert(0, end)  # before the database is closed


async def _fill(seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await upkeep.go_on()
            return
        except Refusal as passing:  # the disk is full, or too many write
            log.warning("Search was not filled: %s It tries again in a minute.", passing)
            seconds = RESTART_SECONDS
        except Exception:
            log.exception("Filling the index of search")
            return


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
