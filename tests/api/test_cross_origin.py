"""CORS: every origin may call the API, without the browser's credentials; and the headers that keep pages safe."""

from pathlib import Path

import pytest

from model.settings import Settings
from tests.api.conftest import LOBBY, opened
from tests.cases import in_turn
from tests.conftest import Person

BLOG = "https://blog.example"


def listed(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}


def policy(header: str) -> dict[str, list[str]]:
    """A Content-Security-Policy by directive."""
    return {words[0]: words[1:] for words in (part.split() for part in header.split(";")) if words}


async def test_it_works(anyone: Person) -> None:
    answer = await anyone.get(LOBBY, headers={"Origin": BLOG})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert {"etag", "link", "location", "retry-after"} <= listed(answer.headers["Access-Control-Expose-Headers"])


@in_turn("method", ["POST", "PUT", "PATCH", "DELETE"])
@in_turn("path", [LOBBY, "/api/session", "/api/me", "/api/nowhere"])
async def test_a_preflight_is_answered(anyone: Person, method: str, path: str) -> None:
    wanted = "authorization, content-type, idempotency-key, if-match, if-none-match"
    asked = {"Origin": BLOG, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted}
    answer = await anyone.http.options(path, headers=asked)
    assert answer.status_code in (200, 204)
    assert answer.content == b""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert method.lower() in listed(answer.headers["Access-Control-Allow-Methods"])
    assert listed(wanted) <= listed(answer.headers["Access-Control-Allow-Headers"])
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert int(answer.headers["Access-Control-Max-Age"]) > 600


async def test_errors_can_be_read_from_everywhere_too(anyone: Person, alice: Person) -> None:
    for answer in (
        await anyone.get("/api/nowhere"),
        await anyone.post("/api/session", {"uid": "x", "password": "y"}),
        await alice.post(LOBBY, {"body": ""}),
        await alice.post(LOBBY, content=b"x" * 70_000, headers={"Content-Type": "application/json"}),
        await alice.put(LOBBY),
    ):
        assert answer.status_code >= 400
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_304_can_be_read_from_everywhere_too(anyone: Person) -> None:
    etag = (await anyone.get(LOBBY)).headers["ETag"]
    answer = await anyone.get(LOBBY, headers={"If-None-Match": etag, "Origin": BLOG})
    assert answer.status_code == 304
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_pages_are_not_read_from_elsewhere(anyone: Person) -> None:
    for path in ("/", "/channels/1", "/docs", "/healthz"):
        assert "Access-Control-Allow-Origin" not in (await anyone.get(path, headers={"Origin": BLOG})).headers


async def test_the_widget_can_be_loaded_from_everywhere(anyone: Person) -> None:
    answer = await anyone.get("/static/pottle.js", headers={"Origin": BLOG})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "javascript" in answer.headers["Content-Type"]


async def test_nothing_is_sniffed(anyone: Person) -> None:
    for path in ("/", LOBBY, "/static/pottle.js", "/nowhere", "/openapi.json"):
        assert (await anyone.get(path)).headers["X-Content-Type-Options"] == "nosniff"


@in_turn("path", ["/", "/channels/1", "/docs", "/nowhere"])
async def test_a_page_runs_no_script_but_ours(anyone: Person, path: str) -> None:
    answer = await anyone.get(path, headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    rules = policy(answer.headers["Content-Security-Policy"])
    assert rules.get("script-src", rules["default-src"]) == ["'self'"]
    assert rules.get("connect-src", rules["default-src"]) == ["'self'"]
    assert rules["object-src"] == ["'none'"]
    assert rules["base-uri"] == ["'none'"]
    assert rules["frame-ancestors"] == ["'self'"]
    for risk in ("'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:"):
        assert all(risk not in sources for name, sources in rules.items() if name != "style-src")


async def test_a_groups_origins_may_frame_its_channels_only(root: Person, anyone: Person) -> None:
    channel = await opened(root, "blog", origins=[BLOG])
    framed = policy((await anyone.get(f"/channels/{channel}")).headers["Content-Security-Policy"])
    assert framed["frame-ancestors"] == ["'self'", BLOG]
    for path in ("/", "/channels/1", "/docs"):
        assert BLOG not in (await anyone.get(path)).headers["Content-Security-Policy"]


async def test_new_origins_may_frame_at_once(root: Person, anyone: Person) -> None:
    channel = await opened(root, "blog")
    assert BLOG not in (await anyone.get(f"/channels/{channel}")).headers["Content-Security-Policy"]
    await root.patch("/api/groups/blog", {"origins": [BLOG]})
    assert BLOG in (await anyone.get(f"/channels/{channel}")).headers["Content-Security-Policy"]


class TestTrustedProxy:
    """POTTLE_TRUSTED_PROXIES: what it says of scheme and address counts."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, trusted_proxies=("127.0.0.0/8",))

    async def test_it_works(self, anyone: Person) -> None:
        credentials = {"uid": "alice", "password": "correct horse"}
        plain = await anyone.post("/api/session", credentials)
        assert "Secure" not in plain.headers["Set-Cookie"]
        proxied = await anyone.post("/api/session", credentials, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in proxied.headers["Set-Cookie"]


async def test_an_untrusted_proxy_does_not_count(anyone: Person) -> None:
    credentials = {"uid": "alice", "password": "correct horse"}
    proxied = await anyone.post("/api/session", credentials, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" not in proxied.headers["Set-Cookie"]
