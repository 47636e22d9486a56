"""What a push says, by its kind: made when it is sent, for whoever it is sent to, and in their language.

So it tells nothing that was removed meanwhile, or that they may read no more.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from model.accounts.session import Identity
from model.push.vapid import encoded
from pottle.store import Snapshot, db
from pottle.translation import _, direction, translated

TITLE, BODY = 120, 240  # characters: with all else in a message they are less than MOST_BYTES, whatever they are
MOST_BYTES = 3_993  # of a message: 4,096 when it is encrypted, which every push service takes
TEST = "test"


class Said(NamedTuple):
    """What a push says. `path` is where a click leads; of those `about` the same the newest replaces the others."""

    title: str
    body: str
    path: str
    about: str
    urgency: Literal["low", "normal"] = "normal"


class Message(msgspec.Struct):
    """What the service worker gets (static/worker.js)."""

    title: str
    body: str
    path: str
    tag: str
    lang: str
    dir: str


Make = Callable[[Snapshot, Identity, int | None, int | None], Said | None]

_makers: dict[str, Make] = {}


def of(kind: str, make: Make) -> None:
    """Has `make(read, who, subject, group_id)` say what pushes of a kind say; None for nothing any more."""
    _makers[kind] = make


def said(read: Snapshot, who: Identity, kind: str, subject: int | None, group_id: int | None) -> Said | None:
    """What a push says to somebody now; None where there is nothing to say."""
    make = _makers.get(kind)
    return make(read, who, subject, group_id) if make else None


def message(what: Said, language: str) -> bytes:
    """It as the service worker gets it."""
    title, body = (str(translated(text, language)) for text in (what.title, what.body))
    told = Message(_cut(title, TITLE), _cut(body, BODY), what.path, topic(what), language, direction(language))
    return msgspec.json.encode(told)


def topic(what: Said) -> str:
    """By which a push service replaces what it could not deliver yet; it learns nothing by it."""
    digest = hmac.digest(db.instance.secret.encode(), f"push {what.about}".encode(), hashlib.sha256)
    return encoded(digest)[:32]


def _cut(text: str, longest: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _test(_read: Snapshot, _who: Identity, _subject: int | None, _group_id: int | None) -> Said:
    return Said("Pottle", _("News will reach you like this."), "/account/messages#push", TEST)


of(TEST, _test)
