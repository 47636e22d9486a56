"""The README is true: its lists are complete, its commands run, and what it shows is what comes."""

import json
import re
import subprocess
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from model.settings import Settings
from tests.conftest import needs
from tests.server import PATIENCE, ROOT, Server, Socket, clean_environment, connected

README = (ROOT / "README.md").read_text()
CHANGING = (
    "created",
    "edited",
    "expires",
    "epoch",
    "seq",
    "after",
    "prev",
    "worker",
    "token",
    "detail",
)  # values, not shapes


def chapter(title: str) -> str:
    """The text below a heading of level 2, up to the next one."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def blocks(text: str, language: str = "") -> list[str]:
    """The fenced blocks of a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for named, block in found if named == language]


def first_column(text: str) -> list[str]:
    """The code in the first column of a chapter's tables."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def tracked() -> set[str]:
    """The files that are, or are about to be, in the repository."""
    needs("git")
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


def house() -> set[str]:
    """What the anatomy has to name: the top level, and the rooms of the application and the engine."""
    found = set()
    for name in tracked():
        top, *rest = name.split("/")
        found.add(f"{top}/" if rest else top)
        if top in ("api", "model", "pottle"):
            found |= {f"{parent}/" for parent in Path(name).parents if parent != Path(".")}
    return found


@pytest.mark.check
def test_the_anatomy_names_every_room_and_nothing_else() -> None:
    named = first_column(chapter("Anatomy"))
    assert sorted(named) == sorted(set(named)), "something is named twice"
    assert set(named) == house()


def default(value: object) -> str:
    """A default as one would write it into the environment."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(value) if isinstance(value, tuple) else str(value)


@pytest.mark.check
def test_every_setting_is_explained_with_its_default() -> None:
    rows = re.findall(r"^\| `(POTTLE_\w+)` \| (?:`([^`]*)`)? *\| (.+) \|$", chapter("Settings"), re.MULTILINE)
    explained = {name: shown for name, shown, _ in rows}
    assert explained == {f"POTTLE_{field.name.upper()}": default(field.default) for field in fields(Settings)}


@pytest.mark.check
def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings()}
            assert target[1:] in anchors, target
        elif not target.startswith("http"):
            assert (ROOT / target.partition("#")[0]).exists(), target


def headings() -> list[str]:
    return re.findall(r"^#+ (.+)$", README, re.MULTILINE)


@pytest.mark.check
def test_every_code_of_the_live_protocol_is_named() -> None:
    written = "".join(path.read_text() for path in (ROOT / "pottle" / "live").glob("*.py"))
    errors = set(re.findall(r'(?:Refused\(|code=)"([a-z-]+)"', written))
    table = chapter("The live protocol").split("| error code |")[1]
    assert errors == {code for code in first_column(table) if not code.startswith("{")}


@pytest.mark.check
def test_every_kind_of_change_is_named() -> None:
    written = "".join(path.read_text() for path in (ROOT / "model").rglob("*.py"))
    kinds = {kind for listed in re.findall(r"changes\.carries\(\s*\[([^\]]+)\]", written) for kind in quoted(listed)}
    table = chapter("The live protocol").split("| kind |")[1].split("\n\n")[0]
    assert set(first_column(table)) == kinds


def quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]+)"', text)


def alike(shown: Any, real: Any, name: str = "") -> bool:
    """Whether two JSON values are equal but for what differs from run to run."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return shown.keys() == real.keys() and all(alike(shown[key], real[key], key) for key in shown)
    if isinstance(shown, list) and isinstance(real, list):
        return len(shown) == len(real) and all(map(alike, shown, real))
    return type(shown) is type(real) if name in CHANGING else bool(shown == real)


def test_the_first_session_goes_as_it_is_written(tmp_path: Path) -> None:
    needs("bash", "curl", "sed")
    commands, answers = session(chapter("A first session with the API"))
    with Server(tmp_path / "instance", tmp_path, POTTLE_RATE_LIMITS="on") as server:
        script = "\nprintf '\\0'\n".join([command.replace("http://127.0.0.1:8080", server.url) for command in commands])
        ran = subprocess.run(
            ["bash", "-c", script],
            env=clean_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert ran.stderr == ""
    for command, shown, real in zip(commands, answers, ran.stdout.split("\0"), strict=True):
        if shown.startswith("{"):
            assert alike(json.loads(shown), json.loads(real)), f"{command}\n{real}"
        else:
            assert shown.strip() == real.strip(), command


def session(text: str) -> tuple[list[str], list[str]]:
    """The commands of the console blocks and what is shown below each."""
    parts = [part for block in blocks(text, "console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    pairs = [part.partition("\n") for part in parts]
    return [command for command, _, _ in pairs], [shown for _, _, shown in pairs]


async def test_the_first_live_session_goes_as_it_is_written(tmp_path: Path) -> None:
    """Before a change that is shown, somebody does what it tells of."""
    first, second = blocks(chapter("A first live session"))
    with Server(tmp_path / "instance", tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            await prepare(http)
            async with AsyncExitStack() as stack:
                await converse(stack, server, first, before_changes=lambda: post(http, "Are you there?"))
            await http.put("/api/posts/3/reactions/eyes")
            async with AsyncExitStack() as stack:
                await converse(stack, server, second)


async def prepare(http: httpx.AsyncClient) -> None:
    """Signs Ada up and in, with two posts and two more changes before."""
    ada = {"uid": "ada", "password": "correct horse"}
    await http.post("/api/users", json={**ada, "name": "Ada"})
    token = (await http.post("/api/session", json=ada)).json()["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    await post(http, "Hello")
    await post(http, "Once")
    await http.put("/api/posts/1/reactions/heart")
    await http.patch("/api/posts/1", json={"body": "Hello, *you*"})


async def post(http: httpx.AsyncClient, body: str) -> None:
    (await http.post("/api/channels/1/posts", json={"body": body})).raise_for_status()


async def converse(stack: AsyncExitStack, server: Server, script: str, before_changes: Any = None) -> None:
    """Plays a transcript against a server: sends what is behind `->` and expects what is behind `<-`."""
    socket_: Socket | None = None
    epoch = ""
    for line in script.splitlines():
        shown = json.loads(line[3:])
        if socket_ is None:
            socket_, real = await connected(stack, server)
            epoch = real["epoch"]
        elif line.startswith("->"):
            await socket_.send(**{**shown, **({"epoch": epoch} if "epoch" in shown else {})})
            continue
        else:
            if shown["type"] == "change" and before_changes:
                await before_changes()
            real = await socket_.receive()
        assert alike(shown, real), real
        if shown["type"] in ("subscribed", "change"):
            assert real["seq"] == shown["seq"]
