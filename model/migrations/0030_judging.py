"""Judging: reports, verdicts, blocks and trust; and by what the rules of a group and repeated texts are found."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("closed", sa.String(length=24), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_reports_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_reports_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("post_id", "by_id", name=op.f("uq_reports_post_id_by_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_reports_by_id"), "reports", ["by_id"], unique=False)
    op.create_index("ix_reports_open", "reports", ["post_id"], unique=False, sqlite_where=sa.text("closed IS NULL"))
    op.create_table(
        "verdicts",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(length=10), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_verdicts_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "about", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "blocks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("network", sa.String(length=50), nullable=True),
        sa.Column("first", sa.String(length=32), nullable=True),
        sa.Column("last", sa.String(length=32), nullable=True),
        sa.Column("until", sa.String(length=24), nullable=True),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_blocks_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_blocks_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_blocks_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sqlite_autoincrement=True,
    )
    for column in ("by_id", "group_id", "user_id"):
        op.create_index(op.f(f"ix_blocks_{column}"), "blocks", [column], unique=False)
    op.create_index("ix_blocks_range", "blocks", ["first"], unique=False, sqlite_where=sa.text("first IS NOT NULL"))
    op.create_table(
        "trust",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], name=op.f("fk_trust_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_trust_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_trust_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_trust")),
    )
    op.create_index(op.f("ix_trust_by_id"), "trust", ["by_id"], unique=False)
    op.create_index(op.f("ix_trust_user_id"), "trust", ["user_id"], unique=False)
    op.add_column("groups", sa.Column("rules_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("channels", sa.Column("slow", sa.Integer(), server_default="0", nullable=False))
    op.add_column("posts", sa.Column("digest", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_posts_digest", "posts", ["digest"], unique=False, sqlite_where=sa.text("digest IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_posts_digest", "posts")
    op.drop_column("posts", "digest")
    op.drop_column("channels", "slow")
    op.drop_column("groups", "rules_version")
    for table in ("trust", "blocks", "verdicts", "reports"):
        op.drop_table(table)
