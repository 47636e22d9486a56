"""`quart --app main import-flask`: the accounts, groups and posts of a Flask back end, also while the server runs."""

from pathlib import Path

import click
from quart import Quart

from api.commands.backups import PATH, working
from api.commands.running import run, say
from model.flask import importing as flask_import
from model.flask import source as flask_source
from pottle.settings import Settings


def register(app: Quart, settings: Settings) -> None:
    """Adds the command."""

    @app.cli.command("import-flask")
    @PATH
    @click.option("--admins", is_flag=True, help="Make their admins admins here.")
    @click.option("--notes", type=click.IntRange(1), metavar="CHANNEL", help="The channel's id for posts without one.")
    def _import_flask(path: Path, admins: bool, notes: int | None) -> None:
        """Import what is new in PATH, a Flask back end's SQLite database: all of it, or nothing.

        It prints what was left out or changed, and why.
        """
        with working() as progress:
            source = flask_source.read(path, progress)
            counts, report = run(settings, lambda: flask_import.import_(source, path.name, admins, notes, progress))
        for line in report:
            say(line)
        say(f"Imported {', '.join(f'{count} {kind}' for kind, count in counts.items())}.")
