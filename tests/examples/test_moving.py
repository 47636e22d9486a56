"""docs/from-flask.md, done as it is written: the blog in a copy of the checkout, and its Flask original beside it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from flask import Flask, request

from pottle.http.proxies import Beside
from tests.examples.sites import FLASK, POTTLE
from tests.server import ROOT, Server, clean_environment
from tests.test_walkthrough import copied

PAGE = (ROOT / "docs" / "from-flask.md").read_text()
GRACE = {"name": "Grace", "password": "hopper"}
ENTRY = {"title": "Moths", "body": "One was in the relay."}


def changes(text: str) -> list[tuple[str, str]]:
    """The changes of main.py that a text shows as differences: what stood there, and what stands there then."""
    return [
        tuple("".join(f"{line[1:]}\n" for line in block.splitlines() if line[0] in kept) for kept in (" -", " +"))  # type: ignore[misc]
        for block in re.findall(r"^```diff\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.check
def test_what_stands_side_by_side_is_in_the_files() -> None:
    rows = re.findall(r"^\| [^|]+ \| `([^`]+)` \| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert len(rows) > 10
    for flask, pottle in rows:
        assert flask in (FLASK / "blog.py").read_text(), flask
        assert pottle in (POTTLE / "blog.py").read_text(), pottle


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn with three workers in a copy of the checkout, the blog in it, and the Flask project beside."""
    home = tmp_path_factory.mktemp("moved")
    checkout = copied(home / "checkout")
    shutil.copy(POTTLE / "blog.py", checkout / "api")
    shutil.copytree(FLASK / "templates" / "blog", checkout / "templates" / "blog")
    shutil.copy(FLASK / "app.py", checkout / "old_app.py")
    shutil.copy(FLASK / "blog.py", checkout / "blog.py")
    text = (checkout / "main.py").read_text()
    for before, after in changes(PAGE):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    (checkout / "main.py").write_text(text)
    server = Server(home / "instance", home, root=checkout)
    command = [sys.executable, "-m", "quart", "--app", "main", "blog", "init"]
    environment = clean_environment(home, **server.settings)
    (home / "instance").mkdir()
    ran = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    assert ran.stdout == "The blog is ready.\n", ran.stderr
    with server:
        yield server


@pytest.mark.slow
def test_a_session_is_good_on_every_worker_and_after_a_restart(moved: Server) -> None:
    """Each request has a connection of its own, so that any of the three workers gets it."""
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, form: dict[str, str] | None = None) -> httpx.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        found = httpx.request(method, f"{moved.url}/blog{path}", data=form, headers=headers)
        cookies.update(found.cookies)
        return found

    ask("POST", "/sign-up", GRACE)
    assert ask("POST", "/sign-in", GRACE).headers["Location"] == "/blog/"
    for _ in range(12):
        assert ask("POST", "/write", ENTRY).headers["Location"] == "/blog/"
        assert "Written." in ask("GET", "/").text
    moved.stop()
    moved.start()
    assert "Grace" in ask("GET", "/write").text
    assert ask("GET", "/").text.count('<h2 dir="auto">Moths</h2>') == 12


@pytest.mark.slow
def test_the_old_project_answers_beside_it(moved: Server) -> None:
    with httpx.Client(base_url=moved.url) as http:
        found = http.get("/old/blog/sign-in")
        assert 'href="/old/blog/sign-up"' in found.text
        assert found.headers["X-Request-Id"]
        assert http.get("/old/nowhere").status_code == 404
        assert http.get("/older").headers["Content-Type"] == "application/problem+json"
        assert http.get("/readyz").status_code == 200


@pytest.fixture
async def beside() -> httpx.AsyncClient:
    """A client of an application in which Flask answers below /old."""
    a2wsgi = pytest.importorskip("a2wsgi")
    old = Flask(__name__)

    @old.route("/echo", methods=["GET", "POST"])
    def echo() -> Any:
        return {"body": request.get_data(as_text=True), "query": request.query_string.decode(), "url": request.url}

    @old.get("/empty")
    def empty() -> Any:
        return "", 204

    @old.get("/wrong")
    def wrong() -> Any:
        raise RuntimeError("wrong")

    async def pottle(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = Beside(pottle, "/old", a2wsgi.WSGIMiddleware(old))
    transport = httpx.ASGITransport(app=app, root_path="/prefix")
    return httpx.AsyncClient(transport=transport, base_url="http://pottle.test/prefix")


async def test_it_works_below_a_prefix(beside: httpx.AsyncClient) -> None:
    found = (await beside.post("/old/echo?a=%C3%BC", content="x" * 200_000)).json()
    assert found == {"body": "x" * 200_000, "query": "a=%C3%BC", "url": "http://pottle.test/prefix/old/echo?a=ü"}


@pytest.mark.parametrize(
    ("path", "status"), [("/old/empty", 204), ("/old", 404), ("/older", 418), ("/", 418), ("/old/wrong", 500)]
)
async def test_who_answers(beside: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await beside.get(path)).status_code == status
    assert (await beside.head(path)).status_code == status
