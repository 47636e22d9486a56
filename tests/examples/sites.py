"""The blog of examples/ on Flask and on Pottle, behind one small client each, so that the same tests try both."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from click.testing import Result
from jinja2 import ChoiceLoader, FileSystemLoader

import main
from model.settings import Settings
from tests.server import ROOT

FLASK = ROOT / "examples" / "flask-blog"
POTTLE = ROOT / "examples" / "blog"


class Answer(NamedTuple):
    """What came back."""

    status: int
    text: str
    location: str
    cookies: list[str]


class FlaskSite:
    """The Flask project."""

    def __init__(self, folder: Path) -> None:
        loaded("blog", FLASK / "blog.py")
        self.app = loaded("flask_blog_app", FLASK / "app.py").create_app(folder)
        del sys.modules["blog"]

    async def start(self) -> None:
        """Flask has nothing to start."""

    async def stop(self) -> None:
        """Nor to stop."""

    def command(self, *args: str) -> Result:
        """What `flask --app app …` does."""
        return self.app.test_cli_runner().invoke(args=list(args))

    def client(self, cookies: bool = True) -> Any:
        """A browser of its own, or something that keeps no cookies."""
        client = self.app.test_client(use_cookies=cookies)

        async def ask(method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
            found = client.open(path, method=method, data=form, headers=headers)
            return Answer(found.status_code, found.text, found.location or "", found.headers.getlist("Set-Cookie"))

        return ask


class PottleSite:
    """Pottle, with the blog as one more resource."""

    def __init__(self, folder: Path) -> None:
        self.app: Any = main.create_app(Settings(instance=folder))
        self.app.register_blueprint(loaded("pottle_blog", POTTLE / "blog.py").blueprint)
        templates = FileSystemLoader(FLASK / "templates")  # they move as they are
        self.app.jinja_env.loader = ChoiceLoader([self.app.jinja_env.loader, templates])

    async def start(self) -> None:
        """Opens the database."""
        await self.app.startup()

    async def stop(self) -> None:
        """And closes it."""
        await self.app.shutdown()

    def command(self, *args: str) -> Result:
        """What `quart --app main …` does."""
        return self.app.test_cli_runner().invoke(args=list(args))

    def client(self, cookies: bool = True) -> Any:
        """A browser of its own, or something that keeps no cookies."""
        client = self.app.test_client(use_cookies=cookies)

        async def ask(method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
            found = await client.open(path, method=method, form=form, headers=headers)
            text = await found.get_data(as_text=True)
            return Answer(found.status_code, text, found.location or "", found.headers.getlist("Set-Cookie"))

        return ask


def loaded(name: str, path: Path) -> ModuleType:
    """A module by its file."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
