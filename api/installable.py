"""What makes the pages an app to install: its manifest, the service worker, and the page without a network."""

import json
import time
from functools import cache

from quart import Blueprint, Response, current_app, url_for
from quart_schema import hide

from pottle.http import assets
from pottle.http.application import rendered_alone
from pottle.http.asking import anyone
from pottle.http.assets import asset
from pottle.http.caching import SHARED
from pottle.http.languages import language
from pottle.http.minifying import minified_js
from pottle.store import db
from pottle.translation import _, direction, translated

blueprint = Blueprint("installable", __name__)

PAPER = "#fffaf4"  # static/style/tokens.css
WORKERS_POLICY = "default-src 'none'; connect-src 'self'; img-src 'self'"
ICONS = (("icon-192", "192x192", "any"), ("icon-512", "512x512", "any"), ("maskable-512", "512x512", "maskable"))


@blueprint.get("/app.webmanifest")
@hide
@anyone
async def manifest() -> Response:
    """The web app manifest. Browsers ask for it without a cookie, so it is in the language that they speak."""
    spoken, home = language(), url_for("pages.home")
    discussions = "discussions" in current_app.jinja_env.globals
    said = {
        "id": home,
        "name": "Pottle",
        "short_name": "Pottle",
        "description": translated(_("Discussions for a class, a club or a site, live."), spoken),
        "lang": spoken,
        "dir": direction(spoken),
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": [
            {"src": asset(f"icons/{name}.png"), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for name, sizes, purpose in ICONS
        ],
        "shortcuts": [{"name": translated(_("Inbox"), spoken), "url": url_for("inbox.show")}] if discussions else [],
    }
    body = json.dumps(said, ensure_ascii=False)
    return Response(body, headers={"Cache-Control": SHARED}, content_type="application/manifest+json")


@blueprint.get("/worker.js")
@hide
@anyone
async def worker() -> Response:
    """The service worker, where its scope is all that is ours; browsers ask for it anew each day at least."""
    answer = assets.answer(_made.__wrapped__(False) if db.settings.development else _made(True), SHARED)
    answer.headers["Content-Security-Policy"] = WORKERS_POLICY
    return answer


@cache
def _made(small: bool) -> assets.Ready:
    code = (assets.FOLDER / "worker.js").read_text().replace("{release}", assets.release())
    return assets.ready((minified_js(code) if small else code).encode(), "text/javascript", time.time())


@blueprint.get("/offline")
@hide
@anyone
async def offline() -> Response:
    """What the service worker keeps, to be shown where there is no network."""
    return Response(rendered_alone("errors/offline.html"), content_type="text/html; charset=utf-8")
