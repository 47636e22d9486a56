"""A user's address is confirmed by a link in a mail to it; the one of before is told that there is another one."""

from model.accounts import codes, proof, user
from model.accounts.session import Identity
from model.mail import address, letters, outbox, signing
from model.mail.address import AddressView
from model.mail.letters import Content
from model.mail.outbox import Letter, Waiting
from pottle import times
from pottle.errors import Conflict, NotFound
from pottle.store import Snapshot, Tx, reads, writes
from pottle.translation import _

CONFIRM, CHANGED = "address.confirm", "address.changed"
GOOD_DAYS = 3


def ask(tx: Tx, user_id: int, email: str) -> None:
    """Within a unit: has somebody be asked whether an address is theirs."""
    outbox.put(tx, Letter(CONFIRM, user_id, email))


def changed(tx: Tx, user_id: int, before: str | None, email: str | None) -> None:
    """Within a unit: has both addresses of a user be told that there is another one. Links sent to the old one end."""
    if before:
        codes.end_links(tx, user_id)
    if before and address.standing(tx, user_id, before) == "proven":
        outbox.put(tx, Letter(CHANGED, user_id, before))
    if email:
        ask(tx, user_id, email)


@writes
def ask_again(tx: Tx, identity: Identity) -> AddressView:
    """Sends another link to one's own address. Raises Conflict where there is none, or nothing to confirm."""
    found = address.known(tx, identity.user)
    if found.email is None or not outbox.on():
        raise Conflict(_("There is no address to confirm."))
    if found.state == "proven":
        raise Conflict(_("This address is confirmed already."))
    ask(tx, identity.user, found.email)
    return found


@reads
def meant(read: Snapshot, token: str) -> tuple[int, str]:
    """Which user and address a link is for. Raises NotFound for one that is not good (any more)."""
    parts = signing.read_token(read, CONFIRM, token)
    if parts is None or address.known(read, parts[0]).email != parts[1]:
        raise NotFound(_("This link isn't valid or has expired."))
    return parts[0], parts[1]


@writes
def confirm(tx: Tx, identity: Identity, token: str) -> AddressView:
    """Takes one's own address as proven. Raises NotFound for a link that is not good, or somebody else's.

    Whoever reads the mail must also be signed in: else somebody could have a stranger prove an address for them.
    """
    user_id, email = meant.within(tx, token)
    if user_id != identity.user:
        raise NotFound(_("This link is for another account. Sign in as that one."))
    address.prove(tx, user_id, email)
    user.change(tx, user.by_id(tx.session, user_id))
    return address.known(tx, user_id)


@reads
def _confirm(read: Snapshot, letter: Waiting) -> Content | None:
    found = address.known(read, letter.user_id or 0)
    if found.email != letter.address or found.state == "proven" or letter.uid is None:
        return None
    token = signing.sign(read, CONFIRM, letter.user_id or 0, found.email or "", until=times.later(days=GOOD_DAYS))
    return _asked(letter.uid, found.email or "", token)


def _asked(uid: str, email: str, token: str) -> Content:
    return Content(
        subject=_("Confirm your e-mail address"),
        heading=_("Is this your address?"),
        paragraphs=[
            _(
                "The account %(uid)s has the address %(email)s. If that is you, please confirm it: only then "
                "mail is sent here, such as a link when you forgot your password.",
                uid=uid,
                email=email,
            )
        ],
        button=(_("Confirm the address"), letters.at(f"/account/address?token={token}")),
        more=[_("The link is good for three days. If you do not know of this account, do nothing.")],
    )


@reads
def _told(read: Snapshot, letter: Waiting) -> Content | None:
    found = address.known(read, letter.user_id or 0)
    return _changed(letter.uid or "") if found.email != letter.address else None


def _changed(uid: str) -> Content:
    return Content(
        subject=_("Your e-mail address was changed"),
        heading=_("You have another address now"),
        paragraphs=[_("The account %(uid)s has another e-mail address now. No more mail comes to this one.", uid=uid)],
        more=[_("If that was not you, somebody else is signed in as you: choose a new password at once.")],
        button=(_("Look at your account"), letters.at("/account")),
    )


def _example() -> Content:
    return _asked("ada", "ada@school.example", "example")


proof.on_given(changed)
letters.wording(CONFIRM, _confirm, _example, urgent=True)
letters.wording(CHANGED, _told, lambda: _changed("ada"), urgent=True)
