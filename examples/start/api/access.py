"""Who is asking: the session cookie of our own pages, or a bearer token for programs."""

from collections.abc import Collection, Mapping

from quart import Response, has_request_context, request

from model import account
from model.account import SESSION_DAYS, Identity
from pottle.access import SAFE, Access
from pottle.errors import Unauthenticated
from pottle.http.asking import foreign_origin, header, served
from pottle.rates import Rate
from pottle.store import Snapshot, db
from pottle.store.changes import Change

SIGN_UP = Rate("sign-up", 100, per=3600)  # for one address: a school is one
SIGN_IN = Rate("sign-in", 600, per=60)
WRITING = Rate("writing", 60, per=60)


class Sessions(Access[Identity]):
    """What the engine asks us."""

    ending = frozenset({"session.ended"})

    async def asking(self) -> Identity | None:
        """By the Authorization header, else the cookie, which changes nothing for a page of another origin."""
        if has_request_context():
            scheme, _, token = (header(b"authorization") or "").partition(" ")
            if scheme:
                found = await self.by_token(token.strip()) if scheme.lower() == "bearer" else None
                if found is None:
                    raise Unauthenticated("Your credentials are not, or no longer, good.")
                return found
            if request.method not in SAFE and foreign_origin() is not None:
                return None
        elif foreign_origin() is not None:
            return None
        secret = served().cookies.get(_cookie_name())
        return await self.by_token(secret) if secret else None

    async def by_token(self, token: str, origin: str | None = None) -> Identity | None:
        """Whose session it is."""
        return await db.read(account.of, token)

    def confirm(self, read: Snapshot, identity: Identity) -> None:
        """Raises Unauthenticated if the session has ended."""
        account.confirm(read, identity)

    def lost(
        self, read: Snapshot, identity: Identity | None, change: Change, held: Mapping[str, object]
    ) -> Collection[str] | None:
        """The live connections of a session end with it."""
        return None if identity is not None and identity.session == change.subject else ()


def set_cookie(response: Response, secret: str) -> None:
    """Signs the browser in, for our own pages."""
    response.set_cookie(
        _cookie_name(), secret, max_age=SESSION_DAYS * 24 * 3600, httponly=True, samesite="Lax", secure=_is_secure()
    )


def clear_cookie(response: Response) -> None:
    """Signs the browser out."""
    response.delete_cookie(_cookie_name(), httponly=True, samesite="Lax", secure=_is_secure())


def _is_secure() -> bool:
    return served().scheme in ("https", "wss") or db.settings.url.startswith("https:")


def _cookie_name() -> str:
    """Under https one that no neighbouring host can set. It has the instance's id, because cookies ignore ports."""
    return f"{'__Host-' if _is_secure() else ''}signed_in_{db.instance.id}"


sessions = Sessions()
asker, me, recognise = sessions.asker, sessions.me, sessions.recognise
