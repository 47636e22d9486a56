"""`quart --app main migrate`: applies the migrations that no start applies, for they drop or narrow something."""

import click
from quart import Quart

from api.commands.running import Failed, say
from pottle.errors import Refusal
from pottle.settings import Settings
from pottle.store import database, migrations
from pottle.store.first_look import WrongDatabase


def register(app: Quart, settings: Settings) -> None:
    """Adds `migrate`."""

    @app.cli.command("migrate")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def _migrate(yes: bool) -> None:
        """Apply the migrations that wait, after a copy of app.db was made. What they drop is lost."""
        try:
            waiting = migrations.pending(settings.instance / "app.db")
            if not waiting:
                say("Nothing waits to be applied.")
                return
            if not yes:
                click.confirm(f"Apply {', '.join(waiting)}?", abort=True)
            copy, applied = database.migrate(settings)
        except (Refusal, WrongDatabase) as refused:
            raise Failed(str(refused)) from refused
        say(f"Applied {', '.join(applied)}. The database as it was is {copy}.")
