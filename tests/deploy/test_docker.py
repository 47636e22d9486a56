"""The image, docker-compose.yml and what the documents say of them, on a machine with Docker."""

import asyncio
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import websockets

from tests.conftest import PASSWORD
from tests.deploy.machine import Machine
from tests.pages import blocks
from tests.server import PATIENCE, ROOT, Socket, wait_until

pytestmark = pytest.mark.slow

NAMES = "pottle.example", "localhost"
PLAIN, SAFE = "http://localhost:8087", "https://localhost"
POSTS = "/api/channels/1/posts"
PUPILS = [{"uid": f"pupil{number:02}", "password": PASSWORD} for number in range(30)]
ADA = {"uid": "ada", "password": PASSWORD}
# On the machine there is no sudo, all is installed, `git` has brought the checkout, and it is tested from here.
STANDING_IN = 'sudo() { "$@"; }\napt() { :; }\ngit() { :; }\ncurl() { :; }\n'
RELOAD = """
docker compose kill --signal HUP pottle
until [ $(docker compose logs pottle | grep -c "startup complete") = 6 ]; do sleep 0.1; done
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(tmp_path_factory.mktemp("machine")) as running:
        yield running


@pytest.fixture
def site(machine: Machine) -> Iterator[Machine]:
    """The machine with a fresh checkout; the test is in its network."""
    machine.new_checkout()
    with machine.network():
        yield machine
    machine.run("docker compose --profile proxy down --volumes --timeout 1")


def commands(page: str, title: str, number: int) -> str:
    """A block of commands below a heading, as the document has it but for the name of the site."""
    text = (ROOT / page).read_text()
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return STANDING_IN + re.sub("<the address.*?>", "elsewhere", blocks(found[1], "sh")[number]).replace(*NAMES)


def ready(url: str, **options: Any) -> None:
    """Waits until it serves."""

    def serves() -> bool:
        try:
            return httpx.get(f"{url}/readyz", **options).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(serves, f"{url} to serve")


def healthy(site: Machine) -> bool:
    return "(healthy)" in site.run("docker compose ps pottle")


def becomes_admin(site: Machine, http: httpx.Client) -> None:
    """Ada does, by the link in the log, and is signed in."""
    (code,) = re.findall(r"/join#([0-9A-Z-]+)", site.run("docker compose logs pottle"))
    ok(http.post("/api/users", json={**ADA, "name": "Ada", "invitation": code}))
    http.headers["Authorization"] = f"Bearer {ok(http.post('/api/session', json=ADA))['token']}"
    assert ok(http.get("/api/me"))["role"] == "admin"


def ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text}"
    return dict(answer.json())


def texts(http: httpx.Client) -> list[str]:
    """What people posted, oldest first."""
    return [post["body"] for post in reversed(ok(http.get(POSTS))["posts"])]


def inspected(site: Machine, service: str, what: str) -> Any:
    return json.loads(site.run(f"docker inspect --format '{{{{json {what}}}}}' $(docker compose ps --quiet {service})"))


def test_it_works(site: Machine) -> None:
    """As the README says: it starts, is healthy, writes to ./instance alone, and goes on after a restart."""
    site.run("chown 1000:1000 instance")
    site.run(commands("README.md", "Deploy", 0))
    ready(PLAIN)
    with httpx.Client(base_url=PLAIN) as http:
        becomes_admin(site, http)
        ok(http.post(POSTS, json={"body": "I survive."}))
        writes_nowhere_else(site)
        wait_until(lambda: "(healthy)" in site.run("docker compose ps pottle"), "Docker to call it healthy")
        site.run("docker compose restart pottle")
        assert inspected(site, "pottle", ".State.ExitCode") == 0
        ready(PLAIN)
        assert texts(http) == ["I survive."]
    assert "FAIL" not in site.run("docker compose exec pottle quart --app main doctor")


def writes_nowhere_else(site: Machine) -> None:
    tried = (
        "id -u; for at in /app /usr /etc / /instance /tmp; do touch $at/x 2>/dev/null && echo $at; done; rm /instance/x"
    )
    assert site.run(f"docker compose exec pottle sh -c '{tried}'").split() == ["1000", "/instance", "/tmp"]
    status = site.run("docker compose exec pottle grep -E '^(CapEff|NoNewPrivs)' /proc/1/status").split()
    assert status == ["CapEff:", "0000000000000000", "NoNewPrivs:", "1"]


async def test_behind_its_proxy_it_speaks_https(site: Machine, stack: AsyncExitStack) -> None:
    """As docs/deploy.md says. Workers are replaced meanwhile: no post is lost, and a reader misses none."""
    trust = behind_the_proxy(site, POTTLE_RATE_LIMITS="off")
    headers = {"Authorization": tried_and_signed_in(site, trust)}
    client = httpx.AsyncClient(base_url=SAFE, verify=trust, headers=headers, timeout=PATIENCE)
    await stack.enter_async_context(client)
    reader, place = await following(stack, trust)
    ok(await client.post(POSTS, json={"body": "Hello"}))
    heard = await reader.receive()
    assert (heard["kind"], heard["post"]["body"]) == ("post.created", "Hello")

    replacing = asyncio.create_task(asyncio.to_thread(site.run, RELOAD))
    made = [ok(await client.post(POSTS, json={"body": "More"}))["id"] for _ in range(5)]
    while not replacing.done():
        made.append(ok(await client.post(POSTS, json={"body": "More"}))["id"])
        await asyncio.sleep(0.2)
    await replacing
    told, code = await reader.rest()
    assert code == 1012
    again, _ = await following(stack, trust, epoch=place["epoch"], after=[heard, *told][-1]["seq"])
    while len(told) < len(made):
        told.append(await again.receive())
    assert [frame["post"]["id"] for frame in told] == made


def tried_and_signed_in(site: Machine, trust: ssl.SSLContext) -> str:
    """Ada's Authorization, through the proxy, which hides the metrics and is believed."""
    with httpx.Client(base_url=SAFE, verify=trust) as http:
        becomes_admin(site, http)
        assert "Secure" in http.post("/api/session", json=ADA).headers["Set-Cookie"]
        assert http.get("/metrics").status_code == 404
        assert "is not trusted" not in site.run("docker compose logs pottle")
        return http.headers["Authorization"]


