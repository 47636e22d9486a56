"""Templates of our own, which await nothing: rendered without the detours of those that may (a third of the time)."""

from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from quart import Quart, current_app

PLAIN = "pottle.plain_jinja"


async def rendered(template: str, **context: Any) -> Markup:
    """A template as HTML, with what every template of the application gets, as Quart's render_template."""
    app: Quart = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy of one
    await app.update_template_context(context)
    environment: Environment = app.extensions.get(PLAIN) or app.extensions.setdefault(
        PLAIN, app.jinja_env.overlay(enable_async=False)
    )
    return Markup(environment.get_template(template).render(context))  # noqa: S704  # autoescaped
