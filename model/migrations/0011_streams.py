"""Streams: the change log knows its streams by name, and no more of channels.

Columns that are not used any more stay: changes.channel_id and channels.seq. The older code cannot write beside this
one, for it would leave holes in the streams: in a reload its writes fail until its workers have ended.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "streams",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_streams")),
        sqlite_with_rowid=False,
    )
    op.add_column("changes", sa.Column("stream", sa.String(length=200), nullable=True))
    op.execute("UPDATE changes SET stream = 'channel:' || channel_id WHERE channel_id IS NOT NULL")
    op.execute("INSERT INTO streams (name, seq) SELECT 'channel:' || id, seq FROM channels WHERE seq > 0")
    op.drop_index("ix_changes_channel", "changes")
    op.create_index("ix_changes_stream", "changes", ["stream", "seq"], unique=False)
    op.execute("""
        CREATE TRIGGER changes_of_older_code BEFORE INSERT ON changes WHEN NEW.channel_id IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'The database is newer than this code: restart the server'); END
        """)


def downgrade() -> None:
    op.execute("DROP TRIGGER changes_of_older_code")
    op.drop_index("ix_changes_stream", "changes")
    op.create_index("ix_changes_channel", "changes", ["channel_id", "seq"], unique=False)
    op.execute("UPDATE changes SET channel_id = substr(stream, 9) WHERE stream LIKE 'channel:%'")
    op.execute("UPDATE channels SET seq = coalesce((SELECT seq FROM streams WHERE name = 'channel:' || id), 0)")
    op.drop_column("changes", "stream")
    op.drop_table("streams")
