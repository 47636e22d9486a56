"""Rules of groups for what is held back, what a service is to be asked about, where it came from, and earned trust."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "group_rules",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_group_rules_group_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_group_rules")),
    )
    op.create_table(
        "scorings",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_scorings_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_scorings")),
    )
    op.create_index(op.f("ix_scorings_due"), "scorings", ["due"], unique=False)
    op.create_table(
        "sources",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=50), nullable=False),
        sa.Column("agent", sa.String(length=300), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_sources_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_sources")),
    )
    op.create_index(op.f("ix_sources_created"), "sources", ["created"], unique=False)
    op.add_column("trust", sa.Column("approved", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("trust", "approved")
    for table in ("sources", "scorings", "group_rules"):
        op.drop_table(table)
