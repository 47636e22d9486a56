"""docs/your-own-resource.md and the README's short form, done as they are written, in a copy of the checkout."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from tests.conftest import PASSWORD
from tests.pages import chapter, page
from tests.server import PATIENCE, ROOT, Server, clean_environment, connected, free_port, wait_until

SHORT = chapter("README.md", "Add your own resource")
FIRST, LATER = page("your-own-resource").split("\n## A new column later\n")
HOUSE = ("api", "model", "pottle", "templates", "static", "tests", "main.py", "gunicorn.conf.py", "pyproject.toml")
LINKS = "/api/channels/1/links"
JOKES = "/api/jokes"


def copied(folder: Path) -> Path:
    """A copy of the checkout."""
    folder.mkdir()
    for name in HOUSE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def follow(text: str, checkout: Path) -> None:
    """Writes the files that a text shows whole, and makes the changes that it shows as differences, in its order."""
    current = ""
    for line, language, block in re.findall(
        r"^([^`\n]*`[^\n]*\n+)?```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    ):
        current = next(iter(re.findall(r"`((?:\w+/)*\w+\.py)`", line)), current)
        if language == "python":
            (checkout / current).write_text(block)
        elif language == "diff":
            patch(checkout / current, block)


def patch(file: Path, difference: str) -> None:
    """Changes the only place in `file` that a difference fits."""
    lines = difference.splitlines()
    before = "".join(line[1:] + "\n" for line in lines if line[0] in " -")
    after = "".join(line[1:] + "\n" for line in lines if line[0] in " +")
    text = file.read_text()
    assert text.count(before) == 1, f"{file}:\n{before}"
    file.write_text(text.replace(before, after))


@pytest.mark.check
@pytest.mark.parametrize("text", [SHORT, FIRST + LATER], ids=["README.md", "your-own-resource.md"])
def test_what_it_shows_fits_what_is_there(text: str, tmp_path: Path) -> None:
    """Its differences and its imports, so that a renamed function is noticed at once; the slow tests do the rest."""
    followed_before = [name for name in ("joke", "link") if (ROOT / "model" / f"{name}.py").exists()]
    if followed_before:
        pytest.skip(f"somebody has followed it here: model/{followed_before[0]}.py")
    checkout = copied(tmp_path / "checkout")
    follow(text, checkout)
    made = subprocess.run(
        [sys.executable, "-c", "import main"],
        cwd=checkout,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr


@contextmanager
def development(checkout: Path, home: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """`python main.py`, running: a client for it, and its log. It starts again when a file is saved."""
    port, log = free_port(), home / "development.log"
    settings = {"POTTLE_INSTANCE": str(home / "development"), "POTTLE_RATE_LIMITS": "off"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "main.py", "--port", str(port)],
            cwd=checkout,
            env=clean_environment(home, **settings),
            stdout=output,
            stderr=output,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http:
            wait_until(lambda: answers(http, "/readyz"), "the development server", log.read_text)
            yield http, log
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def answers(http: httpx.Client, path: str) -> bool:
    try:
        return http.get(path).status_code == 200
    except httpx.TransportError:
        return False


def sign_in(http: httpx.Client) -> None:
    """Signs Ada up and in."""
    http.post("/api/users", json={"uid": "ada", "name": "Ada", "password": PASSWORD})
    token = http.post("/api/session", json={"uid": "ada", "password": PASSWORD}).json()["token"]
    http.headers["Authorization"] = f"Bearer {token}"


def share(http: httpx.Client, url: str, **more: str) -> dict[str, Any]:
    answer = http.post(LINKS, json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    link: dict[str, Any] = answer.json()
    return link


@pytest.mark.slow
async def test_the_walk_through(tmp_path: Path) -> None:
    checkout = copied(tmp_path / "checkout")
    production = Server(tmp_path / "production", tmp_path, root=checkout, POTTLE_RATE_LIMITS="on")
    production.start()
    production.stop()  # an instance of the time before: its database has neither table nor column
    with development(checkout, tmp_path) as (http, log):
        first_steps(checkout, http, log)
        with production:
            await works_live(production)
            is_documented(production)
            is_limited(production)
        add_a_column(checkout, http, log)
    with production, client(production) as http:
        assert share(http, "https://sqlite.org/", title="SQLite")["title"] == "SQLite"
        assert [link["title"] for link in http.get(LINKS).json()["links"]][:2] == ["SQLite", ""]
    own_tests(checkout, tmp_path)


def first_steps(checkout: Path, http: httpx.Client, log: Path) -> None:
    """The server notices the new files, writes the migration that they need, and serves them."""
    assert http.get(LINKS).status_code == 404
    follow(FIRST, checkout)
    wait_until(lambda: answers(http, LINKS), "the new resource", log.read_text)
    assert_written(checkout, log, FIRST)
    sign_in(http)
    share(http, "https://quart.palletsprojects.com/")


def add_a_column(checkout: Path, http: httpx.Client, log: Path) -> None:
    """Likewise; and links that were there before have the column too."""
    follow(LATER, checkout)
    wait_until(lambda: "title" in http.get(LINKS).json()["links"][0], "the new column", log.read_text)
    assert_written(checkout, log, LATER)
    (link,) = http.get(LINKS).json()["links"]
    assert (link["url"], link["title"]) == ("https://quart.palletsprojects.com/", "")
    share(http, "https://sqlite.org/", title="SQLite")


def assert_written(checkout: Path, log: Path, text: str) -> None:
    (name,) = set(re.findall(r"\d{4}_\w+\.py", text))
    assert f"wrote {name}" in log.read_text()
    assert (checkout / "model" / "migrations" / name).exists()


@contextmanager
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as http:
        sign_in(http)
        yield http


async def works_live(server: Server) -> None:
    """gunicorn has applied the migration, and a subscriber gets what is shared."""
    async with AsyncExitStack() as stack:
        socket_, _ = await connected(stack, server)
        await socket_.ask(type="subscribe", channel=1)
        with client(server) as http:
            link = share(http, "https://sqlite.org/")
        change = await socket_.receive()
    assert (change["kind"], change["channel"], change["link"]) == ("link.created", 1, link)


def is_documented(server: Server) -> None:
    document = json.loads(httpx.get(f"{server.url}/openapi.json").content)
    validate(document)
    assert document["paths"]["/api/channels/{channel_id}/links"].keys() >= {"get", "post"}


def is_limited(server: Server) -> None:
    """20 a minute; one was shared above."""
    with client(server) as http:
        statuses = [http.post(LINKS, json={"url": "https://sqlite.org/"}).status_code for _ in range(20)]
        assert statuses == [201] * 19 + [429]
        assert len(http.get(LINKS).json()["links"]) == 20


def own_tests(checkout: Path, home: Path) -> None:
    """The walk-through's own tests pass, with the rules of this house about warnings."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/api/test_links.py"],
        cwd=checkout,
        env=clean_environment(home),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    assert "5 passed" in ran.stdout


