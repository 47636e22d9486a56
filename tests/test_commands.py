"""`quart --app main user …` and `group …`: one line when it is done, one that says why not, and exit codes."""

import gc
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import main
from model.settings import Settings
from tests import databases
from tests.conftest import PASSWORD

Run = Callable[..., Result]


@pytest.fixture
def run(instance: Path) -> Run:
    """`run("user", "list")` is `quart --app main user list`."""
    app = main.create_app(Settings(instance=instance))

    def invoke(*args: str, given: str = "") -> Result:
        return app.test_cli_runner().invoke(args=list(args), input=given)

    return invoke


def test_what_was_imported_is_not_looked_through_for_garbage() -> None:
    assert gc.isenabled()
    assert gc.get_freeze_count() > 100_000


def said(result: Result) -> str:
    """The output of a command that did what it should."""
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result) -> str:
    """The one line of a command that refused."""
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    return result.output.removeprefix("Error: ").rstrip("\n")


def noted(instance: Path) -> tuple[str, ...]:
    """The newest entry of the audit trail: actor, action, subject and detail."""
    with databases.opened(instance) as raw:
        newest = raw.execute("SELECT actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT 1")
        return tuple(newest.fetchone())


class TestUsers:
    def test_it_works(self, run: Run, instance: Path) -> None:
        assert said(run("user", "create", "dora", "--name", "Dora Lee", given=PASSWORD)) == "Created dora (user).\n"
        assert noted(instance) == ("", "user.created", "dora", "user")
        assert said(run("user", "list", "lee")) == "dora\tuser\tenabled\tDora Lee\n"

    def test_disabling_and_enabling(self, run: Run, instance: Path) -> None:
        assert said(run("user", "disable", "BOB")) == "Disabled bob.\n"
        assert noted(instance) == ("", "user.disabled", "bob", None)
        assert said(run("user", "list", "bob")) == "bob\tuser\tdisabled\tBob\n"
        assert said(run("user", "enable", "bob")) == "Enabled bob.\n"
        assert noted(instance) == ("", "user.enabled", "bob", None)

    def test_deleting(self, run: Run, instance: Path) -> None:
        assert run("user", "delete", "bob", given="n\n").exit_code == 1
        assert said(run("user", "list", "bob")).startswith("bob")
        run("user", "delete", "BOB", "--yes")
        assert noted(instance) == ("", "user.deleted", "bob", None)
        assert said(run("user", "list", "bob")) == ""

    def test_exporting_and_erasing(self, run: Run, instance: Path, tmp_path: Path) -> None:
        """For somebody who asks and cannot sign in."""
        with databases.opened(instance) as raw:
            columns = "channel_id, author_id, body, html, state, reactions, replies, created, version"
            bob = "SELECT 1, id, 'Mine', '', 'published', '{}', 0, '2026', 1 FROM users WHERE uid = 'bob'"
            raw.execute(f"INSERT INTO posts ({columns}) {bob}")
        file = tmp_path / "bob.json"
        assert said(run("user", "export", "BOB", str(file))) == f"{file}\n"
        assert noted(instance) == ("", "account.exported", "bob", None)
        exported = json.loads(file.read_text())
        assert ([one["uid"] for one in exported["account"]], exported["posts"][0]["body"]) == (["bob"], "Mine")
        assert said(run("user", "erase", "bob", "--yes")) == "Deleted bob and 1 posts.\n"
        assert noted(instance) == ("", "user.deleted", "bob", None)
        assert refused(run("user", "erase", "root", "--yes")) == "root is the last admin."

    def test_roles(self, run: Run, instance: Path) -> None:
        assert said(run("user", "role", "bob", "admin")) == "bob is now admin.\n"
        assert noted(instance) == ("", "user.role", "bob", "admin")
        assert said(run("user", "role", "root", "user")) == "root is now user.\n"

    def test_the_list_is_whole(self, run: Run) -> None:
        assert [line.split("\t")[0] for line in said(run("user", "list")).splitlines()] == [
            "root",
            "charlie",
            "bob",
            "alice",
        ]

    def test_the_last_admin_stays(self, run: Run) -> None:
        assert refused(run("user", "disable", "root")) == "root is the last admin."
        assert refused(run("user", "role", "root", "user")) == "root is the last admin."
        assert refused(run("user", "delete", "root", "--yes")) == "root is the last admin."

    @pytest.mark.parametrize("command", ["disable", "enable"])
    def test_it_rejects_an_unknown_user(self, run: Run, command: str) -> None:
        assert refused(run("user", command, "nobody")) == "There is no user nobody."

    def test_it_rejects_a_uid_that_is_taken(self, run: Run) -> None:
        assert refused(run("user", "create", "Bob", given=PASSWORD)) == "The user name Bob is taken."

    def test_it_rejects_an_unknown_role(self, run: Run) -> None:
        asked = run("user", "role", "bob", "king")
        assert asked.exit_code == 2
        assert "'king' is not one of 'user', 'admin'" in asked.output


