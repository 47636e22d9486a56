"""Sessions that are good for one site only, and single sign-on: its secrets, accounts, and tokens that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "sso_secrets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(length=80), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("used", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_sso_secrets_group_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sso_secrets")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sso_secrets_group_id"), "sso_secrets", ["group_id"], unique=False)
    op.create_table(
        "sso_accounts",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("sub", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("moderator", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_sso_accounts_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sso_accounts_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "sub", name=op.f("pk_sso_accounts")),
    )
    op.create_index(op.f("ix_sso_accounts_user_id"), "sso_accounts", ["user_id"], unique=False)
    op.create_table(
        "sso_tokens",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sso_tokens")),
    )
    op.create_index(op.f("ix_sso_tokens_expires"), "sso_tokens", ["expires"], unique=False)
    op.add_column("sessions", sa.Column("origin", sa.String(length=200), nullable=True))
    op.add_column("sessions", sa.Column("sso_secret", sa.Integer(), nullable=True))
    op.add_column("sessions", sa.Column("group_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_sessions_group_id"), "sessions", ["group_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM sessions WHERE group_id IS NOT NULL")
    op.drop_index(op.f("ix_sessions_group_id"), "sessions")
    for name in ("group_id", "sso_secret", "origin"):
        op.drop_column("sessions", name)
    op.drop_table("sso_tokens")
    op.drop_table("sso_accounts")
    op.drop_table("sso_secrets")
