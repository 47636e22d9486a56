"""Statements of what was decided before there were any, so that its authors read it and may appeal, too."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute(
        sa.text(
            "INSERT INTO statements (decision_id, group_id, post_id, user_id, by_id, about, was, reason, note, found,"
            " rules, written, created)"
            " SELECT decisions.id, channels.group_id, posts.id, decisions.author_id, decisions.by_id, decisions.about,"
            " decisions.was, decisions.reason, decisions.note,"
            " CASE decisions.was WHEN 'pending' THEN 'review' ELSE 'look' END, '[]', posts.created, decisions.created"
            " FROM decisions JOIN posts ON posts.id = decisions.post_id JOIN channels ON channels.id = posts.channel_id"
            " WHERE decisions.state = 'removed' AND decisions.was != 'removed'"
            " AND (decisions.author_id IS NULL OR decisions.by_id IS NULL OR decisions.author_id != decisions.by_id)"
            " AND NOT EXISTS (SELECT 1 FROM statements WHERE statements.decision_id = decisions.id)"
        )
    )


def downgrade() -> None:
    """They go with their table."""
