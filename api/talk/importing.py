"""`quart --app main import-comments`: the comments of another system, into a group."""

from pathlib import Path

import click
from quart import Blueprint

from api.commands.running import Value, run
from api.commands.upkeep import PATH
from model.arriving import importing
from model.groups.group import SomeSlug
from model.talk.search import upkeep
from pottle.commands import say, working

blueprint = Blueprint("importing", __name__, cli_group=None)


@blueprint.cli.command("import-comments")
@PATH
@click.option(
    "--group",
    "slug",
    type=Value(SomeSlug, "group"),
    required=True,
    metavar="SLUG",
    help="The group that they come into.",
)
@click.option("--from", "source", type=click.Choice(sorted(importing.known())), help="The system; else PATH says it.")
@click.option("--dry-run", "dry", is_flag=True, help="Only print what would come, and change nothing.")
def _import_comments(path: Path, slug: str, source: str | None, dry: bool) -> None:
    """Import what is new in PATH, an export of Disqus, WordPress or another system: all of it, or nothing.

    The server may run. It prints what was left out or changed, and why.
    """
    with working() as progress:
        counts, report, _ = run(lambda: importing.import_(path, slug, source, dry, progress))
        if counts["posts"] and not dry:
            run(upkeep.complete)
    for line in report:
        say(line)
    say(f"{'Would import' if dry else 'Imported'} {', '.join(f'{count} {kind}' for kind, count in counts.items())}.")
