"""The application: Quart, with our bounds, commands in its context as in Flask, and plain templates."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import Any

import click
from flask.sansio.blueprints import Blueprint
from jinja2 import Environment
from markupsafe import Markup
from quart import Quart, Request, current_app
from quart.cli import ScriptInfo
from quart.typing import ResponseTypes

from pottle.http.asgi import Scope
from pottle.http.bodies import BoundedRequest
from pottle.http.watching import ROUTE
from pottle.store.unit import envelope

PLAIN = "pottle.plain_jinja"


class Application(Quart):
    """Quart as Pottle needs it."""

    request_class = BoundedRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url_map.merge_slashes = False  # it would redirect from `//` to whatever host was named

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


async def rendered(template: str, **context: Any) -> Markup:
    """A template as HTML, as Quart's render_template, but in a third of the time: nothing in it awaits."""
    app: Quart = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy of one
    await app.update_template_context(context)
    environment: Environment = app.extensions.get(PLAIN) or app.extensions.setdefault(
        PLAIN, app.jinja_env.overlay(enable_async=False)
    )
    return Markup(environment.get_template(template).render(context))  # noqa: S704  # autoescaped
