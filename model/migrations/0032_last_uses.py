"""When accounts were used last, for those who have unused ones deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "last_uses",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("warned", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_last_uses_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_last_uses")),
    )
    op.create_index(op.f("ix_last_uses_day"), "last_uses", ["day"], unique=False)


def downgrade() -> None:
    op.drop_table("last_uses")
