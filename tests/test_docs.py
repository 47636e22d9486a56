"""The pages are true: what they name is there, their tables are complete, their links and code are whole."""

import ast
import dataclasses
import importlib
import json
import pkgutil
import re
import runpy
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from quart import Quart
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

import api
import main
import model
import pottle
from model.accounts import codes, passwords
from model.groups import invitation
from model.privacy import FILE, GROUNDS, Line, as_markdown, owning, refers, register
from model.settings import Ages, Settings
from pottle.rates import Rate
from pottle.store import Base, replays
from tests.pages import PAGES, anchors, blocks, chapter, commands, first_column, links, named, page, tracked
from tests.server import ROOT

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
ASVS = ROOT / "docs" / "asvs.md"
GUIDES = [ASVS, ROOT / "docs" / "deploy.md", ROOT / "docs" / "classroom.md", ROOT / "SECURITY.md"]
NAMED = re.compile(
    r"`((?:api|model|pottle|static|templates|bench|tests|deploy|docs)/[\w./-]+|[\w.-]+\.py)(?:: (\w+))?`"
)
TO_BE_WRITTEN = re.compile(
    r"(model|api|tests/api|templates|static)/(test_)?(jokes?|links?(_page)?|moods?)\.(py|html|js)|\d{4}_\w+_links?_?\w*\.py"
)  # by who follows a page
SECURITY = (ROOT / "SECURITY.md").read_text()


