"""The window at /sign-in in which people sign in for a page of another site; it never leads elsewhere."""

from quart import Response

from api.access import asker
from pottle.http.application import rendered_alone
from pottle.http.caching import rule
from pottle.http.cross_origin import framed_by
from pottle.http.forms import Trouble


async def window(
    slug: str, origin: str, listed: bool, ours: bool, trouble: Trouble | None = None, token: str = "", ticket: str = ""
) -> Response:
    """The window for a site of a group; 403, and what to do, for one that is not listed.

    `token` is that of whoever comes back from a provider, `ticket` for the second factor; `trouble` what was refused.
    """
    shown = {"me": asker(), "slug": slug, "origin": origin, "listed": listed, "ours": ours}
    body = rendered_alone("sign-in.html", **shown, trouble=trouble, token=token, ticket=ticket)
    headers = {"Cache-Control": rule(), "Vary": "Cookie", "Referrer-Policy": "no-referrer"}
    response = Response(body, 200 if listed else 403, headers=headers, content_type="text/html; charset=utf-8")
    framed_by(response, None)
    return response
