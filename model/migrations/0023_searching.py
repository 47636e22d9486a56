"""Search goes on with what is not indexed yet where it was; and forgets whose posts were those of somebody gone."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("searching", sa.Column("waiting", sa.Integer(), nullable=True))
    op.create_table(
        "unnamed",
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("gone", name=op.f("pk_unnamed")),
    )


def downgrade() -> None:
    op.drop_table("unnamed")
    op.drop_column("searching", "waiting")
