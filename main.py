"""Pottle: accounts, discussions and live updates, on one SQLite file.

python main.py          the development server on http://127.0.0.1:8080
gunicorn main:app       production: three workers on 0.0.0.0:8080
"""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path

from dotenv import load_dotenv

if collecting := gc.isenabled():
    gc.disable()  # of what is imported nothing is garbage: to look for it is a third of a command's time

from api.access import sessions
from api.words import WORDS
from model.settings import Settings
from pottle import settings
from pottle.engine import Engine
from pottle.http.application import Application
from pottle.server import logs

# Each is a file or folder in api/ with a Blueprint. Your own resource is one more line.
RESOURCES = (
    "users",
    "session",
    "me",
    "entering",
    "confirming",
    "second",
    "passkeys",
    "sso",
    "providers",  # signing in with Google, Microsoft, GitHub and the like
    "groups",
    "invitations",
    "push",
    "installable",
    "mail",  # letters, and what their links lead to
    "talk",  # discussions: without this line there are none, and no /flask
    "flask",  # what Flask back ends had, for class sites that still call it
    "server",
    "commands.people",
    "commands.upkeep",
    "pages",
)


def create_app(chosen: Settings) -> Application:
    """The application. Its database is opened when a server starts it, once in each worker."""
    app = Application(__name__, static_folder=None, instance_path=str(chosen.instance.resolve()))
    Engine(app, chosen, sessions, WORDS)
    for name in RESOURCES:
        app.register_blueprint(import_module(f"api.{name}").blueprint)
    return app


load_dotenv(Path(__file__).parent / ".env")
if __name__ == "__main__":
    os.environ["POTTLE_DEVELOPMENT"] = "on"  # for the reloader's child processes too
    os.environ.setdefault("POTTLE_LOG", "text")
    os.environ.setdefault("POTTLE_ACCESS_LOG", "on")
logs.write_as(os.environ.get("POTTLE_LOG", "auto"))  # already now: there may be warnings about settings
try:
    app = create_app(settings.read(os.environ, Settings))
except settings.BadSetting as error:
    print(f"Pottle cannot start: {error}", file=sys.stderr)
    sys.exit(3)  # with which a worker tells gunicorn that it is no use to start another
if collecting:
    gc.freeze()  # for as long as it runs, and at its end
    gc.enable()

if __name__ == "__main__":
    from pottle.server.development import serve

    serve(sys.argv[1:])
