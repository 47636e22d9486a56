"""Which letter a code came in."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("invitations", sa.Column("mail_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_invitations_mail_id"), "invitations", ["mail_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_invitations_mail_id"), "invitations")
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_column("mail_id")
