"""The doctor's looks at what is kept, the database, and at who has it open."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, func, select

from model.accounts.user import User
from model.operating.doctor.findings import MIB, Finding, Patient
from pottle import times
from pottle.store import Snapshot, migrations
from pottle.store.bus import listeners
from pottle.store.changes import LoggedChange
from pottle.store.engines import open_reader, open_writer
from pottle.store.presence import anybody

LARGE_LOG = 64 * MIB

ADMINS = select(func.count().label("n")).where(User.role == "admin", User.disabled.is_(None))
NEWEST = select(func.max(LoggedChange.created).label("at"))


def _database(patient: Patient) -> Iterator[Finding]:
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
        return Finding("warn", "revision", f"{waiting} waits, for it drops something: quart --app main migrate")
    return Finding("warn", "revision", f"{at or 'none'}: the next start brings it to {migrations.newest_revision()}")


def _synchronous(database: Path) -> Finding:
    with closing(open_writer(database)) as raw:
        (level,) = raw.execute("PRAGMA synchronous").fetchone()
    if level >= 2:
        return Finding("ok", "synchronous", "an answered write is on disk")
    return Finding("FAIL", "synchronous", f"{level}: a loss of power would lose writes that were answered")


def _log(patient: Patient) -> Iterator[Finding]:
    log = patient.database.with_name("app.db-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LARGE_LOG:
        yield Finding("warn", "log", f"app.db-wal has {size // MIB} MiB: something reads for long. A stuck backup?")
    else:
        yield Finding("ok", "log", f"app.db-wal has {size // 1024} KiB")


def _clock(patient: Patient) -> Iterator[Finding]:
    newest = _asked(patient, NEWEST, "at")
    if newest is None:
        return
    ahead = datetime.fromisoformat(newest) - datetime.fromisoformat(times.now())
    if ahead > timedelta(minutes=1):
        yield Finding("FAIL", "clock", f"it is {times.now()} here, before the newest change, {newest}. Set the clock.")
    else:
        yield Finding("ok", "clock", f"{times.now()}, after the newest change")


def _admin(patient: Patient) -> Iterator[Finding]:
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


def _workers(patient: Patient) -> Iterator[Finding]:
    if not patient.settings.instance.exists():
        return
    count = listeners(patient.database)
    if count:
        yield Finding("ok", "workers", f"{count} have the database open")
    elif anybody(patient.database):
        yield Finding("ok", "workers", "it is in use in another container, where they cannot be counted")
    else:
        yield Finding("warn", "workers", "no server is running")


LOOKS = (_log, _database, _clock, _admin, _workers)
