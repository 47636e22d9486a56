"""Accounts at providers (Google, Microsoft, GitHub, a school's own service) that people sign in with."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "linked_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("iss", sa.String(length=300), nullable=False),
        sa.Column("sub", sa.String(length=255), nullable=False),
        sa.Column("shown", sa.String(length=254), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("used", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_linked_accounts_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linked_accounts")),
        sa.UniqueConstraint("iss", "sub", name=op.f("uq_linked_accounts_iss_sub")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_linked_accounts_user_id"), "linked_accounts", ["user_id"], unique=False)


def downgrade() -> None:
    op.drop_table("linked_accounts")
