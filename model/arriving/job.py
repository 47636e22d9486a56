"""Imports as admins start them: a file is sent, looked at in a dry run, and imported once somebody says so.

A process of its own does the work (`quart --app main import-job`), for rendering a hundred thousand comments would keep
a worker from everything else. Whoever works holds a lock on `imports/lock` in the instance folder, from the first byte
of the upload on, and hands it to that process: so there is one at a time over all workers, and a job whose process died
is known by the lock that nobody holds.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
from sqlalchemy import JSON, ForeignKey, String, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group
from model.groups.group import Group
from pottle.errors import Conflict, Invalid, NotFound, StorageFull
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, reads, writes
from pottle.store.locks import alone_with
from pottle.store.paging import Cursor, Page, paged
from pottle.translation import _

State = Literal["checking", "checked", "importing", "placing", "done", "failed", "cancelled"]
CHECKING: tuple[State, ...] = ("checking",)  # what the dry run's process is at
PLACING: tuple[State, ...] = ("importing", "placing")  # and that of what was gone on with
WORKING = CHECKING + PLACING
ROOT = Path(__file__).parents[2]
DIED = "It stopped before it was done, and nothing was imported. Was the server restarted? Please start it again."
DIED_PLACING = "It stopped while it was put into place. Start it again: what came already does not come twice."
MOST_LINES = 1_000  # of a report
PATIENCE, MOMENT_S = 60, 0.05


class Job(Base):
    """One import. The file that was sent is `imports/ID` in the instance folder, until the job has ended."""

    __tablename__ = "import_jobs"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    file: Mapped[str] = mapped_column(String(200))  # its name where it came from
    source: Mapped[str | None] = mapped_column(String(40))  # which reader is to read it; None: whichever recognises it
    state: Mapped[State] = mapped_column(String(10))
    step: Mapped[str] = mapped_column(String(40))  # what it does, `done` of `total`
    done: Mapped[int]
    total: Mapped[int]
    counts: Mapped[dict[str, int]] = mapped_column(JSON)
    report: Mapped[list[str]] = mapped_column(JSON)  # what is left out or changed
    error: Mapped[str | None]
    created: Mapped[Time]
    ended: Mapped[Time | None]


class JobView(msgspec.Struct):
    """An import: what it does (`step`, `done` of `total`), what comes (`counts`) and what does not (`report`)."""

    id: int
    group: str
    group_name: str
    by: str | None
    file: str
    source: str | None
    state: State
    step: str
    done: int
    total: int
    counts: dict[str, int]
    report: list[str]
    error: str | None
    created: str
    ended: str | None


SHOWN = (
    select(*Job.__table__.c, Group.slug.label("group"), Group.name.label("group_name"), User.uid.label("by"))
    .join(Group, Group.id == Job.group_id)
    .outerjoin(User, User.id == Job.by_id)
)
BY_ID = SHOWN.where(Job.id == bindparam("id"))
ADD = insert(Job).returning(Job.id)
CHANGE = update(Job).where(Job.id == bindparam("id"))
UNFINISHED = select(Job.id, Job.state).where(Job.state.in_([*WORKING, "checked"]))


_looking: set[asyncio.Future[None]] = set()


def _folder() -> Path:
    folder = db.settings.instance / "imports"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def file_of(id_: int) -> Path:
    """The file that was sent for a job."""
    return _folder() / str(id_)


async def _alone() -> int:
    """The lock. The process of a job that has just ended may hold it for a moment more."""
    for _try in range(PATIENCE):
        if (held := alone_with(_folder() / "lock")) is not None:
            return held
        if await _at_work():
            break
        await asyncio.sleep(MOMENT_S)
    raise Conflict(_("Another import is at work. Wait until it is done, or cancel it."))


@reads
def _at_work(read: Snapshot) -> bool:
    return any(row.state in WORKING for row in read.all(UNFINISHED))


def _somebody_works() -> bool:
    if (held := alone_with(_folder() / "lock")) is None:
        return True
    os.close(held)
    return False


def _view(row: Any) -> JobView:
    view = JobView(*(getattr(row, name) for name in JobView.__struct_fields__))
    if view.state in WORKING and os.name == "posix" and not _somebody_works():
        view.error = DIED_PLACING if view.state == "placing" else DIED
        view.state = "failed"
    return view


def _weight(row: Any) -> int:
    return len(msgspec.json.encode((row.report, row.error)))


@reads
def listed(read: Snapshot, cursor: Cursor) -> Page[JobView]:
    """All imports, newest first. For admins."""
    return paged(read, SHOWN, Job.id, cursor, _view, _weight)


@reads
def find(read: Snapshot, id_: int) -> JobView:
    """One import. For admins. Raises NotFound."""
    return _view(_row(read, id_))


def _row(read: Snapshot, id_: int) -> Any:
    if (row := read.one(BY_ID, id=id_)) is None:
        raise NotFound(_("There is no import %(id)s.", id=id_))
    return row


async def begin(by: Identity, slug: str, file: str, source: str | None, pieces: AsyncIterator[bytes]) -> JobView:
    """Takes a file, and begins its dry run. An import that waits for a yes is cancelled by that.

    Raises NotFound for the group; Conflict while another import is at work; Invalid for an empty file; StorageFull.
    """
    await group.visible_to(by, slug)
    held = await _alone()
    try:
        await asyncio.to_thread(_clear)
        part = await _received(pieces)
        id_ = await _add(by, slug, file, source)
        await asyncio.to_thread(part.replace, file_of(id_))
        await _start(id_, held, CHECKING)
    finally:
        os.close(held)
    return await find(id_)


def _clear() -> None:
    """Deletes the files of imports before, none of which is at work any more."""
    for path in _folder().iterdir():
        if path.name != "lock":
            path.unlink(missing_ok=True)


async def _received(pieces: AsyncIterator[bytes]) -> Path:
    """Writes what comes to a file beside those of jobs."""
    descriptor, name = tempfile.mkstemp(suffix=".part", dir=_folder())
    size = 0
    try:
        with os.fdopen(descriptor, "wb") as out:
            async for piece in pieces:
                size += len(piece)
                await asyncio.to_thread(out.write, piece)
        if not size:
            raise Invalid({"file": _("is empty")})
    except BaseException as error:
        os.unlink(name)
        if isinstance(error, OSError):
            raise StorageFull(_("There is no room for the file. Nothing was changed.")) from error
        raise
    return Path(name)


@writes
def _add(tx: Tx, by: Identity, slug: str, file: str, source: str | None) -> int:
    for row in tx.all(UNFINISHED):
        stopped: State = "cancelled" if row.state == "checked" else "failed"
        error = {"checked": None, "placing": DIED_PLACING}.get(row.state, DIED)
        tx.run(CHANGE, id=row.id, state=stopped, error=error, ended=tx.now)
    whose = {"group_id": group.visible_to.within(tx, by, slug).id, "by_id": by.user, "file": file, "source": source}
    at = {"state": "checking", "step": "", "done": 0, "total": 0, "error": None}
    id_: int = tx.one(ADD, **whose, **at, counts={}, report=[], created=tx.now, ended=None).id
    return id_


async def go_on(id_: int) -> JobView:
    """Imports what a dry run has looked at. Raises NotFound; Conflict where there is no such dry run any more."""
    await find(id_)
    held = await _alone()
    try:
        await _go_on(id_)
        await _start(id_, held, PLACING)
    finally:
        os.close(held)
    return await find(id_)


@writes
def _go_on(tx: Tx, id_: int) -> None:
    row = _row(tx, id_)
    if row.state != "checked" or not file_of(id_).exists():
        raise Conflict(_("This import is not waiting for a yes. Please send the file again."))
    tx.run(CHANGE, id=id_, state="importing", step="", done=0, total=0)


async def cancel(id_: int) -> JobView:
    """Ends an import before it is put into place. Raises NotFound; Conflict for one that is, or has ended."""
    await _cancel(id_)
    file_of(id_).unlink(missing_ok=True)
    return await find(id_)


@writes
def _cancel(tx: Tx, id_: int) -> None:
    row = _row(tx, id_)
    if row.state == "placing" and _view(row).state == "placing":
        raise Conflict(_("It is being put into place, which takes only a moment more."))
    if row.state not in ("checking", "checked", "importing", "placing"):
        raise Conflict(_("This import has ended."))
    tx.run(CHANGE, id=id_, state="cancelled", ended=tx.now)


async def _start(id_: int, held: int, doing: Collection[State]) -> None:
    """Starts the process that does the work. It has the lock from now on."""
    process = await asyncio.to_thread(_process, id_, held)
    args = process, asyncio.get_running_loop(), id_, doing
    threading.Thread(target=_reap, args=args, daemon=True).start()


def _process(id_: int, held: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "quart", "--app", "main", "import-job", str(id_)]
    return subprocess.Popen(  # noqa: S603  # our own
        command,
        cwd=ROOT,
        env={**os.environ, "POTTLE_INSTANCE": str(db.settings.instance.resolve())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[held] if os.name == "posix" else [],
        start_new_session=True,  # what ends this worker need not end the import
    )


def _reap(
    process: "subprocess.Popen[bytes]", loop: asyncio.AbstractEventLoop, id_: int, doing: Collection[State]
) -> None:
    process.wait()
    with suppress(RuntimeError):  # the worker ends
        loop.call_soon_threadsafe(_look_again, id_, doing)


def _look_again(id_: int, doing: Collection[State]) -> None:
    _looking.add(task := asyncio.ensure_future(_say_that_it_died(id_, doing)))
    task.add_done_callback(_looking.discard)


@writes
def _say_that_it_died(tx: Tx, id_: int, doing: Collection[State]) -> None:
    """After a process has ended, if it left the job at what it was doing. Another may be at what comes next already."""
    row = tx.one(BY_ID, id=id_)
    if row is not None and row.state in doing:
        error = DIED_PLACING if row.state == "placing" else DIED
        tx.run(CHANGE, id=id_, state="failed", error=error, ended=tx.now)
