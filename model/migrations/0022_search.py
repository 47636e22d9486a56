"""Search: what posts say, and a full-text index of it, which fills itself once a server runs."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

SCHEMA = (
    """CREATE VIRTUAL TABLE searched_index USING fts5(
        text, facts, content = 'searched', content_rowid = 'post_id', columnsize = 0,
        tokenize = 'unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER searched_put AFTER INSERT ON searched BEGIN
        INSERT INTO searched_index (rowid, text, facts) VALUES (new.post_id, new.text, new.facts);
    END""",
    """CREATE TRIGGER searched_drop AFTER DELETE ON searched BEGIN
        INSERT INTO searched_index (searched_index, rowid, text, facts)
            VALUES ('delete', old.post_id, old.text, old.facts);
        UPDATE searching SET erased = erased + 1;
    END""",
)


def upgrade() -> None:
    op.create_table(
        "searched",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_searched_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_searched")),
    )
    op.create_table(
        "searching",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("erased", sa.Integer(), nullable=False),
        sa.Column("merging", sa.Integer(), nullable=True),
        sa.Column("cleaned", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searching")),
    )
    op.execute("INSERT INTO searching VALUES (1, 0, NULL, 0)")
    for statement in SCHEMA:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER searched_put")
    op.execute("DROP TRIGGER searched_drop")
    op.execute("DROP TABLE searched_index")
    op.drop_table("searching")
    op.drop_table("searched")
