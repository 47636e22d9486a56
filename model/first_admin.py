"""The first admin: as long as there is none, each start of the server offers one link, which makes one.

There is no default password and no secret to be forgotten: whoever can read the log may begin.
"""

from sqlalchemy import bindparam, delete, select

from model import invitation, times
from model.invitation import FOR_NOBODY, Invitation
from model.store import Tx
from model.user import User

HOURS = 24

ADMIN = select(User.id).where(User.role == bindparam("as_")).limit(1)
EARLIER = delete(Invitation).where(FOR_NOBODY)


def offer(tx: Tx) -> str | None:
    """Unit: the code of a new link, the only one that is good; None where there is an admin, for then none is."""
    tx.run(EARLIER)
    if tx.one(ADMIN, as_="admin"):
        return None
    code = invitation.fresh(invitation.LONG)
    invitation.add(tx, code, times.later(hours=HOURS), "admin")
    return code
