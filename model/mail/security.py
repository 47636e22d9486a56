"""Whoever has an account is told of each change of what opens it: if it was somebody else, they should know soon."""

from model import audit
from model.accounts import credentials
from model.mail import letters, outbox
from model.mail.letters import Content
from model.mail.outbox import Letter, Waiting
from pottle.store import Tx
from pottle.translation import _

CHANGED = "credentials.changed"
SAID: dict[str, str] = {
    "password.changed": _("Your password was changed."),
    "password.reset": _("A new password was set, with a code or a link for it."),
    "password.removed": _("Your password was taken off."),
    "second.on": _("Signing in now needs a code of an authenticator app as well."),
    "second.off": _("Signing in no longer needs a code of an authenticator app."),
    "second.reset": _("An admin took the second step of your signing in off."),
    "recovery.renewed": _("New recovery codes were made; those from before are no longer good."),
    "recovery.used": _("One of your recovery codes was used."),
    "passkey.added": _("A passkey was added."),
    "passkey.deleted": _("A passkey was deleted."),
    "passkey.copied": _("Signing in with a passkey was refused, because somebody may have a copy of it."),
    "provider.linked": _("An account elsewhere was added, with which one can sign in as you."),
    "provider.unlinked": _("An account elsewhere was taken off; nobody can sign in with it any more."),
    "token.made": _("A token for a program was made, which can write in your name."),
}


def _tell(tx: Tx, user_id: int, action: audit.Action, detail: str | None) -> None:
    if action in SAID:
        outbox.put(tx, Letter(CHANGED, user_id, more={"action": action, "detail": detail or ""}))


async def _make(letter: Waiting) -> Content:
    return _content(letter.uid or "", str(letter.more["action"]), str(letter.more["detail"]))


def _content(uid: str, action: str, detail: str) -> Content:
    return Content(
        subject=_("Your account %(uid)s: a change in signing in", uid=uid),
        heading=_("A change in signing in"),
        paragraphs=[SAID[action], *([_("It is called “%(name)s”.", name=detail)] if detail else [])],
        button=(_("See how you sign in"), letters.at("/account/access")),
        more=[
            _(
                "If it was not you: sign out everywhere else on that page, choose another password, and look whether "
                "you know each passkey and token there. If you cannot sign in, ask an admin."
            )
        ],
        reason=_("You get this because it is your account. These letters cannot be switched off."),
    )


def _example() -> Content:
    return _content("ada", "passkey.added", "Phone")


credentials.on_change(_tell)
letters.wording(CHANGED, _make, _example, urgent=True)
