"""The doctor: looks at the machine, the database and the settings, and says what to do about what is wrong."""

import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Executable, func, select

from model.accounts.user import User
from model.settings import Settings
from pottle import VERSION, settings, times
from pottle.store import Snapshot, first_look, migrations
from pottle.store.bus import listeners
from pottle.store.changes import LoggedChange
from pottle.store.database import LITTLE_SPACE
from pottle.store.engines import open_reader, open_writer
from pottle.store.first_look import WrongDatabase, explained
from pottle.store.locks import anybody

Level = Literal["ok", "warn", "FAIL"]
MIB = 1024 * 1024
LARGE_LOG = 64 * MIB
OLDEST_SQLITE = (3, 35)  # RETURNING
FEW_DESCRIPTORS = 1_024
LOCAL = ("localhost", "127.0.0.1", "::1")
# What is gone with the machine's next start, or with the container.
FLEETING = {"tmpfs": "memory", "ramfs": "memory", "overlay": "the container itself, and gone with it: mount a volume"}
ADMINS = select(func.count().label("n")).where(User.role == "admin", User.disabled.is_(None))
NEWEST = select(func.max(LoggedChange.created).label("at"))


class Finding(NamedTuple):
    """What one look found, and where it is not ok what to do."""

    level: Level
    about: str
    says: str


class Patient(NamedTuple):
    """What is looked at."""

    settings: Settings
    environ: dict[str, str]

    @property
    def database(self) -> Path:
        """The file, which may not be there."""
        return self.settings.instance / "app.db"

    @property
    def closed(self) -> Path | None:
        """What of the instance folder whoever runs this may not read and write; None where it may all that is there."""
        folder = self.settings.instance.absolute()
        if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
        files = sorted(folder.glob("app.db*")) if os.path.isdir(folder) else []
        return next((file for file in files if not os.access(file, os.R_OK | os.W_OK)), None)


Findings = Iterator[Finding]
Look = Callable[[Patient], Findings]


def examine(patient: Patient) -> Findings:
    """Every look in turn. One that cannot be taken is a finding too; nothing is changed.

    What whoever runs it may not read is said once.
    """
    of_the_database = () if patient.closed else DATABASE
    for look in (*MACHINE, *of_the_database, *SETTINGS):
        try:
            yield from look(patient)
        except (OSError, WrongDatabase) as error:
            yield Finding("FAIL", _name(look), str(error))
        except sqlite3.Error as error:
            yield Finding("FAIL", _name(look), str(explained(patient.database, error) or error))


def _name(look: Look) -> str:
    return look.__name__.strip("_").replace("_", " ")


def _version(_: Patient) -> Findings:
    yield Finding("ok", "version", f"Pottle {VERSION} on Python {platform.python_version()}")


def _sqlite(_: Patient) -> Findings:
    good = sqlite3.sqlite_version_info >= OLDEST_SQLITE
    says = f"version {sqlite3.sqlite_version}"
    yield Finding("ok", "sqlite", says) if good else Finding("FAIL", "sqlite", f"{says} is too old")


def _folder(patient: Patient) -> Findings:
    folder = patient.settings.instance.absolute()
    if closed := patient.closed:
        yield Finding("FAIL", "folder", f"{closed} cannot be read and written: {first_look.as_whom(closed)}")
        return
    if not folder.exists():
        yield Finding("warn", "folder", f"{folder} is not there: the first start makes it. Is POTTLE_INSTANCE right?")
        return
    try:
        with tempfile.TemporaryFile(dir=folder):
            yield Finding("ok", "folder", f"{folder} can be written")
    except OSError as error:
        yield Finding("FAIL", "folder", f"{folder} cannot be written: {error.strerror}.")


def _file_system(patient: Patient) -> Findings:
    kind = first_look.kind_of(patient.settings.instance)
    if first_look.is_shared(kind) and not patient.settings.shared_disk:
        yield Finding("FAIL", "file system", f"{kind}: {first_look.SHARED}")
    elif first_look.is_shared(kind):
        yield Finding("warn", "file system", f"{kind}: nobody else may write there, or answered writes are lost.")
    elif kind in first_look.OF_THE_HOST:
        yield Finding("warn", "file system", f"{kind}, from the computer around this one: good to try things out.")
    elif kind in FLEETING:
        yield Finding("warn", "file system", f"{kind}: the folder is kept in {FLEETING[kind]}.")
    else:
        yield Finding("ok", "file system", kind or "not known on this system")


def _space(patient: Patient) -> Findings:
    folder = patient.settings.instance.resolve()
    while not _there(folder):
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    size = patient.database.stat().st_size if _there(patient.database) else 0
    if free < LITTLE_SPACE:
        yield Finding("FAIL", "disk", f"{free // MIB} MiB are free: posts will soon be refused. Make room.")
    elif free < 2 * size:
        yield Finding("warn", "disk", f"{free // MIB} MiB are free, less than twice the database. Make room.")
    else:
        yield Finding("ok", "disk", f"{free // MIB} MiB are free")


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # nobody lets us look
        return False


def _descriptors(_: Patient) -> Findings:
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < FEW_DESCRIPTORS:
        yield Finding("warn", "descriptors", f"{soft} here: about as many readers for a worker. Raise it (ulimit -n).")
    else:
        yield Finding("ok", "descriptors", f"{soft} here, about as many readers for a worker")


