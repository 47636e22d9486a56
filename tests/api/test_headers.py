"""Whatever a header says, on whatever route: never a server error. Every header that anything of ours reads is here.

What the server itself reads before there is an application (Content-Length, Expect, Upgrade …) is asked as bytes in
tests/live/test_clients.py.
"""

from itertools import cycle, islice, product
from pathlib import Path

import httpx
import pytest
from quart import Quart
from werkzeug.routing import Rule

from model.settings import Settings
from tests.api.conftest import LOBBY
from tests.cases import in_turn
from tests.conftest import ADDRESS, Person
from tests.test_policy import routes

LONG = b"x" * 20_000
# For any header.
ODD = (
    *(
        b"",
        b" ",
        b"\xff\xfe",
        b"\x00",
        b"\x7f",
        b'"',
        b'"""',
        b",",
        b",,,",
        b"*",
        b";",
        b"=",
        b":",
        b"%",
        b"%zz",
        b"{}",
        b"-1",
        b"0",
    ),
    *(
        b"9" * 5_000,
        b"1e999",
        b"\xc2\xb9",
        b"\xe2\x80\xae",
        b"null",
        b"\xed\xa0\x80",
        b"../../etc/passwd",
        b"'--",
        b"a\tb",
        LONG,
    ),
    *(b", ".join([b'"x"'] * 3_000), b";".join([b"a=b"] * 3_000), b"W/", b"x=\xff; q=\xff"),
)
HEADERS: dict[bytes, tuple[bytes, ...]] = {
    b"If-Match": (
        b'"1-',
        b'"1-0',
        b'"1-0"-gzip',
        b'W/"1-0-gzip"',
        b'"%d-0"' % 10**30,
        b'"-gzip"',
        b'"' + b"-gzip" * 5_000 + b'"',
    ),
    b"If-None-Match": (b'"1-', b'W/"', b'w/"x"', b'"x" "y"', b'"' + b"-br" * 9_000 + b'"'),
    b"If-Modified-Since": (b"Thu, 99 Jan 99999 99:99:99 GMT", b"Thu, 01 Jan 1970 00:00:00 +99999999999", b"1970-01-01"),
    b"If-Unmodified-Since": (b"Thu, 01 Jan 0000 00:00:00 GMT", b"Thu, 31 Feb 2000 00:00:00 GMT", b"tomorrow"),
    b"If-Range": (b'W/"x"', b"Thu, 99 Jan 99999 99:99:99 GMT"),
    b"Range": (
        b"bytes=-5",
        b"bytes=-0",
        b"bytes=5-1",
        b"bytes=-",
        b"lines=1-2",
        b"bytes=0-0,-1",
        b"bytes=" + b"0-," * 9_000,
    ),
    b"Accept": (
        b"text/html;q=\xff",
        b"text/html;q=-1",
        b"text/html;q=nan",
        b"*/*;q=1e999",
        b"text/html" * 999,
        b"/",
        b"text/",
    ),
    b"Accept-Encoding": (b"gzip;q=\xff", b"*;q=0", b"gzip;q=inf", b"identity;q=0"),
    b"Accept-Language": (b"x-y-z;q=2", b"\xff-\xff", b"de;q="),
    b"Content-Type": (
        *(
            b"application/json; charset=\xff",
            b"application/json; charset=utf-7",
            b"application/json;;;",
            b"/",
            b"a/b/c",
        ),
        *(
            b"multipart/form-data",
            b"multipart/form-data; boundary=",
            b'multipart/form-data; boundary="\xff"',
            b"image/*",
        ),
        *(b"application/x-www-form-urlencoded; charset=nothing", b"text/html", b"image/png; charset=x"),
    ),
    b"Content-Length": (b"abc", b"+1", b"1_0", b"0x1", b"1, 1", b"\xb2", b"99999999999999999999999"),
    b"Content-Encoding": (b"gzip", b"br, gzip", b"nothing"),
    b"Transfer-Encoding": (b"chunked, gzip", b"xchunked", b"identity"),
    b"Cookie": (b"\xff=\xff; ;;=;", b"session=\xff", b"=;=", b"a" * 9_000 + b"=b", b'x="\\777"', b"pottle_x=ses_\xff"),
    b"Authorization": (
        b"Bearer",
        b"Bearer ",
        b"Bearer \xff",
        b"Basic \xff",
        b"Basic eA==",
        b"bearer a b c",
        b"Digest x=y",
    ),
    b"Origin": (
        b"http://[::1",
        b"\xff://",
        b"null",
        b"http://",
        b"http://a:b:c",
        b"http://a:99999",
        b"javascript:x",
        b"//x",
    ),
    b"Referer": (b"http://[::1", b"\xff://", b"about:blank"),
    b"Host": (b"a..b", b"[::1", b"a:99999", b"a b", b"@", b"a/b", b"\xfc.de", b"a:b"),
    b"X-Forwarded-For": (
        b"not an address",
        b"[::1",
        b"1.2.3.4:x",
        b"::ffff:999.1.1.1",
        b", , 1.1.1.1",
        b"fe80::1%\xff",
    ),
    b"X-Forwarded-Proto": (b"gopher", b"https, http", b"https://", b"HTTPS"),
    b"X-Forwarded-Host": (b"a..b", b"[::1", b"\xff"),
    b"X-Forwarded-Prefix": (b"//evil.example", b"\xff"),
    b"X-Real-Ip": (b"999.1.1.1",),
    b"Forwarded": (b'for="[::1"', b"for=;;;proto=", b'for="\xff'),
    b"Idempotency-Key": (b"\xff\xfe", b"x" * 201, b"\xe2\x80\xa8"),
    b"Last-Event-Id": (b"a:b", b":", b"x:%d" % 10**30, b"\xff:1"),
    b"X-Request-Id": (b"a b", b"x" * 65, b"\x1b[31m"),
    b"X-Origin": (b"client", b"\xff"),
    b"X-Http-Method-Override": (b"DELETE", b"\xff"),
    b"Upgrade": (b"h2c", b"websocket", b"TLS/1.0"),
    b"Connection": (b"Upgrade", b"close, keep-alive"),
    b"Expect": (b"100-continue", b"200-ok"),
    b"Sec-Websocket-Key": (b"x",),
    b"Sec-Websocket-Version": (b"777",),
    b"Sec-Websocket-Protocol": (b",,", b"\xff"),
    b"Sec-Websocket-Extensions": (b";;;", b"permessage-deflate; server_max_window_bits=99"),
    b"Sec-Fetch-Site": (b"cross-site", b"\xff"),
    b"Access-Control-Request-Method": (b"\xff", b"PATCH"),
    b"Access-Control-Request-Headers": (b"\xff", LONG),
    b"User-Agent": (b"\xff",),
}
ENDS_THE_SESSION = ("/api/session", "/flask/api/authenticate")