def behind_the_proxy(site: Machine, **settings: str) -> ssl.SSLContext:
    """Starts it with the proxy; what checks the certificate, which Caddy makes itself for localhost."""
    more = "".join(f"export {name}={value}\n" for name, value in settings.items())
    site.run(more + commands("docs/deploy.md", "With Docker", 0))
    root = "docker compose --profile proxy exec proxy cat /data/caddy/pki/authorities/local/root.crt"
    wait_until(lambda: "END" in site.run(f"{root} || true"), "Caddy's certificate")
    trust = ssl.create_default_context(cadata=site.run(root))
    ready(SAFE, verify=trust)
    shown = site.run(commands("docs/deploy.md", "With Docker", 1))
    assert {"pottle-pottle-1", "pottle-proxy-1"} <= set(shown.split())
    assert "There is no admin yet" in shown
    return trust


async def following(
    stack: AsyncExitStack, trust: ssl.SSLContext | None = None, **place: Any
) -> tuple[Socket, dict[str, Any]]:
    """A websocket that follows the lobby, through the proxy if its certificate is known, and where it begins."""
    url = f"{SAFE if trust else PLAIN}/api/live".replace("http", "ws", 1)
    raw = await stack.enter_async_context(websockets.connect(url, ssl=trust, max_queue=None))
    socket = Socket(raw)
    assert (await socket.receive())["type"] == "hello"
    subscribed = await socket.ask(type="subscribe", channel=1, **place)
    assert (subscribed["type"], subscribed["recovered"]) == ("subscribed", True)
    return socket, subscribed


