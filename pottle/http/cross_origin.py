"""CORS (every origin may call the API and what is `opened`, without cookies) and security headers, as middleware."""

import re

from quart import Response

from pottle.http.asgi import CHOSEN, SPOKEN, Headers, Message, Middleware, Receive, Scope, Send

EVERYWHERE = ("/api/", "/static/", "/openapi.json")
_opened: set[re.Pattern[str]] = set()  # an application's own paths that are like these
EXPOSED = b"ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Idempotency-Key, X-Request-Id"
ASKS = b"access-control-request-method"
PREFLIGHT: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"),
    (b"access-control-max-age", b"7200"),
    (b"cache-control", b"no-store"),
]
# No script, style, image or socket from another host.
PAGE_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {}"
OF_ALL: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
]
OF_THE_API: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED),
    (b"cross-origin-resource-policy", b"cross-origin"),
]
OF_PAGES: Headers = [(b"content-security-policy", PAGE_POLICY.format("'self'").encode())]


class SafeHeaders(Middleware):
    """Answers preflights, and adds to every other answer what it does not say itself."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        everywhere = path.startswith(EVERYWHERE) or any(one.fullmatch(path) for one in _opened)
        wanted = OF_ALL + OF_THE_API if everywhere else OF_ALL

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _with(wanted, message["status"], message["headers"])
                if SPOKEN in scope or CHOSEN in scope:
                    headers = _in_a_language(headers, scope)
                message = {**message, "headers": headers}
            await send(message)

        if everywhere and scope["method"] == "OPTIONS" and any(name == ASKS for name, _ in scope["headers"]):
            await headed({"type": "http.response.start", "status": 204, "headers": PREFLIGHT})
            await headed({"type": "http.response.body", "body": b""})
        else:
            await self.app(scope, receive, headed)


def opened(path: str) -> None:
    """Lets pages of every origin read what paths like this answer (a regular expression), as they may the API."""
    _opened.add(re.compile(path))


def _with(wanted: Headers, status: int, headers: Headers) -> Headers:
    """`headers`, and of `wanted` those that are missing in them."""
    given = dict(headers)
    if status in (204, 304):
        headers = [pair for pair in headers if pair[0] != b"content-type"]  # there is no content
    if given.get(b"content-type", b"").startswith(b"text/html"):
        wanted = wanted + OF_PAGES
    return [*headers, *(pair for pair in wanted if pair[0] not in given)]


def _in_a_language(headers: Headers, scope: Scope) -> Headers:
    """`headers`, with the language of the answer; where the client's own headers chose it, they say so."""
    if SPOKEN not in scope:
        return [*headers, (b"content-language", scope[CHOSEN].encode())]
    vary = b", ".join([value for name, value in headers if name == b"vary"] + [b"Accept-Language"])
    others = [pair for pair in headers if pair[0] != b"vary"]
    return [*others, (b"vary", vary), (b"content-language", scope[SPOKEN].encode())]


def framed_by(response: Response, origins: list[str] | None) -> None:
    """Lets pages of `origins` show this page in a frame; otherwise only our own may. None: not even those."""
    sources = ["'none'"] if origins is None else ["'self'", *origins]
    response.headers["Content-Security-Policy"] = PAGE_POLICY.format(" ".join(sources))
