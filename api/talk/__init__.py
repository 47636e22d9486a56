"""Discussions: channels of groups, the posts in them, reactions to those, and the pages that show them.

The rest of the application knows only its line in main.py's RESOURCES. Without that line it works as before, and what
was written stays in the database.
"""

from quart.blueprints import BlueprintSetupState

from api.talk import (
    appeals,
    arriving,
    channels,
    claims,
    embed,
    feeds,
    history,
    images,
    importing,
    inbox,
    judging,
    leaving,
    notes,
    notices,
    old,
    overviews,
    own,
    pages,
    posts,
    queue,
    room,
    search,
    search_page,
    sidebar,
    statements,
    unread,
    webhooks,
    writing,
)

blueprint = pages.blueprint
PARTS = (
    appeals.blueprint,
    arriving.blueprint,
    claims.blueprint,
    channels.blueprint,
    channels.counts,
    posts.blueprint,
    posts.reactions,
    own.blueprint,
    queue.blueprint,
    queue.decisions,
    embed.blueprint,
    old.blueprint,
    overviews.blueprint,
    images.blueprint,
    importing.blueprint,
    sidebar.blueprint,
    statements.blueprint,
    room.blueprint,
    search.blueprint,
    search_page.blueprint,
    search.commands,
    writing.blueprint,
    *feeds.PARTS,
    inbox.blueprint,
    judging.blueprint,
    leaving.blueprint,
    history.blueprint,
    notes.blueprint,
    *notices.PARTS,
    *unread.PARTS,
    webhooks.blueprint,
)


@blueprint.record_once
def _serve_all_parts(state: BlueprintSetupState) -> None:
    for part in PARTS:
        state.app.register_blueprint(part)
