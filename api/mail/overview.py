"""`/admin/mail`: how sending goes, and what each kind of letter looks like, for admins."""

from typing import Annotated, Literal

from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, me, on_our_pages
from model import settings
from model.mail import letters, outbox, plain, testing
from pottle.errors import NotFound
from pottle.http.answers import asks
from pottle.http.application import rendered
from pottle.http.asking import signed_in
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule
from pottle.http.forms import Trouble, go_to, or_again
from pottle.http.languages import language
from pottle.http.limits import idempotent, limited
from pottle.translation import _, called, languages, supported, translated
from pottle.values import line

blueprint = Blueprint("mail", __name__)

Theme = Literal["light", "dark"]
OF_READER = "(prefers-color-scheme: dark)"  # what the template's dark styles ask of a screen
# Styles stand in the letter, as programs for mail want it; and nothing else may be loaded, or run.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"


class Shown(Tolerant):
    """Which letter, in which language and theme."""

    kind: Annotated[str, line(40, shortest=0)] = ""
    language: Annotated[str, line(20, shortest=0)] = ""
    theme: Theme = "light"


def _must_be_admin() -> None:
    if not me().admin:
        raise NotFound(_("There is no such page."))


def _chosen(query: Shown) -> tuple[str, str]:
    kind = query.kind if query.kind in letters.kinds else next(iter(letters.kinds))
    return kind, supported(query.language) or language()


@blueprint.get("/admin/mail", endpoint="page")
@hide
@signed_in
@asks(Shown)
async def show(query: Shown, trouble: Trouble | None = None) -> Response:
    """How sending goes, and one kind of letter."""
    _must_be_admin()
    kind, spoken = _chosen(query)
    smtp = settings.chosen().mail
    example = letters.kinds[kind].example()
    text = plain.plain(letters.html_of(example, spoken))
    shown = {"state": await outbox.state(), "smtp": smtp, "trouble": trouble, "kind": kind, "spoken": spoken}
    shown |= {"subject": translated(example.subject, spoken)}
    spoken_here = [(tag, called(tag)) for tag in languages()]
    choices = {
        "kinds": [(one, one) for one in sorted(letters.kinds)],
        "languages": spoken_here,
        "text": text,
    }
    body = await rendered("admin.html", me=me(), tab="mail", **shown, **choices)
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")


@blueprint.get("/admin/mail/letter", endpoint="letter")
@hide
@signed_in
@asks(Shown)
async def letter(query: Shown) -> Response:
    """One kind of letter, as its readers see it in a light or a dark theme."""
    _must_be_admin()
    kind, spoken = _chosen(query)
    html = letters.html_of(letters.kinds[kind].example(), spoken)
    html = html.replace(OF_READER, "all" if query.theme == "dark" else "not all")
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return Response(html, headers=headers, content_type="text/html; charset=utf-8")


@blueprint.post("/admin/mail", endpoint="test")
@hide
@or_again(show)
@limited(EDITING)
@signed_in
@on_our_pages
@idempotent
@asks(Shown)
async def test(query: Shown) -> Response:
    """Send a test to one's own address."""
    _must_be_admin()
    await testing.ask(me())
    return go_to("/admin/mail")
