"""Review: edits that wait for a moderator, and discussions that do."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBERED = {"sqlite_autoincrement": True}  # a table that is made anew forgets it


def upgrade() -> None:
    op.create_table("edits",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("post_id", sa.Integer(), nullable=False),
    sa.Column("author_id", sa.Integer(), nullable=False),
    sa.Column("body", sa.String(), nullable=False),
    sa.Column("html", sa.String(), nullable=False),
    sa.Column("state", sa.String(length=10), nullable=False),
    sa.Column("created", sa.String(length=24), nullable=False),
    sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_edits_author_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_edits_post_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_edits")),
    sa.UniqueConstraint("post_id", name=op.f("uq_edits_post_id")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_edits_author_id"), "edits", ["author_id"], unique=False)
    withheld = sa.text("state != 'published'")
    op.create_index("ix_posts_withheld", "posts", ["channel_id", "author_id"], unique=False, sqlite_where=withheld)
    with _same_numbers("channels"), op.batch_alter_table("channels", table_kwargs=NUMBERED) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(length=10), nullable=False, server_default="published"))
        batch_op.add_column(sa.Column("begun_by", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_channels_begun_by"), "users", ["begun_by"], ["id"], ondelete="SET NULL")


@contextmanager
def _same_numbers(table: str) -> Iterator[None]:
    """Keeps the highest id that a table ever gave, while it is made anew for its foreign key: none is given twice."""
    connection = op.get_bind()
    named = {"name": table}
    highest = connection.execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), named).scalar()
    yield
    connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), named)
    if highest is not None:
        insert = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")
        connection.execute(insert, {**named, "seq": highest})


def downgrade() -> None:
    with _same_numbers("channels"), op.batch_alter_table("channels", table_kwargs=NUMBERED) as batch_op:
        batch_op.drop_constraint(op.f("fk_channels_begun_by"), type_="foreignkey")
        batch_op.drop_column("begun_by")
        batch_op.drop_column("state")

    op.drop_index("ix_posts_withheld", "posts")
    op.drop_table("edits")