@cache
def functions(path: Path) -> set[str]:
    """The functions and classes of a module, methods too."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)}


@pytest.mark.check
@named
def test_every_file_and_function_that_it_names_exists(path: Path) -> None:
    if path.name == "files.md":  # which repeats what files say of themselves, beside them
        return
    for name, function in NAMED.findall(path.read_text()):
        assert TO_BE_WRITTEN.fullmatch(name) or (ROOT / name).exists() or (path.parent / name).exists(), name
        if function:
            assert function in functions(ROOT / name), f"{name}: {function}"


@pytest.mark.check
def test_the_anatomy_names_what_it_follows() -> None:
    """Each step, and what carries each promise; no more than somebody can follow."""
    assert 20 < len(NAMED.findall(page("anatomy"))) < 50


@pytest.mark.check
@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_every_decision_has_its_three_parts(path: Path) -> None:
    assert re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE) == [
        "The choice",
        "The numbers",
        "What would change our mind",
    ]


@cache
def list_of_files() -> str:
    """The page docs/files.md as it should be."""
    tracked()  # or there is nothing to make it of
    made: str = runpy.run_path(str(ROOT / "docs" / "files.py"))["page"]()
    return made


@pytest.mark.check
def test_the_list_of_files_is_fresh() -> None:
    assert list_of_files() == page("files"), "run: python docs/files.py"
    pages = {ROOT / name for name in re.findall(r"\]\(\.\./([^)]+\.md)\)", page("files"))}
    assert pages - {*PAGES} == set(), "docs/files.py: NO_PAGES"  # the site would have a link to nowhere


@pytest.mark.check
def test_every_module_and_script_says_what_it_is_for() -> None:
    listed = set(re.findall(r"\]\(\.\./([^)]+)\)", list_of_files()))
    ours = re.compile(r"(api|model|pottle|static|templates|tests)/.*\.(py|js)|templates/.*|scripts/.*|[^/]*\.py")
    silent = {name for name in tracked() if ours.fullmatch(name) and (ROOT / name).stat().st_size}
    assert silent - listed == set()


@pytest.mark.check
@named
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in links(path) if path.name != "files.md" else ():  # which is made of what is there
        if not re.match("[a-z]+:", target):
            name, _, anchor = target.partition("#")
            there = path.parent / name if name else path
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


@pytest.mark.check
@named
def test_every_block_of_code_can_be_read(path: Path) -> None:
    text = path.read_text()
    for block in blocks(text, "python"):
        ast.parse(block)
    for block in blocks(text, "json"):
        json.loads(block)
    for block in [*blocks(text, "sh"), *commands(text)]:
        script = re.sub(r"<the [^>]+>", "elsewhere", block)
        read = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
        assert read.returncode == 0, block + read.stderr


@pytest.mark.check
@named
def test_what_its_code_imports_is_there(path: Path) -> None:
    imports = [line for block in blocks(path.read_text(), "python") for line in ast.parse(block).body]
    for line in imports:
        if not isinstance(line, ast.ImportFrom) or str(line.module).split(".")[0] not in ("api", "model", "pottle"):
            continue
        if TO_BE_WRITTEN.fullmatch(f"{str(line.module).replace('.', '/')}.py"):
            continue
        module = importlib.import_module(str(line.module))
        for name in (alias.name for alias in line.names):
            written = TO_BE_WRITTEN.fullmatch(f"{str(line.module).replace('.', '/')}/{name}.py")
            submodule = Path(str(module.__file__)).parent / name
            there = submodule.exists() or submodule.with_suffix(".py").exists()
            assert written or hasattr(module, name) or there, f"{line.module}: {name}"


@pytest.mark.check
def test_the_menu_of_the_site_leads_to_every_page() -> None:
    menu = [name for names in runpy.run_path(str(ROOT / "docs" / "conf.py"))["MENU"].values() for name in names]
    patterns = [f"{name}.md" if name[0] == "/" else f"/docs/{name}.md" for name in menu]
    left_out = [path for path in PAGES if not any(path.match(f"{ROOT}{pattern}") for pattern in patterns)]
    assert left_out == [ROOT / "README.md"]  # which has the menu
    assert all(list(ROOT.glob(pattern[1:])) for pattern in patterns)


@pytest.mark.check
def test_the_table_of_scripts_names_each() -> None:
    scripts = {f"scripts/{path.name}" for path in (ROOT / "scripts").iterdir()}
    assert set(first_column(chapter("development", "Scripts"))) == scripts


@pytest.mark.check
def test_the_table_of_rooms_names_each() -> None:
    found = {f"{parent}/" for name in tracked() for parent in Path(name).parents if len(parent.parts) > 1}
    rooms = {name for name in found if name.startswith(("api/", "model/", "pottle/"))}
    listed = first_column(chapter("development", "Rooms"))
    assert sorted(listed) == sorted(rooms)


def default(value: object, name: str) -> str:
    """A default as one would write it into the environment."""
    if name.startswith("retention_") and value in (None, Ages()):
        return "off"
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str("" if value is None else value)


@pytest.mark.check
def test_every_setting_is_explained_with_its_default() -> None:
    explained = re.findall(r"^\| `(POTTLE_\w+)` \| (?:`([^`]*)`)? *\| .+ \|$", page("settings"), re.MULTILINE)
    assert dict(explained) == {
        f"POTTLE_{field.name.upper()}": default(field.default, field.name) for field in dataclasses.fields(Settings)
    }


@pytest.mark.check
def test_every_code_of_the_live_protocol_is_named() -> None:
    written = "".join(path.read_text() for path in (ROOT / "pottle" / "live").glob("*.py"))
    errors = set(re.findall(r'(?:Refused\(|code=)"([a-z-]+)"', written))
    table = page("live").split("| error code |")[1]
    assert errors == {code for code in first_column(table) if not code.startswith("{")}


@pytest.mark.check
def test_every_kind_of_change_is_named() -> None:
    written = "".join(path.read_text() for path in (ROOT / "model").rglob("*.py"))
    kinds = {kind for listed in re.findall(r"changes\.carries\(\s*\[([^\]]+)\]", written) for kind in quoted(listed)}
    table = page("live").split("| kind |")[1].split("\n\n")[0]
    missing = [f"| `{kind}` | when | what it carries |" for kind in sorted(kinds - set(first_column(table)))]
    assert not missing, f"Write into docs/live.md, the table of kinds: {missing}"
    told = set(re.findall(r'tx\.changed\("([a-z.]+)", stream=', written))  # also what carries nothing
    assert set(first_column(table)) <= kinds | told, "docs/live.md has a kind that is gone"


@pytest.mark.check
def test_the_guide_to_the_browser_client_names_every_call() -> None:
    scripts = ["talking.js", "pottle/client.js", "pottle/asking.js"]
    text = "".join((ROOT / "static" / name).read_text() for name in scripts)
    calls = set(re.findall(r"^  (?:async |get )?([a-z]\w+)\(.*\{", text, re.MULTILINE)) - {"constructor", "if"}
    assert len(calls) > 15
    assert {call for call in calls if not re.search(rf"`{call}\b", page("client"))} == set()


def quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]+)"', text)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Quart:
    return main.create_app(Settings(instance=tmp_path_factory.mktemp("nowhere")))


@pytest.mark.check
@named
def test_every_command_and_option_exists(app: Quart, path: Path) -> None:
    for line in re.findall(r"quart --app main ([^`\n;&]+)", path.read_text()):
        words = line.split()
        if words[0] in ("…", "routes", "shell", "blog"):  # Quart's own, and the blog's of docs/from-flask.md
            continue
        command: click.Command = app.cli
        while isinstance(command, click.Group) and words and words[0] != "…":
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.check
@named
def test_every_setting_exists(path: Path) -> None:
    known = {f"POTTLE_{name.upper()}" for name in Settings.__dataclass_fields__}
    proxys = set(re.findall(r"POTTLE_\w+", (ROOT / "deploy" / "Caddyfile").read_text()))
    named = {name.removesuffix("_FILE") for name in re.findall(r"POTTLE_\w+", path.read_text())}
    assert named <= known | proxys | {"POTTLE_X"}


def shown() -> str:
    """All that can stand on a page of a new server, as one text."""
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static").rglob("*.js")]
    beginnings = (ROOT / "model" / "migrations").glob("*.py")  # the lobby
    return "\n".join(path.read_text() for path in [*files, *beginnings])


@pytest.mark.check
def test_what_the_classroom_says_stands_on_the_pages_does() -> None:
    """Headings, buttons and choices are bold there."""
    text = (ROOT / "docs" / "classroom.md").read_text()
    told = {" ".join(words.split()) for words in re.findall(r"\*\*([^*]+)\*\*", text)}
    assert len(told) > 40
    assert [words for words in sorted(told) if words not in shown()] == []


def rows(title: str, text: str = SECURITY) -> Iterator[list[str]]:
    """The rows of the table below a heading of SECURITY.md, or another text."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    for line in re.findall(r"^\| `.+ \|$", found[1], re.MULTILINE):
        yield [cell.strip() for cell in line.strip("|").split("|")]


def unsaid(table: Table, line: Line | None) -> Iterator[str]:
    """What the register does not say of a table, with what to write."""
    own = [column.name for column in table.c if column.name not in ("id", "version")]
    own = [name for name in own if refers(table.c[name]) in (None, "users")]  # of other references the keys say it
    if line is None:
        yield BLOCK.format(table=table.name, columns="\n".join(f'{name} = "what is in it"' for name in own))
        return
    for name in own:
        if (name in line.columns) is (name in line.plain):
            yield f'[{table.name}] columns: {name} = "what is in it"; or into plain, if it is about nobody'
    yield from (f"[{table.name}] {name} is gone" for name in {*line.columns, *line.plain} - {*table.c.keys()})
    needed = ("part",) if line.nothing else ("part", "why", "ground", "kept", "seen", "export", "account", "group")
    yield from (f'[{table.name}] {name} = "…"' for name in needed if not getattr(line, name))
    if line.nothing and (line.columns or owning(table)):
        yield f"[{table.name}] is about somebody: why, ground, kept, seen, columns"
    if not line.nothing and line.ground not in GROUNDS:
        yield f"[{table.name}] ground is one of {', '.join(GROUNDS)}"


BLOCK = """
[{table}]
part = "Accounts, Signing in, Groups, Discussions, Moderation, …"
why = "what it is for"
ground = "task"
kept = "for how long"
seen = "who sees it"

[{table}.columns]
{columns}
"""


@pytest.mark.check
def test_the_register_says_what_is_kept_in_every_column() -> None:
    lines, tables = register(Settings()), Base.metadata.tables
    missing = [said for name in sorted(tables) for said in unsaid(tables[name], lines.get(name))]
    assert not missing, "Write into model/privacy.toml:\n" + "\n".join(missing)
    assert {*tomllib.loads(FILE.read_text())} == {*tables}, "model/privacy.toml has a table that is gone"


@pytest.mark.check
def test_the_page_of_the_register_is_fresh() -> None:
    run_it = "run: quart --app main register > docs/register.md"
    assert as_markdown(Settings()) == page("register"), run_it


@pytest.mark.check
def test_what_browsers_keep_is_named() -> None:
    keeps = re.compile(r"\b(localStorage|sessionStorage)\b( \?\?|\.)|\bcaches\.open|\bindexedDB\.")
    files = {file for file in (ROOT / "static").rglob("*.js") if keeps.search(file.read_text())}
    named = set(re.findall(r"`(static/[\w/]+\.js)`", chapter("docs/privacy.md", "In the browser")))
    missing = {str(file.relative_to(ROOT)) for file in files} - named
    assert not missing, f'Write into docs/privacy.md, "In the browser": {missing}'


@pytest.mark.check
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "[notes] columns: why"),
        ([Column("author_id", ForeignKey("users.id"))], "[notes] columns: author_id"),
        ([Column("post_id", ForeignKey("posts.id"))], "[notes] columns: why"),
    ],
)
def test_a_column_that_it_says_nothing_of_is_named(more: list[Column[Any]], says: str) -> None:
    table = Table("notes", MetaData(), Column("id", Integer), *more, Column("why", String))
    assert "what is in it" in "".join(unsaid(table, None))
    said = [*unsaid(table, Line("Discussions", nothing="notes"))]
    assert said[0].startswith(says)


def modules() -> Iterator[ModuleType]:
    """All of ours."""
    for package in (api, model, pottle):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in found.name:
                yield importlib.import_module(found.name)


@pytest.mark.check
def test_every_rate_limit_is_named_with_its_numbers() -> None:
    known = {value for module in modules() for value in vars(module).values() if isinstance(value, Rate)}
    named = {(row[0].strip("`"), row[1], row[2]) for row in rows("Limits", page("settings")) if row[2]}
    assert named == {(rate.name, str(rate.count), f"{rate.per} s") for rate in known}


