"""Pottle: accounts, discussions and live updates, on one SQLite file.

python main.py          the development server on http://127.0.0.1:8080
gunicorn main:app       production: three workers on 0.0.0.0:8080
"""

import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from dotenv import load_dotenv
from quart import Quart

from api import commands, joining
from api.access import sessions
from model.accounts import session
from pottle import access, settings
from pottle.http import assets, caching, cross_origin, openapi, problems, rendering, signed, watching
from pottle.http.application import Application
from pottle.http.proxies import BehindProxies
from pottle.live import hub, socket
from pottle.server import health, logs, metrics
from pottle.settings import Settings
from pottle.store import db
from pottle.store.first_look import WrongDatabase

# Each is a file or folder in api/ with a Blueprint. Your own resource is one more line.
RESOURCES = (
    "users",
    "accounts",
    "session",
    "me",
    "groups",
    "invitations",
    "rosters",
    "channels",
    "posts",
    "reactions",
    "counts",
    "audit",
    "flask",  # what Flask back ends had, for class sites that still call it
    "pages",
    "managing_pages",
)


def create_app(chosen: Settings) -> Quart:
    """The application. Its database is opened when a server starts it, once in each worker."""
    app = Application(__name__, static_folder=None, instance_path=str(chosen.instance.resolve()))
    app.asgi_websocket_class = socket.BoundedConnection
    app.session_interface = signed.SignedSessions()
    app.config["POTTLE"] = chosen
    app.config["BODY_TIMEOUT"] = 30  # seconds for a body to arrive
    app.logger.addFilter(_is_news)
    app.jinja_env.globals["asset"] = assets.asset
    app.jinja_env.globals["hue"] = rendering.hue
    app.jinja_env.globals["sign_up"] = chosen.sign_up
    app.jinja_env.globals["post_length"] = chosen.post_length

    access.tell(sessions)
    openapi.register(app)
    problems.register(app)
    commands.register(app, chosen)
    app.register_blueprint(assets.blueprint)
    for name in RESOURCES:
        app.register_blueprint(import_module(f"api.{name}").blueprint)
    for engines in (socket, health, metrics):
        app.register_blueprint(engines.blueprint)

    # In this order: who asks is looked up anew, then responses go, then connections are closed and told.
    db.listeners = (session.listener, caching.listener, hub.listener)

    @app.before_serving
    async def open_database() -> None:
        session.forget_all()
        caching.shelf.clear()
        hub.hub.clear()
        logs.adopt_servers(chosen.log)
        await db.open(chosen, serving=True)
        app.secret_key = db.instance.secret
        metrics.reporter.start()
        health.stopping.watch()
        await joining.welcome()

    @app.after_serving
    async def close_database() -> None:
        health.stopping.leave()
        await metrics.reporter.stop()
        await db.close()

    served: Any = cross_origin.SafeHeaders(app.asgi_app)  # type: ignore[arg-type]  # quart names ASGI's dicts one by one
    served = watching.Watched(served)
    served = caching.cached(app, served)
    if chosen.access_log:
        served = watching.AccessLog(served)
    served = BehindProxies(served, chosen.trusted_proxies, chosen.prefix)
    app.asgi_app = served  # type: ignore[method-assign]
    return app


def _is_news(record: logging.LogRecord) -> bool:
    """Not where a WrongDatabase went through the code: it is one paragraph for the operator, which the server logs."""
    return not (record.exc_info and isinstance(record.exc_info[1], WrongDatabase))


load_dotenv(Path(__file__).parent / ".env")
if __name__ == "__main__":
    os.environ["POTTLE_DEVELOPMENT"] = "on"  # for the reloader's child processes too
    os.environ.setdefault("POTTLE_LOG", "text")
    os.environ.setdefault("POTTLE_ACCESS_LOG", "on")
logs.write_as(os.environ.get("POTTLE_LOG", "auto"))  # already now: there may be warnings about settings
try:
    app = create_app(settings.read(os.environ))
except settings.BadSetting as error:
    print(f"Pottle cannot start: {error}", file=sys.stderr)
    sys.exit(3)  # with which a worker tells gunicorn that it is no use to start another

if __name__ == "__main__":
    from pottle.server.development import serve

    serve(sys.argv[1:])
