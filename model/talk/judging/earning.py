"""Earning trust: posts that have stood for a day are counted, once each, some at a time."""

from collections import Counter

from sqlalchemy import bindparam, select

from model.talk.channel import Channel
from model.talk.judging import trust
from model.talk.post import Post
from pottle import times
from pottle.store import Tx, db
from pottle.store.instance import fact, put

STOOD_HOURS = 24
AT_ONCE = 2_000  # posts that are counted in one unit
PLACE = "trust:counted"  # the fact that says up to which post they were

NEXT = (
    select(Post.id, Post.author_id, Post.state, Post.created, Channel.group_id)
    .join(Channel, Channel.id == Post.channel_id)
    .where(Post.id > bindparam("after"))
    .order_by(Post.id)
    .limit(AT_ONCE)
)


def count_what_stood(tx: Tx) -> None:
    """Sweep: counts the posts that have stood for a day since it counted last, some at a time."""
    after, before = int(fact(tx, PLACE) or 0), times.later(hours=-STOOD_HOURS)
    stood, place = Counter[tuple[int, int]](), after
    for row in tx.all(NEXT, after=after):
        if row.created >= before:
            break
        place = row.id
        if row.state == "published" and row.author_id is not None:
            stood[row.group_id, row.author_id] += 1
    for (group_id, user_id), posts in stood.items():
        trust.gain(tx, group_id, user_id, posts)
    if place != after:
        put(tx, PLACE, str(place))


db.on_sweep(count_what_stood)
