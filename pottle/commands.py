"""`quart --app main db …`: the schema of the database, and a look inside. And what all commands say, and how they fail.

Names come from strangers, and a terminal obeys what it is sent: whatever a command prints goes through here.
"""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click
from quart import Quart
from sqlalchemy.exc import SQLAlchemyError

from pottle import text
from pottle.errors import Refusal
from pottle.settings import Settings
from pottle.store import copying, migrations, sqlite
from pottle.store.copies import Progress
from pottle.store.files import WrongDatabase

YES = click.option("--yes", is_flag=True, help="Do not ask.")


class Failed(click.ClickException):
    """Why a command did not do what it should: one line, and exit code 1."""

    def format_message(self) -> str:
        """The line, with what a terminal would obey written out."""
        return text.printable(self.message)


class Database(click.ParamType[Any]):
    """An instance folder, or PostgreSQL's URL: an end of a copy."""

    name = "database"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What it names. Ends the command where that can be no database."""
        with failing():
            return copying.end(value) if isinstance(value, str) else value


def say(*columns: object, before: str = "", err: bool = False) -> None:
    """Prints a line, with tabs between its columns, and what a terminal would obey written out; not so in `before`."""
    click.echo(before + "\t".join(text.printable(str(column)) for column in columns), err=err)


def register(app: Quart, settings: Settings) -> None:
    """Adds the commands."""
    path = settings.instance / "app.db"

    unsaved = "PostgreSQL's rows are not copied before: that is pg_dump's to do. " if settings.database_url else ""

    @contextmanager
    def there() -> Iterator[migrations.Place]:
        """The database, whose migrations are looked at. Ends the command where there is none, or it is not ours."""
        with failing():
            if not settings.database_url:
                yield _there(path)
                return
            from pottle.store import clusters

            with clusters.there(settings.database_url) as connection:
                yield connection

    def migrate(back_to: str | None = None) -> str:
        """Applies migrations, or takes some back; returns a sentence on how to have what was before."""
        if not settings.database_url:
            copy, _ = sqlite.migrate(settings, back_to)
            return f"The database as it was is {copy}."
        from pottle.store import clusters

        clusters.migrate(settings.database_url, back_to)
        return unsaved.rstrip()

    @app.cli.group("db")
    def db() -> None:
        """The schema of the database, and a look inside."""

    @db.command("current")
    def current() -> None:
        """Print the revision that the database is at, and the migrations that were not applied to it."""
        with there() as place:
            at, names = migrations.revision(place), migrations.pending(place)
        say(f"{at}, the newest" if not names else at)
        for name in names:
            waits = migrations.waits(migrations.VERSIONS / name)
            say(f"{name} waits: quart --app main db upgrade" if waits else f"{name} is applied at the next start")

    @db.command("upgrade")
    @YES
    def upgrade(yes: bool) -> None:
        """Apply the migrations that wait, after a copy of app.db was made. What they drop is lost."""
        with there() as place:
            waiting = migrations.pending(place)
        if not waiting:
            say("Nothing waits to be applied.")
            return
        if not yes:
            click.confirm(f"{unsaved}Apply {', '.join(waiting)}?", abort=True)
        with failing():
            before = migrate()
        say(f"Applied {', '.join(waiting)}. {before}")

    @db.command("downgrade")
    @click.argument("revision", type=click.IntRange(1, 9_999), required=False)
    @YES
    def downgrade(revision: int | None, yes: bool) -> None:
        """Take back the migrations after REVISION (default: the newest one), after a copy of app.db was made.

        Stop the server first: its next start applies them again, unless their files are gone by then.
        """
        with there() as place:
            before = [number for number in migrations.revisions() if number < (migrations.revision(place) or "")]
            to = f"{revision:04d}" if revision else before[-1] if before else ""
            if to not in before:
                raise Failed(f"It can go back to {', '.join(before) or 'nothing'}.")
            names = migrations.applied(place, to)
        if not yes:
            asked = f"{unsaved}Take back {', '.join(names)}, with what is in the tables and columns?"
            click.confirm(asked, abort=True)
        with failing():
            how = migrate(to)
        say(f"Took back {', '.join(names)}. {how}")

    @db.command("check")
    def check() -> None:
        """Say what the models have that the database lacks, or the other way round. Exit code 1 if they differ."""
        with there() as place:
            different, waiting = migrations.differences(place), migrations.pending(place)
        for difference in different:
            say(difference)
        if different and waiting:
            raise Failed(f"The models and the database differ. Not applied yet: {', '.join(waiting)}.")
        if different:
            raise Failed("The models and the database differ. `python main.py` writes the migration that is missing.")
        say("The models and the database agree.")

    @db.command("console")
    @click.option("--write", is_flag=True, help="Allow changes. Stop the server first: its caches know of none.")
    def console(write: bool) -> None:
        """Open app.db in the sqlite3 program, or a plain console where there is none. It reads only.

        A PostgreSQL database opens in psql.
        """
        with there():
            pass
        if settings.database_url:
            from pottle.store import clusters

            with failing():
                sys.exit(clusters.console(settings.database_url, write))
        if program := shutil.which("sqlite3"):
            sys.exit(subprocess.run([program, *([] if write else ["-readonly"]), path], check=False).returncode)  # noqa: S603
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}", uri=True)) as raw:
            raw.isolation_level = None
            _converse(raw)

    @db.command("copy")
    @click.argument("source", type=Database())
    @click.argument("target", type=Database())
    def copy(source: Any, target: Any) -> None:
        """Copy all of SOURCE into TARGET, which is empty: an instance folder, or postgresql://user@host/name, each.

        SOURCE may be served meanwhile. At the end it takes no more writes: serve TARGET then, where clients go on where
        they were. A copy that is broken off leaves nothing, and SOURCE as it was: begin it again.
        """
        with working() as progress:
            done = copying.copy(source, target, progress)
        say(f"Copied and compared {done.rows} rows of {done.tables} tables. Writes waited for {done.seconds:.1f} s.")
        say(f"{source.named} takes no more writes: stop its servers, and start them on {target.named}.")

    app.cli.add_command(click.Command("migrate", callback=upgrade.callback, params=upgrade.params, hidden=True))


@contextmanager
def failing() -> Iterator[None]:
    """Has a refusal, or a migration that could not be applied, be one line and exit code 1."""
    try:
        yield
    except (Refusal, WrongDatabase) as refused:
        raise Failed(str(refused)) from refused
    except SQLAlchemyError as error:
        raise Failed(f"Nothing was changed: {getattr(error, 'orig', None) or error}") from error


@contextmanager
def working() -> Iterator[Progress]:
    """Shows progress on a terminal. Every way to fail is one line and exit code 1, and SIGTERM cleans up first."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    bar: Any = None

    def show(what: str, done: int, of: int) -> None:
        nonlocal bar
        if not sys.stderr.isatty() or not of:  # it is not known of how much
            return
        if bar is None or what != bar.label:
            bars.close()
            bar = bars.enter_context(click.progressbar(length=of, label=what, file=sys.stderr))
        bar.update(done - bar.pos)

    try:
        with ExitStack() as bars, failing():
            yield show
    except OSError as error:
        raise Failed(f"{error.filename or 'Writing'}: {error.strerror or error}") from error


def _there(path: Path) -> Path:
    if not path.exists():
        raise Failed(f"There is no database {path}.")
    return path


def _converse(raw: sqlite3.Connection) -> None:
    statement = ""
    while True:
        try:
            statement += input("   ...> " if statement else "sqlite> ") + "\n"
        except EOFError:
            return
        if sqlite3.complete_statement(statement):
            try:
                for row in raw.execute(statement):
                    say(*row)
            except sqlite3.Error as error:
                say(f"Error: {error}", err=True)
            statement = ""
