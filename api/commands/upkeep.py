"""`quart --app main backup`, `restore`, `export`, `import`, `doctor`, `register`, `retention`: the database as a whole.

stdout has the one line that a script wants, and stderr how far it is, on a terminal only. The exit code is 0 when all
of it is done and on disk, otherwise 1 or, ended by SIGTERM, 143; then nothing half is left.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, cast

import click
import msgspec
from quart import Blueprint, current_app

from api.commands.running import Value, run
from model import privacy
from model.accounts import unused
from model.accounts.user import Email
from model.operating import doctor, exporting, importing, retention
from model.settings import Settings
from pottle.commands import say, working
from pottle.store import copies, copying

blueprint = Blueprint("upkeep", __name__, cli_group=None)

PATH = click.argument("path", type=click.Path(path_type=Path))
STREAM = click.argument("path", type=click.Path(path_type=Path, allow_dash=True))
DASH = Path("-")
OTHERWISE = "Exports are of instance folders: quart --app main db copy makes one of it, or it of one."
COLOURS = {"ok": "green", "warn": "yellow", "FAIL": "red"}
retention.also(unused.RULE)


def _settings() -> Settings:
    return cast(Settings, current_app.config["POTTLE"])


def _app_db() -> Path:
    return _settings().instance / "app.db"


@blueprint.cli.command("backup")
@PATH
def _backup(path: Path) -> None:
    """Copy the database to the new file PATH (or into the folder PATH), also while the server runs."""
    with working() as progress:
        made, found = copying.backup(_settings(), path, progress)
    say(made)
    try:
        copies.note(_app_db())
    except OSError as error:
        say(f"/metrics will not know of it: {error.filename}: {error.strerror}", err=True)
    if sys.stderr.isatty():
        say(_counted(found), err=True)


@blueprint.cli.command("restore")
@PATH
def _restore(path: Path) -> None:
    """Make the backup PATH the database of an instance folder that has none. Sessions and tokens end."""
    with working() as progress:
        copying.check_sqlite(_settings(), "A dump goes into an empty one by pg_restore --no-owner --dbname=URL PATH.")
        found, ended = importing.restore(_settings().instance, path, progress)
    lost = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in ended.items())
    say(f"Restored {_counted(found)}. Ended: {lost}.")


@blueprint.cli.command("export")
@STREAM
@click.option("--without-passwords", is_flag=True, help="Leave the password hashes out.")
def _export(path: Path, without_passwords: bool) -> None:
    """Write everything as JSON lines to the new file PATH, or to stdout (-). The server may run."""
    with working():
        copying.check_sqlite(_settings(), OTHERWISE)
    with working() as progress, _output(path) as out:
        exporting.export(_app_db(), out, progress, passwords=not without_passwords)
    if path != DASH:
        say(path)


@blueprint.cli.command("import")
@STREAM
def _import(path: Path) -> None:
    """Make an export, PATH or stdin (-), the database of an instance folder in which nothing happened yet."""
    with working():
        copying.check_sqlite(_settings(), OTHERWISE)
    with working() as progress, _input(path) as (source, size):
        count = importing.import_(_settings().instance, source, size, progress)
    say(f"Imported {count} rows.")


@blueprint.cli.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--mail", "to", type=Value(Email, "email"), metavar="ADDRESS", help="Also send a mail there.")
def _doctor(as_json: bool, to: str | None) -> None:
    """Look at the machine, the database and the settings. Exit code 1 when something FAILs."""
    found = []
    patient = doctor.Patient(_settings(), dict(os.environ))
    for finding in chain(doctor.examine(patient), doctor.post(patient, to) if to else ()):
        found.append(finding)
        if not as_json:
            level = click.style(f"{finding.level:4}  ", fg=COLOURS[finding.level])
            say(f"{finding.about:12}  {finding.says}", before=level)
    if as_json:
        say(msgspec.json.encode([finding._asdict() for finding in found]).decode())
    sys.exit(any(finding.level == "FAIL" for finding in found))


@blueprint.cli.command("register")
def _register() -> None:
    """Print what is kept about people, table by table, with this server's settings, as Markdown."""
    for line in privacy.as_markdown(_settings()).splitlines():
        say(line)


@blueprint.cli.command("retention")
@click.option("--dry-run", is_flag=True, help="Only print what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def _retention(dry_run: bool, yes: bool) -> None:
    """Delete now what is too old by the settings, which the server does by itself a little at a time."""
    say(retention.in_words(_settings()))

    async def due() -> list[tuple[str, ...]]:
        return [(rule.name, *line) for rule in retention.rules() for line in await rule.due()]

    async def work() -> None:
        for rule in retention.rules():
            await retention.keep(rule)

    for line in (found := run(due)):
        say(*line)
    if not found:
        say("Nothing is too old.")
    elif not dry_run and (yes or click.confirm("Delete it?", err=True)):
        run(work)
        say("Deleted.")


def _counted(found: copies.Content) -> str:
    with_posts = f" and {found.rows['posts']} posts" if "talk" in current_app.blueprints else ""
    return f"{found.rows['users']} users{with_posts}"


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
