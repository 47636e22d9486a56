"""`/api/groups/…/export` and `quart --app main group export`: a group with everything in it, as one file."""

from pathlib import Path

import click
import msgspec
from quart import Blueprint, Response

from api.access import EXPORTS, me, on_our_pages
from api.addresses import here
from api.commands.people import SLUG, UID, groups, users
from api.commands.running import run
from model.accounts import account
from model.leaving import group, wxr
from model.leaving.group import Format, GroupExport, Writing
from model.talk import aging
from pottle.commands import say, working
from pottle.http.answers import asks, gives
from pottle.http.asking import signed_in
from pottle.http.limits import limited_here
from pottle.store import copies

blueprint = Blueprint("leaving", __name__)
TYPES = {"json": ("application/json", "json"), "wxr": ("application/rss+xml; charset=utf-8", "xml")}


class ExportQuery(msgspec.Struct):
    """Which form the file is to have."""

    format: Format = "json"


@blueprint.get("/api/groups/<slug>/export")
@limited_here(EXPORTS)
@signed_in
@on_our_pages
@asks(ExportQuery)
@gives(GroupExport)
async def export(slug: str, query: ExportQuery) -> Response:
    """A group with all its discussions and posts as a file, also those that wait or were removed: JSON, or what
    WordPress imports (`wxr`). Its moderators may. It breaks off where the session or the right ends meanwhile."""
    kind, ending = TYPES[query.format]
    pieces = await group.take(me(), slug, _writing(query.format))
    headers = {"Content-Disposition": f'attachment; filename="{slug}.{ending}"', "Cache-Control": "no-store"}
    return Response(group.until_it_ends(pieces), 200, headers, content_type=kind)


def _writing(form: Format) -> Writing:
    return group.as_json if form == "json" else wxr.written(here())


@groups.command("export")
@SLUG
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice([*TYPES]), default="json", show_default=True, help="Its form.")
def _export(slug: str, file: Path, form: Format) -> None:
    """Write the group SLUG with everything in it to the new FILE. The server may run."""

    async def written() -> None:
        pieces = await group.take(None, slug, _writing(form))
        with copies.appearing(file) as part, part.open("wb") as out:
            async for piece in pieces:
                out.write(piece)

    with working():
        run(written)
    say(file)


@users.command("erase")
@UID
@click.confirmation_option(prompt="Delete all that it wrote, and the account, for good?")
def _erase(uid: str) -> None:
    """Delete all that an account wrote, and then the account, for good."""

    async def erased() -> int:
        posts = await aging.erase_all(uid)
        await account.remove(None, uid)
        return posts

    say(f"Deleted {uid} and {run(erased)} posts.")
