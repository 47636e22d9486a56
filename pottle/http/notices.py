"""The security log: who signed in and who was refused, for operators and for programs that block addresses.

They name the client's address and a keyed digest of the user name, never the name itself: one can see that the same
account is tried again and again, but not whose it is. They are bounded, so that an attack does not fill a disk
(pottle/server/logs.py).
"""

import hmac
import logging
from typing import Any

from quart import g, has_request_context, request

from pottle.access import SAFE, access
from pottle.errors import Refusal
from pottle.http.asking import address
from pottle.store import db

log = logging.getLogger("pottle.notices")

NOTICED = "noticed"  # on `g`: this request has its line already


def refused(refusal: Refusal) -> None:
    """Notes a refusal, but for those that any reader meets who is not signed in."""
    status = refusal.status
    if status not in (401, 403, 429) or not has_request_context() or g.get(NOTICED):
        return
    if status != 401 or request.method not in SAFE or g.get("bad_credentials"):
        who = access().asker() if "asker" in g else None
        notice("A request was refused", who.uid if who else "", status=status, kind=type(refusal).__name__)


def notice(event: str, uid: str, **fields: Any) -> None:
    """Notes who asks for what in this request, once."""
    setattr(g, NOTICED, True)
    rule = request.url_rule.rule if request.url_rule else "none"
    known = {"account": _digest(uid)} if uid else {}
    log.info(event, extra={"client": address(), "method": request.method, "route": rule, **known, **fields})


def _digest(uid: str) -> str:
    """Alike for the same user name, on this server only."""
    return hmac.new(db.instance.secret.encode(), uid.lower().encode(), "sha256").hexdigest()[:12]
