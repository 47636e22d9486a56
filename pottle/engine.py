"""The engine, as an extension of a Quart application: `Engine(app, settings, access, words)`."""

import logging
from typing import Any

from pottle import access as told
from pottle import errors
from pottle.access import Access
from pottle.http import assets, caching, cross_origin, docs, problems, signed, watching
from pottle.http.application import Application
from pottle.http.asgi import App
from pottle.http.openapi import Words
from pottle.http.proxies import BehindProxies
from pottle.live import hub, socket, watches
from pottle.server import health, logs, metrics
from pottle.settings import Settings
from pottle.store import db
from pottle.store.first_look import WrongDatabase


class Engine:
    """All that is not the application's: the database, errors, OpenAPI, static files, live updates, health, metrics.

    An application that leaves `access` out has nobody sign in, and everything may be read.
    """

    def __init__(
        self, app: Application, settings: Settings, access: Access[Any] | None = None, words: Words | None = None
    ) -> None:
        self._app, self._settings = app, settings
        self._access, self._words = access or Access(), words or Words()
        app.extensions["pottle"] = self
        app.config.update(POTTLE=settings, BODY_TIMEOUT=30)  # seconds for a body to arrive
        app.asgi_websocket_class = socket.BoundedConnection
        app.session_interface = signed.SignedSessions()
        app.logger.addFilter(_is_news)
        app.jinja_env.globals["asset"] = assets.asset
        told.tell(self._access)
        errors.CALLED.update(self._words.called)
        docs.register(app, self._words)
        problems.register(app)
        for part in (assets, socket, health, metrics):
            app.register_blueprint(part.blueprint)
        app.before_serving(self._open)
        app.after_serving(self._close)
        served: Any = watching.Watched(cross_origin.SafeHeaders(app.asgi_app))  # type: ignore[arg-type]  # quart's dicts
        self._serve(caching.ResponseCache(served))

    def around_the_cache(self, middleware: type[Any], *args: Any) -> None:
        """Puts ASGI `middleware(app, *args)` around the response cache, for what differs between the readers of an
        answer that is kept."""
        self._serve(middleware(self._cached, *args))

    def _serve(self, cached: App) -> None:
        self._cached = watches.watches.app = cached
        served = watching.AccessLog(cached) if self._settings.access_log else cached
        behind: Any = BehindProxies(served, self._settings.trusted_proxies, self._settings.prefix)
        self._app.asgi_app = behind  # type: ignore[method-assign]

    async def _open(self) -> None:
        """Opens the database, once in each worker."""
        told.tell(self._access)
        # In this order: who asks is looked up anew, responses go, connections are closed and told, GETs made again.
        of_access = [self._access.listener] if self._access.listener else []
        db.listeners = (*of_access, caching.listener, hub.listener, watches.listener)
        for listener in db.listeners:
            listener.forget()
        hub.hub.clear()
        watches.watches.clear()
        logs.adopt_servers(self._settings.log)
        await db.open(self._settings, serving=True)
        self._app.secret_key = db.instance.secret
        metrics.reporter.start()
        health.stopping.watch()

    async def _close(self) -> None:
        health.stopping.leave()
        watches.watches.clear()
        await metrics.reporter.stop()
        await db.close()


def _is_news(record: logging.LogRecord) -> bool:
    """Not where a WrongDatabase went through the code: it is one paragraph for the operator, which the server logs."""
    return not (record.exc_info and isinstance(record.exc_info[1], WrongDatabase))
