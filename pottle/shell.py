"""`quart --app main shell`: Python with the database open, models and units at hand, and `await`.

>>> await user.create("ada", "Ada", "correct horse")
>>> async with db.session() as session:
...     print(await session.scalar(select(func.count()).select_from(Post)))
"""

import ast
import asyncio
import code
import inspect
import os
import sys
from contextlib import suppress
from types import CodeType, FunctionType
from typing import Any, NoReturn

import click
from quart import Quart
from quart.cli import ScriptInfo
from sqlalchemy import func, select

from pottle.commands import Failed, failing, say
from pottle.settings import Settings
from pottle.store import Base, db


def register(app: Quart) -> None:
    """Has Quart's own command start this one: it asks for the names that are to be at hand, and gets no further."""

    @app.shell_context_processor
    def _instead() -> NoReturn:
        info = click.get_current_context().ensure_object(ScriptInfo)
        # A program of its own, for Quart runs its commands in an event loop, and a thread can run but one.
        os.execv(sys.executable, [sys.executable, "-m", "pottle.shell", str(info.app_import_path)])  # noqa: S606


def interact(app: Quart, settings: Settings) -> None:
    """Reads, evaluates and prints until the input ends; then closes the database, with all that was written."""
    names = at_hand(app)
    with asyncio.Runner() as runner:
        with failing():
            runner.run(db.open(settings))
        try:
            if sys.stdin.isatty():
                _complete(names)
                say(f"Python with {settings.instance / 'app.db'} open: you can `await`, and what you write is kept.")
                say(f"At hand: {', '.join(sorted(names))}")
            Shell(runner, names).interact(banner="", exitmsg="")
        finally:
            runner.run(db.close())


def at_hand(app: Quart) -> dict[str, Any]:
    """All models, and the modules beside them, whose units they are for, by their last names."""
    models = {mapper.class_.__name__: mapper.class_ for mapper in Base.registry.mappers}
    rooms = {model.__module__.partition(".")[0] for model in models.values()} - {"pottle"}
    modules = {
        name.rpartition(".")[2]: module
        for name, module in sorted(sys.modules.items(), reverse=True)
        if name.partition(".")[0] in rooms and not hasattr(module, "__path__")
    }
    return {**modules, **models, "app": app, "db": db, "select": select, "func": func}


class Shell(code.InteractiveConsole):
    """A console whose statements run in an event loop, so that they may await."""

    def __init__(self, runner: asyncio.Runner, names: dict[str, Any]) -> None:
        super().__init__(names)
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._runner = runner

    def runcode(self, code: CodeType) -> None:
        """Runs a statement. What it raises is shown, and the next may come."""

        async def run() -> None:
            try:
                found = FunctionType(code, self.locals)()
                if inspect.iscoroutine(found):
                    await found
            except Exception:
                self.showtraceback()

        try:
            self._runner.run(run())
        except KeyboardInterrupt:
            self.write("\nKeyboardInterrupt\n")


def _complete(names: dict[str, Any]) -> None:
    with suppress(ImportError):  # Windows has no readline
        import readline
        from rlcompleter import Completer

        getattr(sys, "__interactivehook__", lambda: None)()
        readline.set_completer(Completer(names).complete)


if __name__ == "__main__":
    app = ScriptInfo(app_import_path=sys.argv[1]).load_app()
    try:
        interact(app, app.config["POTTLE"])
    except Failed as failed:
        failed.show()
        sys.exit(failed.exit_code)
