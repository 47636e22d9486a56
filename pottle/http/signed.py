"""Quart's own `session` and `flash`, for code that came from Flask: kept in the browser, in a cookie that is signed.

Sessions of accounts are no part of this: those are random, kept as hashes, and end at once everywhere.
A signed cookie is good until it expires or the database becomes another one, on every worker and after a restart.
"""

from quart import Quart, has_request_context, request
from quart.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from quart.wrappers import Response
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.wrappers import Response as WerkzeugResponse

from pottle.access import SAFE
from pottle.http.asking import foreign_origin, header
from pottle.store import db


class SignedSessions(SecureCookieSessionInterface):
    """As Quart's, but for our own pages only, by the rules of our own cookie (pottle/http/asking.py)."""

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> SecureCookieSession | None:
        """What the cookie says; nothing, where a page of another site asks for a change."""
        if header(b"cookie") is None or self.get_cookie_name(app) not in request.cookies or _foreign_change():
            return self.session_class()
        return await super().open_session(app, request)

    async def save_session(
        self, app: Quart, session: SessionMixin, response: Response | WerkzeugResponse | None
    ) -> None:
        """Sets the cookie where the session was used."""
        if (session.accessed or session.modified) and not _foreign_change():
            await super().save_session(app, session, response)

    def get_cookie_name(self, app: Quart) -> str:
        """Carries the instance's id, because cookies ignore ports."""
        return f"session_{db.instance.id}"

    def get_cookie_path(self, app: Quart) -> str:
        """Below the prefix, if there is one."""
        return f"{request.root_path}/"

    def get_cookie_secure(self, app: Quart) -> bool:
        """Under https."""
        return request.scheme == "https" or db.settings.url.startswith("https:")

    def get_cookie_samesite(self, app: Quart) -> str:
        """Not for requests that other sites make, but for links from there."""
        return "Lax"


def _foreign_change() -> bool:
    return not (has_request_context() and request.method in SAFE) and foreign_origin() is not None
