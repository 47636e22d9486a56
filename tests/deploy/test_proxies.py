"""Pottle behind nginx and Caddy, at the root of a host and under a prefix: nothing of it may show."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import websockets

from tests import databases
from tests.conftest import PASSWORD, World, needs
from tests.deploy.proxies import PROXIES, ImpatientNginx, Proxy
from tests.server import Server, Socket

pytestmark = pytest.mark.slow

PING_SECONDS = 20  # uvicorn pings as often
LOBBY = "/api/channels/1/posts"
BEYOND = "192.0.2.66"  # nobody's address (RFC 5737)


@pytest.fixture(scope="module")
def server(place: tuple[str, str], world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn that trusts a proxy on this machine; rate limits are on."""
    folder = tmp_path_factory.mktemp("behind")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    settings = {
        "POTTLE_URL": f"https://localhost{place[1]}",
        "POTTLE_TRUSTED_PROXIES": "127.0.0.1",
        "POTTLE_RATE_LIMITS": "on",
    }
    with Server(instance, folder, **settings) as running:
        yield running


@pytest.fixture(scope="module", params=[("nginx", ""), ("caddy", "/pottle")], ids=["nginx", "caddy under a prefix"])
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A proxy and a prefix. (All four pairs were run once; what differs by proxy does not differ by prefix.)"""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture(scope="module")
def proxy(place: tuple[str, str], server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    needs(place[0], "openssl")
    with PROXIES[place[0]](tmp_path_factory.mktemp("proxy") / place[0], server.port, place[1]) as running:
        yield running


@pytest.fixture
async def http(proxy: Proxy) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the proxy that keeps cookies, as a browser does."""
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust, timeout=30) as client:
        yield client


async def signed_in(http: httpx.AsyncClient, proxy: Proxy, uid: str = "alice") -> httpx.Response:
    credentials = {"uid": uid, "password": PASSWORD}
    answer = await http.post("/api/session", json=credentials, headers={"Origin": proxy.origin})
    assert answer.status_code == 201, answer.text
    return answer


async def test_it_works(http: httpx.AsyncClient, proxy: Proxy) -> None:
    page = await http.get("/")
    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    links = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
    assert links
    assert all(link.startswith(f"{proxy.prefix}/") for link in links)
    for link in links:
        if link.endswith(("?before=", "/posts/", "/channels/", "/groups/-")):  # hidden; completed by scripts
            continue
        got = await http.get(proxy.origin + link)
        managing = re.search(r"(/(account|admin|inbox|queue|manage)|only=mine)$", link)  # hidden from whoever may not
        assert got.status_code == (401 if managing else 200), link
    assert "immutable" in (await http.get(proxy.origin + links[0])).headers["Cache-Control"]


async def test_the_cookie_is_for_https_and_for_the_prefix_only(http: httpx.AsyncClient, proxy: Proxy) -> None:
    cookie = (await signed_in(http, proxy)).headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert f"Path={proxy.prefix}/" in cookie
    assert (await http.get("/api/me")).json()["uid"] == "alice"


async def test_links_in_headers_and_documents_have_the_prefix(http: httpx.AsyncClient, proxy: Proxy) -> None:
    await signed_in(http, proxy)
    made = await http.post(LOBBY, json={"body": "Where am I?"}, headers={"Origin": proxy.origin})
    assert made.headers["Location"] == f"{proxy.prefix}/api/posts/{made.json()['id']}"
    assert (await http.get(proxy.origin + made.headers["Location"])).json() == made.json()
    await http.post(LOBBY, json={"body": "And now?"}, headers={"Origin": proxy.origin})
    listed = await http.get(LOBBY, params={"limit": 1})
    assert listed.headers["Link"].startswith(f"<{proxy.prefix}/api/channels/1/posts?")
    assert (await http.get("/openapi.json")).json()["servers"] == [{"url": proxy.prefix or "/"}]


async def test_another_origin_cannot_use_the_cookie(http: httpx.AsyncClient, proxy: Proxy) -> None:
    await signed_in(http, proxy)
    refused = await http.post(LOBBY, json={"body": "Not me"}, headers={"Origin": "https://elsewhere.example"})
    assert refused.status_code == 401


async def test_a_socket_is_told_at_once_and_knows_the_cookie(http: httpx.AsyncClient, proxy: Proxy) -> None:
    await signed_in(http, proxy, "bob")
    cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    url = f"{proxy.url.replace('https', 'wss')}/api/live"
    headers = {"Cookie": cookie}
    async with websockets.connect(url, ssl=proxy.trust, origin=proxy.origin, additional_headers=headers) as raw:
        socket = Socket(raw)
        assert (await socket.receive())["type"] == "hello"
        room = (await http.get("/api/groups/class/channels")).json()["channels"][0]["id"]
        assert (await socket.ask(type="subscribe", channel=room))["type"] == "subscribed"
        await http.post(f"/api/channels/{room}/posts", json={"body": "Now"}, headers={"Origin": proxy.origin})
        assert (await socket.receive())["post"]["body"] == "Now"