def _log(patient: Patient) -> Findings:
    log = patient.database.with_name("app.db-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LARGE_LOG:
        yield Finding("warn", "log", f"app.db-wal has {size // MIB} MiB: something reads for long. A stuck backup?")
    else:
        yield Finding("ok", "log", f"app.db-wal has {size // 1024} KiB")


def _database(patient: Patient) -> Findings:
    if not patient.database.exists():
        yield Finding("warn", "database", "there is none yet: the first start makes it, or restore or import")
        return
    with closing(open_reader(patient.database)) as raw:
        yield _revision(raw, patient.database)
        wrong = [line for (line,) in raw.execute("PRAGMA quick_check(1)") if line != "ok"]
        if wrong:
            yield Finding("FAIL", "integrity", f"{wrong[0].splitlines()[-1]}. Stop the server and restore a backup.")
        else:
            yield Finding("ok", "integrity", "no damage found")
        if broken := raw.execute("PRAGMA foreign_key_check").fetchone():
            yield Finding("warn", "references", f"row {broken[1]} of {broken[0]} refers to nothing in {broken[2]}")
        (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
    yield Finding("ok", "journal", "write-ahead" if mode == "wal" else f"{mode}; write-ahead from the next start on")
    if mode == "wal":
        yield _synchronous(patient.database)


def _revision(raw: sqlite3.Connection, database: Path) -> Finding:
    at = migrations.revision_of(raw, database)
    migrations.check_known(at, database)
    if at == migrations.newest_revision():
        return Finding("ok", "revision", f"{at}, the newest")
    waiting = migrations.first_waiting(at)
    if waiting:
        return Finding("warn", "revision", f"{waiting} waits, for it drops something: quart --app main db upgrade")
    return Finding("warn", "revision", f"{at or 'none'}: the next start brings it to {migrations.newest_revision()}")


def _synchronous(database: Path) -> Finding:
    with closing(open_writer(database)) as raw:
        (level,) = raw.execute("PRAGMA synchronous").fetchone()
    if level >= 2:
        return Finding("ok", "synchronous", "an answered write is on disk")
    return Finding("FAIL", "synchronous", f"{level}: a loss of power would lose writes that were answered")


def _clock(patient: Patient) -> Findings:
    newest = _asked(patient, NEWEST, "at")
    if newest is None:
        return
    ahead = datetime.fromisoformat(newest) - datetime.fromisoformat(times.now())
    if ahead > timedelta(minutes=1):
        yield Finding("FAIL", "clock", f"it is {times.now()} here, before the newest change, {newest}. Set the clock.")
    else:
        yield Finding("ok", "clock", f"{times.now()}, after the newest change")


def _admin(patient: Patient) -> Findings:
    admins = _asked(patient, ADMINS, "n")
    if admins == 0:
        yield Finding("warn", "admin", "there is none: quart --app main user create NAME --admin")
    elif admins is not None:
        yield Finding("ok", "admin", f"{admins} of them")


def _asked(patient: Patient, statement: Executable, column: str) -> Any:
    """One value of the database; None where there is no database, or none that these questions fit."""
    if not patient.database.exists():
        return None
    with closing(open_reader(patient.database)) as raw:
        if not migrations.served(migrations.revision_of(raw, patient.database)):
            return None
        return getattr(Snapshot(raw).one(statement), column)


def _workers(patient: Patient) -> Findings:
    if not patient.settings.instance.exists():
        return
    if count := listeners(patient.database):
        yield Finding("ok", "workers", f"{count} have the database open")
    elif anybody(patient.database):
        yield Finding("ok", "workers", "it is in use in another container, where they cannot be counted")
    else:
        yield Finding("warn", "workers", "no server is running")


def _names(patient: Patient) -> Findings:
    for line in settings.unknown(patient.environ, Settings):
        yield Finding("warn", "settings", line)


def _address(patient: Patient) -> Findings:
    url, proxies = patient.settings.url, patient.settings.trusted_proxies
    if proxies and not url:
        yield Finding("warn", "address", "a proxy is trusted, but POTTLE_URL does not say what address people type")
    elif _is_plain(url):
        yield Finding("warn", "address", f"{url} is not https: passwords and cookies travel in the clear")
    else:
        yield Finding("ok", "address", url or "POTTLE_URL is not set")


def _rules(patient: Patient) -> Findings:
    chosen = patient.settings
    if not chosen.rate_limits:
        yield Finding("warn", "limits", "POTTLE_RATE_LIMITS=off: anybody may guess passwords as fast as they can")
    else:
        yield Finding("ok", "limits", "on")
    if chosen.sign_up == "open" and chosen.url:
        yield Finding("warn", "sign-up", f"open: whoever finds {chosen.url} can make an account (POTTLE_SIGN_UP)")
    else:
        yield Finding("ok", "sign-up", chosen.sign_up)
    if chosen.development:
        yield Finding("warn", "development", "POTTLE_DEVELOPMENT=on: a server would write migrations into the code")


def _front_ends(patient: Patient) -> Findings:
    origins, url = patient.settings.flask_origins, patient.settings.url
    if plain := [origin for origin in origins if _is_plain(origin)]:
        yield Finding("warn", "front ends", f"{plain[0]} is not https: whoever is on its way can act for its visitors")
    elif origins and url.startswith("http:"):
        yield Finding("warn", "front ends", f"browsers keep the cookie for /flask only if {url} is https")
    elif origins:
        yield Finding("ok", "front ends", f"pages of {', '.join(origins)} may act for their visitors, at /flask")


def _is_plain(url: str) -> bool:
    return url.startswith("http:") and (urlsplit(url).hostname or "") not in LOCAL


MACHINE: tuple[Look, ...] = (_version, _sqlite, _folder, _file_system, _space, _descriptors)
DATABASE: tuple[Look, ...] = (_log, _database, _clock, _admin, _workers)
SETTINGS: tuple[Look, ...] = (_names, _address, _rules, _front_ends)
