"""Commands of a blueprint (`@blueprint.cli.command`) have the application's context, as in Flask.

Quart 0.22 gives it only to those that ask for it, and then inside a running event loop, in which a command cannot run
one of its own.
"""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import Any

import click
from quart.cli import ScriptInfo


def give(group: click.Group) -> None:
    """Has the commands of a blueprint, those of its groups too, run in the running application's context."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            give(command)
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
