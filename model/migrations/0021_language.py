"""The language that somebody chose to read in."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("users", sa.Column("language", sa.String(length=20), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "language")
