"""Administration: the audit trail, invitations, and accounts that are disabled."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table("audit",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("at", sa.String(length=24), nullable=False),
    sa.Column("actor", sa.String(length=40), nullable=False),
    sa.Column("action", sa.String(length=40), nullable=False),
    sa.Column("subject", sa.String(length=200), nullable=False),
    sa.Column("group_slug", sa.String(length=60), nullable=True),
    sa.Column("detail", sa.String(length=500), nullable=True),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_group_slug"), ["group_slug"], unique=False)

    op.create_table("invitations",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
    sa.Column("group_id", sa.Integer(), nullable=True),
    sa.Column("user_id", sa.Integer(), nullable=True),
    sa.Column("role", sa.String(length=10), nullable=False),
    sa.Column("uses_left", sa.Integer(), nullable=True),
    sa.Column("made_by", sa.Integer(), nullable=True),
    sa.Column("created", sa.String(length=24), nullable=False),
    sa.Column("expires", sa.String(length=24), nullable=False),
    sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_invitations_group_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["made_by"], ["users.id"], name=op.f("fk_invitations_made_by"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_invitations_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    sa.UniqueConstraint("code_hash", name=op.f("uq_invitations_code_hash")),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitations_expires"), ["expires"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitations_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitations_made_by"), ["made_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitations_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("disabled", sa.String(length=24), nullable=True))



def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("disabled")

    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitations_user_id"))
        batch_op.drop_index(batch_op.f("ix_invitations_made_by"))
        batch_op.drop_index(batch_op.f("ix_invitations_group_id"))
        batch_op.drop_index(batch_op.f("ix_invitations_expires"))

    op.drop_table("invitations")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_group_slug"))
        batch_op.drop_index(batch_op.f("ix_audit_at"))

    op.drop_table("audit")
