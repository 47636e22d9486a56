"""Invitations by mail: a group's moderators have addresses get a link each, by which one person joins."""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import bindparam, delete, select

from model import audit
from model.accounts.session import Identity
from model.accounts.user import Email, User
from model.groups import group, invitation
from model.groups.group import Group
from model.mail import letters, outbox
from model.mail.letters import Content
from model.mail.outbox import Letter, Mail, Waiting
from model.mail.refusals import BadAddress, mailable
from pottle import times
from pottle.errors import Conflict, Invalid, NotFound
from pottle.rates import Rate
from pottle.store import Snapshot, Tx, db, limits, reads, writes
from pottle.translation import _

KIND = "invitation"
MOST_SHOWN = 500
GOOD_DAYS = 7  # a letter's row is kept for as long, once it is sent
Addresses = Annotated[list[Email], Meta(min_length=1, max_length=50)]
INVITING = Rate("invitations by mail", 200, per=86_400)  # letters of one moderator, and of one group


class MailedView(msgspec.Struct):
    """An invitation by mail. `state`: it waits, was sent or could not be (`trouble`), or its maker lost the right."""

    id: int
    address: str
    state: outbox.State
    trouble: str | None
    created: str
    by: str | None


OF_GROUP = (
    select(Mail.id, Mail.address, Mail.state, Mail.trouble, Mail.created, User.uid)
    .outerjoin(User, User.id == Mail.subject_id)  # who typed the address
    .where(Mail.group_id == bindparam("group_id"), Mail.kind == KIND)
    .order_by(Mail.id.desc())
    .limit(MOST_SHOWN)
)
DROP = delete(Mail).where(Mail.id == bindparam("id"), Mail.group_id == bindparam("group_id"), Mail.kind == KIND)
MAKER = (
    select(Group.id, Group.slug, Group.name, User.id.label("user_id"), User.name.label("by"))
    .join(User, User.id == bindparam("by_id"))
    .where(Group.id == bindparam("group_id"), User.disabled.is_(None))
)


@writes
def invite(tx: Tx, by: Identity, slug: str, addresses: list[str]) -> list[MailedView]:
    """Has a link be sent to each address, for the group's moderators; to one that has been sent one this week, none.

    Raises Conflict where there is no mail, Invalid for addresses that are none, TooMany.
    """
    row = group.moderated.within(tx, by, slug)
    if not outbox.on():
        raise Conflict(_("This server sends no mail (POTTLE_MAIL)."))
    wanted = _checked(addresses)
    if db.settings.rate_limits:
        limits.use(tx, [(party, INVITING, len(wanted)) for party in (by.party, f"group {row.id}")])
    for email in wanted:
        key = f"invitation {row.id} {hashlib.sha256(email.lower().encode()).hexdigest()[:32]}"
        outbox.put(tx, Letter(KIND, None, email, by.user, row.id, key=key, language=by.language))
    audit.note(tx, by, "invitation.mailed", slug, group=slug, detail=f"to {len(wanted)} addresses")
    return _listed(tx, row.id)


def _checked(addresses: list[str]) -> list[str]:
    wrong: dict[str, str] = {}
    wanted: dict[str, str] = {}
    for number, email in enumerate(addresses):
        try:
            wanted.setdefault(mailable(email).lower(), email)
        except BadAddress:
            wrong[f"addresses[{number}]"] = _("must be an e-mail address, such as ada@school.example")
    if wrong:
        raise Invalid(wrong)
    return [*wanted.values()]


@reads
def listed(read: Snapshot, identity: Identity, slug: str) -> list[MailedView]:
    """A group's invitations by mail of the last week, newest first. Its moderators may see them."""
    return _listed(read, group.moderated.within(read, identity, slug).id)


def _listed(read: Snapshot, group_id: int) -> list[MailedView]:
    return [MailedView(*row) for row in read.all(OF_GROUP, group_id=group_id)]


@writes
def revoke(tx: Tx, identity: Identity, slug: str, id_: int) -> None:
    """Takes an invitation back: its letter is not sent, or its link works no more. Raises NotFound."""
    row = group.moderated.within(tx, identity, slug)
    if not tx.run(DROP, id=id_, group_id=row.id):
        raise NotFound(_("There is no invitation %(id)s to %(slug)s.", id=id_, slug=slug))
    invitation.end_mailed(tx, id_)
    audit.note(tx, identity, "invitation.revoked", f"mail {id_}", group=slug)


@writes
def _make(tx: Tx, letter: Waiting) -> Content | None:
    """With a code of its own at each attempt, of which the hash is kept; none where its maker may no longer invite."""
    maker = tx.one(MAKER, group_id=letter.group_id, by_id=letter.subject_id)
    if maker is None:
        return None
    expires = times.later(days=GOOD_DAYS)
    of = {"group_id": maker.id, "made_by": maker.user_id}
    code = invitation.by_mail(tx, letter.id, expires, "member", again=letter.attempts > 0, **of)
    good = invitation.held(tx, code, tx.now) is not None
    return _said(maker.by, maker.slug, maker.name, code) if good else None


def _said(by: str, slug: str, name: str, code: str) -> Content:
    return Content(
        subject=_("%(by)s invites you to %(name)s", by=by, name=name),
        heading=_("You are invited to %(name)s", name=name),
        paragraphs=[_("%(by)s would like you to join %(name)s.", by=by, name=name)],
        button=(_("Join %(name)s", name=name), letters.at(f"/join#{code}")),
        more=[_("The link is for you alone, works once, and is good for a week.")],
        reason=_("You get this because %(by)s typed your address. If you do not know them, do nothing.", by=by),
        group=(slug, name),
    )


letters.wording(KIND, _make, lambda: _said("Grace Hopper", "class-4b", "Class 4b", "EXAM-PLE0"))
