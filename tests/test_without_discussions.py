"""One line of main.py less, and there are no discussions: nothing that is left breaks, or names them.

One instance has discussions, has none for a while (`python main.py`, with the README's resource), and has them again.
Seen to fail with an account's end told to nobody, and with a page that links to discussions whatever there is.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.seed import PASSWORD
from tests.server import PATIENCE, Server, clean_environment, connected
from tests.test_walkthrough import SHORT, copied, follow

pytestmark = pytest.mark.slow

LINE = '    "talk",'
NAMED = re.compile(r"\b(channels?|[Pp]ost(s|ed)?|discussions?|reactions?|repl(y|ies))\b", re.IGNORECASE)
METHOD = re.compile(r"\bPOST\b|/api/me/posts")
PAGES = (
    *("/", "/join", "/account", "/groups/nowhere", "/docs", "/nowhere", "/sign-in"),
    *("/admin", "/admin/accounts", "/admin/groups", "/admin/log"),
    *("/groups/cs-1/manage", "/groups/cs-1/manage/rules", "/groups/cs-1/manage/site", "/groups/cs-1/manage/log"),
)
ENDING = {("DELETE", "/api/session"), ("DELETE", "/api/me/sessions")}  # of who asks
HELP = """
import click, main
def told(command, around=None):
    here = click.Context(command, info_name=command.name, parent=around)
    print(command.get_help(here))
    for name in getattr(command, "commands", {}):
        told(command.commands[name], here)
for command in main.app.cli.commands.values():
    told(command)
"""
Statuses = dict[tuple[str, str, str], int]


class Said(HTMLParser):
    """What a page says: its texts, and the attributes that people are told."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Adds what an element says of itself."""
        self.texts += [value or "" for name, value in attrs if name in ("placeholder", "title", "alt", "aria-label")]
        self.scripts += [value or "" for name, value in attrs if name in ("src", "href") and str(value).endswith(".js")]

    def handle_data(self, data: str) -> None:
        """Adds a text."""
        self.texts.append(data)


def named(text: str) -> list[str]:
    """The words of discussions in a text, each with what is around it."""
    text = METHOD.sub("", text)
    return [text[max(0, found.start() - 40) : found.end() + 40] for found in NAMED.finditer(text)]