async def test_a_forged_address_does_not_count(http: httpx.AsyncClient, server: Server) -> None:
    forged = {"X-Forwarded-For": BEYOND, "X-Real-IP": BEYOND, "Forwarded": f"for={BEYOND}"}
    wrong = {"uid": "charlie", "password": "not the password"}
    assert (await http.post("/api/session", json=wrong, headers=forged)).status_code == 401
    with databases.opened(server.instance) as raw:
        keys = [key for (key,) in raw.execute("SELECT key FROM limits")]
    assert "failed sign-ins charlie 127.0.0.1" in keys
    assert not any(BEYOND in key for key in keys)


async def test_who_is_not_trusted_is_ignored_and_named_once(server: Server) -> None:
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.9")
    async with httpx.AsyncClient(base_url=server.url, transport=transport) as http:
        for _ in range(5):
            headers = {"X-Forwarded-For": BEYOND, "X-Forwarded-Proto": "https"}
            await http.post("/api/session", json={"uid": "bob", "password": "wrong"}, headers=headers)
    said = [line for line in server.output().splitlines() if "POTTLE_TRUSTED_PROXIES=127.0.0.9" in line]
    assert len(said) == 1  # one connection is one worker
    with databases.opened(server.instance) as raw:
        assert raw.execute("SELECT 1 FROM limits WHERE key LIKE '%127.0.0.9'").fetchone()
        assert not raw.execute("SELECT 1 FROM limits WHERE key LIKE ?", (f"%{BEYOND}",)).fetchone()


async def test_the_id_of_a_request_is_the_proxys(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/me", headers={"X-Request-Id": "forged"})
    assert re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}", answer.headers["X-Request-Id"])


async def test_the_numbers_are_for_inside_only(http: httpx.AsyncClient, server: Server, world: World) -> None:
    refused = await http.get("/metrics", headers={"Authorization": f"Bearer {world.tokens['root']}"})
    assert refused.status_code == 404
    assert refused.json()["type"] == "urn:pottle:not-found"
    async with httpx.AsyncClient() as inside:
        assert (await inside.get(f"{server.url}/metrics")).status_code == 200


@pytest.mark.parametrize("megabytes", [5.5, 7])
async def test_too_large_an_upload_is_a_problem(http: httpx.AsyncClient, proxy: Proxy, megabytes: float) -> None:
    await signed_in(http, proxy)
    data = b"x" * int(megabytes * 1024 * 1024)
    headers = {"Content-Type": "image/png", "Origin": proxy.origin}
    refused = await http.put("/api/me/avatar", content=data, headers=headers)
    assert refused.status_code == 413
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:pottle:content-too-large"


async def test_a_quiet_socket_outlives_the_proxys_patience(server: Server, tmp_path: Path) -> None:
    """nginx drops what is silent for `proxy_read_timeout`, here a little longer than the time between two pings.

    Fails when uvicorn does not ping (`ws_ping_interval` None): nginx closes without a word.
    """
    if not server.settings["POTTLE_URL"].endswith("localhost"):
        return  # what differs by prefix is not this
    needs("nginx", "openssl")
    patience = PING_SECONDS + 3
    with ImpatientNginx(tmp_path / "nginx", server.port, patience=patience) as proxy:
        url = f"{proxy.url.replace('https', 'wss')}/api/live"
        async with websockets.connect(url, ssl=proxy.trust, ping_interval=None) as raw:
            socket = Socket(raw)
            assert (await socket.receive())["type"] == "hello"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(patience + 3):
                    await raw.recv()
            assert (await socket.ask(type="subscribe", channel=1))["type"] == "subscribed"


async def test_a_rolling_restart_is_not_noticed(http: httpx.AsyncClient, proxy: Proxy, server: Server) -> None:
    """Requests one after the other, each on the proxy's connections to the workers that come and go."""
    old = set(server.processes()[1:])
    os.kill(server.process.pid, signal.SIGHUP)
    answers = []
    while set(server.processes()[1:]) & old or len(server.processes()) < 4:
        answers.append((await http.get(LOBBY)).status_code)
        made = await http.post("/api/session", json={"uid": "nobody", "password": "wrong"})
        answers.append(made.status_code)
    answers.append((await http.get(LOBBY)).status_code)
    assert set(answers) <= {200, 401, 429}


async def test_a_proxy_without_pottle_says_so(server: Server, tmp_path: Path) -> None:
    for name, kind in PROXIES.items():
        needs(name)
        with kind(tmp_path / name, 9) as proxy:  # nobody listens there
            async with httpx.AsyncClient(verify=proxy.trust, timeout=60) as http:
                away = await http.get(f"{proxy.url}/api/me")
        assert away.status_code == 503, name
        assert away.headers["Retry-After"] == "2"
        assert away.json()["type"] == "urn:pottle:service-unavailable"