@pytest.mark.check
def test_every_other_limit_is_that_of_the_code() -> None:
    lasting = [row for row in rows("Limits", page("settings")) if not row[2]]
    assert len(lasting) > 10
    for name, said, *_ in lasting:
        module, _, constant = name.strip("`").rpartition(".")
        number, unit = re.fullmatch(r"(\d+)( KiB)?", said).groups()  # type: ignore[union-attr]
        assert getattr(importlib.import_module(module), constant) == int(number) * (1024 if unit else 1), name


@pytest.mark.check
def test_the_numbers_of_passwords_codes_and_memories_are_those_of_the_code() -> None:
    cost = f"{passwords.HASHER.memory_cost // 1024} MiB, {passwords.HASHER.time_cost} passes and"
    assert f"{cost} {passwords.HASHER.parallelism} lane" in SECURITY
    assert f"{invitation.SHORT * 20} bits for those that are typed" in SECURITY
    assert f"{invitation.LONG * 20} bits for those that come as a link" in SECURITY
    assert f"| roster | {codes.CODE_DAYS} days" in SECURITY
    assert f"| password link | {codes.LINK_DAYS} days" in SECURITY
    assert f"| first admin | {codes.FIRST_ADMIN_HOURS} hours" in SECURITY
    assert f'"{replays.KEPT_HOURS} hours"' in FILE.read_text()


