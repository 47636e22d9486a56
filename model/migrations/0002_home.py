"""The group `home` with its lobby, so that the first page works at once."""

import sqlalchemy as sa
from alembic import op

from pottle import times

revision = "0002"
down_revision = "0001"

groups = sa.table(
    "groups",
    *map(sa.column, ("id", "slug", "name", "reading", "posting", "review", "created", "version")),
    sa.column("origins", sa.JSON),
)
channels = sa.table(
    "channels", *map(sa.column, ("group_id", "key", "title", "locked", "posts", "seq", "created", "version"))
)


def upgrade() -> None:
    now = times.now()
    rules = {"origins": [], "reading": "public", "posting": "users", "review": "none"}
    op.bulk_insert(groups, [{"id": 1, "slug": "home", "name": "Home", **rules, "created": now, "version": 1}])
    empty = {"locked": False, "posts": 0, "seq": 0, "created": now, "version": 1}
    op.bulk_insert(channels, [{"group_id": 1, "key": "lobby", "title": "Lobby", **empty}])


def downgrade() -> None:
    op.execute(groups.delete().where(groups.c.id == 1))