def test_the_proxys_address_is_left_for_it(site: Machine) -> None:
    """Whoever starts first, and however often: only who has that address is believed."""
    behind_the_proxy(site)
    for start in ("up -d --force-recreate", "restart", "up -d --force-recreate proxy", "up -d --force-recreate pottle"):
        site.run(f"docker compose --profile proxy {start}")
        assert "172.29.87.2" in inspected(site, "proxy", ".NetworkSettings.Networks.pottle_default.IPAddress")
    ready(SAFE, verify=False)


def test_it_is_backed_up_renewed_and_restored(site: Machine) -> None:
    """By the lines of the documents: each night's, those of a new version, and those that bring a backup back."""
    trust = behind_the_proxy(site)
    with httpx.Client(base_url=SAFE, verify=trust) as http:
        becomes_admin(site, http)
        ok(http.post(POSTS, json={"body": "Before"}))
        site.run(nightly())
        site.run(commands("docs/deploy.md", "A new version", 2))
        ready(SAFE, verify=trust)
        *_, newest = sorted(site.run("ls instance/backups").split())
        ok(http.post(POSTS, json={"body": "After"}))
        site.run(commands("docs/administration.md", "Backup and restore", -1).replace("<the file>", newest))
        ready(SAFE, verify=trust)
        assert http.get("/api/me").status_code == 401, "nobody stays signed in"
        assert texts(http) == ["Before"]


def nightly() -> str:
    """What cron runs of the line in docs/deploy.md."""
    (line,) = re.findall(r"^17 3 \* \* \* (.+)$", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    return str(line)


def test_the_log_of_a_container_is_bounded(site: Machine) -> None:
    """Docker itself keeps all that was ever written."""
    site.run("chown 1000:1000 instance")
    site.run("docker compose up -d --build")
    ready(PLAIN)
    for _ in range(2):
        site.run("docker compose exec pottle sh -c 'yes \"a line of the log\" | head -c 40000000 > /proc/1/fd/2'")
    wait_until(lambda: log_bytes(site) > 30_000_000, "what was written")
    assert log_bytes(site) < 60_000_000
    ready(PLAIN)


@pytest.mark.parametrize(("memory", "workers"), [("384m", 3), ("192m", 1)])
async def test_it_has_enough_memory(site: Machine, stack: AsyncExitStack, memory: str, workers: int) -> None:
    """Three quarters of the least that docs/deploy.md says, and of what is enough for one worker.

    A class signs in at once, follows, and writes.
    """
    bounded = {"services": {"pottle": {"mem_limit": memory, "memswap_limit": memory}}}
    site.run(f"chown 1000:1000 instance; echo '{json.dumps(bounded)}' > docker-compose.override.yml")
    site.run(f"export WEB_CONCURRENCY={workers} POTTLE_SESSION_DAYS=3; docker compose up -d --build")
    ready(PLAIN)
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=PLAIN, timeout=PATIENCE))
    await asyncio.gather(*[http.post("/api/users", json={**pupil, "name": "Pupil"}) for pupil in PUPILS])
    signed_in = await asyncio.gather(*[http.post("/api/session", json=pupil) for pupil in PUPILS])
    assert "Max-Age=259200" in signed_in[0].headers["Set-Cookie"], "settings reach the container"
    readers = [(await following(stack))[0] for _ in range(100)]
    tokens = [ok(answer)["token"] for answer in signed_in]
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    texts = [f"Pupil {place} writes {number}. " * 10 for number in range(4) for place in range(len(headers))]
    posts = [{"json": {"body": text}, "headers": who} for text, who in zip(texts, 4 * headers, strict=True)]
    await asyncio.gather(*[http.post(POSTS, **post) for post in posts])
    for reader in readers:
        assert len([await reader.receive() for _ in posts]) == len(posts)
    said = site.run("docker compose logs pottle")
    assert said.count("startup complete") == workers
    assert "SIGKILL" not in said


def log_bytes(site: Machine) -> int:
    path = inspected(site, "pottle", ".LogPath")
    return sum(map(int, site.run(f"stat --format %s {path}*").split()))