# How many requirements of levels 1 and 2 each section of ASVS 5.0 has; they are numbered from 1.
REQUIREMENTS = """
1.1 2, 1.2 9, 1.3 11, 1.4 3, 1.5 2, 2.1 3, 2.2 3, 2.3 4, 2.4 1, 3.2 2, 3.3 4, 3.4 6, 3.5 5, 3.7 2, 4.1 3, 4.2 1, 4.3 2,
4.4 4, 5.1 1, 5.2 3, 5.3 2, 5.4 3, 6.1 3, 6.2 12, 6.3 4, 6.4 4, 6.5 5, 6.6 3, 6.8 4, 7.1 3, 7.2 4, 7.3 2, 7.4 5, 7.5 2,
7.6 2, 8.1 2, 8.2 3, 8.3 1, 8.4 1, 9.1 3, 9.2 4, 10.1 2, 10.2 2, 10.3 4, 10.4 11, 10.5 5, 10.6 2, 10.7 3, 11.1 2,
11.2 3, 11.3 3, 11.4 4, 11.5 1, 11.6 1, 12.1 3, 12.2 2, 12.3 4, 13.1 1, 13.2 5, 13.3 2, 13.4 5, 14.1 2, 14.2 4, 14.3 3,
15.1 3, 15.2 3, 15.3 7, 16.1 1, 16.2 5, 16.3 4, 16.4 3, 16.5 3, 17.1 1, 17.2 4, 17.3 2
"""


def requirements(text: str) -> Iterator[str]:
    """The numbers in a cell: `1.2.6 to 1.2.8, 1.3.6`."""
    for first, last in re.findall(r"(\d+\.\d+\.\d+)(?: to (\d+\.\d+\.\d+))?", text):
        section, _, number = first.rpartition(".")
        until = (last or first).rpartition(".")[2]
        yield from (f"{section}.{n}" for n in range(int(number), int(until) + 1))


@pytest.mark.check
def test_the_asvs_is_gone_through_without_a_gap() -> None:
    """Each requirement once, with one of three states and a reason; what is met names a test, a page or a file."""
    sections = re.findall(r"(\d+\.\d+) (\d+)", REQUIREMENTS)
    expected = {f"{section}.{n + 1}" for section, many in sections for n in range(int(many))}
    named: list[str] = []
    for which, state, why in re.findall(r"^\| ([\d., to]+) \| ([^|]+) \| ([^|]+) \|$", ASVS.read_text(), re.MULTILINE):
        named += requirements(which)
        assert state in ("met", "not applicable", "open"), which
        assert why.strip(), which
    assert len(expected) == 253
    assert sorted(named) == sorted(expected)


@pytest.mark.check
def test_the_unit_for_systemd_runs_what_is_there() -> None:
    said = (ROOT / "deploy" / "pottle.service").read_text()
    assert "/.venv/bin/gunicorn main:app --bind 127.0.0.1:8080" in said
    assert "server 127.0.0.1:8080;" in (ROOT / "deploy" / "nginx.conf").read_text()
    assert "quart --app main backup" in (ROOT / "deploy" / "pottle-backup.service").read_text()