class TestGroups:
    def test_it_works(self, run: Run, instance: Path) -> None:
        rules = ("--reading", "members", "--posting", "members", "--review", "guests")
        assert said(run("group", "create", "club", "--name", "The Club", *rules)) == "Created club.\n"
        assert noted(instance)[:3] == ("", "group.created", "club")
        assert said(run("group", "list")).splitlines() == [
            "club\tmembers\tmembers\tguests\tThe Club",
            "class\tmembers\tmembers\tnone\tClass",
            "home\tpublic\tusers\tnone\tHome",
        ]

    def test_only_the_slug_is_needed(self, run: Run) -> None:
        assert said(run("group", "create", "open-club")) == "Created open-club.\n"
        assert "open-club\tpublic\tusers\tnone\topen-club\n" in said(run("group", "list"))

    def test_for_a_site_it_says_what_to_paste(self, instance: Path) -> None:
        origin, other = "https://blog.example", "http://localhost:4000"
        command = ["group", "create", "blog", "--origin", origin, "--origin", other, "--origin", origin]
        app = main.create_app(Settings(instance=instance, url="https://pottle.example/talk"))
        assert said(app.test_cli_runner().invoke(args=command)).splitlines() == [
            "Created blog.",
            f"Paste this into the pages of {origin} and {other}:",
            '<script type="module" src="https://pottle.example/talk/embed.js" data-group="blog"></script>',
        ]
        assert f"origins: {origin} {other}" in noted(instance)[3]

    def test_without_an_address_the_tag_lacks_one(self, run: Run) -> None:
        assert "set POTTLE_URL" in said(run("group", "create", "blog", "--origin", "https://blog.example"))

    @pytest.mark.parametrize("origin", ["https://blog.example/", "blog.example", "https://Blog.example", "*", "null"])
    def test_it_rejects_what_is_no_origin(self, run: Run, origin: str) -> None:
        assert refused(run("group", "create", "blog", "--origin", origin)).startswith("The site must be an address in")
        assert "blog" not in said(run("group", "list"))

    def test_it_rejects_more_origins_than_a_group_has(self, run: Run) -> None:
        many = [part for number in range(51) for part in ("--origin", f"https://{number}.example")]
        assert refused(run("group", "create", "blog", *many)) == "The list of sites must have at most 50 entries."

    def test_it_rejects_a_slug_that_is_taken(self, run: Run) -> None:
        assert refused(run("group", "create", "class")) == "The short name class is taken."

    def test_it_rejects_a_slug_that_is_none(self, run: Run) -> None:
        assert refused(run("group", "create", "No Slug")).startswith("The short name must have")

    def test_it_rejects_an_unknown_rule(self, run: Run) -> None:
        assert run("group", "create", "club", "--reading", "nobody").exit_code == 2


class TestWhatATerminalObeys:
    """A database may hold names that an older version took."""

    @pytest.mark.parametrize("evil", ["x\nroot\tadmin", "\x1b[2J", "\u202eevil", "\x9b31m", "a\u2028b"])
    def test_it_is_written_out(self, run: Run, instance: Path, evil: str) -> None:
        with databases.opened(instance) as raw:
            raw.execute("UPDATE users SET name = ? WHERE uid = 'bob'", (evil,))
            raw.execute("UPDATE groups SET name = ? WHERE slug = 'class'", (evil,))
        for command in (("user", "list", "bob"), ("group", "list")):
            lines = [line for line in said(run(*command)).split("\n") if line]
            assert all(line.replace("\t", "").isprintable() for line in lines)
            assert len(lines) == (1 if command[0] == "user" else 2)

    def test_in_a_refusal_too(self, run: Run) -> None:
        assert refused(run("user", "disable", "a\u202eb\x1b[2J")).isprintable()

    def test_names_are_lines_of_visible_text(self, run: Run) -> None:
        assert "one line" in refused(run("user", "create", "dora", "--name", "a\x1b[2J", given=PASSWORD))
        said(run("user", "create", " dora ", "--name", " Dora\u200b ", given=PASSWORD))
        assert said(run("user", "list", "dora")) == "dora\tuser\tenabled\tDora\n"


def test_search_is_compared_and_made_anew(run: Run, instance: Path) -> None:
    """Where a post is not in the index, `doctor` and `check` say so; `rebuild` mends it."""
    with databases.opened(instance) as raw:
        raw.execute(
            "INSERT INTO posts (channel_id, body, html, state, reactions, replies, created, version)"
            " VALUES (1, 'b', '<p>b</p>', 'published', '{}', 0, '2026-09-01T08:00', 1)"
        )
    assert "0 of 1 posts are indexed" in run("doctor").output
    assert "Wrong for the posts 1: quart --app main search rebuild" in refused(run("search", "check"))
    assert "Indexed 1 posts." in said(run("search", "rebuild"))
    assert "The index is right for all 1 posts." in said(run("search", "check", "--thorough"))
    assert "1 posts are indexed" in run("doctor").output
