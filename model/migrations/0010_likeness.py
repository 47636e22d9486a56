"""Likeness: what the names of users can be taken for."""

import sqlalchemy as sa
from alembic import op

from model.accounts.user import skeleton

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("users", sa.Column("likeness", sa.String(length=200), nullable=True))
    op.create_index(op.f("ix_users_likeness"), "users", ["likeness"], unique=False)
    connection = op.get_bind()
    set_ = sa.text("UPDATE users SET likeness = :likeness WHERE id = :id")
    for row in connection.execute(sa.text("SELECT id, name FROM users")).fetchall():
        connection.execute(set_, {"id": row.id, "likeness": skeleton(row.name)})


def downgrade() -> None:
    op.drop_index(op.f("ix_users_likeness"), "users")
    op.drop_column("users", "likeness")