@pytest.fixture
def settings(instance: Path) -> Settings:
    """With all that reads headers: a trusted proxy, and the routes for Flask front ends."""
    here = {"trusted_proxies": (ADDRESS,), "flask_origins": ("https://old.example",)}
    return Settings(instance=instance, rate_limits=False, access_log=True, **here)  # type: ignore[arg-type]


def asked_of(app: Quart) -> list[tuple[str, str]]:
    """Every method of every route, with an address that leads there."""
    return [
        (method, _address(rule))
        for method, rule, _ in routes(app)
        if not (method == "DELETE" and rule.rule in ENDS_THE_SESSION)
    ] + [("OPTIONS", "/api/me"), ("HEAD", "/"), ("HEAD", "/static/style.css"), ("GET", "/nothing"), ("GET", "/docs")]


def _address(rule: Rule) -> str:
    known = {"channel_id": "1", "slug": "class", "uid": "alice", "name": "style.css"}
    parts = ((known.get(text, "1") if dynamic else text) for dynamic, text in rule._trace)
    return "".join(parts).removeprefix("|")


async def answered(root: Person, method: str, path: str, name: bytes, value: bytes) -> None:
    headers = httpx.Headers([(b"Content-Type", b"application/json")])
    answer = await root.http.request(
        method, path, headers=[*[pair for pair in headers.raw if pair[0] != name], (name, value)], content=b'{"x": 1}'
    )
    assert answer.status_code < 500, (method, path, name, value[:99], answer.text)


SOME = [("GET", LOBBY), ("POST", LOBBY), ("PATCH", "/api/posts/1"), ("GET", "/static/style.css"), ("GET", "/")]


async def test_no_value_of_a_header_is_a_server_error(app: Quart, root: Person) -> None:
    for name in HEADERS:
        for method, path in SOME:
            for value in HEADERS[name]:
                await answered(root, method, path, name, value)
    for (name, value), (method, path) in zip(product(HEADERS, ODD), cycle(SOME), strict=False):
        await answered(root, method, path, name, value)


@pytest.mark.slow
@in_turn("name", HEADERS)
async def test_none_is_one_on_any_route(app: Quart, root: Person, name: bytes) -> None:
    """Each route is asked with one of its own values and an odd one, in turn, each header beginning with another."""
    values = zip(cycle(HEADERS[name]), islice(cycle(ODD), [*HEADERS].index(name), None), strict=False)
    for (method, path), both in zip(asked_of(app), values, strict=False):
        for value in both:
            await answered(root, method, path, name, value)
