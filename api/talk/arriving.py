"""`/api/imports`: comments of another system, which admins bring into a group; and the command that does the work."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import click
import msgspec
from quart import Blueprint

from api.access import EXPORTS, admins, me
from api.commands.running import run
from model.arriving import job, work
from model.arriving.job import JobView
from model.groups.group import SomeSlug
from pottle.http import bodies
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed, takes, takes_pieces
from pottle.http.limits import limited
from pottle.values import line

MOST = 100.0  # times POTTLE_UPLOAD_BYTES, of a file: 500 MiB
blueprint = Blueprint("arriving", __name__, url_prefix="/api/imports", cli_group=None)
bodies.UPLOADS["/api/imports"] = MOST


class UploadQuery(msgspec.Struct):
    """Where the comments are to go, what the file is called, and which system it is of, where that is known."""

    group: SomeSlug
    name: Annotated[str, line(200)]
    source: Annotated[str, line(40)] | None = None


class ImportEdit(msgspec.Struct):
    """What to do: import it (`importing`), or do not (`cancelled`)."""

    state: Literal["importing", "cancelled"]


class JobsView(msgspec.Struct):
    """Imports, newest first."""

    imports: list[JobView]
    next: str | None
    prev: str | None


@blueprint.get("")
@admins
@asks(Paging)
@gives(JobsView)
async def index(query: Paging) -> Answer:
    """All imports. While one is at work, it says how far it is."""
    return listed(JobsView, await job.listed(cursor(query)))


@blueprint.post("")
@limited(EXPORTS)
@admins
@asks(UploadQuery)
@takes_pieces
@gives(JobView, 201)
async def create(query: UploadQuery, pieces: AsyncIterator[bytes]) -> Answer:
    """Send a file as the body, as it is or packed with gzip. A dry run looks at it; nothing is imported yet."""
    made = await job.begin(me(), query.group, query.name, query.source, pieces)
    return Answer(made, location=f"/api/imports/{made.id}")


@blueprint.get("/<id:job_id>")
@admins
@gives(JobView)
async def show(job_id: int) -> JobView:
    """An import, with its report."""
    return await job.find(job_id)


@blueprint.patch("/<id:job_id>")
@limited(EXPORTS)
@admins
@takes(ImportEdit)
@gives(JobView)
async def edit(job_id: int, data: ImportEdit) -> JobView:
    """Import what the dry run has looked at, or cancel it. What is being put into place cannot be cancelled."""
    return await job.go_on(job_id) if data.state == "importing" else await job.cancel(job_id)


@blueprint.cli.command("import-job", hidden=True)
@click.argument("number", type=click.IntRange(1, 10**18 - 1))
def _work(number: int) -> None:
    """Do the work of an import that a server has begun."""
    run(lambda: work.work(number))
