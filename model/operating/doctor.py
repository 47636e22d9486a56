"""The doctor: checks the machine, the database and the settings, and says what to do about what is wrong."""

import asyncio
import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import bindparam, func, select

from model.accounts.providers import asking, newcomer
from model.accounts.providers.configured import Provider
from model.accounts.sso import SsoSecret
from model.accounts.user import User
from model.groups.group import Group
from model.mail import outbox, testing
from model.mail.outbox import Mail
from model.operating import retention
from model.settings import Settings
from pottle import VERSION, settings, times
from pottle.errors import Refusal
from pottle.store import Snapshot, files, migrations, moving
from pottle.store.bus import listeners
from pottle.store.changes import LoggedChange
from pottle.store.engines import open_reader, open_writer
from pottle.store.files import WrongDatabase, explained
from pottle.store.instance import fact
from pottle.store.locks import anybody
from pottle.store.sqlite import LITTLE_SPACE

Level = Literal["ok", "warn", "FAIL"]
MIB = 1024 * 1024
LARGE_LOG = 64 * MIB
OLDEST_SQLITE = (3, 35)  # RETURNING
FEW_DESCRIPTORS = 1_024
LOCAL = ("localhost", "127.0.0.1", "::1")
# File systems that do not outlive the machine's next start, or the container.
FLEETING = {"tmpfs": "memory", "ramfs": "memory", "overlay": "the container itself, and gone with it: mount a volume"}
ADMINS = select(func.count().label("n")).where(User.role == "admin", User.disabled.is_(None))
SINGLE_SIGN_ON = (
    select(Group.slug, Group.origins, func.count().label("secrets"), func.max(SsoSecret.created).label("since"))
    .join(SsoSecret, SsoSecret.group_id == Group.id)
    .group_by(Group.id)
    .order_by(Group.slug)
)
ROTATING_DAYS = 14
LETTERS = select(func.count().label("n")).where(Mail.state == "waiting", Mail.first_due < bindparam("now"))
NEWEST = select(func.max(LoggedChange.created).label("at"))


class Finding(NamedTuple):
    """What one check found, and what to do where that is not ok."""

    level: Level
    about: str
    says: str


Check = Callable[[Snapshot], Iterator[Finding]]
_further: list[Check] = []


def also(check: Check) -> None:
    """Has `check` look at a database, too: for rooms that may not be there."""
    _further.append(check)


class Patient(NamedTuple):
    """What is checked."""

    settings: Settings
    environ: dict[str, str]

    @property
    def database(self) -> Path:
        """The file, which may not be there."""
        return self.settings.instance / "app.db"

    @property
    def closed(self) -> Path | None:
        """The first of the instance folder and its files that we may not read and write."""
        folder = self.settings.instance.absolute()
        if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
        found = sorted(folder.glob("app.db*")) if os.path.isdir(folder) else []
        return next((file for file in found if not os.access(file, os.R_OK | os.W_OK)), None)


def examine(patient: Patient) -> Iterator[Finding]:
    """Runs every check; one that fails to run is a finding too. Changes nothing.

    Where files are not ours to read, only the first is named: the database is not checked then.
    """
    # The log first: to open a database ends it.
    of_file = () if patient.closed else (_log, _database, _workers)
    of_database = (_postgresql,) if patient.settings.database_url else of_file
    for check in (_machine, _folder, _disk, *of_database, _settings):
        try:
            yield from check(patient)
        except (OSError, Refusal, WrongDatabase, sqlite3.Error) as error:
            known = explained(patient.database, error) if isinstance(error, sqlite3.Error) else None
            yield Finding("FAIL", check.__name__.strip("_"), str(known or error))


def _judged(about: str, ok: str, *wrong: tuple[object, Level, str]) -> Finding:
    """The first of `wrong` that applies, as a finding; else `ok`."""
    return next((Finding(level, about, says) for applies, level, says in wrong if applies), Finding("ok", about, ok))


def _machine(_: Patient) -> Iterator[Finding]:
    yield Finding("ok", "version", f"Pottle {VERSION} on Python {platform.python_version()}")
    old = sqlite3.sqlite_version_info < OLDEST_SQLITE
    version = f"version {sqlite3.sqlite_version}"
    yield _judged("sqlite", version, (old, "FAIL", f"{version} is too old"))
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = f"{soft} here: about as many readers for a worker. Raise it (ulimit -n)."
    ok = f"{soft} here, about as many readers for a worker"
    yield _judged("descriptors", ok, (0 <= soft < FEW_DESCRIPTORS, "warn", few))


