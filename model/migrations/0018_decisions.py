"""Decisions: what moderators decided, and why; and indexes of what is pending, which is counted on every page."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("about", sa.String(length=10), nullable=False),
        sa.Column("was", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("html", sa.String(), nullable=True),
        sa.Column("edited", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_decisions_author_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_decisions_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_decisions_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("post_id", "about", name=op.f("uq_decisions_post_id_about")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_decisions_author_id"), "decisions", ["author_id"], unique=False)
    op.create_index(op.f("ix_decisions_by_id"), "decisions", ["by_id"], unique=False)
    approved, pending = sa.text("state = 'published'"), sa.text("'pending' = state")
    op.create_index("ix_decisions_approved", "decisions", ["created"], unique=False, sqlite_where=approved)
    op.create_index("ix_posts_pending", "posts", ["channel_id"], unique=False, sqlite_where=pending)
    op.create_index("ix_channels_pending", "channels", ["group_id"], unique=False, sqlite_where=pending)


def downgrade() -> None:
    op.drop_index("ix_channels_pending", "channels")
    op.drop_index("ix_posts_pending", "posts")
    op.drop_index("ix_decisions_approved", "decisions")
    op.drop_index(op.f("ix_decisions_author_id"), "decisions")
    op.drop_index(op.f("ix_decisions_by_id"), "decisions")
    op.drop_table("decisions")
