"""For a class: anonymous posts where a group allows them; pinned, endorsed and answering ones; pinned discussions.

A post from before is a question if it answers none and has a question mark at the end of a word.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

OF_POSTS = ("anonymous", "question", "pinned", "endorsed", "answer")


def upgrade() -> None:
    op.add_column("groups", _no("anonymous"))
    op.add_column("channels", _no("pinned"))
    for name in OF_POSTS:
        op.add_column("posts", _no(name))
    for name, column in (("pinned", "channel_id"), ("anonymous", "author_id")):
        op.create_index(f"ix_posts_{name}", "posts", [column], unique=False, sqlite_where=sa.text(f"{name} = 1"))
    posts = sa.table("posts", sa.column("question", sa.Boolean), sa.column("parent_id"), sa.column("body"))
    asks = [posts.c.body.like(f"%{mark}{after}") for mark in "?？؟" for after in ("", " %", "\n%")]  # noqa: RUF001
    op.execute(posts.update().where(posts.c.parent_id.is_(None), sa.or_(*asks)).values(question=True))


def _no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def downgrade() -> None:
    for name in ("pinned", "anonymous"):
        op.drop_index(f"ix_posts_{name}", "posts")
    for name in OF_POSTS:
        op.drop_column("posts", name)
    op.drop_column("channels", "pinned")
    op.drop_column("groups", "anonymous")
