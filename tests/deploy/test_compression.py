"""What nginx, Caddy and Apache compress is still the same version: conditional reads and writes go on working.

Each marks the ETag of what it compresses in its own way, or not at all; pottle/http/conditions.py reads them all.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import World, needs
from tests.deploy.proxies import Apache, Caddy, Nginx, Proxy
from tests.server import Server

pytestmark = pytest.mark.slow

LONG = "as long as a post that is worth compressing is " * 30


@pytest.fixture(scope="module")
def server(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("compressed")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    with Server(instance, folder, POTTLE_TRUSTED_PROXIES="127.0.0.1", POTTLE_URL="https://localhost") as running:
        yield running


@pytest.fixture(scope="module", params=[Nginx, Caddy, Apache], ids=lambda kind: kind.program)
def proxy(request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    kind: type[Proxy] = request.param
    needs(kind.program, "openssl")
    with kind(tmp_path_factory.mktemp("proxy") / kind.program, server.port) as running:
        yield running


@pytest.fixture
def alice(proxy: Proxy, world: World) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {world.tokens['alice']}"}
    with httpx.Client(base_url=proxy.url, verify=proxy.trust, headers=headers, timeout=30) as client:
        yield client


def posted(alice: httpx.Client) -> str:
    made = alice.post("/api/channels/1/posts", json={"body": LONG})
    assert made.status_code == 201, made.text
    return f"/api/posts/{made.json()['id']}"


@pytest.mark.parametrize("coding", ["gzip", "zstd, gzip", "identity"])
def test_what_was_read_compressed_can_be_changed(alice: httpx.Client, proxy: Proxy, coding: str) -> None:
    path = posted(alice)
    read = alice.get(path, headers={"Accept-Encoding": coding})
    assert ("Content-Encoding" in read.headers) == (coding != "identity")
    etag = {"If-Match": read.headers["ETag"]}
    edited = alice.patch(path, json={"body": f"{LONG}!"}, headers=etag)
    assert edited.status_code == 200, (read.headers["ETag"], edited.text)
    assert alice.patch(path, json={"body": "Too late"}, headers=etag).status_code == 412
    assert alice.delete(path, headers=etag).status_code == 412


def test_what_was_read_compressed_is_not_sent_again(alice: httpx.Client) -> None:
    for path in (posted(alice), "/api/channels/1/posts", "/channels/1", "/static/style.css", "/openapi.json"):
        for coding in ("gzip", "identity"):
            read = alice.get(path, headers={"Accept-Encoding": coding})
            known = {"Accept-Encoding": coding, "If-None-Match": read.headers["ETag"]}
            again = alice.get(path, headers=known)
            assert (again.status_code, again.content) == (304, b""), (path, coding, read.headers["ETag"])


def test_apache_appends_to_the_tag(alice: httpx.Client, proxy: Proxy) -> None:
    """Shows that the tests above test something."""
    if isinstance(proxy, Apache):
        assert alice.get("/openapi.json", headers={"Accept-Encoding": "gzip"}).headers["ETag"].endswith('-gzip"')
    if isinstance(proxy, Nginx):
        assert alice.get("/openapi.json", headers={"Accept-Encoding": "gzip"}).headers["ETag"].startswith("W/")
