"""docs/your-own-resource.md and the README's short form, done as they are written, in a copy of the checkout."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from tests.conftest import PASSWORD
from tests.pages import blocks, chapter, page, tracked
from tests.server import PATIENCE, ROOT, Server, clean_environment, connected, free_port, wait_until

SHORT = chapter("README.md", "Add your own resource")
PAGE = page("your-own-resource")
CHAPTERS: dict[str, str] = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
HOUSE = ("api", "model", "pottle", "templates", "static", "tests", "main.py", "gunicorn.conf.py", "pyproject.toml")
WHOLE = {"python": ".py", "html": ".html", "js": ".js"}  # languages, and the files that a page shows whole
BLOCK = re.compile(r"^([^`\n]*`[^\n]*\n+)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RULES_OF_MIGRATIONS = ("tests/store", "tests/test_docs.py", "tests/test_policy.py", "tests/test_texts.py")
LINKS = "/api/channels/1/links"
JOKES = "/api/jokes"


def copied(folder: Path, *more: str) -> Path:
    """A copy of what of the checkout a server needs, and `more`."""
    folder.mkdir()
    for name in (*HOUSE, *more):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def cloned(folder: Path) -> Path:
    """A clone of the checkout, with what is not committed yet."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def shown(text: str) -> Iterator[tuple[str, str, str]]:
    """What a text has one write: the file, `diff` or another language, and the block."""
    current = ""
    for line, language, block in BLOCK.findall(text):
        named = re.findall(r"`((?!\d)(?:\w+/)*\w+\.(?:py|html|js|md|toml))`", line)
        current = named[0] if named else current
        if language == "diff" or (named and Path(current).suffix == WHOLE.get(language)):
            yield current, language, block


def follow(text: str, checkout: Path) -> None:
    """Writes the files that a text shows whole, and makes the changes that it shows as differences, in its order."""
    for name, language, block in shown(text):
        if language == "diff":
            patch(checkout / name, block)
        else:
            (checkout / name).write_text(block)


def undo(text: str, checkout: Path) -> None:
    """Takes the changes of a text back, the last one first, and deletes the files that it shows whole."""
    for name, language, block in reversed([*shown(text)]):
        if language != "diff":
            (checkout / name).unlink()
        elif (checkout / name).exists():
            patch(checkout / name, turned(block))


def turned(difference: str) -> str:
    """A difference the other way round."""
    other = {"+": "-", "-": "+", " ": " "}
    return "".join(other[line[0]] + line[1:] + "\n" for line in difference.splitlines())


def patch(file: Path, difference: str) -> None:
    """Changes the only place in `file` that a difference fits."""
    lines = difference.splitlines()
    before = "".join(line[1:] + "\n" for line in lines if line[0] in " -")
    after = "".join(line[1:] + "\n" for line in lines if line[0] in " +")
    text = file.read_text()
    assert text.count(before) == 1, f"{file}:\n{before}"
    file.write_text(text.replace(before, after))


@pytest.mark.check
@pytest.mark.parametrize("text", [SHORT, PAGE], ids=["README.md", "your-own-resource.md"])
def test_what_it_shows_fits_what_is_there(text: str, tmp_path: Path) -> None:
    """Its differences and its imports, so that a renamed function is noticed at once; the slow tests do the rest."""
    if any((ROOT / name).exists() for name, language, _ in shown(text) if language != "diff"):
        pytest.skip("somebody follows it here")
    checkout = copied(tmp_path / "checkout", "docs", "SECURITY.md")
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
def development(checkout: Path, home: Path, terminal: int | None = None) -> Iterator[tuple[httpx.Client, Path]]:
    """`python main.py`, running: a client for it, and its log. It starts again when a file is saved.

    What it asks is answered at the `terminal`, if there is one.
    """
    port, log = free_port(), home / "development.log"
    settings = {"POTTLE_INSTANCE": str(home / "development"), "POTTLE_RATE_LIMITS": "off"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "main.py", "--port", str(port)],
            cwd=checkout,
            env=clean_environment(home, **settings),
            stdin=terminal if terminal is not None else subprocess.DEVNULL,
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
    """The page, chapter by chapter; its tests pass after each, and the house's rules where it is whole.

    Where it is gone, all is as it was but for migrations, and they keep the rules.
    """
    checkout = cloned(tmp_path / "checkout")
    production = Server(tmp_path / "production", tmp_path, root=checkout, POTTLE_RATE_LIMITS="on")
    production.start()
    production.stop()  # an instance of the time before: its database has neither table nor column
    ours, theirs = pty.openpty()
    with development(checkout, tmp_path, theirs) as (http, log):
        walk = Walk(checkout, tmp_path, http, log, ours)
        walk.first_steps()
        with production:
            await works_live(production)
            is_documented(production)
            is_limited(production)
        walk.votes()
        walk.a_page()
        walk.a_column_more()
        with production, client(production) as other:
            assert share(other, "https://sqlite.org/", title="SQLite")["title"] == "SQLite"
            assert [link["title"] for link in other.get(LINKS).json()["links"]][:2] == ["SQLite", ""]
        walk.another_name()
        walk.a_column_less()
        walk.taken_out()
    os.close(ours)
    os.close(theirs)


