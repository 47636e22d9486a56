"""Activity: each channel knows when something was last said in it, so that lists begin with what goes on.

The older code does not say so beside this one, in a reload: such a channel moves up with its next post.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

CHANNELS = sa.table("channels", sa.column("id"), sa.column("created"), sa.column("active"), sa.column("pinned"))
POSTS = sa.table("posts", sa.column("channel_id"), sa.column("created"), sa.column("state"))
NEWEST = sa.select(sa.func.max(POSTS.c.created)).where(
    POSTS.c.channel_id == CHANNELS.c.id, POSTS.c.state == "published"
)
LAST = sa.select(CHANNELS.c.id, sa.func.coalesce(NEWEST.scalar_subquery(), CHANNELS.c.created), CHANNELS.c.pinned)
SET = sa.update(CHANNELS).where(CHANNELS.c.id == sa.bindparam("which")).values(active=sa.bindparam("at"))


def _activity(last: str, id_: int, pinned: bool) -> int:
    try:
        milliseconds = round(datetime.fromisoformat(last).timestamp() * 1_000)
    except ValueError:  # what somebody has put there by hand
        milliseconds = 0
    moment = milliseconds << 20 | id_ & 0xFFFFF
    return moment + (1 << 62 if pinned else 0)


def upgrade() -> None:
    op.add_column("channels", sa.Column("active", sa.BigInteger(), server_default="0", nullable=False))
    database = op.get_bind()
    found = [{"which": row[0], "at": _activity(row[1], row[0], row[2])} for row in database.execute(LAST)]
    if found:
        database.execute(SET, found)
    op.create_index("ix_channels_active", "channels", ["group_id", "active"], unique=False)
    op.create_index("ix_channels_begun", "channels", ["group_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_channels_begun", "channels")
    op.drop_index("ix_channels_active", "channels")
    op.drop_column("channels", "active")
