"""`quart --app main db …`: the schema of the database, and a look inside. And what all commands say, and how they fail.

Names come from strangers, and a terminal obeys what it is sent: whatever a command prints goes through here.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from quart import Quart
from sqlalchemy.exc import SQLAlchemyError

from pottle import text
from pottle.errors import Refusal
from pottle.settings import Settings
from pottle.store import migrations, sqlite
from pottle.store.files import WrongDatabase

YES = click.option("--yes", is_flag=True, help="Do not ask.")


class Failed(click.ClickException):
    """Why a command did not do what it should: one line, and exit code 1."""

    def format_message(self) -> str:
        """The line, with what a terminal would obey written out."""
        return text.printable(self.message)


def say(*columns: object, before: str = "", err: bool = False) -> None:
    """Prints a line, with tabs between its columns, and what a terminal would obey written out; not so in `before`."""
    click.echo(before + "\t".join(text.printable(str(column)) for column in columns), err=err)


def register(app: Quart, settings: Settings) -> None:
    """Adds the commands."""
    path = settings.instance / "app.db"

    @app.cli.group("db")
    def db() -> None:
        """The schema of the database, and a look inside."""

    @db.command("current")
    def current() -> None:
        """Print the revision that the database is at, and the migrations that were not applied to it."""
        with failing():
            at, names = migrations.revision(_there(path)), migrations.pending(path)
        say(f"{at}, the newest" if not names else at)
        for name in names:
            waits = migrations.waits(migrations.VERSIONS / name)
            say(f"{name} waits: quart --app main db upgrade" if waits else f"{name} is applied at the next start")

    @db.command("upgrade")
    @YES
    def upgrade(yes: bool) -> None:
        """Apply the migrations that wait, after a copy of app.db was made. What they drop is lost."""
        with failing():
            waiting = migrations.pending(_there(path))
            if not waiting:
                say("Nothing waits to be applied.")
                return
            if not yes:
                click.confirm(f"Apply {', '.join(waiting)}?", abort=True)
            copy, applied = sqlite.migrate(settings)
        say(f"Applied {', '.join(applied)}. The database as it was is {copy}.")

    @db.command("downgrade")
    @click.argument("revision", type=click.IntRange(1, 9_999), required=False)
    @YES
    def downgrade(revision: int | None, yes: bool) -> None:
        """Take back the migrations after REVISION (default: the newest one), after a copy of app.db was made.

        Stop the server first: its next start applies them again, unless their files are gone by then.
        """
        with failing():
            before = [number for number in migrations.revisions() if number < (migrations.revision(_there(path)) or "")]
            to = f"{revision:04d}" if revision else before[-1] if before else ""
            if to not in before:
                raise Failed(f"It can go back to {', '.join(before) or 'nothing'}.")
            names = migrations.applied(path, to)
            if not yes:
                click.confirm(f"Take back {', '.join(names)}, with what is in the tables and columns?", abort=True)
            copy, _ = sqlite.migrate(settings, to)
        say(f"Took back {', '.join(names)}. The database as it was is {copy}.")

    @db.command("check")
    def check() -> None:
        """Say what the models have that the database lacks, or the other way round. Exit code 1 if they differ."""
        with failing():
            different, waiting = migrations.differences(_there(path)), migrations.pending(path)
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
        """Open app.db in the sqlite3 program, or a plain console where there is none. It reads only."""
        with failing():
            _there(path)
        if program := shutil.which("sqlite3"):
            sys.exit(subprocess.run([program, *([] if write else ["-readonly"]), path], check=False).returncode)  # noqa: S603
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}", uri=True)) as raw:
            raw.isolation_level = None
            _converse(raw)

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