def _folder(patient: Patient) -> Iterator[Finding]:
    folder, closed = patient.settings.instance.absolute(), patient.closed
    if closed:
        yield Finding("FAIL", "folder", f"{closed} cannot be read and written: {files.as_whom(closed)}")
    elif not folder.exists():
        yield Finding("warn", "folder", f"{folder} is not there: the first start makes it. Is POTTLE_INSTANCE right?")
    else:
        try:
            with tempfile.TemporaryFile(dir=folder):
                yield Finding("ok", "folder", f"{folder} can be written")
        except OSError as error:
            yield Finding("FAIL", "folder", f"{folder} cannot be written: {error.strerror}.")
    kind = files.kind_of(patient.settings.instance)
    shared, of_the_host = files.is_shared(kind), kind in files.OF_THE_HOST
    yield _judged(
        "file system",
        kind or "not known on this system",
        (shared and not patient.settings.shared_disk, "FAIL", f"{kind}: {files.SHARED}"),
        (shared, "warn", f"{kind}: nobody else may write there, or answered writes are lost."),
        (of_the_host, "warn", f"{kind}, from the computer around this one: good to try things out."),
        (kind in FLEETING, "warn", f"{kind}: the folder is kept in {FLEETING.get(kind)}."),
    )


def _disk(patient: Patient) -> Iterator[Finding]:
    folder = patient.settings.instance.resolve()
    while not os.path.exists(folder):
        folder = folder.parent
    free, size = shutil.disk_usage(folder).free, os.path.exists(patient.database) and patient.database.stat().st_size
    yield _judged(
        "disk",
        f"{free // MIB} MiB are free",
        (free < LITTLE_SPACE, "FAIL", f"{free // MIB} MiB are free: writes will soon be refused. Make room."),
        (free < 2 * size, "warn", f"{free // MIB} MiB are free, less than twice the database. Make room."),
    )


def _log(patient: Patient) -> Iterator[Finding]:
    log = patient.database.with_name("app.db-wal")
    size = log.stat().st_size if log.exists() else 0
    large = f"app.db-wal has {size // MIB} MiB: something reads for long. A stuck backup?"
    yield _judged("log", f"app.db-wal has {size // 1024} KiB", (size > LARGE_LOG, "warn", large))


