"""`quart --app main backup`, `restore`, `export`, `import` and `doctor`: the database as a whole.

stdout has the one line that a script wants, and stderr how far it is, on a terminal only. The exit code is 0 when all
of it is done and on disk, otherwise 1 or, ended by SIGTERM, 143; then nothing half is left.
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

import click
import msgspec
from quart import Quart

from model.operating import doctor, exporting, importing
from model.settings import Settings
from pottle.commands import Failed, say
from pottle.errors import Refusal
from pottle.store import copies
from pottle.store.files import WrongDatabase

PATH = click.argument("path", type=click.Path(path_type=Path))
STREAM = click.argument("path", type=click.Path(path_type=Path, allow_dash=True))
DASH = Path("-")
COLOURS = {"ok": "green", "warn": "yellow", "FAIL": "red"}


def register(app: Quart, settings: Settings) -> None:
    """Adds the commands."""
    app_db = settings.instance / "app.db"

    @app.cli.command("backup")
    @PATH
    def _backup(path: Path) -> None:
        """Copy the database to the new file PATH (or into the folder PATH), also while the server runs."""
        with working() as progress:
            made, found = copies.backup(app_db, path, progress)
        say(made)
        try:
            copies.note(app_db)
        except OSError as error:
            say(f"/metrics will not know of it: {error.filename}: {error.strerror}", err=True)
        if sys.stderr.isatty():
            say(_counted(found), err=True)

    @app.cli.command("restore")
    @PATH
    def _restore(path: Path) -> None:
        """Make the backup PATH the database of an instance folder that has none. Sessions and tokens end."""
        with working() as progress:
            found, ended = importing.restore(settings.instance, path, progress)
        lost = ", ".join(f"{count} {name}" for name, count in ended.items())
        say(f"Restored {_counted(found)}. Ended: {lost}.")

    @app.cli.command("export")
    @STREAM
    @click.option("--without-passwords", is_flag=True, help="Leave the password hashes out.")
    def _export(path: Path, without_passwords: bool) -> None:
        """Write everything as JSON lines to the new file PATH, or to stdout (-). The server may run."""
        with working() as progress, _output(path) as out:
            exporting.export(app_db, out, progress, passwords=not without_passwords)
        if path != DASH:
            say(path)

    @app.cli.command("import")
    @STREAM
    def _import(path: Path) -> None:
        """Make an export, PATH or stdin (-), the database of an instance folder in which nothing happened yet."""
        with working() as progress, _input(path) as (source, size):
            count = importing.import_(settings.instance, source, size, progress)
        say(f"Imported {count} rows.")

    @app.cli.command("doctor")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
    def _doctor(as_json: bool) -> None:
        """Look at the machine, the database and the settings. Exit code 1 when something FAILs."""
        found = []
        for finding in doctor.examine(doctor.Patient(settings, dict(os.environ))):
            found.append(finding)
            if not as_json:
                level = click.style(f"{finding.level:4}  ", fg=COLOURS[finding.level])
                say(f"{finding.about:12}  {finding.says}", before=level)
        if as_json:
            say(msgspec.json.encode([finding._asdict() for finding in found]).decode())
        sys.exit(any(finding.level == "FAIL" for finding in found))


def _counted(found: copies.Content) -> str:
    return f"{found.rows['users']} users and {found.rows['posts']} posts"


@contextmanager
def _output(path: Path) -> Iterator[IO[bytes]]:
    if path == DASH:
        # First into a file: whoever reads the pipe may be slow, and the snapshot keeps the server's log from shrinking.
        with tempfile.TemporaryFile() as whole_of_it:
            yield whole_of_it
            whole_of_it.seek(0)
            shutil.copyfileobj(whole_of_it, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with copies.appearing(path) as part, part.open("wb") as out:
            yield out


@contextmanager
def _input(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    if path == DASH:
        yield sys.stdin.buffer, 0
    else:
        with path.open("rb") as source:
            yield source, path.stat().st_size


@contextmanager
def working() -> Iterator[copies.Progress]:
    """Shows how far it is; every way to fail is one line and exit code 1, and SIGTERM cleans up first."""
    signal.signal(signal.SIGTERM, _end)
    try:
        with closing(_Bar()) as bar:
            yield bar.show
    except (Refusal, WrongDatabase) as refused:
        raise Failed(str(refused)) from refused
    except OSError as error:
        raise Failed(f"{error.filename or 'Writing'}: {error.strerror or error}") from error


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


class _Bar:
    """A progress bar for each thing that is done, on a terminal; elsewhere nothing."""

    def __init__(self) -> None:
        self._bar: Any = None

    def show(self, what: str, done: int, of: int) -> None:
        """`done` of `of` is done; an `of` of 0 is not known."""
        if not sys.stderr.isatty() or not of:
            return
        if self._bar is None or what != self._bar.label:
            self.close()
            self._bar = click.progressbar(length=of, label=what, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def close(self) -> None:
        """Ends the bar's line."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
