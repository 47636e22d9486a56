"""What becomes of somebody's things when the account is deleted."""

from sqlalchemy import bindparam, delete, select, update

from model import audit, passwords, reaction
from model.errors import Forbidden, Versions, check_version
from model.invitation import Invitation
from model.post import FORMER_USER, Post
from model.session import Identity
from model.store import Tx, db
from model.user import User

PASSWORD = select(User.password_hash).where(User.id == bindparam("user"))
VERSION = select(User.version).where(User.id == bindparam("user"))
DISOWN = update(Post).where(Post.author_id == bindparam("user")).values(author_id=None, guest=FORMER_USER)
# The accounts of a roster stay their group's; the codes that were still open end, as all of one's invitations do.
LINES = (
    update(Invitation)
    .where(Invitation.made_by == bindparam("user"), Invitation.user_id.is_not(None))
    .values(made_by=None, uses_left=0)
)
DELETE = delete(User).where(User.id == bindparam("user"))


async def leave(identity: Identity, password: str, versions: Versions) -> None:
    """Deletes one's account. Posts stay, without a name; marks, sessions and tokens go. Raises Forbidden, Stale.

    Asks for the password again: a session that somebody left open must not suffice.
    """
    await check_own_password(identity, password)
    await db.write(_leave, identity, versions)


async def check_own_password(identity: Identity, password: str) -> None:
    """Raises Forbidden unless `password` is the one of whoever asks."""
    with db.snapshot() as read:
        found = read.one(PASSWORD, user=identity.user)
    if not await passwords.matches(found.password_hash if found else None, password):
        raise Forbidden("That is not your password.")


def _leave(tx: Tx, identity: Identity, versions: Versions) -> None:
    marked = tx.all(reaction.OF_USER, by=identity.user)
    check_version(tx.one(VERSION, user=identity.user).version, versions)
    tx.run(DISOWN, user=identity.user)
    tx.run(LINES, user=identity.user)
    tx.run(DELETE, user=identity.user)  # sessions, tokens, memberships and marks go with it
    for row in marked:
        reaction.count_again(tx, row)
    tx.changed("user.deleted", subject=identity.user, tags=[f"user:{identity.uid}"])
    audit.note(tx, identity, "user.deleted", identity.uid)
