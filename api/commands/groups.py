"""`quart --app main group …`: groups."""

from typing import get_args

import click
from quart import Quart

from api.commands.running import Value, run, say
from model.accounts.user import Name
from model.groups import group
from model.groups.group import Posting, Reading, Review, Slug
from pottle.settings import Settings
from pottle.store.paging import Cursor


def register(app: Quart, settings: Settings) -> None:
    """Adds `group` and what it can do."""

    @app.cli.group("group")
    def groups() -> None:
        """Groups."""

    @groups.command("create")
    @click.argument("slug", type=Value(Slug, "slug"))
    @click.option("--name", type=Value(Name, "name"), help="The name that people see (default: the slug).")
    @click.option("--reading", type=click.Choice(get_args(Reading)), default="public", help="Who may read.")
    @click.option("--posting", type=click.Choice(get_args(Posting)), default="users", help="Who may post.")
    @click.option("--review", type=click.Choice(get_args(Review)), default="none", help="Whose posts wait.")
    def create(slug: str, name: str | None, reading: Reading, posting: Posting, review: Review) -> None:
        """Make a group. It has no moderator yet; an admin can make somebody one."""
        fields = {
            "slug": slug,
            "name": name or slug,
            "origins": [],
            "reading": reading,
            "posting": posting,
            "review": review,
        }
        made = run(settings, lambda: group.create(None, fields))
        say(f"Created {made.slug}.")

    @groups.command("list")
    def show() -> None:
        """List all groups, newest first."""
        run(settings, _print_all)


async def _print_all() -> None:
    edge: int | None = None
    while True:
        page = await group.everything(Cursor(100, before=edge))
        for row in page.items:
            say(row.slug, row.reading, row.posting, row.review, row.name)
        if (edge := page.next) is None:
            return
