"""PROJECT: accounts and shared tasks, live, on one SQLite file.

python main.py          the development server on http://127.0.0.1:8080
gunicorn main:app       production: three workers on 0.0.0.0:8080
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from dotenv import load_dotenv

from api.access import sessions
from pottle import settings
from pottle.engine import Engine
from pottle.http.application import Application
from pottle.http.openapi import Words
from pottle.server import logs

# Each is a file in api/ with a Blueprint. Your own resource is one more line.
RESOURCES = ("accounts", "tasks", "pages")


def create_app(chosen: settings.Settings) -> Application:
    """The application. Its database is opened when a server starts it, once in each worker."""
    app = Application(__name__, static_folder=None, instance_path=str(chosen.instance.resolve()))
    Engine(app, chosen, sessions, Words(about={"title": "PROJECT", "version": "1"}))
    for name in RESOURCES:
        app.register_blueprint(import_module(f"api.{name}").blueprint)
    return app


load_dotenv(Path(__file__).parent / ".env")
if __name__ == "__main__":
    os.environ["POTTLE_DEVELOPMENT"] = "on"  # for the reloader's child processes too
    os.environ.setdefault("POTTLE_LOG", "text")
logs.write_as(os.environ.get("POTTLE_LOG", "auto"))
try:
    app = create_app(settings.read(os.environ, settings.Settings))
except settings.BadSetting as error:
    print(f"It cannot start: {error}", file=sys.stderr)
    sys.exit(3)  # with which a worker tells gunicorn that it is no use to start another

if __name__ == "__main__":
    from pottle.server.development import serve

    serve(sys.argv[1:])
