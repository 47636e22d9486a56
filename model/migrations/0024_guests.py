"""Who wrote what came from other systems, and how many reactions it had there."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "guests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_guests_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_guests_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guests")),
        sa.UniqueConstraint("digest", name=op.f("uq_guests_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_guests_email", "guests", ["email"], sqlite_where=sa.text("email IS NOT NULL"))
    op.create_index(op.f("ix_guests_group_id"), "guests", ["group_id"])
    op.create_index(op.f("ix_guests_user_id"), "guests", ["user_id"])
    op.create_table(
        "guest_posts",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("guest_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["guest_id"], ["guests.id"], name=op.f("fk_guest_posts_guest_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_guest_posts_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_guest_posts")),
    )
    op.create_index(op.f("ix_guest_posts_guest_id"), "guest_posts", ["guest_id"])
    op.create_table(
        "old_reactions",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_old_reactions_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "kind", name=op.f("pk_old_reactions")),
    )


def downgrade() -> None:
    op.drop_table("old_reactions")
    op.drop_table("guest_posts")
    op.drop_table("guests")
