"""Indexes of what waits, spelled so that SQLite finds them: it turns `'pending' = state` around in a query alone."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    waits = sa.text("state IS 'pending'")
    op.create_index("ix_posts_waits", "posts", ["channel_id"], unique=False, sqlite_where=waits)
    op.create_index("ix_channels_waits", "channels", ["group_id"], unique=False, sqlite_where=waits)


def downgrade() -> None:
    op.drop_index("ix_channels_waits", "channels")
    op.drop_index("ix_posts_waits", "posts")
