"""The first admin: as long as there is none, each start of the server offers one link, which makes one.

There is no default password and no secret to be forgotten: whoever can read the log may begin.
"""

from sqlalchemy import bindparam, delete, select

from model.accounts.user import User
from model.groups import invitation
from model.groups.invitation import FOR_NOBODY, Invitation
from pottle import times
from pottle.store import Tx, instance

HOURS = 24
OFFERED_BY = "first admin"

ADMIN = select(User.id).where(User.role == bindparam("as_")).limit(1)
EARLIER = delete(Invitation).where(FOR_NOBODY)


def offer(tx: Tx, start: str) -> str | None:
    """Unit: the code of a new link, the only one that is good.

    None where this start of the server has offered one already, and where there is an admin, for then none is good.
    """
    if tx.one(ADMIN, as_="admin"):
        tx.run(EARLIER)
        return None
    if instance.fact(tx, OFFERED_BY) == start:
        return None
    instance.put(tx, OFFERED_BY, start)
    tx.run(EARLIER)
    code = invitation.fresh(invitation.LONG)
    invitation.add(tx, code, times.later(hours=HOURS), "admin")
    return code
