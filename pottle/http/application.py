"""The application: Quart, with our bounds, commands in its context as in Flask, and plain templates."""

import asyncio
import hashlib
from collections.abc import Callable
from contextvars import copy_context
from functools import cached_property, lru_cache, wraps
from typing import Any, cast

import click
import msgspec
from flask.sansio.blueprints import Blueprint
from markupsafe import Markup
from quart import Quart, Request, current_app, has_request_context, request
from quart.cli import ScriptInfo
from quart.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from quart.typing import ResponseTypes
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.exceptions import NotFound
from werkzeug.routing import MapAdapter

from pottle.access import SAFE
from pottle.http import asgi, languages
from pottle.http.asgi import Scope
from pottle.http.asking import foreign_origin, served
from pottle.http.bodies import BoundedRequest
from pottle.http.watching import ROUTE
from pottle.store import db
from pottle.store.unit import envelope

MOST_KNOWN, LONGEST_KNOWN = 10_000, 200  # paths, and characters of one
MOST_MADE, LARGEST_MADE = 100, 100_000  # parts of pages, and characters of one
_made: dict[bytes, Markup] = {}  # those that were asked for last


class Application(Quart):
    """Quart as Pottle needs it."""

    request_class = BoundedRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url_map.merge_slashes = False  # it would redirect from `//` to whatever host was named
        self._routes: dict[tuple[object, ...], Any] = {}  # that were found, by method and path
        self._awaited = lru_cache(maxsize=1_000)(super().ensure_async)

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Quart's, which looks into each function anew for each request."""
        return self._awaited(func)

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """Quart's, where a route was not found before (docs/decisions/short-ways.md)."""
        if request is None:
            return super().create_url_adapter(request)
        adapter: Any = _Adapter(request, self._routes, super().create_url_adapter)
        return cast(MapAdapter, adapter)

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Quart's. Its commands have our context, as in Flask.

        What every blueprint inherits from Flask is left out: Quart 0.22 would run it in a thread, for each page.
        """
        _give_context(blueprint.cli)
        given = blueprint.template_context_processors[None]
        given[:] = [processor for processor in given if processor.__module__ != "flask.templating"]
        super().register_blueprint(blueprint, **options)

    async def handle_request(self, request: Request) -> ResponseTypes:
        """Serves one request, and takes note of its route.

        What surrounds its write is its own: a request that came right behind another, over one connection, is begun in
        the other's context.
        """
        before = envelope.set(None)
        try:
            return await super().handle_request(request)
        finally:
            envelope.reset(before)
            scope: Scope = request.scope  # type: ignore[assignment]  # a dict like any, to ASGI middleware
            scope[ROUTE] = request.url_rule.rule if request.url_rule else "none"


class SignedSessions(SecureCookieSessionInterface):
    """Quart's own `session` and `flash`, for code that came from Flask, but for our own pages only.

    They are kept in the browser, in a signed cookie, which is good until it expires or the database becomes another
    one, on every worker and after a restart. Sessions of accounts are no part of this: those are random, kept as
    hashes, and end at once everywhere.
    """

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> SecureCookieSession | None:
        """What the cookie says; nothing, where a page of another site asks for a change."""
        scope: Scope = request.scope  # type: ignore[assignment]  # a dict like any, to ASGI middleware
        known = asgi.header(scope, b"cookie") is not None and self.get_cookie_name(app) in request.cookies
        return await super().open_session(app, request) if known and not _foreign_change() else self.session_class()

    async def save_session(self, app: Quart, session: SessionMixin, response: ResponseTypes | None) -> None:
        """Sets the cookie where the session was used."""
        if (session.accessed or session.modified) and not _foreign_change():
            await super().save_session(app, session, response)

    def get_cookie_secure(self, app: Quart) -> bool:
        """Under https."""
        return served().scheme in ("https", "wss") or db.settings.url.startswith("https:")


def _foreign_change() -> bool:
    return not (has_request_context() and request.method in SAFE) and foreign_origin() is not None


class _Adapter:
    """The routes for one request or websocket; those of a method and path are looked for once.

    What has none is looked for each time: the answer may be a redirect, which depends on more.
    """

    def __init__(
        self, request: BaseRequestWebsocket, known: dict[tuple[object, ...], Any], make: Callable[..., Any]
    ) -> None:
        self._request, self._known, self._make = request, known, make

    def match(self, **options: Any) -> Any:
        """The route and its values, as werkzeug's."""
        if options != {"return_rule": True}:
            return self._whole.match(**options)
        key = self._request.scheme, self._request.method, self._request.path
        if (found := self._known.get(key)) is None:
            if "\x00" in self._request.path:
                raise NotFound  # nothing is called so: PostgreSQL keeps no such text
            found = self._whole.match(return_rule=True)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            if len(self._request.path) <= LONGEST_KNOWN:
                self._known[key] = found
        rule, values = found
        return rule, dict(values)

    @cached_property
    def _whole(self) -> Any:
        return self._make(self._request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


def _give_context(group: click.Group) -> None:
    """Has commands of a blueprint, those of its groups too, run in the application's context, as in Flask.

    Quart 0.22 gives it only to those that ask for it, and then inside a running event loop, in which a command cannot
    run one of its own.
    """
    for command in group.commands.values():
        if isinstance(command, click.Group):
            _give_context(command)
        elif command.callback and not hasattr(command.callback, "in_context"):
            command.callback = _in_context(command.callback)


def _in_context(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        app = click.get_current_context().ensure_object(ScriptInfo).load_app()
        context, around = copy_context(), app.app_context()
        with asyncio.Runner() as runner:
            runner.run(around.push(), context=context)
            try:
                return context.run(callback, *args, **kwargs)
            finally:
                runner.run(around.pop(), context=context)

    run.in_context = True  # type: ignore[attr-defined]
    return run


def rendered_once(template: str, **context: Any) -> Markup:
    """As `rendered_alone`, of a context that JSON can hold: found again by its content."""
    key = msgspec.json.encode((request.root_path, languages.language(), template, context))
    key = hashlib.blake2b(key, digest_size=16).digest()
    made = _made.pop(key, None)
    if made is None:
        made = rendered_alone(template, **context)
    if len(made) <= LARGEST_MADE:
        _made[key] = made
    if len(_made) > MOST_MADE:
        del _made[next(iter(_made))]
    return made


async def rendered(template: str, **context: Any) -> Markup:
    """A page as HTML in the reader's language; as Quart's render_template, but in a third of the time.

    What all pages show is awaited before (`app_context_processor`); nothing in a template may be.
    """
    await current_app.update_template_context(context)
    return rendered_alone(template, **context)


def rendered_alone(template: str, **context: Any) -> Markup:
    """As `rendered`, for what is no page of ours, or only a part of one: it depends on its context alone."""
    app: Quart = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy of one
    environment = languages.environment(app, languages.language())
    return Markup(environment.get_template(template).render(context))  # noqa: S704  # autoescaped
