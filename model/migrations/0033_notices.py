"""Notices: what is told to whom beside the page, and what people chose of that. Only what happens from now on is."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("channel_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("created", sa.String(length=24), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=True),
        sa.Column("due", sa.String(length=24), nullable=True),
        sa.Column("bundle", sa.Integer(), nullable=True),
        sa.Column("told", sa.String(length=24), nullable=True),
        sa.Column("seen", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_notices_channel_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_notices_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_notices_post_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notices_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notices_channel_id"), "notices", ["channel_id"], unique=False)
    op.create_index(op.f("ix_notices_group_id"), "notices", ["group_id"], unique=False)
    op.create_index(op.f("ix_notices_post_id"), "notices", ["post_id"], unique=False)
    op.create_index("ix_notices_user_id", "notices", ["user_id", "post_id"], unique=False)
    op.create_index("ix_notices_due", "notices", ["due"], unique=False, sqlite_where=sa.text("due IS NOT NULL"))
    op.create_index(
        "ix_notices_bundle", "notices", ["bundle"], unique=False, sqlite_where=sa.text("bundle IS NOT NULL")
    )
    op.create_index(
        "ix_notices_decided", "notices", ["user_id", "id"], unique=False, sqlite_where=sa.text("kind = 'decided'")
    )
    op.create_table(
        "notice_settings",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("mail", sa.JSON(), nullable=False),
        sa.Column("push", sa.JSON(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=True),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_until", sa.String(length=5), nullable=True),
        sa.Column("digest_at", sa.String(length=5), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notice_settings_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notice_settings")),
    )
    op.create_table(
        "notice_rules",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("muted", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("mail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_notice_rules_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notice_rules_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_notice_rules")),
    )
    op.create_index(op.f("ix_notice_rules_group_id"), "notice_rules", ["group_id"], unique=False)
    op.create_table(
        "follows",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_follows_channel_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_follows_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "channel_id", name=op.f("pk_follows")),
    )
    op.create_index(op.f("ix_follows_channel_id"), "follows", ["channel_id"], unique=False)
    op.execute("INSERT INTO instance (name, value) SELECT 'log:notices', coalesce(max(seq), 0) FROM changes")


def downgrade() -> None:
    op.drop_table("follows")
    op.drop_table("notice_rules")
    op.drop_table("notice_settings")
    op.drop_table("notices")
    op.execute("DELETE FROM instance WHERE name = 'log:notices'")
