"""`quart --app main invite`, `roster` and `user reset`."""

import csv
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import httpx
import pytest
from click.testing import Result

import main
from model.settings import Settings
from tests.conftest import PASSWORD
from tests.server import Server
from tests.test_commands import noted, refused, said

Run = Callable[..., Result]
CODE = "[0-9A-Z]{4}-[0-9A-Z]{4}"


@pytest.fixture
def run(instance: Path) -> Run:
    """`run("invite", "class")` is `quart --app main invite class`."""
    app = main.create_app(Settings(instance=instance, url="https://pottle.example"))
    return lambda *args: app.test_cli_runner().invoke(args=[str(arg) for arg in args])


@pytest.fixture
def names(tmp_path: Path) -> Path:
    file = tmp_path / "7b.csv"
    file.write_text("First name;Last name\nAnna;Schmidt\nBen;Müller\n", encoding="cp1252")
    return file


class TestInvite:
    def test_it_works(self, run: Run, instance: Path) -> None:
        link, sentence = said(run("invite", "class")).splitlines()
        code = link.removeprefix("https://pottle.example/join#")
        assert re.fullmatch(CODE, code)
        assert sentence.startswith(f"The code {code} makes a member of class, any number of times, until ")
        assert noted(instance)[:2] == ("", "invitation.made")

    def test_it_has_options(self, run: Run) -> None:
        sentence = said(run("invite", "class", "--moderator", "--uses", 2, "--days", 1)).splitlines()[1]
        assert "makes a moderator of class, 2 times, until " in sentence

    @pytest.mark.parametrize(
        ("args", "complaint"),
        [
            (["nowhere"], "There is no group nowhere."),
            (["class", "--uses", "0"], "The number of uses must be at least 1."),
            (["class", "--days", "366"], "The number of days must be at most 365."),
        ],
    )
    def test_it_refuses_in_one_line(self, run: Run, args: list[str], complaint: str) -> None:
        assert refused(run("invite", *args)).startswith(complaint)


class TestRoster:
    def test_it_works(self, run: Run, names: Path, instance: Path) -> None:
        lines = said(run("roster", "class", names)).splitlines()
        assert lines[0].split() == ["User", "name", "Name", "Code"]
        assert re.fullmatch(f"anna.schmidt  Anna Schmidt  {CODE}", lines[1])
        assert re.fullmatch(f"ben.muller    Ben Müller    {CODE}", lines[2])
        assert "https://pottle.example/join" in lines[3]
        assert noted(instance) == ("", "user.created", "ben.muller", "by a roster")

    def test_it_prints_csv(self, run: Run, names: Path) -> None:
        rows = list(csv.DictReader(StringIO(said(run("roster", "class", names, "--csv")))))
        assert [row["uid"] for row in rows] == ["anna.schmidt", "ben.muller"]
        assert all(row["link"] == f"https://pottle.example/join#{row['code']}" for row in rows)

    def test_a_second_time_is_refused(self, run: Run, names: Path) -> None:
        said(run("roster", "class", names))
        complaint = "Line 2 is Anna Schmidt, a name that the group has already. (And 1 more.)"
        assert refused(run("roster", "class", names)) == complaint

    def test_it_refuses_what_is_no_file(self, run: Run, tmp_path: Path) -> None:
        assert refused(run("roster", "class", tmp_path / "none.csv")).endswith("No such file or directory")
        assert refused(run("roster", "class", tmp_path)).endswith("Is a directory")
        (tmp_path / "large.csv").write_bytes(b"x\n" * 600_000)
        assert "cannot be a class" in refused(run("roster", "class", tmp_path / "large.csv"))
        (tmp_path / "empty.csv").touch()
        assert refused(run("roster", "class", tmp_path / "empty.csv")) == "A class list has 1 to 500 names, not 0."

    def test_it_refuses_an_unknown_group(self, run: Run, names: Path) -> None:
        assert refused(run("roster", "nowhere", names)) == "There is no group nowhere."


class TestReset:
    def test_it_works(self, run: Run, instance: Path) -> None:
        assert re.fullmatch(rf"https://pottle\.example/join#({CODE}-?){{2}}\n", said(run("user", "reset", "BOB")))
        assert noted(instance) == ("", "password.link", "bob", None)

    def test_it_refuses_an_unknown_uid(self, run: Run) -> None:
        assert refused(run("user", "reset", "nobody")) == "There is no user nobody."

    @pytest.mark.slow
    def test_it_works_beside_a_live_server(self, run: Run, server: Server) -> None:
        code = said(run("user", "reset", "root")).strip().partition("#")[2]
        changed = httpx.put(f"{server.url}/api/password", json={"code": code, "password": PASSWORD * 2})
        assert (changed.status_code, changed.json()["user"]["role"]) == (201, "admin")
