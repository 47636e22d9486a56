"""Unread: how far everybody has read in each discussion, and whose post a reply answers.

All that was there before counts as read.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "read_marks",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_read_marks_channel_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_read_marks_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "channel_id", name=op.f("pk_read_marks")),
    )
    op.create_index(op.f("ix_read_marks_channel_id"), "read_marks", ["channel_id"], unique=False)
    op.create_table(
        "readers",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_readers_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_readers")),
    )
    op.add_column("posts", sa.Column("answered_id", sa.Integer(), nullable=True))
    op.add_column("posts", sa.Column("shown_after", sa.Integer(), nullable=True))
    op.execute("INSERT INTO readers (user_id, post_id) SELECT id, (SELECT coalesce(max(id), 0) FROM posts) FROM users")
    op.execute("""
        UPDATE posts SET answered_id = parents.author_id FROM posts AS parents
        WHERE parents.id = posts.parent_id AND parents.author_id IS NOT NULL
          AND (posts.author_id IS NULL OR posts.author_id <> parents.author_id)
        """)
    answers, late = sa.text("answered_id IS NOT NULL"), sa.text("shown_after IS NOT NULL")
    op.create_index("ix_posts_answered", "posts", ["answered_id", "id"], unique=False, sqlite_where=answers)
    op.create_index("ix_posts_shown_after", "posts", ["channel_id", "shown_after"], unique=False, sqlite_where=late)


def downgrade() -> None:
    op.drop_index("ix_posts_shown_after", "posts")
    op.drop_index("ix_posts_answered", "posts")
    op.drop_column("posts", "shown_after")
    op.drop_column("posts", "answered_id")
    op.drop_table("readers")
    op.drop_table("read_marks")