class House:
    """A copy of what a server needs, and its instance."""

    def __init__(self, folder: Path) -> None:
        self.home, self.root, self.instance = folder, copied(folder / "house", "examples"), folder / "instance"
        self.main = self.root / "main.py"

    def run(self, *command: str, instance: Path | None = None, given: str | None = None) -> str:
        """What a program prints."""
        settings = {"POTTLE_INSTANCE": str(instance or self.instance), "PYTHONPATH": str(self.root)}
        environ = clean_environment(self.home, **settings)
        options: dict[str, Any] = {"cwd": self.root, "env": environ, "capture_output": True, "text": True}
        done = subprocess.run([sys.executable, *command], input=given, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def quart(self, *command: str, **options: Any) -> str:
        """What a command prints."""
        return self.run("-m", "quart", "--app", "main", *command, **options)

    def without(self) -> None:
        """Takes the line out."""
        lines = self.main.read_text().splitlines(keepends=True)
        rest = [line for line in lines if not line.startswith(LINE)]
        assert len(rest) == len(lines) - 1
        self.main.write_text("".join(rest))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = House(tmp_path_factory.mktemp("without"))
    assert "19 posts" in made.run("-m", "examples.seed")
    made.quart("user", "role", "rivera", "admin")
    return made


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    whole = house.main.read_text()
    house.without()
    follow(SHORT, house.root)
    with Server(house.instance, house.home, "development", house.root) as running:
        yield running
        house.main.write_text(whole)


@contextmanager
def signed_in(server: Server, uid: str) -> Iterator[httpx.Client]:
    """A client with a token of `uid`; of nobody's for ""."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as http:
        if uid:
            token = http.post("/api/session", json={"uid": uid, "password": PASSWORD}).json()["token"]
            http.headers["Authorization"] = f"Bearer {token}"
        yield http


def walk(server: Server, paths: dict[str, Any]) -> Statuses:
    """Each operation, for nobody, a user and an admin: GETs of what there is, changes of what there is not."""
    there = {"slug": "cs-1", "uid": "ada"}
    found: Statuses = {}
    for who in ("", "ada", "rivera"):
        with signed_in(server, who) as http:
            for method, path in ((method.upper(), place) for place in sorted(paths) for method in paths[place]):
                if (method, path) in ENDING:
                    continue
                values = there if method == "GET" else {}
                url = re.sub(r"{(\w+)}", lambda part: values.get(part[1], "999999"), path)  # noqa: B023
                body = {} if method == "GET" else {"json": {}}
                found[who, method, path] = http.request(method, url, **body).status_code  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{server.url}/openapi.json").json()
    return found


def test_the_document_names_no_discussions(document: dict[str, Any]) -> None:
    names = [*document["paths"], *document["components"]["schemas"], *(tag["name"] for tag in document["tags"])]
    texts = re.findall(r'"(?:description|summary|example)": ?("(?:[^"\\]|\\.)*")', json.dumps(document))
    assert [found for text in [*names, *texts] for found in named(text.replace("_", " "))] == []
    assert "/api/jokes" in names, "a resource of one's own is there"
    assert "/api/me" in names


@pytest.mark.parametrize("who", ["", "ada", "rivera"])
def test_pages_are_whole_and_name_no_discussions(server: Server, who: str) -> None:
    with signed_in(server, who) as http:
        for path in PAGES:
            answer = http.get(path, headers={"Accept": "text/html"})
            assert answer.status_code in (200, 401, 403, 404), path
            said = Said()
            said.feed(answer.text)
            assert [found for text in said.texts for found in named(text)] == [], path
            assert not [name for name in said.scripts if re.search("discussion|moderate|thread|posts", name)], path
            for name in said.scripts:
                assert http.get(name).status_code == 200
        home = http.get("/").text
        assert ("Ada Okafor" in home) is (who == "ada")
        assert http.get("/account").status_code == (200 if who else 401)
        assert http.get("/admin").status_code == {"": 401, "ada": 404, "rivera": 200}[who]
        for gone in ("/channels/1", "/posts/1", "/api/channels/1", "/api/me/posts", "/embed.js", "/flask/api/posts"):
            assert http.get(gone).status_code == 404, gone


async def test_no_stream_is_a_channels(server: Server) -> None:
    async with AsyncExitStack() as stack:
        socket, _ = await connected(stack, server)
        refused = await socket.ask(type="subscribe", channel=1)
        assert (refused["type"], refused["code"]) == ("error", "bad-request")
        assert named(refused.get("message", "")) == []


def test_commands_work_and_name_no_discussions(house: House, server: Server) -> None:
    assert named(house.run("-c", HELP)) == []
    assert house.quart("db", "check") == "The models and the database agree.\n"
    assert named(house.quart("doctor")) == []
    assert house.quart("group", "create", "blog", "--origin", "https://blog.example") == "Created blog.\n"
    assert not [*(house.root / "model" / "migrations").glob("*drop*")]
    copy = house.home / "all.jsonl"
    house.quart("export", str(copy))
    assert house.quart("import", str(copy), instance=house.home / "other").startswith("Imported ")
    assert "7 people are there" in house.run("-m", "examples.seed", instance=house.home / "seeded")


def test_accounts_groups_and_a_resource_of_ones_own_work_and_posts_come_back(
    house: House, server: Server, document: dict[str, Any]
) -> None:
    with signed_in(server, "rivera") as admin, httpx.Client(base_url=server.url, timeout=PATIENCE) as new:
        assert admin.post("/api/groups", json={"slug": "club", "name": "Club", "reading": "members"}).status_code == 201
        code = admin.post("/api/groups/club/invitations", json={}).json()["code"]
        user = {"uid": "zoe", "name": "Zoe", "password": PASSWORD, "invitation": code}
        assert new.post("/api/users", json=user).status_code == 201
        token = new.post("/api/session", json={"uid": "zoe", "password": PASSWORD}).json()["token"]
        new.headers["Authorization"] = f"Bearer {token}"
        assert new.get("/api/groups/club").json()["name"] == "Club"
        assert new.post("/api/jokes", json={"text": "Knock, knock."}).status_code == 201
        assert new.get("/api/jokes").json()["jokes"][0]["text"] == "Knock, knock."
        assert new.request("DELETE", "/api/me", json={"password": PASSWORD}).status_code == 204
        assert new.get("/api/jokes", headers={"Authorization": ""}).json()["jokes"] == []
        assert admin.delete("/api/groups/club").status_code == 204
        assert admin.delete("/api/users/theo").status_code == 204, "who has written, and reacted"
    without = walk(server, document["paths"])
    assert [asked for asked, status in without.items() if status >= 500] == []
    house.main.write_text(house.main.read_text().replace('    "flask",', f'{LINE}\n    "flask",'))
    with Server(house.instance, house.home, root=house.root, WEB_CONCURRENCY="1") as whole:
        assert walk(whole, document["paths"]) == without, "the rest answers as before"
        with signed_in(whole, "ada") as http:
            posts = http.get("/api/channels/1/posts?limit=100").json()["posts"]
            (first,) = [post for post in posts if post["body"].startswith("Welcome!")]
            assert first["reactions"] == {"up": 3, "hooray": 1}, "one less: his"
            assert {"guest": "Former user"} in [post["author"] for post in posts]
            assert http.get("/flask/api/posts").status_code == 404, "no page may use it unless a setting says so"
