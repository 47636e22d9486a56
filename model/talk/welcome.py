"""The first steps of whoever sets a server up: a class, who is in it, and something to talk about."""

import msgspec
from sqlalchemy import BindParameter, bindparam, func, or_, select

from model.groups.group import Group, Membership
from model.groups.invitation import Invitation
from model.talk.channel import Channel
from model.talk.sidebar import FRONT
from pottle.store import Snapshot, reads


class Steps(msgspec.Struct):
    """The first group that was made, if there is one, and what has been done in it."""

    slug: str | None
    name: str
    invited: bool
    begun: bool


_of: BindParameter[int] = bindparam("of")
MADE = select(Group.id, Group.slug, Group.name).where(Group.slug != FRONT[0]).order_by(Group.id).limit(1)
_invitations = select(func.count()).select_from(Invitation).where(Invitation.group_id == _of).scalar_subquery()
_members = select(func.count()).select_from(Membership).where(Membership.group_id == _of).scalar_subquery()
INVITED = select(or_(_invitations > 0, _members > 1).label("invited"))
BEGUN = select(Channel.id).where(Channel.group_id == _of).limit(1)


@reads
def steps(read: Snapshot) -> Steps | None:
    """What is still to be done; None where all is."""
    made = read.one(MADE)
    if made is None:
        return Steps(None, "", False, False)
    invited, begun = read.one(INVITED, of=made.id).invited, read.one(BEGUN, of=made.id) is not None
    return None if invited and begun else Steps(made.slug, made.name, bool(invited), begun)
