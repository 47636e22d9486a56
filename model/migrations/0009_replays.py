"""Answers about posts are no longer copies of them: they would outlive a text that its author erases."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("UPDATE replays SET answer = x'' WHERE subject LIKE 'PostView %'")


def downgrade() -> None:
    op.execute("DELETE FROM replays WHERE subject LIKE 'PostView %'")
