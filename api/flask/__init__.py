"""The room of Flask back ends: `/flask`, the API that class sites were written for, and the import of their databases.

The rest of the application knows only its line in main.py's RESOURCES. Without that line, `api/flask` and
`model/flask`, it works as before. Where there are no discussions (`api/talk`), there is no such room either.
"""

from pathlib import Path

import click
from quart import Blueprint, Quart
from quart.blueprints import BlueprintSetupState

from api.commands.running import run
from api.commands.upkeep import PATH
from api.flask import accounts, chats, endpoints, groups, microblog, page_posts, posts, topics  # noqa: F401  # their endpoints
from api.flask.front_ends import COOKIE, FrontEnds, refusal
from model.flask import importing, source
from pottle.commands import say, working
from pottle.http import bodies, docs, problems

blueprint = Blueprint("flask_room", __name__)
room = Blueprint("flask_room_itself", __name__, cli_group=None)


@blueprint.record_once
def _come_after_discussions(state: BlueprintSetupState) -> None:
    if "talk" in state.app.blueprints:
        state.app.register_blueprint(room)


@room.record_once
def _serve_front_ends(state: BlueprintSetupState) -> None:
    """Adds `/flask`, where POTTLE_FLASK_ORIGINS names pages that may use it."""
    app: Quart = state.app  # type: ignore[assignment]
    if not app.config["POTTLE"].flask_origins:
        return
    app.register_blueprint(endpoints.blueprint)
    problems.shaped(app, "/flask/", refusal)
    docs.by_cookie(app, "flask", COOKIE)
    bodies.UPLOADS["/flask/api/id/pfp"] = 1.4  # base64 is longer
    app.extensions["pottle"].around_the_cache(FrontEnds)


@room.cli.command("import-flask")
@PATH
@click.option("--admins", is_flag=True, help="Make their admins admins here.")
@click.option("--notes", type=click.IntRange(1), metavar="CHANNEL", help="The channel's id for posts without one.")
def _import_flask(path: Path, admins: bool, notes: int | None) -> None:
    """Import what is new in PATH, a Flask back end's SQLite database: all of it, or nothing.

    The server may run. It prints what was left out or changed, and why.
    """
    with working() as progress:
        found = source.read(path, progress)
        work = lambda: importing.import_(found, path.name, admins, notes, progress)  # noqa: E731
        counts, report = run(work)
    for line in report:
        say(line)
    say(f"Imported {', '.join(f'{count} {kind}' for kind, count in counts.items())}.")
