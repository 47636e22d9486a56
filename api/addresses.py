"""Where people reach this server, and the tag that puts its discussions under the pages of another site."""

from quart import has_request_context, url_for

from pottle import server
from pottle.store import db


def here() -> str:
    """The public address of the server, else that of the request, else "" in a command."""
    if not db.settings.url and has_request_context():
        return url_for("pages.home", _external=True).rstrip("/")
    return db.settings.url or server.address


def tag(slug: str) -> str:
    """The tag for pages of a group's sites."""
    return f'<script type="module" src="{here()}/embed.js" data-group="{slug}"></script>'
