"""Commands for whoever operates Pottle: `quart --app main user create …`. They may run beside a live server."""

from quart import Quart

from api.commands import people, upkeep
from pottle.settings import Settings


def register(app: Quart, settings: Settings) -> None:
    """Adds the commands to `app`."""
    people.register(app, settings)
    upkeep.register(app, settings)
