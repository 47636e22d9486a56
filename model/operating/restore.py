"""Restoring: a backup becomes the database of an instance folder that has none."""

import sqlite3
from contextlib import closing
from pathlib import Path

from model import audit
from pottle.errors import NotFound
from pottle.store import Snapshot
from pottle.store.backup import Content, Progress, check_integrity, content, copy, explained
from pottle.store.placing import begin_anew, placed


def restore(folder: Path, source: Path, progress: Progress) -> tuple[Content, dict[str, int]]:
    """Puts a copy of the backup into the folder; what it holds, and how many credentials of each kind were ended.

    The backup itself is only read. Raises Conflict where the folder has a database or a server uses it, NotFound,
    StorageFull, and WrongDatabase for a file that is damaged, not ours or newer than the code; nothing is left then.
    """
    if not source.is_file():
        raise NotFound(f"There is no file {source}.")
    with placed(folder) as part:
        with explained(source), closing(_opened(source)) as raw:
            found = content(Snapshot(raw), source)
            copy(raw, part, progress)
        with explained(source), closing(sqlite3.connect(part)) as raw:
            check_integrity(raw, str(source), progress)
        ended = begin_anew(part, lambda tx: audit.note(tx, None, "database.restored", source.name))
    return found, ended


def _opened(source: Path) -> sqlite3.Connection:
    """A connection that leaves nothing beside the backup, and also reads one on a medium that cannot be written to.

    Immutable, unless a log is beside it: then it is a copied database folder, whose newest posts are in there.
    """
    path = source.resolve()
    logs = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    how = "mode=ro" if any(log.exists() for log in logs) else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, isolation_level=None)
