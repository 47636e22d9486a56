"""Sessions say when the password was last typed, on which day they were last used, and by what kind of browser."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEPT = sa.table("sessions", *(sa.column(name) for name in ("created", "confirmed", "used")))


def upgrade() -> None:
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("confirmed", sa.String(length=24), nullable=True))
        batch_op.add_column(sa.Column("used", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("device", sa.String(length=40), nullable=True))
    op.execute(KEPT.update().values(confirmed=KEPT.c.created, used=sa.func.substr(KEPT.c.created, 1, 10)))


def downgrade() -> None:
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_column("device")
        batch_op.drop_column("used")
        batch_op.drop_column("confirmed")
