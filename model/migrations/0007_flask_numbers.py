"""The numbers that imported things had in a Flask back end, and laughs about jokes by those who are not signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table("flask_numbers",
    sa.Column("kind", sa.String(length=10), nullable=False),
    sa.Column("theirs", sa.Integer(), nullable=False),
    sa.Column("ours", sa.Integer(), nullable=False),
    sa.Column("attributes", sa.JSON(), nullable=True),
    sa.PrimaryKeyConstraint("kind", "theirs", name=op.f("pk_flask_numbers"))
    )
    op.create_index(op.f("ix_flask_numbers_ours"), "flask_numbers", ["ours"])
    op.create_table("flask_laughs",
    sa.Column("post_id", sa.Integer(), nullable=False),
    sa.Column("haha", sa.Integer(), nullable=False),
    sa.Column("boohoo", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_flask_laughs_post_id_posts"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("post_id", name=op.f("pk_flask_laughs"))
    )


def downgrade() -> None:
    op.drop_table("flask_laughs")
    op.drop_table("flask_numbers")
