"""What was imported from Flask back ends, so that it never comes twice."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table("imports",
    sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
    sa.Column("kind", sa.String(length=10), nullable=False),
    sa.Column("subject", sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint("digest", name=op.f("pk_imports"))
    )


def downgrade() -> None:
    op.drop_table("imports")
