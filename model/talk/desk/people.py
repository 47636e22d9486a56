"""Who somebody is in a group, for its moderators: only people who have something to do with it."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group
from model.groups.group import Membership
from model.groups.rules import Standing
from model.talk.channel import Channel
from model.talk.post import Post
from pottle.errors import NotFound
from pottle.store import Snapshot, reads
from pottle.translation import _

MOST_LOOKED_AT = 2_000  # of somebody's posts, the newest: so that looking at a person takes no longer than that


class Known(NamedTuple):
    """Somebody who belongs to a group or has written there: the account, the group's id, and what they are in it."""

    id: int
    group_id: int
    user: Any
    standing: Standing | None
    joined: str | None

    @property
    def looks_after_it(self) -> bool:
        """Whether they moderate the group, or are an admin."""
        return self.standing == "moderator" or self.user.role == "admin"


# The newest posts of somebody, wherever they are: by the index of authors, which is in the order of ids.
NEWEST = (
    select(Post.id, Post.channel_id, Post.state, Post.anonymous, Post.created, (Post.body != "").label("kept"))
    .where(Post.author_id == bindparam("user_id"))
    .order_by(Post.id.desc())
    .limit(MOST_LOOKED_AT)
    .cte("newest")
)
WRITTEN = (
    select(NEWEST.c.id)
    .join(Channel, Channel.id == NEWEST.c.channel_id)
    .where(Channel.group_id == bindparam("group_id"))
    .limit(1)
)
MEMBERSHIP = select(Membership.role, Membership.created).where(
    Membership.group_id == bindparam("group_id"), Membership.user_id == bindparam("user_id")
)
BY_UID = select(User.id, User.uid, User.name, User.role, User.avatar_hash, User.disabled, User.created).where(
    User.uid_folded == bindparam("uid_folded")
)


@reads
def known(read: Snapshot, identity: Identity, slug: str, uid: str) -> Known:
    """Somebody in a group that the asker moderates. Raises NotFound, also for strangers; Forbidden."""
    in_group = group.moderated.within(read, identity, slug)
    if user := read.one(BY_UID, uid_folded=uid.lower()):
        of = {"group_id": in_group.id, "user_id": user.id}
        membership = read.one(MEMBERSHIP, **of)
        if membership:
            return Known(user.id, in_group.id, user, membership.role, membership.created)
        if read.one(WRITTEN, **of):
            return Known(user.id, in_group.id, user, None, None)
    raise NotFound(_("There is nobody of that name in this group."))
