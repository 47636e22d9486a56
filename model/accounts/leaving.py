"""What becomes of somebody's things when the account is deleted."""

from typing import Any

from sqlalchemy import bindparam, delete, update

from model import audit
from model.accounts import administration, signing_in
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups.invitation import Invitation
from model.talk import reaction
from model.talk.post import FORMER_USER, Post
from pottle.errors import Forbidden, Versions, check_version
from pottle.store import Tx, db

DISOWN = update(Post).where(Post.author_id == bindparam("user")).values(author_id=None, guest=FORMER_USER)
# The accounts of a roster stay their group's; the codes that were still open end, as all of one's invitations do.
LINES = (
    update(Invitation)
    .where(Invitation.made_by == bindparam("user"), Invitation.user_id.is_not(None))
    .values(made_by=None, uses_left=0)
)
DELETE = delete(User).where(User.id == bindparam("user"))


async def leave(identity: Identity, password: str, versions: Versions) -> None:
    """Deletes one's account. Raises Forbidden, TooMany, Stale; Conflict when no admin would be left.

    Asks for the password again: a session that somebody left open must not suffice.
    """
    await signing_in.prove(identity, password)
    await db.write(_leave, identity, versions)


def delete_account(tx: Tx, by: Identity | None, uid: str, versions: Versions = None) -> None:
    """Unit: deletes an account, for an admin or the operator (`by` None). One's own needs the password: `leave`.

    Raises NotFound, Forbidden, Stale; Conflict when no admin would be left.
    """
    row = administration.found(tx, uid)
    if by and row.id == by.user:
        raise Forbidden("Your own account is deleted with your password: DELETE /api/me.")
    _delete(tx, by, row, versions)


def _leave(tx: Tx, identity: Identity, versions: Versions) -> None:
    _delete(tx, identity, administration.found(tx, identity.uid), versions)


def _delete(tx: Tx, by: Identity | None, row: Any, versions: Versions) -> None:
    """Posts stay, without a name; reactions, sessions and tokens go."""
    check_version(row.version, versions)
    administration.check_an_admin_is_left(tx, row, row.role, off=True)
    reacted_to = tx.all(reaction.REACTED_TO, user_id=row.id)
    tx.run(DISOWN, user=row.id)
    tx.run(LINES, user=row.id)
    tx.run(DELETE, user=row.id)  # sessions, tokens, memberships and reactions go with it
    for post in reacted_to:
        reaction.count_again(tx, post)
    tx.changed("user.deleted", subject=row.id, tags=[f"user:{row.uid}"])
    audit.note(tx, by, "user.deleted", row.uid)
