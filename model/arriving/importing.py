"""Importing the comments of another system into a group: read, plan, then place.

All of it is read, checked and rendered first, which takes minutes for 100,000 comments and disturbs nobody. Then it is
put into place by one transaction of seconds, or nothing is. What was imported once is not imported again, whatever
became of it here since: so an import can be repeated, and brings what is new.
"""

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from model import settings
from model.arriving import placing, readers
from model.arriving.opened import Opened
from model.arriving.placing import Outcome
from model.arriving.plan import Part, Report, Unreadable
from model.arriving.planning import Plan
from model.groups import group
from pottle.errors import NotFound
from pottle.store import Snapshot, db, reads
from pottle.store.copies import Progress
from pottle.store.files import WrongDatabase
from pottle.translation import _

MOST_BYTES = 2 * 1024 * 1024 * 1024  # of a file, unpacked
NOTHING = "Nothing was imported."
PORTION = 500  # entries between two reports of progress


class Prepared(NamedTuple):
    """A file that was read: what of it can come, and which system it is of."""

    plan: Plan
    source: str


@cache
def known() -> dict[str, Any]:
    """The modules that read other systems' files, by their names."""
    found = [import_module(f"{readers.__name__}.{module.name}") for module in pkgutil.iter_modules(readers.__path__)]
    return {reader.NAME: reader for reader in found if hasattr(reader, "NAME")}


def prepare(path: Path, longest_post: int, source: str | None, progress: Progress, name: str | None = None) -> Prepared:
    """Reads and checks a file; it takes long, and asks no database. Raises WrongDatabase, with what is wrong with it.

    `source` is a reader's NAME; without it, the file's content says of which system it is. `name` is what the file was
    called, where that is not in its path.
    """
    if not path.exists():
        raise WrongDatabase(f"There is no file {path}.")
    try:
        file = Opened(path, MOST_BYTES, name)
        reader, report = _reader(file, source), Report()
        plan = Plan(longest_post, report, progress)
        plan.fill(_counted(file, reader.read(file, report), progress))
    except Unreadable as why:
        raise WrongDatabase(f"{name or path.name}: {why} {NOTHING}") from why
    return Prepared(plan, reader.NAME)


def _reader(file: Opened, source: str | None) -> Any:
    every = known()
    if source is not None:
        return every[source]
    fitting = [reader for reader in every.values() if hasattr(reader, "MANY") or not file.many]
    found = [reader for reader in fitting if reader.looks_like(file.head, file.name)]
    if len(found) == 1:
        return found[0]
    maybe = ", ".join(sorted(reader.NAME for reader in found or every.values()))
    if found:
        raise Unreadable(f"The file may be of several systems ({maybe}): say which it is of (--from).")
    raise Unreadable(f"The file is of no system that is known here ({maybe}).")


def _counted(file: Opened, parts: Iterator[Part], progress: Progress) -> Iterator[Part]:
    for number, part in enumerate(parts):
        if number % PORTION == 0:
            progress("Reading", min(file.read, file.size), file.size)
        yield part
    progress("Reading", file.size, file.size)


async def import_(path: Path, slug: str, source: str | None, dry: bool, progress: Progress) -> Outcome:
    """Imports what is new in a file into a group; `dry` only says what would come. Raises NotFound, WrongDatabase."""
    await _must_be_there(slug)
    prepared = prepare(path, settings.chosen().post_length, source, progress)
    if dry:
        return await db.read(placing.preview, prepared.plan, slug, prepared.source)
    progress("Importing", 0, 1)
    outcome = await placing.place(prepared.plan, slug, prepared.source, path.name)
    progress("Importing", 1, 1)
    return outcome


@reads
def _must_be_there(read: Snapshot, slug: str) -> None:
    if read.one(group.TAKEN, slug=slug) is None:
        raise NotFound(_("There is no group %(slug)s.", slug=slug))
