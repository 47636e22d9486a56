"""Mail: the letters that wait to be sent, and which addresses are proven or take none."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "mail_addresses",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("folded", sa.String(length=254), nullable=False),
        sa.Column("proven", sa.String(length=24), nullable=True),
        sa.Column("off", sa.String(length=24), nullable=True),
        sa.Column("trouble", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mail_addresses_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_mail_addresses")),
    )
    op.create_index(op.f("ix_mail_addresses_folded"), "mail_addresses", ["folded"], unique=False)
    op.create_table(
        "mails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(length=100), nullable=True),
        sa.Column("more", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=True),
        sa.Column("urgent", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(length=300), nullable=True),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("first_due", sa.String(length=24), nullable=False),
        sa.Column("due", sa.String(length=24), nullable=False),
        sa.Column("leased", sa.String(length=24), nullable=True),
        sa.Column("finished", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_mails_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mails_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("key", name=op.f("uq_mails_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_mails_user_id"), "mails", ["user_id"], unique=False)
    op.create_index(op.f("ix_mails_group_id"), "mails", ["group_id"], unique=False)
    op.create_index("ix_mails_next", "mails", ["state", "urgent", "id"], unique=False)
    op.create_index("ix_mails_due", "mails", ["state", "due"], unique=False)
    op.create_index("ix_mails_finished", "mails", ["state", "finished"], unique=False)


def downgrade() -> None:
    op.drop_table("mails")
    op.drop_table("mail_addresses")