class Walk:
    """Somebody who follows the page, with the development server running."""

    def __init__(self, checkout: Path, home: Path, http: httpx.Client, log: Path, terminal: int) -> None:
        self.checkout, self.home, self.http, self.log, self.terminal = checkout, home, http, log, terminal

    def first_steps(self) -> None:
        """The server notices the new files, writes the migration that they need, and serves them."""
        assert self.http.get(LINKS).status_code == 404
        self.follow("The model", "The routes", "One line")
        self.wait(lambda: answers(self.http, LINKS), "the new resource")
        assert self.written("One line", "0039_add_table_links.py")
        sign_in(self.http)
        share(self.http, "https://quart.palletsprojects.com/")
        asking = ("tests/test_docs.py", "tests/api/test_roles.py", "tests/api/test_bad_input.py")
        said = self.run("-m", "pytest", "-q", "-m", "check", *asking, fails=True)
        for wanted in (
            "Write into model/privacy.toml",
            "Write into docs/live.md",
            "Write into TABLE",
            "Write into ROUTES",
        ):
            assert wanted in said, "the checks say what is missing"
        self.follow("What the checks ask", "Its test")
        spoiled = "--deselect=tests/test_portable.py::test_it_refuses"  # files, in whatever tables
        self.check("tests/api/test_openapi.py", "tests/api/test_roles.py", "tests/test_portable.py", spoiled)

    def votes(self) -> None:
        self.follow("A vote per user")
        self.wait(lambda: "votes" in self.newest(), "votes")
        assert self.written("A vote per user", "0040_add_table_link_votes.py")
        self.check()

    def a_page(self) -> None:
        self.follow("A page")
        self.wait(lambda: answers(self.http, "/channels/1/links"), "the page")
        assert "https://quart.palletsprojects.com/" in self.http.get("/channels/1/links").text
        self.check("tests/api/test_pages.py", rules=True)

    def a_column_more(self) -> None:
        """Links that were there before have it too."""
        self.follow("A new column later")
        self.wait(lambda: self.newest().get("title") == "", "the new column")
        assert self.written("A new column later", "0041_add_column_links_title.py")
        share(self.http, "https://sqlite.org/", title="SQLite")
        self.run("-m", "mypy")
        self.check()

    def another_name(self) -> None:
        """The server asks, and what the column has is kept."""
        self.follow("A column renamed")
        question, *said = blocks(CHAPTERS["A column renamed"])[0].splitlines()
        self.wait(lambda: question.removesuffix("y") in self.log.read_text(), "the question")
        os.write(self.terminal, b"y\n")
        self.wait(lambda: all(line in self.log.read_text() for line in said), "the migration")
        self.upgrade("0042_rename_column_links_title_to_headline.py")
        self.wait(lambda: self.newest().get("title") == "SQLite", "the same title")
        self.check()

    def a_column_less(self) -> None:
        for title in ("A column renamed", "A new column later"):
            undo(CHAPTERS[title], self.checkout)
        self.wait(lambda: self.waits("0043_drop_column_links_headline.py"), "the migration")
        self.upgrade("0043_drop_column_links_headline.py")
        self.wait(lambda: self.newest().keys() == {"id", "channel", "url", "shared_by", "created", "votes"}, "less")
        self.check()

    def taken_out(self) -> None:
        first = [*CHAPTERS][: [*CHAPTERS].index("A new column later")]
        undo("".join(CHAPTERS[title] for title in first), self.checkout)
        self.wait(lambda: self.waits("0044_drop_table_link_votes.py"), "the migration")
        self.upgrade("0044_drop_table_link_votes.py")
        assert self.http.get(LINKS).status_code == 404
        self.run("-m", "quart", "--app", "main", "db", "check")
        self.check(own=())
        status = ["git", "status", "--porcelain", "--untracked-files=all"]
        left = subprocess.run(status, cwd=self.checkout, capture_output=True, text=True, check=True).stdout
        others = [line for line in left.splitlines() if not line.startswith("?? model/migrations/")]
        assert others == [" M docs/files.md"], left  # which lists them
        self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "check", *RULES_OF_MIGRATIONS)

    def follow(self, *titles: str) -> None:
        follow("".join(CHAPTERS[title] for title in titles), self.checkout)

    def newest(self) -> dict[str, Any]:
        """The newest link, as the server that starts again gives it."""
        try:
            return dict(self.http.get(LINKS).json()["links"][0])
        except (httpx.TransportError, KeyError, ValueError):
            return {}

    def wait(self, condition: Callable[[], object], what: str) -> None:
        wait_until(condition, what, self.log.read_text)

    def written(self, title: str, name: str) -> bool:
        there = (self.checkout / "model" / "migrations" / name).exists()
        return name in CHAPTERS[title] and f"wrote {name}" in self.log.read_text() and there

    def waits(self, name: str) -> bool:
        """Whether the server says so of a migration. While files are changed, others may wait for a moment."""
        return re.search(rf"wait for you: [^\n]*\b{name}", self.log.read_text()) is not None

    def upgrade(self, name: str) -> None:
        """Gives the word."""
        assert name in PAGE
        assert f"Applied {name}." in self.run("-m", "quart", "--app", "main", "db", "upgrade", "--yes")

    def check(self, *more: str, own: tuple[str, ...] = ("tests/api/test_links.py",), rules: bool = False) -> None:
        """The tests that concern a new resource; with `rules` those of the house too (but for types)."""
        self.run("docs/files.py")
        (self.checkout / "docs" / "register.md").write_text(self.run("-m", "quart", "--app", "main", "register"))
        self.run("-m", "ruff", "check", ".")
        self.run("-m", "ruff", "format", "--check", ".")
        if rules:
            self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "check")
        if own or more:
            self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *own, *more)

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What a program of the checkout says."""
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.checkout,
            env=clean_environment(self.home, POTTLE_INSTANCE=str(self.home / "development")),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert bool(ran.returncode) is fails, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr


@contextmanager
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as http:
        sign_in(http)
        yield http


async def works_live(server: Server) -> None:
    """gunicorn has applied the migration, and whoever watches the list or follows the channel gets what is shared."""
    async with AsyncExitStack() as stack:
        watcher, _ = await connected(stack, server)
        assert (await watcher.ask(type="watch", get=LINKS))["type"] == "watching"
        socket_, _ = await connected(stack, server)
        await socket_.ask(type="subscribe", channel=1)
        with client(server) as http:
            link = share(http, "https://sqlite.org/")
        change = await socket_.receive()
        assert (await watcher.receive())["type"] == "changed"
    assert (change["kind"], change["channel"], change["link"]) == ("link.created", 1, link)


def is_documented(server: Server) -> None:
    document = json.loads(httpx.get(f"{server.url}/openapi.json").content)
    validate(document)
    assert document["paths"]["/api/channels/{channel_id}/links"].keys() >= {"get", "post"}


def is_limited(server: Server) -> None:
    """20 a minute; one was shared above."""
    with client(server) as http:
        statuses = until_refused(lambda _: http.post(LINKS, json={"url": "https://sqlite.org/"}))
        assert len(statuses) >= 20
        assert len(http.get(LINKS).json()["links"]) >= 20


def until_refused(asks: Callable[[int], httpx.Response]) -> list[int]:
    """The statuses of one request after the other, 201 and at last 429. Who is slow gets some of 20 a minute back."""
    statuses = [asks(0).status_code]
    while statuses[-1] == 201 and len(statuses) < 100:
        statuses.append(asks(len(statuses)).status_code)
    assert statuses[-1] == 429
    return statuses


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
            statuses = until_refused(lambda n: http.post(JOKES, json={"text": f"Joke {n}"}))
            assert (await socket_.receive())["type"] == "changed"
        assert len(statuses) >= 21
        assert len(http.get(JOKES).json()["jokes"]) >= 20
        http.request("DELETE", "/api/me", json={"password": PASSWORD})
        assert http.get(JOKES).json() == {"jokes": []}
