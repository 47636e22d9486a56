"""One sign-in at a provider, from the click to the way back: what is remembered meanwhile, and what has to fit then.

It is remembered in a cookie of the browser that began it, so that nobody is signed in by an address that somebody else
made (login CSRF, RFC 6749, 10.12). It is good for one provider (no mix-up, RFC 9207), one answer and ten minutes.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from typing import Any, Literal

import msgspec

from model import settings
from model.accounts.providers import asking
from model.accounts.providers.configured import Provider
from model.accounts.providers.id_token import TENANT, Said
from pottle.errors import NotFound, Unauthenticated
from pottle.translation import _

MINUTES = 10
LONGEST = 3_900  # characters of the cookie
PROMPTS = {"google": "select_account", "microsoft": "select_account", "github": "select_account"}
RECENT_SECONDS = 60  # that a confirmation may have been before it was asked for: clocks differ

Aim = Literal["enter", "link", "confirm"]


class Begun(msgspec.Struct, array_like=True):
    """A sign-in that waits for the provider's answer. `session` is whose account something is done to."""

    provider: str
    aim: Aim
    state: str
    nonce: str
    verifier: str
    at: float
    next: str = "/"
    session: int | None = None
    invitation: str | None = None
    group: str = ""  # the group and the origin of the page that opened the window to sign in
    origin: str = ""

    @property
    def digest(self) -> bytes:
        """What tells it from all others."""
        return hashlib.sha256(self.state.encode()).digest()


class Answer(msgspec.Struct):
    """What the provider sends the browser back with (RFC 6749, 4.1.2; RFC 9207)."""

    state: str = ""
    code: str = ""
    iss: str = ""
    error: str = ""
    error_description: str = ""


def provider(name: str) -> Provider:
    """A provider that is set up. Raises NotFound."""
    found = next((one for one in settings.chosen().sign_in if one.name == name), None)
    if found is None:
        raise NotFound(_("There is no way to sign in of the name %(name)s.", name=name))
    return found


def begin(name: str, aim: Aim, **more: Any) -> Begun:
    """Something to send somebody to a provider for."""
    made = secrets.token_urlsafe(32), secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    return Begun(name, aim, *made, time.time(), **more)


async def page(begun: Begun, redirect: str) -> str:
    """The provider's page to send the browser to. Raises Unreachable."""
    there = provider(begun.provider)
    more = {} if there.preset == "github" else {"nonce": begun.nonce}
    if begun.aim == "confirm" and there.preset in ("openid", "microsoft"):
        more |= {"prompt": "login", "max_age": "0"}
    elif there.preset in PROMPTS:
        more["prompt"] = PROMPTS[there.preset]
    if there.preset == "google" and there.domains:
        more["hd"] = there.domains[0] if len(there.domains) == 1 else "*"  # what Google offers; the token counts
    return await asking.page_of(there, redirect, begun.state, begun.verifier, **more)


def remembered(begun: Begun) -> str:
    """As the cookie's value."""
    return base64.urlsafe_b64encode(msgspec.json.encode(begun)).decode().rstrip("=")


def read(cookie: str | None) -> Begun | None:
    """What the cookie remembers, if anything."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(f"{(cookie or '')[:LONGEST]}==="), type=Begun)
    except (msgspec.MsgspecError, ValueError, binascii.Error):
        return None


def recalled(name: str, cookie: str | None, state: str) -> Begun:
    """What the cookie remembers, if it fits an answer with `state` from a provider. Raises Unauthenticated."""
    found = read(cookie)
    fits = found and found.provider == name and hmac.compare_digest(found.state.encode(), state.encode())
    if not found or not fits or not 0 <= time.time() - found.at <= MINUTES * 60:
        raise Unauthenticated(_("This sign-in has expired, or was begun in another window. Please try again."))
    return found


async def finish(begun: Begun, answer: Answer, redirect: str) -> Said:
    """Who it is. Raises Unauthenticated, also where they did not go on; Unreachable."""
    there = provider(begun.provider)
    await _check_sender(there, answer)
    if answer.error == "access_denied":
        raise Unauthenticated(_("You did not go on with %(provider)s. You are not signed in.", provider=there.label))
    if answer.error or not answer.code:
        raise asking.not_verified(there, f"it answered {answer.error[:100]} {answer.error_description[:200]}")
    found = await asking.who(there, redirect, answer.code, begun.verifier, begun.nonce)
    if begun.aim == "confirm" and found.auth_time is not None and found.auth_time < begun.at - RECENT_SECONDS:
        raise asking.not_verified(there, "it did not ask again who somebody is")
    return found


async def _check_sender(there: Provider, answer: Answer) -> None:
    """An answer that says whose it is must be this provider's (RFC 9207, 2.4)."""
    metadata = await asking.metadata_of(there)
    many = TENANT in metadata.issuer
    if answer.iss and answer.iss != metadata.issuer and not many:
        raise asking.not_verified(there, f"the answer is of {answer.iss[:200]}")
    if metadata.authorization_response_iss_parameter_supported and not answer.iss:
        raise asking.not_verified(there, "the answer does not say whose it is")
