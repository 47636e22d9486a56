"""Conversations: each reply knows the post that its conversation begins with.

The older code does not say so of its replies: beside this one, in a reload, a trigger does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("posts", sa.Column("root_id", sa.Integer(), nullable=True))
    op.execute("""
        WITH RECURSIVE found (id, root_id) AS (
            SELECT id, id FROM posts WHERE parent_id IS NULL
            UNION ALL SELECT posts.id, found.root_id FROM found JOIN posts ON posts.parent_id = found.id
        )
        UPDATE posts SET root_id = found.root_id FROM found WHERE found.id = posts.id AND posts.parent_id IS NOT NULL
        """)
    op.create_index("ix_posts_conversation", "posts", ["channel_id", "root_id", "id"], unique=False)
    op.execute("""
        CREATE TRIGGER replies_of_older_code AFTER INSERT ON posts
        WHEN NEW.parent_id IS NOT NULL AND NEW.root_id IS NULL
        BEGIN
            UPDATE posts SET root_id = (SELECT coalesce(root_id, id) FROM posts WHERE id = NEW.parent_id)
            WHERE id = NEW.id;
        END
        """)


def downgrade() -> None:
    op.execute("DROP TRIGGER replies_of_older_code")
    op.drop_index("ix_posts_conversation", "posts")
    op.drop_column("posts", "root_id")
