"""A forgotten password: a link by mail to an account's confirmed address, by which its owner chooses a new one.

Whoever asks learns nothing: whether there is such an account, or whether its address is confirmed, changes neither the
answer nor the time that it takes. The code is made when the letter is sent, and kept as a hash alone.
"""

from model.accounts import codes
from model.mail import address, letters, outbox
from model.mail.letters import Content
from model.mail.outbox import Letter, Waiting
from pottle import times
from pottle.errors import TooMany
from pottle.rates import Rate
from pottle.store import Tx, db, limits, writes
from pottle.translation import _

KIND = "password.forgotten"
GOOD_HOURS = codes.MAILED_HOURS
MOST_ACCOUNTS = 5  # with one address
OF_ACCOUNT = Rate("forgotten passwords", 3, per=3600)


@writes
def ask(tx: Tx, who: str, language: str | None) -> None:
    """Has a link be sent to whoever has this user name or this address, if it is confirmed; in their language."""
    found = address.whose(tx, who)
    for row in found[:MOST_ACCOUNTS]:
        if _may(tx, f"user {row.id}"):
            outbox.put(tx, Letter(KIND, row.id, language=language))
    if not found:  # it writes as much as where there is one
        _may(tx, "user 0")


def _may(tx: Tx, party: str) -> bool:
    """Whether the account has asked less than it may: nobody shall fill somebody else's mailbox."""
    try:
        if db.settings.rate_limits:
            limits.check(tx, party, OF_ACCOUNT)
    except TooMany:
        return False
    limits.spend(tx, party, OF_ACCOUNT)
    return True


@writes
def _make(tx: Tx, letter: Waiting) -> Content | None:
    """With a code of its own at each attempt: of a letter that comes twice both links are good."""
    if letter.user_id is None or letter.created < times.later(hours=-GOOD_HOURS):
        return None
    return _said(letter.uid or "", codes.by_mail(tx, letter.user_id, letter.id, again=letter.attempts > 0))


def _said(uid: str, code: str) -> Content:
    return Content(
        subject=_("Choose a new password"),
        heading=_("Did you forget your password?"),
        paragraphs=[
            _(
                "Somebody, probably you, asked for a new password for the account %(uid)s. Choose one by this link "
                "within two hours. It works once.",
                uid=uid,
            )
        ],
        button=(_("Choose a new password"), letters.at(f"/join#{code}")),
        more=[_("If you did not ask, do nothing: your password stays as it is.")],
    )


letters.wording(KIND, _make, lambda: _said("ada", "EXAM-PLE0-0000-0000"), urgent=True)
