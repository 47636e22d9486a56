"""Claims: a user says that a guest's imported posts are theirs. Somebody who looks after the group decides, or the
guest's e-mail address does, once it is proven that it is the user's.

All posts of that guest become the account's, and none of a namesake: guests are told apart as their source did.
"""

from typing import Any, Literal

import msgspec
from sqlalchemy import ForeignKey, UniqueConstraint, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts import account, proof
from model.accounts.session import Identity
from model.accounts.user import User
from model.arriving.guest import Guest, GuestPost
from model.groups import group, rules
from model.talk import channel as channels
from model.talk import post as posts
from model.talk.post import Post
from model.talk.search import index
from pottle.errors import Conflict, NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads, writes
from pottle.store.paging import Cursor, Page, paged
from pottle.translation import _

MOST_WAITING = 20  # claims of one user


class Claim(Base):
    """A user says to be a guest. It is deleted once it is decided."""

    __tablename__ = "claims"
    __table_args__ = (UniqueConstraint("guest_id", "user_id"), NEVER_REUSE_IDS)

    id: Mapped[Id]
    guest_id: Mapped[int] = mapped_column(ForeignKey("guests.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[Time]


class ClaimView(msgspec.Struct):
    """A claim, for moderators: who says to be which guest, how many posts that one has, and one of them."""

    id: int
    guest: str
    source: str
    uid: str
    name: str
    posts: int
    post: int | None
    created: str


class OwnClaim(msgspec.Struct):
    """A claim of one's own that waits: the guest's name, and the group's."""

    id: int
    guest: str
    group: str
    group_name: str
    created: str


OF_POST = (
    select(Guest.id, Guest.user_id, Guest.group_id)
    .join(GuestPost, GuestPost.guest_id == Guest.id)
    .where(GuestPost.post_id == bindparam("post_id"))
)
MINE = select(Claim.id).where(Claim.user_id == bindparam("user_id"), Claim.guest_id == bindparam("guest_id"))
COUNT = select(func.count().label("n")).select_from(Claim).where(Claim.user_id == bindparam("user_id"))
ADD = insert(Claim)
DROP = delete(Claim).where(Claim.id == bindparam("id"))
DROP_OF = delete(Claim).where(Claim.guest_id == bindparam("guest_id"))
_written = select(func.count()).where(GuestPost.guest_id == Guest.id)
_newest = select(func.max(GuestPost.post_id)).where(GuestPost.guest_id == Guest.id)
WAITING = (
    select(*Claim.__table__.c, Guest.name.label("guest"), Guest.source, User.uid, User.name)
    .add_columns(_written.scalar_subquery().label("posts"), _newest.scalar_subquery().label("post"))
    .join(Guest, Guest.id == Claim.guest_id)
    .join(User, User.id == Claim.user_id)
    .where(Guest.group_id == bindparam("group_id"))
)
ONE = WAITING.where(Claim.id == bindparam("id"))
OWN = (
    select(Claim.id, Guest.name.label("guest"), group.Group.slug.label("group"), group.Group.name.label("group_name"))
    .add_columns(Claim.created)
    .join(Guest, Guest.id == Claim.guest_id)
    .join(group.Group, group.Group.id == Guest.group_id)
    .where(Claim.user_id == bindparam("user_id"))
    .order_by(Claim.id.desc())
)
UNCLAIMED = select(Guest.id).where(
    Guest.email == bindparam("email"),
    Guest.user_id.is_(None),
    func.coalesce(bindparam("group_id"), Guest.group_id) == Guest.group_id,
)
TAKE = update(Guest).where(Guest.id == bindparam("id"))
ITS_POSTS = (
    select(Post.id, Post.channel_id, Post.state, Post.answered_id, Post.version)
    .join(GuestPost, GuestPost.post_id == Post.id)
    .where(GuestPost.guest_id == bindparam("guest_id"), Post.author_id.is_(None))
    .order_by(Post.id)
)
MOVE = update(Post).where(Post.id == bindparam("id"))
FORGET = delete(GuestPost).where(GuestPost.guest_id.in_(select(Guest.id).where(Guest.user_id == bindparam("user_id"))))

FORGET_ADDRESS = update(Guest).where(Guest.user_id == bindparam("user_id")).values(email=None)


@writes
def claim(tx: Tx, identity: Identity, post_id: int) -> None:
    """Says that a post, and all else of the guest who wrote it, is the user's own. Twice is once.

    Raises NotFound for a post that is not there, or not a guest's who came with an import; Conflict for one that
    somebody has, and where too many claims wait.
    """
    row, channel = posts.visible_to.within(tx, identity, post_id)
    rules.must_be_good_in(channel, identity)
    guest = tx.one(OF_POST, post_id=row.id)
    if guest is None:
        raise NotFound(_("This post did not come from another site, so it cannot become yours."))
    if guest.user_id is not None or row.author_id is not None:
        raise Conflict(_("These posts belong to an account already."))
    of = {"guest_id": guest.id, "user_id": identity.user}
    if tx.one(MINE, **of) is not None:
        return
    if tx.one(COUNT, user_id=identity.user).n >= MOST_WAITING:
        raise Conflict(_("Too many of your claims wait already. Please wait until they are decided."))
    tx.run(ADD, **of, created=tx.now)


@reads
def own(read: Snapshot, identity: Identity) -> list[OwnClaim]:
    """The user's claims that wait, newest first."""
    return [OwnClaim(*row) for row in read.all(OWN, user_id=identity.user)]


@reads
def waiting(read: Snapshot, identity: Identity, slug: str, cursor: Cursor) -> Page[ClaimView]:
    """The claims that wait in a group, newest first. For its moderators. Raises NotFound, Forbidden."""
    in_group = group.moderated.within(read, identity, slug)
    return paged(read, WAITING, Claim.id, cursor, _view, group_id=in_group.id)


def _view(row: Any) -> ClaimView:
    return ClaimView(row.id, row.guest, row.source, row.uid, row.name, row.posts, row.post, row.created)


@writes
def decide(tx: Tx, identity: Identity, slug: str, id_: int, state: Literal["approved", "declined"]) -> None:
    """Says yes or no to a claim. The group's moderators may. Raises NotFound, Forbidden."""
    in_group = group.moderated.within(tx, identity, slug)
    row = tx.one(ONE, group_id=in_group.id, id=id_)
    if row is None:
        raise NotFound(_("There is no such claim. Somebody may have decided on it already."))
    if state == "approved":
        give(tx, row.guest_id, row.user_id)
    else:
        tx.run(DROP, id=id_)
    action: audit.Action = "claim.approved" if state == "approved" else "claim.declined"
    audit.note(tx, identity, action, row.uid, group=slug, detail=row.guest)


def give(tx: Tx, guest_id: int, user_id: int) -> None:
    """Within a unit: all that a guest wrote is that user's from now on, and what later imports bring of them."""
    tx.run(TAKE, id=guest_id, user_id=user_id)
    tx.run(DROP_OF, guest_id=guest_id)
    for row in tx.all(ITS_POSTS, guest_id=guest_id):
        answered = None if row.answered_id == user_id else row.answered_id
        of = {"author_id": user_id, "guest": None, "answered_id": answered, "version": row.version + 1}
        tx.run(MOVE, id=row.id, **of)
        index.put(tx, row.id)
        if row.state != "pending":
            tags = ["posts", f"post:{row.id}"]
            tx.changed("post.edited", stream=channels.stream(row.channel_id), subject=row.id, tags=tags)


def _proven(tx: Tx, user_id: int, email: str, group_id: int | None) -> None:
    for row in tx.all(UNCLAIMED, email=email.lower(), group_id=group_id):
        give(tx, row.id, user_id)


def _forget(tx: Tx, user_id: int) -> None:
    """What somebody wrote who has left can be nobody else's."""
    tx.run(FORGET, user_id=user_id)
    tx.run(FORGET_ADDRESS, user_id=user_id)


proof.on_proof(_proven)
account.on_end(_forget)
