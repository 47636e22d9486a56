"""Jokes: posts of one channel, at which anybody may laugh or boo. Pages of Flask back ends do so without signing in."""

from typing import Any, Literal

from sqlalchemy import ForeignKey, bindparam, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.flask import overview
from model.talk import post
from pottle.errors import NotFound
from pottle.store import Base, Tx, db


class Laughs(Base):
    """How often somebody laughed and booed at a joke: not who."""

    __tablename__ = "flask_laughs"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    haha: Mapped[int]
    boohoo: Mapped[int]


COUNTS = select(Laughs.haha, Laughs.boohoo).where(Laughs.post_id == bindparam("post"))
ADDED = insert(Laughs).values(post_id=bindparam("post"), haha=bindparam("haha"), boohoo=bindparam("boohoo"))
ADD = ADDED.on_conflict_do_update(
    index_elements=[Laughs.post_id],
    set_={"haha": Laughs.haha + ADDED.excluded.haha, "boohoo": Laughs.boohoo + ADDED.excluded.boohoo},
)


async def listed(identity: Identity | None, channel_id: int) -> list[tuple[Any, int, int]]:
    """The jokes of a channel, oldest first: each post's row, its laughs and its boos. Raises NotFound."""
    rows = await overview.posts_in(identity, channel_id)
    with db.snapshot() as read:
        counts = [read.one(COUNTS, post=row.id) or (0, 0) for row in rows]
    return [(row, *count) for row, count in zip(rows, counts, strict=True)]


def laugh(
    tx: Tx, identity: Identity | None, channel_id: int, post_id: int, how: Literal["haha", "boohoo"]
) -> tuple[str, int, int]:
    """Unit: laughs or boos at a joke; its text and counts. Raises NotFound for what is no joke of that channel."""
    row, _ = post.visible_to(tx, identity, post_id)
    if row.channel_id != channel_id or row.state != "published":
        raise NotFound("Joke not found")
    tx.run(ADD, post=post_id, haha=int(how == "haha"), boohoo=int(how == "boohoo"))
    counts = tx.one(COUNTS, post=post_id)
    return row.body, counts.haha, counts.boohoo
