"""Posts that are too old (`retention_posts`), and texts that moderators removed long ago (`retention_removed`).

An old post goes as if its author deleted it: its readers see it go, with its reactions, images and what search knows of
it. What stays is an empty row that is nobody's, for the replies to it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Delete, bindparam, delete, func, or_, select, update

from model import settings
from model.accounts import account
from model.accounts.user import by_uid
from model.arriving.guest import Guest, GuestPost
from model.groups.group import Group
from model.operating import retention
from model.privacy import cascades, refers
from model.settings import Settings
from model.talk import channel as channels
from model.talk import posting
from model.talk.channel import Channel
from model.talk.decision import Decision
from model.talk.post import BY_ID, FORMER_USER, Post
from pottle import times
from pottle.store import Base, Tx, db, writes

WINDOW = 5_000  # posts that are looked at in a unit: 10 ms
AT_ONCE = 25  # that go in a unit: 10 ms

_left = or_(Post.state != "removed", Post.body != "", Post.author_id.is_not(None), Post.guest != FORMER_USER)
_of_post = (Decision.post_id == Post.id) & (Decision.about == "post") & (Decision.state == "removed")
_removed = func.coalesce(Decision.created, Post.edited, Post.created).label("removed")
_old = (Post.created < bindparam("before")) & _left
_forgotten = (Post.state == "removed") & (Post.body != "") & (_removed < bindparam("removed_before"))
_in_group = select(Group.slug, Post.id).join(Channel, Channel.group_id == Group.id).join(Post)
FOUND = (
    _in_group.add_columns(Post.created, _removed)
    .outerjoin(Decision, _of_post)
    .where(Post.id > bindparam("after"), Post.id <= bindparam("until"), or_(_old, _forgotten))
    .order_by(Post.id)
    .limit(AT_ONCE)
)
NEWEST = select(func.max(Post.id).label("id"))
_day = func.substr(Post.created, 1, 10).label("day")
OLD = select(Group.slug, _day, func.count().label("posts")).select_from(Group)
OLD = OLD.join(Channel, Channel.group_id == Group.id).join(Post).where(_old).group_by(Group.slug, _day)
FORGOTTEN = select(func.count()).select_from(Post).outerjoin(Decision, _of_post).where(_forgotten)
ITS_GUEST = select(GuestPost.guest_id).where(GuestPost.post_id == bindparam("post_id"))
_wrote_more = select(GuestPost.post_id).where(GuestPost.guest_id == Guest.id)
FORGET_GUEST = delete(Guest).where(Guest.id == bindparam("id"), Guest.user_id.is_(None), ~_wrote_more.exists())
OF_AUTHOR = select(Post.id).where(Post.author_id == bindparam("author_id")).limit(AT_ONCE)
NOBODYS = update(Post).where(Post.id == bindparam("id"))

_looked_at = 0  # up to which post this worker has looked


def work(tx: Tx) -> bool:
    """Looks at some posts after those that it looked at last, and has what is too old go; whether there may be more."""
    global _looked_at
    newest = tx.one(NEWEST).id or 0
    until = _looked_at + WINDOW
    found = tx.all(FOUND, after=_looked_at, until=until, **_before())
    for row in found:
        post = tx.one(BY_ID, id=row.id)
        if row.created < _ends(row.slug):
            _end(tx, post)
        elif post.state == "removed" and row.removed < _before()["removed_before"]:
            posting.erase(tx, post)
    _looked_at = found[-1].id if len(found) == AT_ONCE else until
    if _looked_at >= newest:
        _looked_at = 0
    return _looked_at > 0


async def erase_all(uid: str) -> int:
    """Has all that somebody wrote go, as what is too old, before their account does; returns how many posts it was.

    Raises NotFound; Conflict for the last admin.
    """
    done = 0
    while some := await db.write_ahead(_erase_some.within, uid):
        done += some
    return done


@writes
def _erase_some(tx: Tx, uid: str) -> int:
    found = by_uid(tx.session, uid)
    account.check_an_admin_is_left(tx, found)
    posts = tx.all(OF_AUTHOR, author_id=found.id)
    for row in posts:
        _end(tx, tx.one(BY_ID, id=row.id))
    return len(posts)


def _end(tx: Tx, post: Any) -> None:
    posting.erase(tx, post)
    guest = tx.one(ITS_GUEST, post_id=post.id)
    for statement in _of_posts():
        tx.run(statement, post_id=post.id)
    if guest:  # of another system, and this was their last post
        tx.run(FORGET_GUEST, id=guest.guest_id)
    nothing = {"author_id": None, "guest": FORMER_USER, "answered_id": None, "edited": None, "reactions": "{}"}
    tx.run(NOBODYS, id=post.id, **nothing, version=post.version + 1)
    if post.state == "removed" and post.replies:  # the name stood there until now
        tags = ["posts", f"post:{post.id}"]
        tx.changed("post.edited", stream=channels.stream(post.channel_id), subject=post.id, tags=tags)


@cache
def _of_posts() -> list[Delete]:
    """What deletes all that belongs to a post, but for its replies."""
    return [*_deletions()]


def _deletions() -> Iterator[Delete]:
    for table in Base.metadata.sorted_tables:
        for column in table.c:
            if table.name != "posts" and refers(column) == "posts" and cascades(column):
                yield delete(table).where(column == bindparam("post_id"))


def _ends(slug: str) -> str:
    """Before when a group's posts are too old; "" where none is."""
    days = settings.chosen().retention_posts.in_group(slug)
    return times.later(days=-days) if days else ""


def _before() -> dict[str, str]:
    """Before when any post is too old, and any that was removed."""
    chosen = settings.chosen()
    ages = [days for days in (chosen.retention_posts.days, *(days for _, days in chosen.retention_posts.of)) if days]
    removed = chosen.retention_removed
    return {
        "before": times.later(days=-min(ages)) if ages else "",
        "removed_before": times.later(days=-removed) if removed else "",
    }


async def due() -> list[tuple[str, ...]]:
    """How many posts are too old, by group, and how many removed texts."""
    posts: dict[str, int] = {}
    async with db.session() as reading:
        for row in await reading.execute(OLD, _before()):
            if row.day < _ends(row.slug)[:10]:
                posts[row.slug] = posts.get(row.slug, 0) + row.posts
        forgotten = await reading.scalar(FORGOTTEN, _before())
    lines = [(slug, str(number)) for slug, number in sorted(posts.items())]
    return [*lines, *([("removed", str(forgotten))] if forgotten else [])]


def _in_words(chosen: Settings) -> str | None:
    removed = retention.days(chosen.retention_removed)
    said = [str(chosen.retention_posts), f"texts that moderators removed: {removed}" if removed else ""]
    return "; ".join(part for part in said if part) or None


RULE = retention.Rule("posts", _in_words, work, due)
account.on_erasure(erase_all)
