"""Feeds: the secret addresses of users' feeds of replies."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "feed_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_feed_addresses_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_addresses")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_feed_addresses_secret_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_feed_addresses_user_id"), "feed_addresses", ["user_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_feed_addresses_user_id"), "feed_addresses")
    op.drop_table("feed_addresses")
