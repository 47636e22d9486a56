"""Links that end mails, for whoever has the mail: signed, good for ever, for one user and what that mail told."""

from typing import Literal, NamedTuple

from sqlalchemy import bindparam, select

from model.accounts.user import User
from model.groups.group import Group
from model.mail import signing
from model.notices import choices
from model.notices.choices import KINDS, Choosable
from model.notices.notice import Kind
from pottle.errors import NotFound
from pottle.store import Snapshot, Tx, reads, writes
from pottle.translation import _

PURPOSE = "unsubscribe"
What = Literal["kinds", "group", "all"]
USER = select(User.uid).where(User.id == bindparam("id"))
GROUP = select(Group.name).where(Group.id == bindparam("id"))


class Meant(NamedTuple):
    """Whose mails a link ends: those of these kinds; or those of the group, or all."""

    user_id: int
    uid: str
    kinds: list[Choosable]
    group_id: int
    group: str | None  # its name


def token(read: Snapshot, user_id: int, kinds: list[Kind], group_id: int = 0) -> str:
    """That of a mail."""
    chosen = [str(KINDS.index(one)) for one in dict.fromkeys(map(choices.as_chosen, kinds))]
    return signing.sign(read, PURPOSE, user_id, "".join(chosen), group_id)


@reads
def meant(read: Snapshot, token: str) -> Meant:
    """What a link is for. Raises NotFound where it is none of ours, or the account is gone."""
    parts = signing.read_token(read, PURPOSE, token)
    row = read.one(USER, id=parts[0]) if parts else None
    if parts is None or row is None:
        raise NotFound(_("This link isn't valid."))
    of_group = read.one(GROUP, id=parts[2])
    return Meant(parts[0], row.uid, [KINDS[int(one)] for one in parts[1]], parts[2], of_group and of_group.name)


@writes
def unsubscribe(tx: Tx, token: str, what: What = "kinds") -> None:
    """Ends mails: of these kinds, all of the group, or all. Raises NotFound."""
    found = meant.within(tx, token)
    if what == "group" and found.group:
        choices.set_rule(tx, found.user_id, found.group_id, muted=True, mail={})
    else:
        choices.turn_off(tx, found.user_id, [*KINDS] if what == "all" else found.kinds)