def _database(patient: Patient) -> Iterator[Finding]:
    if not patient.database.exists():
        yield Finding("warn", "database", "there is none yet: the first start makes it, or restore or import")
        return
    with closing(open_reader(patient.database)) as raw:
        at = migrations.revision_of(raw, patient.database)
        migrations.check_known(at, patient.database)
        yield _revision(at)
        (damage,) = raw.execute("PRAGMA quick_check(1)").fetchone()
        advice = f"{damage.splitlines()[-1]}. Stop the server and restore a backup."
        yield _judged("integrity", "no damage found", (damage != "ok", "FAIL", advice))
        if broken := raw.execute("PRAGMA foreign_key_check").fetchone():
            yield Finding("warn", "references", f"row {broken[1]} of {broken[0]} refers to nothing in {broken[2]}")
        (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
        if migrations.served(at):
            yield from _content(Snapshot(raw))
            yield from _newcomers(patient, Snapshot(raw))
    yield Finding("ok", "journal", "write-ahead" if mode == "wal" else f"{mode}; write-ahead from the next start on")
    if mode == "wal":  # opening it to write would make it so
        with closing(open_writer(patient.database)) as raw:
            (level,) = raw.execute("PRAGMA synchronous").fetchone()
        lossy = f"{level}: a loss of power would lose writes that were answered"
        yield _judged("synchronous", "an answered write is on disk", (level < 2, "FAIL", lossy))


def _revision(at: str | None) -> Finding:
    newest, waiting = migrations.newest_revision(), migrations.first_waiting(at)
    return _judged(
        "revision",
        f"{at}, the newest",
        (waiting, "warn", f"{waiting} waits, for it drops something: quart --app main db upgrade"),
        (at != newest, "warn", f"{at or 'none'}: the next start brings it to {newest}"),
    )


def _postgresql(patient: Patient) -> Iterator[Finding]:
    from pottle.store import clusters  # and with it psycopg, which takes 0.1 s

    url = patient.settings.database_url
    with clusters.explained(url), closing(clusters.opened(url)) as raw:
        yield Finding("ok", "database", f"{clusters.named(url)} can be reached")
        for found in clusters.examined(raw):
            yield _judged(found.about, found.ok, (found.wrong, found.level, found.why))
        with Snapshot(raw) as read:
            if not moving.tables_in(read):
                yield Finding("warn", "revision", "it is empty: the first start of a server makes what it needs")
                return
            at = moving.revision_of(read, clusters.named(url))
            yield _revision(at)
            if migrations.served(at):
                yield from _content(read)
                yield from _newcomers(patient, read)


def _content(read: Snapshot) -> Iterator[Finding]:
    if newest := read.one(NEWEST).at:
        ahead = datetime.fromisoformat(newest) - datetime.fromisoformat(times.now()) > timedelta(minutes=1)
        slow = f"it is {times.now()} here, before the newest change, {newest}. Set the clock."
        yield _judged("clock", f"{times.now()}, after the newest change", (ahead, "FAIL", slow))
    admins = read.one(ADMINS).n
    none = "there is none: quart --app main user create NAME --admin"
    yield _judged("admin", f"{admins} of them", (not admins, "warn", none))
    if groups := read.all(SINGLE_SIGN_ON):
        plain = next((origin for row in groups for origin in row.origins if _is_plain(origin)), None)
        both = [row.slug for row in groups if row.secrets > 1 and row.since < times.later(days=-ROTATING_DAYS)]
        yield _judged(
            "single sign-on",
            f"for {', '.join(row.slug for row in groups)}",
            (plain, "warn", f"{plain} is not https: whoever is on its way can act for its readers"),
            (both, "warn", f"{', '.join(both)} has had two secrets for weeks: delete the one that is not in use"),
        )
    if waits := read.one(LETTERS, now=times.later(hours=-1)).n:
        why = fact(read, outbox.TROUBLE) or "is the server running, with POTTLE_MAIL?"
        yield Finding("warn", "mail", f"{waits} letters have waited for more than an hour: {why}")
    for check in _further:
        yield from check(read)


def _newcomers(patient: Patient, read: Snapshot) -> Iterator[Finding]:
    """Whether the groups that providers put newcomers into are there."""
    for one in patient.settings.sign_in:
        if one.group and read.one(newcomer.GROUP, slug=one.group) is None:
            yield Finding("warn", "newcomers", f"{one.name}: there is no group {one.group}: group create {one.group}")


def _workers(patient: Patient) -> Iterator[Finding]:
    if not patient.settings.instance.exists():
        return
    if count := listeners(patient.database):
        yield Finding("ok", "workers", f"{count} have the database open")
    elif anybody(patient.database):
        yield Finding("ok", "workers", "it is in use in another container, where they cannot be counted")
    else:
        yield Finding("warn", "workers", "no server is running")


def _settings(patient: Patient) -> Iterator[Finding]:
    chosen, url, origins = patient.settings, patient.settings.url, patient.settings.flask_origins
    for line in settings.unknown(patient.environ, Settings):
        yield Finding("warn", "settings", line)
    unsaid = "a proxy is trusted, but POTTLE_URL does not say what address people type"
    yield _judged(
        "address",
        url or "POTTLE_URL is not set",
        (chosen.trusted_proxies and not url, "warn", unsaid),
        (_is_plain(url), "warn", f"{url} is not https: passwords and cookies travel in the clear"),
    )
    unlimited = "POTTLE_RATE_LIMITS=off: anybody may guess passwords as fast as they can"
    for one in chosen.sign_in:
        yield _provider(one, url)
    yield _judged("limits", "on", (not chosen.rate_limits, "warn", unlimited))
    everybody = f"open: whoever finds {url} can make an account (POTTLE_SIGN_UP)"
    yield _judged("sign-up", chosen.sign_up, (chosen.sign_up == "open" and url, "warn", everybody))
    yield Finding("ok", "retention", retention.in_words(chosen))
    if smtp := chosen.mail:
        clear = f"by {smtp.host} without TLS: everybody on the way can read along"
        yield _judged("mail", f"by {smtp.host}, from {smtp.sender.addr_spec}", (smtp.in_the_clear, "warn", clear))
    if chosen.development:
        yield Finding("warn", "development", "POTTLE_DEVELOPMENT=on: a server would write migrations into the code")
    if origins:
        plain = next(filter(_is_plain, origins), None)
        yield _judged(
            "front ends",
            f"pages of {', '.join(origins)} may act for their visitors, at /flask",
            (plain, "warn", f"{plain} is not https: whoever is on its way can act for its visitors"),
            (url.startswith("http:"), "warn", f"browsers keep the cookie for /flask only if {url} is https"),
        )


def _provider(one: Provider, url: str) -> Finding:
    """Whether people can sign in with it; asks it where its pages are."""
    about, back = f"provider {one.name}", f"it has to know {url}/account/with/{one.name}/back"
    try:
        asyncio.run(asking.metadata_of(one))
    except asking.Unreachable as error:
        return Finding("warn", about, f"{error.detail} {back}")
    unsaid = "POTTLE_URL does not say where it is to send people back to"
    return _judged(about, f"{one.label} can be reached; {back}", (not url, "warn", unsaid))


def post(patient: Patient, to: str) -> Iterator[Finding]:
    """Sends a mail."""
    if (smtp := patient.settings.mail) is None:
        yield Finding("FAIL", "a mail", "POTTLE_MAIL is not set")
        return
    outcome = asyncio.run(testing.send(smtp, patient.settings.url, to))
    sent = outcome.what == "sent"
    yield _judged("a mail", f"{smtp.host} has taken one to {to}", (not sent, "FAIL", f"{smtp.host}: {outcome.said}"))


def _is_plain(url: str) -> bool:
    return url.startswith("http:") and (urlsplit(url).hostname or "") not in LOCAL
