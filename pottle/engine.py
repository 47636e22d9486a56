"""The engine, as an extension of a Quart application: `Engine(app, settings, access, words)`."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pottle import access as told
from pottle import commands, errors, shell
from pottle.access import Access
from pottle.http import assets, caching, cross_origin, docs, languages, problems, texts, watching
from pottle.http.application import Application, SignedSessions
from pottle.http.asgi import App
from pottle.http.inline import InlineConnection
from pottle.http.openapi import Words
from pottle.http.proxies import BehindProxies, Beside
from pottle.live import hub, over_http, socket, watches
from pottle.server import health, logs, metrics
from pottle.settings import Settings
from pottle.store import db
from pottle.store import migrations as revisions
from pottle.store.consumers import consuming
from pottle.store.files import WrongDatabase


class Engine:
    """All that is not the application's: the database, errors, OpenAPI, static files, live updates, health, metrics.

    An application that leaves `access` out has nobody sign in, and everything may be read. `migrations` is the folder
    of its migrations, by default `model/migrations` beside `pottle/`.
    """

    def __init__(
        self,
        app: Application,
        settings: Settings,
        access: Access[Any] | None = None,
        words: Words | None = None,
        migrations: Path | None = None,
    ) -> None:
        self._app, self._settings = app, settings
        self._access, self._words = access or Access(), words or Words()
        app.extensions["pottle"] = self
        app.config.update(POTTLE=settings, BODY_TIMEOUT=30)  # seconds for a body to arrive
        app.config.update(SESSION_COOKIE_PATH=f"{settings.prefix}/", SESSION_COOKIE_SAMESITE="Lax")
        app.asgi_websocket_class = socket.Websocket
        if settings.shortcuts:
            app.asgi_http_class = InlineConnection  # type: ignore[assignment]  # its types name ASGI's dicts
        app.session_interface = SignedSessions()
        app.logger.addFilter(_is_news)
        app.jinja_env.globals.update(asset=assets.asset, texts_of=texts.texts_at)
        told.tell(self._access)
        languages.register(app)
        if migrations is not None:
            revisions.VERSIONS = migrations
        errors.CALLED.update(self._words.called)
        docs.register(app, self._words)
        problems.register(app)
        commands.register(app, settings)
        shell.register(app)
        for part in (assets, texts, socket, over_http, health, metrics):
            app.register_blueprint(part.blueprint)
        app.before_request(self._access.look)
        app.before_websocket(self._access.look)
        app.before_serving(self._open)
        app.after_serving(self._close)
        self._quart: Any = app.asgi_app
        self._beside: list[tuple[str, Any]] = []
        self._around: list[Callable[[App], App]] = []
        self._compose()

    def beside(self, path: str, other: Any) -> None:
        """Has another ASGI application answer below `path`: a Flask project that is moved here bit by bit, say."""
        self._beside.append((path, other))
        self._compose()

    def around_the_cache(self, middleware: Callable[[App], App]) -> None:
        """Puts ASGI middleware around the response cache, for what differs between the readers of a kept answer."""
        self._around.append(middleware)
        self._compose()

    def _compose(self) -> None:
        served: Any = cross_origin.SafeHeaders(self._quart)
        for path, other in self._beside:
            served = Beside(served, path, other)
        served = caching.ResponseCache(watching.Watched(served))
        for middleware in self._around:
            served = middleware(served)
        watches.watches.app = served
        if self._settings.access_log:
            served = watching.AccessLog(served)
        served = BehindProxies(served, self._settings.trusted_proxies, self._settings.prefix)
        self._app.asgi_app = served  # type: ignore[method-assign]

    async def _open(self) -> None:
        """Opens the database, once in each worker."""
        told.tell(self._access)
        # In this order: who asks is looked up anew, responses go, connections are closed and told, GETs made again.
        # Consumers of the log are woken.
        of_access = [self._access.listener] if self._access.listener else []
        of_live = hub.listener, watches.listener
        db.listeners = (*of_access, caching.listener, *of_live, consuming.listener)
        for listener in db.listeners:
            listener.forget()
        hub.hub.clear()
        watches.watches.clear()
        logs.adopt_servers(self._settings.log)
        await db.open(self._settings, serving=True)
        self._app.secret_key = db.instance.secret
        self._app.config["SESSION_COOKIE_NAME"] = f"session_{db.instance.id}"  # cookies ignore ports
        metrics.reporter.start()
        consuming.start()
        health.stopping.watch()

    async def _close(self) -> None:
        health.stopping.leave()
        watches.watches.clear()
        await metrics.reporter.stop()
        await consuming.stop()
        await db.close()


def _is_news(record: logging.LogRecord) -> bool:
    """Not where a WrongDatabase went through the code: it is one paragraph for the operator, which the server logs."""
    return not (record.exc_info and isinstance(record.exc_info[1], WrongDatabase))