@pytest.mark.slow
async def test_the_short_form_in_the_readme(tmp_path: Path) -> None:
    """Cached, watched and limited, with nothing declared; and the house's own rules have nothing to say against it."""
    checkout = copied(tmp_path / "checkout")
    with development(checkout, tmp_path) as (http, log):
        follow(SHORT, checkout)
        wait_until(lambda: answers(http, JOKES), "the new resource", log.read_text)
        sign_in(http)
        told = http.post(JOKES, json={"text": "A pottle walks into a class."})
        assert told.status_code == 201, told.text
        assert http.get(JOKES).json() == {"jokes": [told.json()]}
        assert http.post(JOKES, json={"text": ""}).status_code == 422
    production = Server(tmp_path / "production", tmp_path, root=checkout, POTTLE_RATE_LIMITS="on")
    with production, client(production) as http:
        async with AsyncExitStack() as stack:
            socket_, _ = await connected(stack, production)
            await socket_.ask(type="watch", get=JOKES)
            statuses = [http.post(JOKES, json={"text": f"Joke {n}"}).status_code for n in range(21)]
            assert (await socket_.receive())["type"] == "changed"
        assert statuses == [201] * 20 + [429]
        assert len(http.get(JOKES).json()["jokes"]) == 20
        http.request("DELETE", "/api/me", json={"password": PASSWORD})
        assert http.get(JOKES).json() == {"jokes": []}
