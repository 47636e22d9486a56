"""CORS: every origin may call the API, without credentials of the browser's; and the headers that keep pages safe."""

from quart import Quart, Response, request

EVERYWHERE = ("/api/", "/static/", "/openapi.json")
EXPOSED = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Idempotency-Key, X-Request-Id"
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match",
    "Access-Control-Max-Age": "7200",
    "Cache-Control": "no-store",
}
# No script, style, image or socket from another host; the docs page's bundled viewer draws its icons from data: URLs.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {}"
)


def register(app: Quart) -> None:
    """Answers preflights and adds the headers."""
    app.before_request(_preflight)
    app.after_request(_headers)


async def _preflight() -> Response | None:
    asked = request.headers.get("Access-Control-Request-Method")
    if request.method == "OPTIONS" and asked and request.path.startswith(EVERYWHERE):
        return Response(b"", 204, PREFLIGHT)
    return None


async def _headers(response: Response) -> Response:
    if response.status_code in (204, 304):
        response.headers.pop("Content-Type", None)  # there is no content
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    if request.path.startswith(EVERYWHERE):
        response.headers.setdefault("Access-Control-Allow-Origin", "*")
        response.headers.setdefault("Access-Control-Expose-Headers", EXPOSED)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY.format("'self'"))
    return response


def framed_by(response: Response, origins: list[str]) -> None:
    """Lets pages of `origins` show this page in a frame; otherwise only our own may."""
    response.headers["Content-Security-Policy"] = PAGE_POLICY.format(" ".join(["'self'", *origins]))
